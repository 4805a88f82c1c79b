"""What a dataset refuses, and when two are equal."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pellucid.data.dataset import Dataset, Split
from pellucid.errors import DataError, PellucidError, ShapeError, UnknownNameError


def split_of(examples: int, shape: tuple[int, int, int] = (1, 2, 3), top: int = 2) -> Split:
    inputs = np.arange(examples * int(np.prod(shape)), dtype=np.uint8).reshape(examples, *shape)
    return Split(inputs, np.arange(examples, dtype=np.int64) % top)


def dataset_of(**splits: Split) -> Dataset:
    return Dataset("name", {"train": split_of(6), "test": split_of(4), **splits}, ("a", "b"))


@pytest.mark.parametrize(
    ("inputs", "labels", "kind", "problem"),
    [
        pytest.param((3, 1, 2, 2), np.zeros(2, np.int64), ShapeError, "3 inputs but 2 labels", id="lengths"),
        pytest.param((3, 2, 2), np.zeros(3, np.int64), ShapeError, r"inputs have shape \[3, 2, 2\]", id="no channels"),
        pytest.param((3, 1, 2, 2), np.zeros(3, np.int32), DataError, "type int32", id="int32"),
        pytest.param((3, 1, 2, 2), np.zeros(3), DataError, "type float64", id="float labels"),
        pytest.param((3, 1, 2, 2), np.zeros((3, 1), np.int64), DataError, r"labels have shape \[3, 1\]", id="column"),
    ],
)
def test_a_split_that_does_not_fit_together_is_refused(
    inputs: tuple[int, ...], labels: NDArray[Any], kind: type[PellucidError], problem: str
) -> None:
    with pytest.raises(kind, match=problem):
        Split(np.zeros(inputs, np.uint8), labels)


@pytest.mark.parametrize(
    ("splits", "kind", "problem"),
    [
        pytest.param(
            {"valid": split_of(2)}, UnknownNameError, "no split 'valid'\n  fix: write 'validation'", id="name"
        ),
        pytest.param({"train": split_of(0)}, DataError, "arrays has no training examples", id="empty"),
        pytest.param(
            {"test": split_of(2, (1, 3, 2))},
            ShapeError,
            r"the test inputs are \[1, 3, 2\] but the training inputs are \[1, 2, 3\]",
            id="shape",
        ),
        pytest.param(
            {"test": split_of(3, top=3)}, DataError, "the test labels go from 0 to 2, but there are 2", id="too high"
        ),
        pytest.param(
            {"test": Split(np.zeros((1, 1, 2, 3), np.uint8), np.array([-1]))},
            DataError,
            "the test labels go from -1 to -1",
            id="negative",
        ),
    ],
)
def test_splits_that_do_not_fit_together_are_refused(
    splits: dict[str, Split], kind: type[PellucidError], problem: str
) -> None:
    with pytest.raises(kind, match=problem):
        dataset_of(**splits)


def test_without_a_training_split_there_is_no_dataset() -> None:
    with pytest.raises(DataError, match="disk has no training examples"):
        Dataset("name", {"validation": split_of(2), "test": split_of(2)}, ("a", "b"), source="disk")


def test_a_test_split_alone_is_a_dataset_to_judge_a_classifier_on() -> None:
    alone = Dataset("name", {"test": split_of(2)}, ("a", "b"))
    assert alone.input_shape == split_of(2).inputs.shape[1:]
    with pytest.raises(UnknownNameError, match="there is no split 'train'\n  fix: choose one of: test"):
        _ = alone.train


@pytest.mark.parametrize(
    "get", [lambda dataset: dataset.validation, lambda dataset: dataset.split("validation")], ids=["property", "method"]
)
def test_asking_for_a_split_that_is_not_there_names_those_that_are(get: Callable[[Dataset], Split]) -> None:
    with pytest.raises(UnknownNameError, match="no split 'validation'\n  fix: choose one of: train, test"):
        get(dataset_of())


def test_the_splits_cannot_be_exchanged() -> None:
    with pytest.raises(TypeError, match="does not support item assignment"):
        dataset_of().splits["train"] = split_of(1)  # type: ignore[index]


def test_an_array_that_is_only_to_be_read_is_copied() -> None:
    inputs = np.zeros((2, 1, 2, 3), np.uint8)
    inputs.setflags(write=False)
    split = Split(inputs, np.zeros(2, np.int64))
    split.inputs[0] = 9
    assert inputs.max() == 0


def test_an_array_that_can_be_written_to_is_shared() -> None:
    inputs = np.zeros((2, 1, 2, 3), np.uint8)
    assert Split(inputs, np.zeros(2, np.int64)).inputs is inputs


def test_take_gives_these_examples_in_this_order() -> None:
    split = split_of(6)
    taken = split.take(np.array([4, 0, 4]))
    assert np.array_equal(taken.inputs, np.stack([split.inputs[4], split.inputs[0], split.inputs[4]]))
    assert taken.labels.tolist() == [0, 0, 0]


def test_the_shape_of_an_input_is_channels_height_width() -> None:
    assert dataset_of().input_shape == (1, 2, 3)


def test_equal_datasets_have_equal_fingerprints_whatever_they_are_called() -> None:
    other = Dataset("other", {"test": split_of(4), "train": split_of(6)}, ("a", "b"), source="disk", notes=("note",))
    assert other.fingerprint == dataset_of().fingerprint


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("array", ["inputs", "labels"])
def test_any_changed_value_changes_the_fingerprint(split: str, array: str) -> None:
    before = dataset_of().fingerprint
    for position in range(getattr(dataset_of().splits[split], array).size):
        changed = dataset_of()
        getattr(changed.splits[split], array).reshape(-1)[position] ^= 1
        assert changed.fingerprint != before, position


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(lambda d: replace(d, class_names=("a", "c")), id="class name"),
        pytest.param(lambda d: replace(d, class_names=("b", "a")), id="order of class names"),
        pytest.param(lambda d: replace(d, splits={"train": d.train, "validation": d.test}), id="split name"),
        pytest.param(lambda d: replace(d, splits={"train": d.train}), id="no test split"),
        pytest.param(
            lambda d: replace(
                d, splits={name: Split(s.inputs.astype(np.int8), s.labels) for name, s in d.splits.items()}
            ),
            id="type",
        ),
        pytest.param(
            lambda d: replace(
                d, splits={name: Split(s.inputs.reshape(-1, 1, 3, 2), s.labels) for name, s in d.splits.items()}
            ),
            id="shape",
        ),
    ],
)
def test_whatever_changes_a_training_changes_the_fingerprint(changed: Callable[[Dataset], Dataset]) -> None:
    assert changed(dataset_of()).fingerprint != dataset_of().fingerprint


def test_the_layout_in_memory_does_not_change_the_fingerprint() -> None:
    train = split_of(6)
    turned = np.asfortranarray(train.inputs)
    assert dataset_of(train=Split(turned, train.labels)).fingerprint == dataset_of().fingerprint


def test_a_dataset_shows_its_sizes_and_classes_and_no_pixels() -> None:
    names = tuple(f"class {index}" for index in range(12))
    splits = {"train": split_of(1_200, top=12), "test": split_of(24, top=12)}
    shown = repr(Dataset("digits", splits, names)).splitlines()
    assert shown[0].startswith("Dataset 'digits', multiclass, 12 classes: class 0, class 1,")
    assert shown[0].endswith("class 9, ...")
    assert shown[1:] == ["  train: <1,200 examples of 1 x 2 x 3, uint8>", "  test: <24 examples of 1 x 2 x 3, uint8>"]
