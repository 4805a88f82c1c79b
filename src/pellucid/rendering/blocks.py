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
    """One labelled share between 0 and 1, with the text shown behind it and the interval it may lie in."""

    label: str
    share: float
    text: str
    interval: tuple[float, float] | None = None


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
    """A picture.

    Attributes:
        pixels: Uint8 [height, width] for grey or [height, width, 3] for colour, 0 is black.
        caption: Shown with it.
        description: What is to be seen, for whoever cannot see it; by default the caption.
    """

    pixels: NDArray[np.uint8]
    caption: str = ""
    description: str = ""


@dataclass(frozen=True)
class Gallery:
    """Pictures of one size beside each other."""

    images: Sequence[Image]
    title: str = ""
    per_row: int = 5


@dataclass(frozen=True)
class Curves:
    """Named curves over common x values; a missing value (NaN) is a gap.

    Attributes:
        x: Of every series.
        series: The y values, by name.
        title: Of the whole.
        x_title: What x is.
        marked: An x to point out, as the best epoch.
        pattern: The format specification of y on the axis (".0%"); shortest if empty.
        x_pattern: That of x.
    """

    x: Sequence[float]
    series: Mapping[str, Sequence[float]] = field(default_factory=dict)
    title: str = ""
    x_title: str = ""
    marked: float | None = None
    pattern: str = ""
    x_pattern: str = "g"


@dataclass(frozen=True)
class Matrix:
    """A square of counts: rows and columns have the same names, and the diagonal is what is right.

    Attributes:
        names: Of rows and columns.
        counts: By row, then by column.
        title: Of the whole.
        row_title: What a row stands for.
        column_title: What a column stands for.
    """

    names: Sequence[str]
    counts: Sequence[Sequence[int]]
    title: str = ""
    row_title: str = "true"
    column_title: str = "predicted"

    def table(self) -> Table:
        """Return the counts as a table, whose columns are named by number."""
        columns = [
            Column(f"{self.row_title} \\ {self.column_title}"),
            *(number(str(place)) for place in range(len(self.names))),
        ]
        rows: list[Sequence[Cell]] = [
            (f"{place} {name}", *row) for place, (name, row) in enumerate(zip(self.names, self.counts, strict=True))
        ]
        return Table(columns, rows, self.title)


@dataclass(frozen=True)
class Reliability:
    """How often answers are right at each confidence; in each bin: mean confidence, share of right answers, count."""

    confidence: Sequence[float]
    accuracy: Sequence[float]
    counts: Sequence[int]
    title: str = ""

    def table(self) -> Table:
        """Return the bins that have examples as a table."""
        bins = zip(self.confidence, self.accuracy, self.counts, strict=True)
        columns = [number("mean confidence", ".1%"), number("right", ".1%"), number("examples")]
        return Table(columns, [one for one in bins if one[2]], self.title)


@dataclass(frozen=True)
class Note:
    """A sentence; a warning is shown so that it is seen."""

    text: str
    is_warning: bool = False


@dataclass(frozen=True)
class Heading:
    """The title of what follows; level 1 is that of the whole."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Figures:
    """The few numbers that matter most: each as text, with what it is."""

    figures: Sequence[tuple[str, str]]

    def table(self) -> Table:
        """Return them as a table."""
        return Facts([(name, value) for value, name in self.figures]).table()


@dataclass(frozen=True)
class Facts:
    """Named texts, one below the other."""

    entries: Sequence[tuple[str, str]]
    title: str = ""

    def table(self) -> Table:
        """Return them as a table of two columns."""
        return Table([Column(""), Column("")], self.entries, self.title)


@dataclass(frozen=True)
class Code:
    """Lines to copy, as they are to be typed."""

    text: str
    title: str = ""


Block = (
    Table | Bars | Histogram | Image | Gallery | Curves | Matrix | Reliability | Note | Heading | Figures | Facts | Code
)
