"""Wrong answers: the most confident ones, and the pairs of classes that are taken for one another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pellucid.rendering.blocks import Block, Column, Gallery, Image, Table, number

MISTAKES_KEPT = 10
PAIRS_KEPT = 10
PICTURES_SHOWN = 5

Picture = Callable[[int], NDArray[np.uint8] | None]


def no_picture(_: int) -> None:
    """Return that an example has no picture."""
    return


@dataclass(frozen=True, eq=False)
class Mistake:
    """A wrong answer.

    Attributes:
        example: Its position in the split.
        label: What is true: the class, or of several labels "rain" or "not rain".
        predicted: What was answered.
        confidence: The probability given to that answer.
        picture: The input, uint8; None if it is no image.
        source: The file it comes from; None if nobody knows.
    """

    example: int
    label: str
    predicted: str
    confidence: float
    picture: NDArray[np.uint8] | None = None
    source: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the facts; the picture is left out."""
        return {
            "example": self.example,
            "label": self.label,
            "predicted": self.predicted,
            "confidence": self.confidence,
            "source": self.source,
        }


@dataclass(frozen=True)
class ConfusedPair:
    """Examples of one class that were taken for another.

    Attributes:
        label: The true class.
        predicted: What they were taken for.
        count: How many.
        share: Of the examples of the true class.
        share_of_mistakes: Of all mistakes.
    """

    label: str
    predicted: str
    count: int
    share: float
    share_of_mistakes: float


def most_confident(
    label: Sequence[str],
    predicted: Sequence[str],
    confidence: Tensor,
    where: Tensor,
    *,
    picture: Picture = no_picture,
    sources: Sequence[str] = (),
) -> tuple[Mistake, ...]:
    """Return the ten most confident mistakes, worst first.

    Args:
        label: What is true, by mistake.
        predicted: What was answered, by mistake.
        confidence: Float [mistakes].
        where: Int64 [mistakes]: the example of each.
        picture: Gives the picture of an example; asked of those that are returned only.
        sources: By example; empty if nobody knows.
    """
    worst = confidence.argsort(descending=True, stable=True)[:MISTAKES_KEPT].tolist()
    return tuple(
        Mistake(
            example=example,
            label=label[index],
            predicted=predicted[index],
            confidence=float(confidence[index]),
            picture=picture(example),
            source=sources[example] if sources else None,
        )
        for index, example in ((index, int(where[index])) for index in worst)
    )


def confused_pairs(confusion: Tensor, class_names: Sequence[str]) -> tuple[ConfusedPair, ...]:
    """Return the ten pairs of a true and a predicted class with most mistakes.

    Args:
        confusion: Int64 [classes, classes]; row = true class.
        class_names: By class number.
    """
    off = confusion.clone()
    off.fill_diagonal_(0)
    counts, places = off.flatten().sort(descending=True, stable=True)
    mistakes = int(off.sum())
    return tuple(
        ConfusedPair(
            label=class_names[place // len(confusion)],
            predicted=class_names[place % len(confusion)],
            count=count,
            share=count / int(confusion[place // len(confusion)].sum()),
            share_of_mistakes=count / mistakes,
        )
        for count, place in zip(counts[:PAIRS_KEPT].tolist(), places[:PAIRS_KEPT].tolist(), strict=True)
        if count
    )


def pairs_table(pairs: Sequence[ConfusedPair]) -> Table:
    """Return confused pairs as a table."""
    return Table(
        [
            Column("true"),
            Column("taken for"),
            number("mistakes"),
            number("of this class", ".1%"),
            number("of all mistakes", ".1%"),
        ],
        [(pair.label, pair.predicted, pair.count, pair.share, pair.share_of_mistakes) for pair in pairs],
        title="the most confused pairs",
    )


def mistake_blocks(mistakes: Sequence[Mistake]) -> Sequence[Block]:
    """Show mistakes as a table, and the first ones as pictures; nothing if there are none."""
    if not mistakes:
        return []
    has_sources = any(mistake.source for mistake in mistakes)
    table = Table(
        [
            number("example"),
            Column("true"),
            Column("predicted"),
            number("confidence", ".1%"),
            *([Column("source")] if has_sources else []),
        ],
        [(m.example, m.label, m.predicted, m.confidence, *([m.source] if has_sources else [])) for m in mistakes],
        title="the most confident mistakes",
    )
    pictures = [Image(m.picture, f"{m.label}, not {m.predicted}") for m in mistakes if m.picture is not None]
    return [table, *([Gallery(pictures[:PICTURES_SHOWN])] if pictures else [])]
