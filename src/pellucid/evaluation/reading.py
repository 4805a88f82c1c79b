"""What the facts of a judgement say, whichever of them are there: the one place that knows their names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Bin:
    """Examples of about one confidence.

    Attributes:
        confidence: Their mean confidence.
        accuracy: Their share of right answers.
        examples: How many; at least one.
    """

    confidence: float
    accuracy: float
    examples: int


@dataclass(frozen=True)
class Answered:
    """What comes of answering the most confident part of the examples.

    Attributes:
        confidence: The least that is answered.
        coverage: Share of the examples that are answered.
        accuracy: Share of right answers among them.
        interval: 95 % interval of that accuracy.
    """

    confidence: float
    coverage: float
    accuracy: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Pair:
    """Examples of one class that were taken for another.

    Attributes:
        label: The true class.
        predicted: What they were taken for.
        count: How many.
        share: Of the examples of the true class.
    """

    label: str
    predicted: str
    count: int
    share: float


def bins_of(facts: Facts) -> tuple[Bin, ...]:
    """Return the bins of a calibration that have examples; none if it was not measured."""
    bins = (facts.get("calibration") or {}).get("bins") or ()
    return tuple(Bin(one["confidence"], one["accuracy"], one["examples"]) for one in bins if one["examples"])


def coverage_of(facts: Facts) -> tuple[Answered, ...]:
    """Return coverage against accuracy, by rising coverage; nothing if it was not measured."""
    rows = (facts.get("thresholds") or {}).get("rows") or ()
    found = [Answered(row["confidence"], row["coverage"], row["accuracy"], tuple(row["interval"])) for row in rows]
    return tuple(sorted(found, key=lambda one: one.coverage))


def pairs_of(facts: Facts, most: int = 10) -> tuple[Pair, ...]:
    """Return the pairs of classes with most mistakes, counted from the confusion matrix.

    Args:
        facts: With `confusion` and `classes`.
        most: Pairs to return.
    """
    names = names_of(facts)
    pairs = [
        Pair(names[row], names[column], count, count / sum(counts))
        for row, counts in enumerate(facts.get("confusion") or ())
        for column, count in enumerate(counts)
        if count and row != column
    ]
    return tuple(sorted(pairs, key=lambda pair: -pair.count)[:most])


def names_of(facts: Facts) -> Sequence[str]:
    """Return the names of the classes."""
    return [score["name"] for score in facts.get("classes") or ()]
