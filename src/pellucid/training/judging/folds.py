"""Folds: each example is held out once."""

import numpy as np
from numpy.typing import NDArray

from pellucid.data.splitting import SPLIT_SEED, strata_of
from pellucid.errors import DataError, SettingError, ShapeError
from pellucid.tasks import Task


def fold_numbers(
    labels: NDArray[np.generic],
    task: Task,
    folds: int,
    *,
    groups: NDArray[np.generic] | None = None,
    seed: int = SPLIT_SEED,
) -> NDArray[np.int64]:
    """Say for each example in which fold it is held out: stratified, or equal groups in one fold.

    Args:
        labels: As in a `Split`.
        task: Of the labels.
        folds: How many, of nearly equal size.
        groups: [examples]; those with an equal value stay together, and then classes are not stratified.
        seed: Of the order in which examples are dealt out.

    Returns:
        Int64 [examples], 0..folds-1.

    Raises:
        DataError: If there are fewer examples or groups than folds.
        SettingError: If folds is no whole number from 2 on.
        ShapeError: If there is not one group for each example.

    Example:
        >>> numbers = fold_numbers(np.array([0] * 6 + [1] * 3), "multiclass", 3)
        >>> sorted(numbers[:6].tolist()), sorted(numbers[6:].tolist())
        ([0, 0, 1, 1, 2, 2], [0, 1, 2])
    """
    if not isinstance(folds, int) or isinstance(folds, bool) or folds < 2:
        raise SettingError(f"folds is {folds!r}", fix="give a whole number of at least 2")
    generator = np.random.default_rng(seed)
    if groups is not None:
        if len(groups) != len(labels):
            raise ShapeError(
                f"there are {len(labels):,} examples but {len(groups):,} groups", fix="name the group of every example"
            )
        return _whole_groups(groups, folds, generator)
    if len(labels) < folds:
        raise DataError(
            f"{len(labels)} examples are too few for {folds} folds", fix="add examples, or take fewer folds"
        )
    strata = strata_of(labels, task)
    # Stratum after stratum, each in a drawn order: cards of one suit dealt out in turn.
    order = generator.permutation(len(labels))
    order = order[np.argsort(strata[order], kind="stable")]
    numbers = np.empty(len(labels), np.int64)
    numbers[order] = np.arange(len(labels)) % folds
    return numbers


def _whole_groups(groups: NDArray[np.generic], folds: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Give each group, the largest first, to the fold that is smallest so far.

    Raises:
        DataError: If there are fewer groups than folds.
    """
    names, member, counts = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < folds:
        raise DataError(f"{len(names)} groups are too few for {folds} folds", fix="add groups, or take fewer folds")
    sizes = np.zeros(folds, np.int64)
    fold_of_group = np.empty(len(names), np.int64)
    drawn = generator.permutation(len(names))
    for group in drawn[np.argsort(-counts[drawn], kind="stable")]:
        fold = int(sizes.argmin())
        fold_of_group[group] = fold
        sizes[fold] += counts[group]
    of_each: NDArray[np.int64] = fold_of_group[member.reshape(-1)]
    return of_each
