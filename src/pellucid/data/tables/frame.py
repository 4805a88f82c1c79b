"""A table as it was read: named columns of pyarrow, and the number of each row in its file."""

import itertools
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError

# Each column is looked at on its own, which takes about a millisecond.
MOST_COLUMNS = 10_000
# How many rows, columns or values an error names.
SHOWN = 10


@dataclass(frozen=True, eq=False)
class Frame:
    """The columns of a table, as pyarrow holds them.

    Attributes:
        name: What to call it in an error: its path.
        columns: By name, in the order of the file; each a chunked array of pyarrow.
        numbers: Of each row in its file, from 1; the line of the names does not count.
        notes: What was decided while reading, in sentences.
        has_decimal_commas: Whether 1,5 may stand for 1.5, as it does where semicolons separate columns.
        declared: Columns that the file itself calls categories.
    """

    name: str
    columns: Mapping[str, Any]
    numbers: NDArray[np.int64]
    notes: tuple[str, ...] = ()
    has_decimal_commas: bool = False
    declared: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.numbers)

    def where(self, chosen: NDArray[np.bool_]) -> "Frame":
        """Return the chosen rows."""
        import pyarrow as pa

        mask = pa.array(chosen)
        columns = {name: column.filter(mask) for name, column in self.columns.items()}
        return replace(self, columns=columns, numbers=self.numbers[chosen])

    def row_names(self, chosen: NDArray[np.bool_]) -> str:
        """Return the chosen rows in words: "row 3", or "rows 3, 7 and 12"."""
        return listed([str(number) for number in self.numbers[chosen][: SHOWN + 1]], "row", int(chosen.sum()))


def listed(names: Iterable[str], what: str = "", count: int | None = None) -> str:
    """Return names in words, the first ten of them: "rows 3, 7 and 12", "columns a, b … (40 in all)".

    Args:
        names: At least one; those after the tenth are only counted.
        what: Word before them, in the singular.
        count: How many there are, if not all are given.
    """
    shown = list(itertools.islice(names, SHOWN + 1))
    total = len(shown) if count is None else count
    before = f"{what}{'s' if total > 1 else ''} " if what else ""
    if total > SHOWN:
        return f"{before}{', '.join(shown[:SHOWN])} … ({total:,} in all)"
    if total == 1:
        return before + shown[0]
    return f"{before}{', '.join(shown[:-1])} and {shown[-1]}"


def clean_name(name: str) -> str:
    """Return the name of a column without blanks around it, and with one blank for several or for a line end.

    Args:
        name: As it stands in a file.
    """
    return " ".join(name.split())


def rows_of(count: int) -> str:
    """Return how many rows there are, in words: "1 row".

    Args:
        count: Of the rows.
    """
    return f"{count:,} {'row' if count == 1 else 'rows'}"


def check_names(name: str, columns: Sequence[str]) -> None:
    """Check the names of columns.

    Args:
        name: Of the table, for the error.
        columns: As they stand in the file.

    Raises:
        DataError: If there are too many columns, or two have the same name.
    """
    if len(columns) > MOST_COLUMNS:
        raise DataError(
            f"{name} has {len(columns):,} columns", fix=f"give at most {MOST_COLUMNS:,}, or the numbers as a .npz file"
        )
    for column in columns:
        if any(unicodedata.category(character) == "Cc" for character in column):
            # They could rewrite the screen of whoever prints the name.
            raise DataError(f"{name} has control characters in the column name {column!r}", fix="write it with letters")
    twice = [column for column, count in Counter(columns).items() if count > 1 and column]
    if twice:
        raise DataError(
            f"{name} has two columns named {listed([repr(column) for column in twice])}",
            fix="give each column a name of its own",
        )


def check_rows(frame: Frame) -> Frame:
    """Return the frame if it has rows.

    Raises:
        DataError: If it has none.
    """
    if not len(frame):
        raise DataError(f"{frame.name} has names of columns but no rows", fix="add a row for each example")
    return frame
