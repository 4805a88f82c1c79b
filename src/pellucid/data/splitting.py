"""Splits that keep the share of each class, and groups together, by a fixed seed."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import Split
from pellucid.errors import DataError
from pellucid.tasks import Task

# Every dataset is cut the same way every time, whatever the seed of a training is.
SPLIT_SEED = 20_170_825
# Of all examples, where none are given for the test: the share that MNIST and Fashion-MNIST have.
TEST_SHARE = 1 / 7
# Of the training examples: 5,000 of Fashion-MNIST's 60,000; more where there are few.
VALIDATION_SHARE, LARGER_VALIDATION_SHARE = 1 / 12, 1 / 6
MANY_EXAMPLES = 20_000
# A regression is cut so that each split has its share of small and of large targets.
BINS = 10


def validation_share(examples: int) -> float:
    """Return the share of so many training examples that is kept for validation."""
    return VALIDATION_SHARE if examples >= MANY_EXAMPLES else LARGER_VALIDATION_SHARE


def split_indices(
    labels: NDArray[np.generic],
    task: Task,
    *,
    groups: NDArray[np.generic] | None = None,
    cut: Sequence[str] = ("validation", "test"),
) -> dict[str, NDArray[np.int64]]:
    """Cut examples into splits: stratified by class or by the size of the target; equal groups in one split.

    Args:
        labels: As in a `Split`: int64 [examples], or float32 [examples, numbers].
        task: Of the labels.
        groups: [examples]; those with an equal value stay together, and then classes are not stratified.
        cut: The splits to cut, "validation", "test" or both; those that are given are not.

    Returns:
        Positions of the examples of "train" and of what was cut, each in the order of the original.

    Raises:
        DataError: If there are too few examples or groups.
    """
    strata = strata_of(labels, task)
    left = np.arange(len(labels))
    found: dict[str, NDArray[np.int64]] = {}
    for name in ("test", "validation"):
        if name not in cut:
            continue
        part = TEST_SHARE if name == "test" else validation_share(len(left))
        chosen = stratified(strata[left], part) if groups is None else _whole_groups(groups[left], part)
        if not chosen.any() or chosen.all():
            what = "examples" if groups is None else "groups"
            count = len(left) if groups is None else len(np.unique(groups[left]))
            raise DataError(
                f"{count} {what} are too few to cut a {name} split of {part:.0%} from",
                fix=f"add {what}, or give a {name} split of your own",
            )
        found[name] = left[chosen]
        left = left[~chosen]
    return {"train": left, **{name: found[name] for name in ("validation", "test") if name in found}}


def strata_of(labels: NDArray[np.generic], task: Task) -> NDArray[np.int64]:
    """Return a number for each example; those with an equal one are shared out evenly over the splits.

    Args:
        labels: As in a `Split`.
        task: Classes are their own strata; a regression has one for each tenth of its first target; several labels at
            once have one for each combination that is not rare.
    """
    if labels.ndim == 1:
        return labels.astype(np.int64)
    if task == "regression":
        first = labels[:, 0].astype(np.float64)
        edges = np.quantile(first, np.linspace(0, 1, BINS + 1)[1:-1]) if len(first) else np.zeros(0)
        return np.searchsorted(edges, first).astype(np.int64)
    _, combination, counts = np.unique(labels, axis=0, return_inverse=True, return_counts=True)
    combination = combination.reshape(-1)
    return np.where(counts[combination] >= BINS, combination, -1).astype(np.int64)


def stratified(labels: NDArray[np.int64], share: float, seed: int = SPLIT_SEED) -> NDArray[np.bool_]:
    """Choose a share of the examples of each class.

    Args:
        labels: Int64 [examples].
        share: Between 0 and 1; of all examples, rounded, and of each class as nearly as whole numbers allow. A
            class never gives its last example.
        seed: Of the choice.

    Returns:
        Bool [examples]; true for the chosen ones.
    """
    generator = np.random.default_rng(seed)
    chosen = np.zeros(len(labels), bool)
    names, sizes = np.unique(labels, return_counts=True)
    wanted = sizes * share
    counts = np.minimum(np.floor(wanted), sizes - 1).astype(np.int64)
    # What rounding down left over goes to the classes that lost most by it, and among equals to the larger ones.
    order = np.lexsort((-sizes, -(wanted - counts).round(9)))
    order = order[(counts < sizes - 1)[order]]
    counts[order[: max(round(len(labels) * share) - int(counts.sum()), 0)]] += 1
    for label, count in zip(names, counts, strict=True):
        members = np.flatnonzero(labels == label)
        chosen[generator.permutation(members)[:count]] = True
    return chosen


def cut(split: Split, share: float, what: str) -> tuple[Split, Split]:
    """Cut a stratified share from a split.

    Args:
        split: What to cut from; it is not changed.
        share: Of each class.
        what: What the cut part is for, named in an error.

    Returns:
        The rest and the part, each in the order of the original.

    Raises:
        DataError: If the share of so few examples is nothing.
    """
    chosen = stratified(split.labels, share)
    if not chosen.any() or chosen.all():
        raise DataError(
            f"{len(split)} examples are too few to cut a {what} split of {share:.0%} from",
            fix=f"add examples, or give a {what} split of your own",
        )
    return split.take(np.flatnonzero(~chosen)), split.take(np.flatnonzero(chosen))


def _whole_groups(groups: NDArray[np.generic], share: float) -> NDArray[np.bool_]:
    """Choose groups, in a drawn order, until they hold the share of the examples."""
    names, member, counts = np.unique(groups, return_inverse=True, return_counts=True)
    chosen = np.zeros(len(names), bool)
    wanted = len(groups) * share
    for group in np.random.default_rng(SPLIT_SEED).permutation(len(names)):
        # A group is taken if that brings the split nearer to its share.
        if abs(counts[chosen].sum() + counts[group] - wanted) < abs(counts[chosen].sum() - wanted):
            chosen[group] = True
    of_each: NDArray[np.bool_] = chosen[member.reshape(-1)]
    return of_each
