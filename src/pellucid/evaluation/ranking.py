"""Two classes, ranked by score: ROC AUC, average precision, Brier score."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Z = 1.959963984540054


@dataclass(frozen=True)
class Ranking:
    """How well a score puts the examples of the second class before those of the first.

    Attributes:
        positive: The class that a high score speaks for: the second one.
        roc_auc: Chance that an example of it scores higher than one of the other, ties counted half; None if a class
            has no examples.
        roc_auc_interval: 95 % interval (DeLong); None where it has no width, since every pair is ranked alike.
        average_precision: Precision, averaged over the recall that is won step by step; None without examples of it.
        brier: Mean squared distance of the probability from 0 or 1.
        share: Of the positive class among the examples: the average precision of a score that knows nothing.
    """

    positive: str
    roc_auc: float | None
    roc_auc_interval: tuple[float, float] | None
    average_precision: float | None
    brier: float
    share: float

    def to_dict(self) -> dict[str, Any]:
        """Return the facts."""
        interval = None if self.roc_auc_interval is None else list(self.roc_auc_interval)
        return {**asdict(self), "roc_auc_interval": interval}

    def sentence(self) -> str:
        """Return the facts in a sentence."""
        if self.roc_auc is None or self.average_precision is None:
            return f"Brier score {self.brier:.4f}; one class has no examples, so there is no ROC AUC"
        low, high = self.roc_auc_interval or (None, None)
        interval = "" if low is None else f" (95 % DeLong interval {low:.4f} to {high:.4f})"
        return (
            f"ROC AUC {self.roc_auc:.4f}{interval}, average precision {self.average_precision:.4f} "
            f"({self.share:.4f} by chance) for {self.positive}, Brier score {self.brier:.4f}"
        )


def rank(logits: Tensor, labels: Tensor, positive: str) -> Ranking:
    """Measure how well two classes are told apart.

    Args:
        logits: Float [examples, 2].
        labels: Int64 [examples]: 0 or 1.
        positive: Name of class 1.
    """
    # The difference of the logits ranks where the probability has long become 1.
    score = (logits[:, 1].double() - logits[:, 0].double()).numpy()
    is_positive = labels.numpy() == 1
    probability = logits.double().softmax(dim=1)[:, 1].numpy()
    has_both = bool(is_positive.any()) and not bool(is_positive.all())
    auc, interval = roc_auc(score, is_positive) if has_both else (None, None)
    return Ranking(
        positive=positive,
        roc_auc=auc,
        roc_auc_interval=interval,
        average_precision=average_precision(score, is_positive) if is_positive.any() else None,
        brier=float(((probability - is_positive) ** 2).mean()) if len(labels) else 0.0,
        share=float(is_positive.mean()) if len(labels) else 0.0,
    )


def roc_auc(score: NDArray[np.float64], is_positive: NDArray[np.bool_]) -> tuple[float, tuple[float, float] | None]:
    """Return the area under the ROC curve by the ranks of the scores, and its interval.

    The area is the statistic of Mann and Whitney (1947), ties counted half; the interval is that of Elizabeth DeLong,
    David DeLong, Daniel Clarke-Pearson (1988), "Comparing the Areas under Two or More Correlated ROC Curves".

    Args:
        score: [examples].
        is_positive: [examples]; at least one of each kind.

    Returns:
        The area, and its 95 % interval: None where the variance is 0 or cannot be told from so few.
    """
    positive, negative = score[is_positive], score[~is_positive]
    ranks = midranks(score)
    # For each positive the share of negatives that it outranks, and for each negative of positives that outrank it.
    of_positive = (ranks[is_positive] - midranks(positive)) / len(negative)
    of_negative = 1 - (ranks[~is_positive] - midranks(negative)) / len(positive)
    area = float(of_positive.mean())
    if min(len(positive), len(negative)) < 2:
        return area, None
    variance = of_positive.var(ddof=1) / len(positive) + of_negative.var(ddof=1) / len(negative)
    if variance <= 0:
        return area, None
    half = Z * math.sqrt(variance)
    return area, (max(0.0, area - half), min(1.0, area + half))


def midranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rank of each value, from 1; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return ranks


def average_precision(score: NDArray[np.float64], is_positive: NDArray[np.bool_]) -> float:
    """Return the precision at each threshold, weighted by the recall that the threshold adds.

    Args:
        score: [examples]; equal scores are passed together.
        is_positive: [examples]; at least one.
    """
    order = np.argsort(-score, kind="stable")
    score, is_positive = score[order], is_positive[order]
    ends = np.flatnonzero(np.append(score[1:] != score[:-1], True))
    found = np.cumsum(is_positive)[ends]
    precision = found / (ends + 1)
    recall = np.concatenate([[0], found]) / found[-1]
    return float(np.sum(np.diff(recall) * precision))
