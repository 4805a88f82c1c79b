"""Splits that keep the share of each class, by a fixed seed."""

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import Split
from pellucid.errors import DataError

# Every dataset is cut the same way every time, whatever the seed of a training is.
SPLIT_SEED = 20_170_825


def stratified(labels: NDArray[np.int64], share: float, seed: int = SPLIT_SEED) -> NDArray[np.bool_]:
    """Choose a share of the examples of each class.

    Args:
        labels: Int64 [examples].
        share: Between 0 and 1; each class gives this share of its examples, rounded.
        seed: Of the choice.

    Returns:
        Bool [examples]; true for the chosen ones.
    """
    generator = np.random.default_rng(seed)
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        count = round(len(members) * share)
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
