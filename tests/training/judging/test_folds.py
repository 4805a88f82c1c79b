"""Which examples are held out together."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pellucid.errors import DataError, SettingError, ShapeError
from pellucid.training.judging.folds import fold_numbers

# A busy machine draws its examples slowly.
in_no_hurry = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@in_no_hurry
@given(st.lists(st.integers(0, 4), min_size=2, max_size=80), st.integers(2, 6), st.integers(0, 99))
def test_folds_and_the_classes_in_them_differ_by_one_example_at_most(labels: list[int], folds: int, seed: int) -> None:
    if len(labels) < folds:
        return
    values = np.array(labels, np.int64)
    numbers = fold_numbers(values, "multiclass", folds, seed=seed)
    for members in (np.ones(len(values), bool), *(values == label for label in set(labels))):
        counts = np.bincount(numbers[members], minlength=folds)
        assert counts.max() - counts.min() <= 1


@in_no_hurry
@given(st.lists(st.integers(0, 12), min_size=12, max_size=60), st.integers(2, 4))
def test_a_group_is_in_one_fold_and_no_fold_is_empty(groups: list[int], folds: int) -> None:
    if len(set(groups)) < folds:
        return
    values = np.array(groups)
    numbers = fold_numbers(np.zeros(len(groups), np.int64), "multiclass", folds, groups=values)
    assert all(len(set(numbers[values == group])) == 1 for group in groups)
    assert set(numbers) == set(range(folds))


def test_small_and_large_targets_are_shared_out() -> None:
    labels = np.arange(100, dtype=np.float32)[:, None]
    numbers = fold_numbers(labels, "regression", 5)
    means = [labels[numbers == fold].mean() for fold in range(5)]
    assert max(means) - min(means) < 5


def test_folds_that_cannot_be_are_refused() -> None:
    labels = np.zeros(3, np.int64)
    with pytest.raises(SettingError, match=r"folds is 1\n  fix: give a whole number of at least 2"):
        fold_numbers(labels, "multiclass", 1)
    with pytest.raises(DataError, match="3 examples are too few for 4 folds\n  fix: add examples"):
        fold_numbers(labels, "multiclass", 4)
    with pytest.raises(DataError, match="1 groups are too few for 2 folds\n  fix: add groups"):
        fold_numbers(labels, "multiclass", 2, groups=np.array(["a", "a", "a"]))
    with pytest.raises(ShapeError, match="there are 3 examples but 2 groups\n  fix: name the group"):
        fold_numbers(labels, "multiclass", 2, groups=np.array(["a", "b"]))
