"""The preparation of tables against scikit-learn, in double precision."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from pellucid.data.columns import UNKNOWN, InputColumn
from pellucid.data.dataset import Split
from pellucid.data.preparing_tables import BLOCK, TablePreparation
from pellucid.errors import ShapeError

Numbers = NDArray[Any]


def numbers(count: int) -> tuple[InputColumn, ...]:
    return tuple(InputColumn(f"number {place}", "number") for place in range(count))


def category(name: str, count: int) -> InputColumn:
    return InputColumn(name, "category", tuple(f"value {place}" for place in range(count)))


def split_of(inputs: Numbers) -> Split:
    return Split(inputs, np.zeros(len(inputs), np.int64))


def prepared(fitted: TablePreparation, inputs: Numbers) -> Numbers:
    found: Numbers = fitted(torch.from_numpy(inputs)).numpy()
    assert found.dtype == np.float32
    return found


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_are_standardised_as_by_scikit_learn(random_numbers: np.random.Generator, dtype: type) -> None:
    inputs: Numbers = random_numbers.normal([3, -200, 0.01], [0.5, 70, 2], (1_000, 3)).astype(dtype)
    fitted = TablePreparation.fit(split_of(inputs), numbers(3))
    theirs = StandardScaler().fit(inputs.astype(np.float64))
    assert fitted.mean == pytest.approx(theirs.mean_.tolist(), rel=1e-12)
    assert fitted.std == pytest.approx(theirs.scale_.tolist(), rel=1e-12)
    # Roundings to single precision, of values up to 5 deviations and up to 3 deviations from 0.
    assert np.abs(prepared(fitted, inputs) - theirs.transform(inputs.astype(np.float64))).max() < 2e-6


def test_a_table_longer_than_a_block_is_measured_as_a_whole(random_numbers: np.random.Generator) -> None:
    inputs = random_numbers.normal(5, 2, (BLOCK + 1_000, 2))
    inputs[random_numbers.random(inputs.shape) < 0.2] = math.nan
    fitted = TablePreparation.fit(split_of(inputs), numbers(2))
    assert fitted.mean == pytest.approx(np.nanmean(inputs, axis=0).tolist(), rel=1e-12)
    assert fitted.std == pytest.approx(np.nanstd(inputs, axis=0).tolist(), rel=1e-12)


def test_missing_numbers_are_imputed_and_flagged_as_by_scikit_learn(random_numbers: np.random.Generator) -> None:
    inputs = random_numbers.normal(10, 3, (500, 3))
    is_missing = random_numbers.random((500, 3)) < [0.3, 0, 0.1]
    inputs[is_missing] = math.nan
    fitted = TablePreparation.fit(split_of(inputs), numbers(3))
    scaled = StandardScaler().fit(inputs).transform(SimpleImputer(strategy="mean").fit_transform(inputs))
    flags = MissingIndicator().fit_transform(inputs)
    expected = np.column_stack([scaled[:, 0], flags[:, 0], scaled[:, 1], scaled[:, 2], flags[:, 1]])
    assert fitted.has_missing == (True, False, True)
    assert np.abs(prepared(fitted, inputs) - expected).max() < 1e-6
    assert fitted.feature_names == (
        *("number 0", "number 0 is missing", "number 1", "number 2", "number 2 is missing"),
    )


def test_a_value_missing_only_later_becomes_the_mean() -> None:
    fitted = TablePreparation.fit(split_of(np.array([[1.0], [3.0]])), numbers(1))
    assert prepared(fitted, np.array([[math.nan], [3.0]])).tolist() == [[0.0], [1.0]]


def test_categories_are_one_hot_as_by_scikit_learn(random_numbers: np.random.Generator) -> None:
    columns = (category("colour", 4), category("shape", 1), category("size", 30))
    inputs = random_numbers.integers(0, [4, 1, 30], (300, 3)).astype(np.float32)
    fitted = TablePreparation.fit(split_of(inputs), columns)
    encoder = OneHotEncoder(categories=[range(4), range(1), range(30)], sparse_output=False)
    assert (prepared(fitted, inputs) == encoder.fit_transform(inputs)).all()


@pytest.mark.parametrize("value", [UNKNOWN, 4.0, 1e20, math.inf, -math.inf, -7.0, math.nan])
def test_an_unknown_category_is_zero_everywhere_and_leaves_its_neighbours_alone(value: float) -> None:
    columns = (category("a", 2), category("b", 4), category("c", 3))
    inputs = np.array([[1, 3, 2], [0, 0, 0]], np.float64)
    fitted = TablePreparation.fit(split_of(inputs), columns)
    encoder = OneHotEncoder(categories=[range(2), range(4), range(3)], sparse_output=False, handle_unknown="ignore")
    encoder.fit(inputs)
    # scikit-learn takes no infinite values; -5 is unknown to it as well.
    theirs = encoder.transform(np.array([[1, -5, 2]]))
    assert (prepared(fitted, np.array([[1, value, 2]])) == theirs).all()


def test_a_missing_category_is_flagged_if_training_had_one() -> None:
    inputs = np.array([[0, 0], [1, math.nan], [1, 1]])
    fitted = TablePreparation.fit(split_of(inputs), (category("a", 2), category("b", 2)))
    assert fitted.feature_names[-1] == "b is missing"
    assert prepared(fitted, inputs)[:, -1].tolist() == [0, 1, 0]
    assert prepared(fitted, inputs)[1].tolist() == [0, 1, 0, 0, 1]


def test_every_feature_stands_where_its_name_says(random_numbers: np.random.Generator) -> None:
    columns = (category("a", 3), InputColumn("b", "boolean"), category("c", 2), InputColumn("d", "date"))
    inputs = np.column_stack(
        [
            random_numbers.integers(0, 3, 100),
            random_numbers.integers(0, 2, 100),
            random_numbers.integers(0, 2, 100),
            random_numbers.normal(19_000, 300, 100),
        ]
    ).astype(np.float64)
    inputs[::7, 0] = inputs[::5, 1] = inputs[::3, 3] = math.nan
    fitted = TablePreparation.fit(split_of(inputs), columns)
    features = dict(zip(fitted.feature_names, prepared(fitted, inputs).T, strict=True))
    assert fitted.prepared_shape == (len(features),)
    for name, values in features.items():
        column = next(place for place, one in enumerate(columns) if name.startswith(one.name))
        raw = inputs[:, column]
        if name.endswith("is missing"):
            expected = np.isnan(raw)
        elif "=" in name:
            expected = raw == int(name.rpartition(" ")[2])
        else:
            expected = np.nan_to_num((raw - np.nanmean(raw)) / np.nanstd(raw))
        assert values == pytest.approx(expected.astype(float), abs=1e-6)


def test_a_large_mean_costs_no_digits_in_double_precision(random_numbers: np.random.Generator) -> None:
    small = random_numbers.normal(0, 1e-3, (1_000, 1))
    fitted = TablePreparation.fit(split_of(small + 1e9), numbers(1))
    moved = small + 1e9
    by_hand = (moved - moved.mean()) / moved.std()
    assert np.abs(prepared(fitted, moved) - by_hand).max() < 1e-6
    assert np.abs(by_hand - (small - small.mean()) / small.std()).max() < 1e-3


@pytest.mark.parametrize("value", [0.0, 0.1, 1e15 / 3, -3e-30, 1e-300])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_constant_becomes_zero_and_a_new_value_stays_finite(value: float, dtype: type) -> None:
    inputs: Numbers = np.full((70_000, 1), value, dtype)
    fitted = TablePreparation.fit(split_of(inputs), numbers(1))
    assert fitted.std == (1.0,)
    # The mean of so many equal values is off by some last digits.
    assert np.abs(prepared(fitted, inputs)).max() <= abs(value) * 1e-6
    assert np.isfinite(prepared(fitted, np.ones((1, 1), dtype))).all()


def test_a_column_of_missing_values_only_is_zero_and_flagged() -> None:
    fitted = TablePreparation.fit(split_of(np.full((4, 1), math.nan, np.float32)), numbers(1))
    assert prepared(fitted, np.array([[math.nan], [2.0]], np.float32)).tolist() == [[0, 1], [2, 0]]


def test_a_category_of_missing_values_only_has_its_flag_and_nothing_else() -> None:
    fitted = TablePreparation.fit(split_of(np.full((4, 1), math.nan, np.float32)), (InputColumn("a", "category"),))
    assert prepared(fitted, np.array([[math.nan], [UNKNOWN]], np.float32)).tolist() == [[1], [0]]


def test_many_categories_take_no_more_memory_than_the_features(random_numbers: np.random.Generator) -> None:
    inputs = random_numbers.integers(0, 2_000, (500, 2)).astype(np.float32)
    fitted = TablePreparation.fit(split_of(inputs), (category("a", 2_000), category("b", 2_000)))
    features = prepared(fitted, inputs)
    assert features.shape == (500, 4_000)
    assert features.nonzero()[1].reshape(500, 2).tolist() == (inputs + np.array([0, 2_000])).astype(int).tolist()


def test_raw_inputs_are_left_as_they_were() -> None:
    inputs = torch.tensor([[1.0, math.nan], [0.0, 2.0]])
    before = inputs.clone()
    TablePreparation.fit(split_of(inputs.numpy()), (category("a", 2), *numbers(1)))(inputs)
    assert torch.equal(inputs.nan_to_num(-9), before.nan_to_num(-9))


def test_inputs_with_another_number_of_columns_are_refused() -> None:
    fitted = TablePreparation.fit(split_of(np.ones((2, 3))), numbers(3))
    with pytest.raises(ShapeError, match=r"inputs are \[2\] but the classifier takes 3 columns"):
        fitted(torch.ones(5, 2))
