"""Abstaining when unsure: what share of the examples is answered, and how many of those answers are right."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from pellucid.evaluation.metrics import wilson_interval
from pellucid.rendering.blocks import Block, Note, Table, number

COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.25, 0.1)
WANTED_ACCURACY = 0.99
# An accuracy of fewer answers says too little to choose a threshold by.
FEWEST_ANSWERED = 20


@dataclass(frozen=True)
class Threshold:
    """What comes of answering only where the confidence reaches a threshold.

    Attributes:
        confidence: The least that is answered.
        coverage: Share of the examples that are answered.
        answered: How many they are.
        accuracy: Share of right answers among them.
        interval: 95 % interval of that accuracy (Wilson).
    """

    confidence: float
    coverage: float
    answered: int
    accuracy: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Thresholds:
    """Coverage against accuracy.

    Attributes:
        rows: By falling coverage.
        wanted: An accuracy that somebody might ask for.
        reaching: The lowest threshold whose answers are that accurate; None if none is, or only of fewer than 20.
    """

    rows: tuple[Threshold, ...]
    wanted: float
    reaching: Threshold | None

    def to_dict(self) -> dict[str, Any]:
        """Return the facts."""
        return {
            "rows": [_facts(row) for row in self.rows],
            "wanted": self.wanted,
            "reaching": None if self.reaching is None else _facts(self.reaching),
        }

    def sentence(self) -> str:
        """Return which threshold gives the wanted accuracy, if any."""
        if self.reaching is None:
            return f"no threshold gives {self.wanted:.0%} accuracy"
        found = self.reaching
        if found.coverage == 1:
            return f"answering everything gives {found.accuracy:.2%} accuracy: {self.wanted:.0%} needs no threshold"
        return (
            f"a threshold of {found.confidence:.4f} gives {found.accuracy:.2%} accuracy "
            f"(95 % Wilson interval {found.interval[0]:.2%} to {found.interval[1]:.2%}) and answers "
            f"{found.coverage:.1%}; it was chosen on these very examples, so try it on others"
        )

    def blocks(self) -> Sequence[Block]:
        """Show the table and the threshold that gives the wanted accuracy."""
        table = Table(
            [
                number("answered", ".1%"),
                number("examples"),
                number("confidence at least", ".4f"),
                number("accuracy", ".2%"),
                number("from", ".2%"),
                number("to", ".2%"),
            ],
            [(row.coverage, row.answered, row.confidence, row.accuracy, *row.interval) for row in self.rows],
            title="abstaining when unsure: accuracy of the most confident answers, 95 % Wilson intervals",
        )
        return [table, Note(self.sentence())]


def thresholds(
    confidence: Tensor, is_right: Tensor, *, coverages: Sequence[float] = COVERAGES, wanted: float = WANTED_ACCURACY
) -> Thresholds:
    """Return what comes of answering only the most confident part of the examples.

    Args:
        confidence: Float [examples]: the probability of each answer.
        is_right: Bool [examples].
        coverages: The least shares that are to be answered. Examples of equal confidence are answered together.
        wanted: An accuracy to look for.

    Example:
        >>> confidence, is_right = torch.tensor([0.875, 0.75, 0.625, 0.5]), torch.tensor([1, 1, 0, 1]).bool()
        >>> found = thresholds(confidence, is_right, coverages=(1, 0.5))
        >>> [(row.confidence, row.answered, row.accuracy) for row in found.rows]
        [(0.5, 4, 0.75), (0.75, 2, 1.0)]
    """
    total = len(confidence)
    if total == 0:
        return Thresholds((), wanted, None)
    order = confidence.argsort(descending=True, stable=True)
    sorted_confidence = confidence[order].double()
    right = is_right[order].long().cumsum(dim=0)
    # A threshold can only lie after the last of equal confidences.
    is_last = torch.ones(total, dtype=torch.bool)
    is_last[:-1] = sorted_confidence[1:] != sorted_confidence[:-1]
    ends = is_last.nonzero().flatten()

    def row(end: int) -> Threshold:
        answered, correct = end + 1, int(right[end])
        return Threshold(
            confidence=float(sorted_confidence[end]),
            coverage=answered / total,
            answered=answered,
            accuracy=correct / answered,
            interval=wilson_interval(correct, answered),
        )

    wanted_ends = [max(math.ceil(coverage * total - 1e-9), 1) - 1 for coverage in coverages]
    found = ends[torch.searchsorted(ends, torch.tensor(wanted_ends, dtype=torch.int64))].tolist()
    is_enough = (right[ends] >= wanted * (ends + 1)) & (ends + 1 >= FEWEST_ANSWERED)
    reaching = row(int(ends[is_enough][-1])) if bool(is_enough.any()) else None
    return Thresholds(tuple(row(end) for end in dict.fromkeys(found)), wanted, reaching)


def _facts(threshold: Threshold) -> dict[str, Any]:
    return {**asdict(threshold), "interval": list(threshold.interval)}
