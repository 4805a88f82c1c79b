"""CSV and its relatives: the delimiter found out, every value taken as text, rows of another length refused."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pellucid.data.tables.frame import MOST_COLUMNS, SHOWN, Frame, check_names, check_rows, clean_name, listed, rows_of
from pellucid.data.tables.text import read_text
from pellucid.errors import DataError

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
# What the delimiter is judged by: rows, and bytes.
SAMPLE_ROWS, SAMPLE = 50, 1 << 16
# So many lines inside a value that each have as many delimiters as a row are rows.
SWALLOWED = 3
# The first line must fit into so many bytes, and every row into a block.
FIRST_LINE = 1 << 21
BLOCK = 1 << 24
NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


class _Ragged(NamedTuple):
    """A row of another length than the first line.

    Attributes:
        number: Of the row in the file, from 1, that of the names.
        length: How many values it holds.
        text: The row, if it has line ends in it.
    """

    number: int
    length: int
    text: str


def read_delimited(path: Path, *, skip_bad: bool = False) -> Frame:
    """Read a CSV file, or one whose columns are separated by tabs, semicolons or vertical bars.

    Args:
        path: Of the file; its first line names the columns.
        skip_bad: Whether rows of another length than the first line are left out.

    Returns:
        Every column as text.

    Raises:
        DataError: If it is no such file, or has rows of another length.
    """
    content = read_text(path)
    usual = "\t" if path.name.lower().removesuffix(".gz").endswith((".tsv", ".tab")) else ","
    delimiter = _delimiter(content, usual)
    table, bad = _parsed(path, content, delimiter)
    names = [clean_name(column[0].as_py()) for column in table.columns]
    _check_header(path, names, table.num_rows - 1 + len(bad))
    if b'"' in content:
        _check_quotes(path, content, delimiter, table, bad)
    notes = []
    if delimiter != usual:
        notes.append(f"columns are separated by {DELIMITERS[delimiter]}")
    if bad:
        if not skip_bad:
            _refuse_ragged(path, content, delimiter, len(names), bad)
        notes.append(f"left out, as they are not as long as the first line: {rows_of(len(bad))}")
    kept = np.delete(np.arange(1, table.num_rows + len(bad)), [row.number - 2 for row in bad])
    columns = _named(path, names, [column[1:] for column in table.columns])
    return check_rows(Frame(str(path), columns, kept, tuple(notes), has_decimal_commas=delimiter != ","))


def _delimiter(content: bytes, usual: str) -> str:
    """Return what separates the columns: what gives most rows as many values as the first line has names."""
    sample = content[:SAMPLE].decode("utf-8", "replace")
    if len(content) > SAMPLE:
        sample = sample.rpartition("\n")[0]
    best, best_score = usual, (0.0, 0)
    for delimiter in sorted(DELIMITERS, key=lambda one: one != best):
        try:
            rows = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
            counts = [len(row) for row, _ in zip(rows, range(SAMPLE_ROWS), strict=False) if row]
        except csv.Error:
            continue
        if counts and counts[0] > 1:
            score = (round(counts.count(counts[0]) / len(counts), 1), counts[0])
            if score > best_score:
                best, best_score = delimiter, score
    return best


def _parsed(path: Path, content: bytes, delimiter: str) -> tuple[Any, list[_Ragged]]:
    """Return the table as text, the names in its first row; and the rows of another length.

    Raises:
        DataError: If it is none.
    """
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

    width = _width(path, content, delimiter)

    def parse(*, use_threads: bool) -> tuple[Any, list[_Ragged]]:
        bad: list[_Ragged] = []

        def note(row: Any) -> str:
            bad.append(_Ragged(row.number or 0, row.actual_columns, row.text if "\n" in row.text else ""))
            return "skip"

        table = arrow_csv.read_csv(
            pa.BufferReader(content),
            read_options=arrow_csv.ReadOptions(
                use_threads=use_threads, block_size=BLOCK, autogenerate_column_names=True
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=b'"' in content, invalid_row_handler=note
            ),
            convert_options=arrow_csv.ConvertOptions(
                check_utf8=False,
                strings_can_be_null=False,
                column_types={f"f{place}": pa.string() for place in range(width)},
            ),
        )
        return table, bad

    try:
        table, bad = parse(use_threads=True)
        # Only one thread knows at which row it is.
        table, bad = parse(use_threads=False) if bad else (table, bad)
    except pa.ArrowException as error:
        raise DataError(f"{path} cannot be taken apart into columns ({error})", fix="check its quotes") from error
    if table.num_columns != width or not table.num_rows:
        raise DataError(f"the first line of {path} cannot be taken apart into names", fix="check its quotes")
    return table, bad


def _width(path: Path, content: bytes, delimiter: str) -> int:
    """Return how many columns the first line has.

    Raises:
        DataError: If there are too many.
    """
    start = io.StringIO(content[:FIRST_LINE].decode("utf-8", "replace").lstrip("\r\n"), newline="")
    try:
        width = len(next(csv.reader(start, delimiter=delimiter)))
    except (csv.Error, StopIteration) as error:
        raise DataError(f"the first line of {path} cannot be taken apart into names", fix="check its quotes") from error
    if width > MOST_COLUMNS:
        check_names(str(path), [str(number) for number in range(width)])
    return width


def _check_header(path: Path, names: Sequence[str], rows: int) -> None:
    if len(names) == 1:
        raise DataError(
            f"{path} has one column only: {names[0][:60]!r}",
            fix="separate the columns by commas, and give one for the label and one or more for the inputs",
        )
    numeric = [name for name in names if NUMBER.fullmatch(name)]
    # pandas names columns 0, 1, 2 … where it knows no better.
    is_counted = numeric == [str(place) for place in range(len(numeric))]
    if rows and len(numeric) * 2 >= len(names) and not is_counted:
        raise DataError(
            f"the first line of {path} holds numbers, not names of columns: {', '.join(names[:5])}",
            fix="add a first line with a name for each column",
        )
    check_names(str(path), names)


def _refuse_ragged(path: Path, content: bytes, delimiter: str, width: int, bad: Sequence[_Ragged]) -> None:
    lines = _line_numbers(content, delimiter, {row.number for row in bad[:SHOWN]})
    shown = [f"{lines.get(row.number, row.number):,} ({row.length})" for row in bad[:SHOWN]]
    fix = "correct them, or leave them out: --skip-bad"
    if all(row.length == width + 1 for row in bad):
        fix = "name every column in the first line, quote values that hold the delimiter, or leave them out: --skip-bad"
    raise DataError(
        f"{path} has rows that are not {width} values long, as its first line is: "
        f"{listed(shown, 'line', len(bad))}; in brackets how many they hold",
        fix=fix,
    )


def _line_numbers(content: bytes, delimiter: str, wanted: set[int]) -> dict[int, int]:
    """Return the line at which each wanted row starts; empty lines are no rows, and quotes may hold line ends."""
    found: dict[int, int] = {}
    reader = csv.reader(io.StringIO(content.decode(), newline=""), delimiter=delimiter)
    row, line = 0, 1
    try:
        for values in reader:
            if values:
                row += 1
                if row in wanted:
                    found[row] = line
            if len(found) == len(wanted):
                break
            line = reader.line_num + 1
    except csv.Error:
        pass  # a value longer than the module takes: the number of the row stands for that of the line
    return found


def _check_quotes(path: Path, content: bytes, delimiter: str, table: Any, bad: Sequence[_Ragged]) -> None:
    """Check that no quote is left open and swallows the rows after it.

    Raises:
        DataError: If one is.
    """
    import pyarrow.compute as pc

    fix = "close the quote, or write a quote inside a value twice"
    width = table.num_columns
    if content.count(b'"') % 2:
        ending = b"" if content.endswith(b"\n") else b"\n"
        longer, _ = _parsed(path, content + ending + delimiter.encode() * (width - 1) + b"\n", delimiter)
        if longer.num_rows <= table.num_rows:
            raise DataError(f"{path} has a quote that is opened and never closed", fix=fix)
    several = [column.filter(pc.match_substring(column, "\n")) for column in table.columns]
    is_strict: bool | None = None
    for value in [row.text for row in bad if row.text] + [value for column in several for value in column.to_pylist()]:
        inner = value.split("\n")[1:-1]
        if inner and all(line.count(delimiter) == width - 1 for line in inner):
            # Lines like rows are suspect; a closing quote in the middle of a value, or many of them, are proof.
            is_strict = _is_strict(content, delimiter) if is_strict is None else is_strict
            if not is_strict or len(inner) >= SWALLOWED:
                start = value.partition("\n")[0][:40]
                raise DataError(f"{path} has a quote that swallows whole rows, at {start!r}", fix=fix)


def _is_strict(content: bytes, delimiter: str) -> bool:
    """Return whether a delimiter or line end stands after every closing quote."""
    try:
        for _ in csv.reader(io.StringIO(content.decode(), newline=""), delimiter=delimiter, strict=True):
            pass
    except csv.Error as error:
        return "expected after" not in str(error)
    return True


def _named(path: Path, names: Sequence[str], columns: Sequence[Any]) -> dict[str, Any]:
    """Return the columns by name; a first one without a name is an index, an empty one without a name is no column.

    Raises:
        DataError: If a column that is not empty has no name.
    """
    import pyarrow.compute as pc

    found: dict[str, Any] = {}
    for place, (name, column) in enumerate(zip(names, columns, strict=True)):
        if name:
            found[name] = column
        elif place == 0:
            found[""] = column
        elif pc.any(pc.not_equal(pc.utf8_trim_whitespace(column), "")).as_py():
            raise DataError(f"column {place + 1} of {path} has no name", fix="name it in the first line")
    return found
