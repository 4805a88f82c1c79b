"""Stratified cuts, counted by hand."""

import numpy as np
import pytest

from pellucid.data.dataset import Split
from pellucid.data.splitting import cut, stratified
from pellucid.errors import DataError

LABELS = np.array([0] * 60 + [1] * 24 + [2] * 12, np.int64)


def numbered(labels: np.ndarray) -> Split:
    """Each input is the number of its example, so that any mix-up shows."""
    return Split(np.arange(len(labels), dtype=np.float32).reshape(-1, 1, 1, 1), labels)


@pytest.fixture
def split() -> Split:
    return numbered(np.random.default_rng(3).permutation(LABELS))


@pytest.mark.parametrize(("share", "counts"), [(1 / 12, [5, 2, 1]), (1 / 2, [30, 12, 6]), (1 / 4, [15, 6, 3])])
def test_each_class_gives_its_share(share: float, counts: list[int]) -> None:
    assert np.bincount(LABELS[stratified(LABELS, share)]).tolist() == counts


def test_parts_are_disjoint_and_together_all(split: Split) -> None:
    rest, part = cut(split, 1 / 4, "test")
    assert sorted([*rest.inputs.ravel().tolist(), *part.inputs.ravel().tolist()]) == list(range(96))


def test_both_parts_keep_the_order(split: Split) -> None:
    for part in cut(split, 1 / 4, "test"):
        assert (np.diff(part.inputs.ravel()) > 0).all()


def test_labels_stay_with_their_inputs(split: Split) -> None:
    for part in cut(split, 1 / 4, "test"):
        assert part.labels.tolist() == [split.labels[int(number)] for number in part.inputs.ravel()]


def test_the_same_examples_are_cut_every_time(split: Split) -> None:
    np.random.seed(0)  # a seed of the user's must not matter
    first = cut(split, 1 / 4, "test")[1].inputs.tolist()
    np.random.seed(1)
    assert cut(split, 1 / 4, "test")[1].inputs.tolist() == first


def test_another_seed_cuts_others() -> None:
    assert not np.array_equal(stratified(LABELS, 1 / 4, seed=1), stratified(LABELS, 1 / 4, seed=2))


def test_the_examples_are_not_simply_the_first_of_each_class() -> None:
    chosen = np.flatnonzero(stratified(LABELS, 1 / 4)[:60])
    assert chosen.tolist() != list(range(15))


def test_the_original_is_not_changed(split: Split) -> None:
    before = split.inputs.copy(), split.labels.copy()
    rest, _ = cut(split, 1 / 4, "test")
    rest.inputs[:] = -1
    rest.labels[:] = 0
    assert np.array_equal(split.inputs, before[0]) and np.array_equal(split.labels, before[1])


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2, 3]])
def test_too_few_examples_are_refused(labels: list[int]) -> None:
    with pytest.raises(DataError, match=f"{len(labels)} examples are too few to cut a validation split of 8%"):
        cut(numbered(np.array(labels, np.int64)), 1 / 12, "validation")


def test_a_class_never_gives_its_last_example() -> None:
    assert np.bincount(LABELS[~stratified(LABELS, 1.0)]).tolist() == [1, 1, 1]


def test_small_classes_give_together_what_each_is_too_small_to_give() -> None:
    labels = np.repeat(np.arange(30), 2)
    chosen = stratified(labels, 1 / 7)
    assert chosen.sum() == round(60 / 7)
    assert np.bincount(labels[chosen]).max() == 1
