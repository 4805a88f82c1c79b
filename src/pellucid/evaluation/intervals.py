"""Intervals by the bootstrap: what a measure would have been on other examples of the same kind."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.evaluation.metrics import precision_recall_f1

RESAMPLES = 1000
# Draws of examples: more resamples where examples are few, and fewer where they are so many that intervals are narrow.
FEWEST_RESAMPLES, MOST_RESAMPLES, MOST_DRAWN = 200, 4000, 10_000_000
# Values that are drawn at once; bounds the memory.
BLOCK = 2_000_000
SEED = 19_790_101

Interval = tuple[float, float]


def resamples_for(values: int) -> int:
    """Return how often so many values are resampled: 1,000 times for 10,000 of them, between 200 and 4,000 times."""
    return max(FEWEST_RESAMPLES, min(MOST_RESAMPLES, MOST_DRAWN // max(values, 1)))


def percentiles(resampled: NDArray[np.float64]) -> Interval:
    """Return the 95 % percentile interval of a measure over resamples: between its 2.5 % and 97.5 % quantiles.

    Bradley Efron (1979), "Bootstrap Methods: Another Look at the Jackknife".

    Args:
        resampled: Float64 [resamples]; NaN where a resample has no such measure, which is left out.
    """
    finite = resampled[np.isfinite(resampled)]
    if not len(finite):
        return float("nan"), float("nan")
    low, high = np.quantile(finite, (0.025, 0.975))
    return float(low), float(high)


def resampled_counts(examples: int, resamples: int, seed: int = SEED) -> Iterator[NDArray[np.float64]]:
    """Draw as many examples as there are, with replacement, again and again.

    Args:
        examples: How many there are.
        resamples: How often.
        seed: The same one gives the same resamples.

    Yields:
        Float64 [some resamples, examples]: how often each example was drawn. A product with it sums up a column of
        facts over every resample.
    """
    generator = np.random.default_rng(seed)
    left = resamples
    while left and examples:
        some = min(left, max(1, BLOCK // examples))
        drawn = generator.integers(0, examples, (some, examples)) + np.arange(some)[:, None] * examples
        yield np.bincount(drawn.ravel(), minlength=some * examples).reshape(some, examples).astype(np.float64)
        left -= some


def resampled_sums(columns: NDArray[np.float64], resamples: int = RESAMPLES, seed: int = SEED) -> NDArray[np.float64]:
    """Return the sum of each column over every resample: float64 [resamples, columns].

    Args:
        columns: Float64 [examples, columns].
        resamples: How often the examples are drawn.
        seed: Of the draws.
    """
    sums = [counts @ columns for counts in resampled_counts(len(columns), resamples, seed)]
    return np.concatenate(sums) if sums else np.zeros((0, columns.shape[1]))


def macro_f1_interval(confusion: Tensor, resamples: int = RESAMPLES, seed: int = SEED) -> Interval:
    """Return the 95 % bootstrap interval of the macro F1.

    Resampled examples are counted in the same cells, so that drawing the counts of the cells (multinomial) is drawing
    the examples, at a cost that does not grow with them. As in `Evaluation`, classes without examples do not count.

    Args:
        confusion: Int64 [classes, classes]; row = true class.
        resamples: How often.
        seed: Of the draws.
    """
    total = int(confusion.sum())
    if total == 0:
        return 0.0, 1.0
    rows, columns = confusion.nonzero().unbind(dim=1)
    cells = confusion[rows, columns].double().numpy()
    generator = np.random.default_rng(seed)
    classes, found = len(confusion), []
    per_block = max(1, BLOCK // max(len(cells), classes))
    for start in range(0, resamples, per_block):
        some = min(per_block, resamples - start)
        counts = torch.from_numpy(generator.multinomial(total, cells / cells.sum(), size=some)).double().t()
        right, actual, predicted = torch.zeros(3, classes, some, dtype=torch.float64)
        on_diagonal = rows == columns
        right.index_add_(0, rows[on_diagonal], counts[on_diagonal])
        actual.index_add_(0, rows, counts)
        predicted.index_add_(0, columns, counts)
        f1 = 2 * right / (predicted + actual).clamp_min(1)
        is_there = (actual > 0).double()
        found.append(((f1 * is_there).sum(dim=0) / is_there.sum(dim=0)).numpy())
    return percentiles(np.concatenate(found))


def macro_f1(confusion: Tensor) -> float:
    """Return the mean F1 of the classes that have examples, each counted alike."""
    is_there = confusion.sum(dim=1) > 0
    return float(precision_recall_f1(confusion)[2][is_there].mean()) if bool(is_there.any()) else 0.0
