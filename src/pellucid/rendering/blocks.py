"""The neutral blocks that every result is shown with; each renderer knows all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Cell = str | int | float | None


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        title: Its heading.
        pattern: The format specification of its numbers ("," or ".1%"); text is shown as it is.
        is_number: Whether it is aligned to the right.
    """

    title: str
    pattern: str = ""
    is_number: bool = False

    def shown(self, cell: Cell) -> str:
        """Return the cell as text; None is shown as nothing."""
        if cell is None:
            return ""
        return cell if isinstance(cell, str) else format(cell, self.pattern)


def number(title: str, pattern: str = ",") -> Column:
    """Return a column of numbers, aligned to the right."""
    return Column(title, pattern, is_number=True)


@dataclass(frozen=True)
class Table:
    """Rows of cells under titled columns, with optional footer rows (totals)."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    title: str = ""
    footer: Sequence[Sequence[Cell]] = ()


@dataclass(frozen=True)
class Bar:
    """One labelled share between 0 and 1, with the text shown behind it."""

    label: str
    share: float
    text: str


@dataclass(frozen=True)
class Bars:
    """Horizontal bars, one below the other."""

    bars: Sequence[Bar]
    title: str = ""


@dataclass(frozen=True)
class Histogram:
    """Counts of values between edges; there is one edge more than counts."""

    edges: Sequence[float]
    counts: Sequence[int]
    title: str = ""


@dataclass(frozen=True)
class Image:
    """A picture: uint8 [height, width] for grey or [height, width, 3] for colour, 0 is black."""

    pixels: NDArray[np.uint8]
    caption: str = ""


@dataclass(frozen=True)
class Gallery:
    """Pictures of one size beside each other."""

    images: Sequence[Image]
    title: str = ""
    per_row: int = 5


@dataclass(frozen=True)
class Curves:
    """Named curves over common x values; a missing value (NaN) is a gap."""

    x: Sequence[float]
    series: Mapping[str, Sequence[float]] = field(default_factory=dict)
    title: str = ""


@dataclass(frozen=True)
class Note:
    """A sentence; a warning is shown so that it is seen."""

    text: str
    is_warning: bool = False


Block = Table | Bars | Histogram | Image | Gallery | Curves | Note
