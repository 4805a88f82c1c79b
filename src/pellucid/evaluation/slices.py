"""Slices: groups of examples, by what is known of them, and whether answers are worse there than overall."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.columns import InputColumn
from pellucid.evaluation.grouping import Group, groups_of
from pellucid.evaluation.metrics import wilson_interval
from pellucid.rendering.blocks import Block, Column, Note, Table, number
from pellucid.rendering.result import Result, to_frame
from pellucid.rendering.rounding import pattern_for

FEWEST_EXAMPLES = 20
WORST_SHOWN = 5


@dataclass(frozen=True)
class Slice:
    """The answers to one group of examples.

    Attributes:
        name: What the examples have in common.
        examples: How many there are.
        score: Share of right answers, or mean absolute error.
        interval: 95 % interval of the score.
        worse_by: How much worse than overall; negative if better.
        stands_out: Whether it is worse than overall by more than so many slices would show by chance (Bonferroni).
    """

    name: str
    examples: int
    score: float
    interval: tuple[float, float]
    worse_by: float
    stands_out: bool


@dataclass(frozen=True)
class Slices(Result):
    """Groups of examples, the worst first.

    Attributes:
        measure: What the score is: "accuracy", "every label right" or an error.
        is_error: Whether a larger score is worse.
        overall: The score of all examples.
        interval_method: What the intervals are.
        slices: Those of at least 20 examples, the worst first.
        left_out: How many groups were smaller.
    """

    measure: str
    is_error: bool
    overall: float
    interval_method: str
    slices: tuple[Slice, ...]
    left_out: int

    def to_dict(self) -> dict[str, Any]:
        """Return the facts."""
        return {**asdict(self), "slices": [{**asdict(one), "interval": list(one.interval)} for one in self.slices]}

    def to_frame(self) -> Any:
        """Return one row per slice as a pandas DataFrame."""
        return to_frame(self.to_dict()["slices"])

    def blocks(self) -> Sequence[Block]:
        """Show every slice, and what to make of so many."""
        return self._shown(len(self.slices))

    def worst(self) -> Sequence[Block]:
        """Show the worst five slices that are worse than overall; nothing if there are none."""
        count = sum(one.worse_by > 0 for one in self.slices[:WORST_SHOWN])
        return self._shown(count) if count else ()

    def _shown(self, count: int) -> Sequence[Block]:
        pattern = pattern_for(self.overall) if self.is_error else ".2%"
        table = Table(
            [
                Column("slice"),
                number("examples"),
                number(self.measure, pattern),
                number("from", pattern),
                number("to", pattern),
                Column("stands out"),
            ],
            [
                (one.name, one.examples, one.score, *one.interval, "yes" if one.stands_out else "")
                for one in self.slices[:count]
            ],
            title=f"slices, the worst first; overall {format(self.overall, pattern)}, {self.interval_method}",
        )
        tried = len(self.slices)
        return [
            table,
            Note(
                f"{tried} slices of at least {FEWEST_EXAMPLES} examples were tried, and of so many some look bad by "
                f"chance: those that stand out are worse at the level 0.05/{tried} (Bonferroni); ranges are quarters"
            ),
        ]


def slices(
    errors: NDArray[np.float64],
    inputs: NDArray[Any],
    groups: Sequence[Group] = (),
    *,
    columns: Sequence[InputColumn] | None = None,
    measure: str = "accuracy",
    is_error: bool = False,
) -> Slices:
    """Judge groups of examples apart.

    Args:
        errors: Of each example: 0 where the answer is right and 1 where it is wrong, or its absolute error.
        inputs: As in a `Split`; images are grouped by brightness and contrast, a table by the values of each column.
        groups: Further groups, such as the classes.
        columns: Of a table.
        measure: What is measured, in words.
        is_error: Whether the errors are more than right or wrong: their mean is the score, and not the share of zeros.
    """
    total = len(errors)
    overall = float(errors.mean()) if total else 0.0
    known = [*groups, *groups_of(inputs, columns)]
    # A group of all examples is no slice.
    large = [group for group in known if FEWEST_EXAMPLES <= group.members.sum() < total]
    level = 1 - 0.05 / max(len(large), 1)
    found = []
    for group in large:
        own = errors[group.members]
        own_error = float(own.mean())
        interval = _interval(own, 0.95, is_error)
        strict = _interval(own, level, is_error)
        found.append(
            Slice(
                name=group.name,
                examples=len(own),
                score=own_error if is_error else 1 - own_error,
                interval=interval,
                worse_by=own_error - overall,
                stands_out=strict[0] > overall if is_error else strict[1] < 1 - overall,
            )
        )
    return Slices(
        measure=measure,
        is_error=is_error,
        overall=overall if is_error else 1 - overall,
        interval_method="95 % intervals of the mean (normal)" if is_error else "95 % Wilson intervals",
        slices=tuple(sorted(found, key=lambda one: -one.worse_by)),
        left_out=sum(0 < int(group.members.sum()) < FEWEST_EXAMPLES for group in known),
    )


def _interval(errors: NDArray[np.float64], level: float, is_error: bool) -> tuple[float, float]:
    z = NormalDist().inv_cdf((1 + level) / 2)
    if not is_error:
        return wilson_interval(round(len(errors) - float(errors.sum())), len(errors), z)
    middle, half = float(errors.mean()), z * float(errors.std(ddof=1)) / len(errors) ** 0.5
    return max(0.0, middle - half), middle + half
