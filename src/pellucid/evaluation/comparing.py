"""Two sets of answers to the same examples: is one better, or is it chance?"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from torch import Tensor

from pellucid.errors import ShapeError
from pellucid.evaluation.intervals import Interval, percentiles, resampled_sums, resamples_for
from pellucid.evaluation.sums import Array, f1_of, label_facts, number_facts, r2_of
from pellucid.rendering.blocks import Block, Column, Note, Table, number
from pellucid.rendering.result import Result, to_frame
from pellucid.tasks import Task

Z = 1.959963984540054
# With fewer disagreements the chi-squared distribution is no good approximation of the binomial one.
MANY_DISAGREEMENTS = 25


@dataclass(frozen=True)
class Comparison(Result):
    """How much better the first of two classifiers is than the second, on the same examples.

    Attributes:
        first: Its name.
        second: Its name.
        measure: What is compared: "accuracy", "micro F1" or "R²".
        first_score: Of the first.
        second_score: Of the second.
        difference: First minus second.
        interval: 95 % interval of the difference, of paired examples.
        interval_method: Where it comes from.
        examples: How many.
        only_first: Examples that only the first answers right; None where answers are not just right or wrong.
        only_second: Examples that only the second answers right.
        p_value: The chance of as uneven disagreements, were both equally good; None where only the interval is asked.
        test: What it comes from.
    """

    first: str
    second: str
    measure: str
    first_score: float
    second_score: float
    difference: float
    interval: Interval
    interval_method: str
    examples: int
    only_first: int | None = None
    only_second: int | None = None
    p_value: float | None = None
    test: str = ""

    @property
    def is_significant(self) -> bool:
        """Whether the difference is more than chance explains, at the 5 % level."""
        if self.p_value is not None:
            return self.p_value < 0.05
        return self.interval[0] > 0 or self.interval[1] < 0

    @property
    def evidence(self) -> str:
        """The test and its p-value, or the interval, in words."""
        return f"{self.interval_method if self.p_value is None else self.test}, {self.number}"

    @property
    def number(self) -> str:
        """The p-value, or the interval, in short."""
        if self.p_value is not None:
            return "p < 0.001" if self.p_value < 0.001 else f"p = {self.p_value:.3f}"
        return f"{self._shown(self.interval[0])} to {self._shown(self.interval[1])}"

    @property
    def verdict(self) -> str:
        """What follows, in a sentence."""
        if not self.is_significant:
            return f"no difference is shown between {self.first} and {self.second} ({self.evidence})"
        better, worse = (self.first, self.second) if self.difference > 0 else (self.second, self.first)
        return f"{better} is better than {worse} ({self.evidence})"

    def to_dict(self) -> dict[str, Any]:
        """Return the facts."""
        return {**asdict(self), "interval": list(self.interval), "is_significant": self.is_significant}

    def to_frame(self) -> Any:
        """Return the facts as a pandas DataFrame of one row."""
        return to_frame([self.to_dict()])

    def headline(self) -> Note:
        """Return the verdict."""
        return Note(self.verdict)

    def blocks(self) -> Sequence[Block]:
        """Show the verdict, both scores, and where only one is right."""
        pattern = ".4f" if self.measure == "R²" else ".2%"
        alone: list[tuple[int, ...]] = [(), ()]
        if self.only_first is not None and self.only_second is not None:
            alone = [(self.only_first,), (self.only_second,)]
        table = Table(
            [
                Column("classifier"),
                number(self.measure, pattern),
                *([number("right where the other is wrong")] if alone[0] else []),
            ],
            [(self.first, self.first_score, *alone[0]), (self.second, self.second_score, *alone[1])],
        )
        low, high = self.interval
        return [
            self.headline(),
            Note(
                f"difference {self._shown(self.difference)}  (95 % interval {self._shown(low)} to {self._shown(high)}, "
                f"{self.interval_method}, {self.examples:,} examples)"
            ),
            table,
        ]

    def _shown(self, value: float) -> str:
        return f"{value:+.4f}" if self.measure == "R²" else f"{value:+.2%}"


def compare_answers(
    first: Tensor,
    second: Tensor,
    labels: Tensor,
    *,
    task: Task = "multiclass",
    names: tuple[str, str] = ("the first", "the second"),
) -> Comparison:
    """Compare two classifiers' answers to the same examples.

    Of classes: McNemar's test of the examples that only one of them answers right, exact (binomial) for fewer than 25
    of them, else chi-squared with Edwards' continuity correction, and the interval of Bonett and Price. Of several
    labels and of regressions: the paired bootstrap of the difference of micro F1 or R². A difference of R² is one of
    squared errors, as a share of the variance of the labels.

    Quinn McNemar (1947), "Note on the Sampling Error of the Difference Between Correlated Proportions"; Douglas Bonett
    and Robert Price (2012), "Adjusted Wald Confidence Interval for a Difference of Binomial Proportions Based on
    Paired Data".

    Args:
        first: Class numbers int64 [examples], 0 or 1 for each label [examples, labels], or float [examples, targets].
        second: Of the same shape.
        labels: Of the same shape.
        task: Whose answers they are.
        names: Of the two.

    Raises:
        ShapeError: If they have different shapes.

    Example:
        >>> import torch
        >>> labels = torch.tensor([0, 1] * 20)
        >>> better, worse = labels.clone(), labels.clone()
        >>> better[:2], worse[:12] = 1 - labels[:2], 1 - labels[:12]
        >>> print(compare_answers(better, worse, labels).verdict)
        the first is better than the second (McNemar's exact test, p = 0.002)
    """
    if not first.shape == second.shape == labels.shape:
        raise ShapeError(
            f"the answers have shapes {list(first.shape)} and {list(second.shape)}, the labels {list(labels.shape)}",
            fix="give two answers to the same examples, and their labels",
        )
    if task == "multilabel":
        return _resampled(label_facts(first, labels), label_facts(second, labels), f1_of, "micro F1", names)
    if task == "regression":
        measure = partial(r2_of, examples=len(labels))
        return _resampled(number_facts(first, labels), number_facts(second, labels), measure, "R²", names)
    first_right, second_right = first == labels, second == labels
    total = len(labels)
    only_first = int((first_right & ~second_right).sum())
    only_second = int((second_right & ~first_right).sum())
    p_value, test = mcnemar(only_first, only_second)
    return Comparison(
        first=names[0],
        second=names[1],
        measure="accuracy",
        first_score=int(first_right.sum()) / max(total, 1),
        second_score=int(second_right.sum()) / max(total, 1),
        difference=(only_first - only_second) / max(total, 1),
        interval=paired_interval(only_first, only_second, total),
        interval_method="Bonett and Price, paired",
        examples=total,
        only_first=only_first,
        only_second=only_second,
        p_value=p_value,
        test=test,
    )


def mcnemar(only_first: int, only_second: int) -> tuple[float, str]:
    """Return the p-value of McNemar's test, two-sided, and which form of it was taken.

    Args:
        only_first: Examples that only the first answers right.
        only_second: Examples that only the second answers right.

    Example:
        >>> mcnemar(2, 8)
        (0.109375, "McNemar's exact test")
    """
    total, fewer = only_first + only_second, min(only_first, only_second)
    if total < MANY_DISAGREEMENTS:
        tail = sum(math.comb(total, count) for count in range(fewer + 1)) / 2**total
        return min(1.0, 2 * tail), "McNemar's exact test"
    statistic = max(abs(only_first - only_second) - 1, 0) ** 2 / total
    # The square root of chi-squared with one degree of freedom is normal.
    return math.erfc(math.sqrt(statistic / 2)), "McNemar's test with continuity correction"


def paired_interval(only_first: int, only_second: int, examples: int) -> Interval:
    """Return the 95 % interval of a difference of two shares of the same examples, by Bonett and Price (2012)."""
    if examples == 0:
        return -1.0, 1.0
    first, second = (only_first + 1) / (examples + 2), (only_second + 1) / (examples + 2)
    middle = first - second
    half = Z * math.sqrt((first + second - middle**2) / (examples + 2))
    return max(-1.0, middle - half), min(1.0, middle + half)


def _resampled(
    first: Array, second: Array, measure: Callable[[Array], Array], name: str, names: tuple[str, str]
) -> Comparison:
    """Compare two scores that are made of sums over the same examples, by the paired bootstrap."""
    both = np.concatenate([first, second], axis=1)
    first_score, second_score = (float(measure(facts.sum(axis=0))) for facts in (first, second))
    sums = resampled_sums(both, resamples_for(len(both)))
    of_first, of_second = np.split(sums, 2, axis=1)
    return Comparison(
        first=names[0],
        second=names[1],
        measure=name,
        first_score=first_score,
        second_score=second_score,
        difference=first_score - second_score,
        interval=percentiles(measure(of_first) - measure(of_second)),
        interval_method="paired bootstrap",
        examples=len(both),
    )
