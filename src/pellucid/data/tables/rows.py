"""Rows that a classifier is asked about: read, checked against its columns, and encoded as in training."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pellucid.data.preparing_tables import TablePreparation
from pellucid.data.tables.files import table_format
from pellucid.data.tables.frame import Frame, check_names, clean_name, listed
from pellucid.data.tables.inputs import LARGEST, unknown_words
from pellucid.data.tables.json_lines import column_of, frame_of_rows
from pellucid.data.tables.like import check_columns, input_arrays, values_like
from pellucid.data.tables.opening import read_frame
from pellucid.data.tables.values import Values, words_of
from pellucid.errors import DataError

WHOSE = "the classifier"


@runtime_checkable
class DataFrame(Protocol):
    """A table of pandas, polars and their like."""

    @property
    def columns(self) -> Any:
        """Names."""

    def to_dict(self) -> Any:
        """Return the values by column."""

    def __getitem__(self, name: Any) -> Any:
        """Return a column."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows as a classifier takes them.

    Attributes:
        inputs: Float [rows, columns], raw as in the dataset it was trained on.
        names: Of each row, as an error or an answer calls it: "flowers.csv row 3".
        notes: What is unusual about them, in sentences.
    """

    inputs: NDArray[Any]
    names: tuple[str, ...]
    notes: tuple[str, ...]


def rows_for(source: Path | Sequence[dict[str, Any]] | DataFrame, preparation: TablePreparation) -> Rows:
    """Read rows for a classifier.

    Args:
        source: A file with a table; or a list of rows, each by column; or a table of pandas or polars.
        preparation: Of the classifier: its columns.

    Returns:
        All rows, in their order.

    Raises:
        DataError: If columns are missing, or hold values of another kind than in training.
    """
    frame = _frame(source)
    names = [column.name for column in preparation.columns]
    check_columns(frame, names, WHOSE)
    values = values_like(frame, {column.name: column.kind for column in preparation.columns})
    _check_values(frame, values)
    (inputs,) = input_arrays([values], preparation.columns, preparation.std)
    before = f"{source.name} " if isinstance(source, Path) else ""
    return Rows(
        inputs=inputs,
        names=tuple(f"{before}row {number}" for number in frame.numbers.tolist()),
        notes=(*frame.notes, *row_notes(values, preparation), *_extra(frame, names)),
    )


def _frame(source: Path | Sequence[dict[str, Any]] | DataFrame) -> Frame:
    if isinstance(source, str | Path):
        return read_frame(Path(source))
    if isinstance(source, list | tuple):
        if not source:
            raise DataError("there are no rows", fix="give at least one")
        for place, row in enumerate(source):
            if not isinstance(row, dict):
                raise DataError(
                    f"row {place + 1} is {type(row).__name__}, not a dict", fix="give each row as {column: value}"
                )
        return frame_of_rows(source, "the list of rows")
    if not isinstance(source, DataFrame):
        raise DataError(
            f"rows cannot be read from {type(source).__name__}", fix="give a file, a list of dicts, or a DataFrame"
        )
    columns = [clean_name(str(name)) for name in source.columns]
    check_names("the DataFrame", columns)
    if not columns or not len(source[source.columns[0]]):
        raise DataError("the DataFrame has no rows", fix="give at least one")
    found = {name: column_of(source[key]) for name, key in zip(columns, source.columns, strict=True)}
    return Frame("the DataFrame", found, np.arange(1, len(next(iter(found.values()))) + 1))


def _check_values(frame: Frame, values: dict[str, Values]) -> None:
    """Check that every value is of the kind that its column has in training.

    Raises:
        DataError: If one is not; names the first of each column.
    """
    shown = []
    for name, of_column in values.items():
        is_infinite = np.zeros(len(frame), bool)
        if of_column.numbers is not None:
            is_infinite = np.abs(of_column.numbers) > LARGEST
        kind = "category" if of_column.content == "text" else of_column.content
        for is_bad, what in ((of_column.is_bad, f"no {kind}"), (is_infinite, "infinite")):
            if is_bad.any():
                place = int(np.argmax(is_bad))
                words = words_of(frame.columns[name][place : place + 1])
                value = repr(words[0][:40]) if words is not None and not words.is_missing[0] else "a list or object"
                shown.append(f"column {name!r} holds {value} in row {frame.numbers[place]}, which is {what}")
    if shown:
        raise DataError(
            f"{frame.name}: {listed(shown)}", fix="correct it: the classifier was trained on values of that kind"
        )


def row_notes(values: dict[str, Values], preparation: TablePreparation) -> Iterator[str]:
    """Yield what is unusual about values: unknown categories, and missing ones where training had none.

    Args:
        values: By column.
        preparation: Of the classifier.
    """
    for column, has_missing in zip(preparation.columns, preparation.has_missing, strict=True):
        of_column = values[column.name]
        if column.kind == "category":
            count, words = unknown_words(of_column, column)
            if count:
                many = "values" if count > 1 else "value"
                yield f"column {column.name!r} has {count:,} {many} that training had not: {listed(words)}"
        missing = int(of_column.is_missing.sum())
        if missing and not has_missing:
            stand_in = "no category" if column.kind == "category" else "the mean"
            many = "values" if missing > 1 else "value"
            yield f"column {column.name!r} lacks {missing:,} {many}, and in training none: taken as {stand_in}"


def _extra(frame: Frame, wanted: Sequence[str]) -> Iterator[str]:
    extra = [name for name in frame.columns if name and name not in wanted]
    if extra:
        yield f"not looked at: {listed(extra, 'column')}"


def is_rows(source: Any) -> bool:
    """Return whether rows can be read from this: a path of a table, dicts, or a table of pandas or polars."""
    if isinstance(source, str | Path):
        return table_format(Path(source)) is not None
    if isinstance(source, list | tuple):
        return bool(source) and all(isinstance(row, dict) for row in source)
    return isinstance(source, DataFrame) and not isinstance(source, dict)
