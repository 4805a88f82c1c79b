"""JSON Lines: an object a line, whose names are the columns."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.data.tables.frame import SHOWN, Frame, check_names, check_rows, clean_name, listed
from pellucid.data.tables.text import read_text
from pellucid.errors import DataError

BLOCK = 1 << 24


def read_json_lines(path: Path, *, skip_bad: bool = False) -> Frame:
    """Read a file with a JSON object in each line.

    Args:
        path: Of the file. A name that an object lacks is a missing value.
        skip_bad: Whether lines that are no objects are left out.

    Raises:
        DataError: If lines are no objects.
    """
    import pyarrow as pa
    from pyarrow import json as arrow_json

    content = read_text(path)
    if content.lstrip()[:1] == b"[":
        raise DataError(f"{path} is one JSON list, not an object in each line", fix="write each object on its own line")
    try:
        table = arrow_json.read_json(pa.BufferReader(content), arrow_json.ReadOptions(block_size=BLOCK))
    except pa.ArrowException:
        # Broken lines, or a column of several kinds: slower, and able to say which.
        return _read_slowly(path, content, skip_bad=skip_bad)
    if table.num_rows != len(content.strip().splitlines()):
        return _read_slowly(path, content, skip_bad=skip_bad)
    check_names(str(path), [clean_name(name) for name in table.column_names])
    columns = {clean_name(name): column for name, column in zip(table.column_names, table.columns, strict=True)}
    return check_rows(Frame(str(path), columns, np.arange(1, table.num_rows + 1)))


def frame_of_rows(rows: Sequence[Mapping[str, Any]], name: str, numbers: Sequence[int] | None = None) -> Frame:
    """Return objects as a frame; a name that some of them lack is a missing value there.

    Args:
        rows: Each by column.
        name: What to call them in an error.
        numbers: Of the rows; 1, 2, 3 … if not given.
    """
    keys = dict.fromkeys(key for row in rows for key in row)
    check_names(name, [clean_name(str(key)) for key in keys])
    columns = {clean_name(str(key)): key for key in keys}
    return Frame(
        name,
        {column: column_of([row.get(key) for row in rows]) for column, key in columns.items()},
        np.arange(1, len(rows) + 1) if numbers is None else np.array(numbers, np.int64),
    )


def column_of(values: Iterable[Any]) -> Any:
    """Return Python values as a column of pyarrow; values of several kinds become text."""
    import pyarrow as pa

    try:
        found = pa.array(values, from_pandas=True)
        return found if isinstance(found, pa.ChunkedArray) else pa.chunked_array([found])
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        values = list(values)
        if any(isinstance(value, list | tuple | dict) for value in values):
            # A single value among lists is a list of one, so that the column is one of lists.
            lists = [value if isinstance(value, list | tuple | None) else [value] for value in values]
            of_lists = [None if of_one is None else [_as_text(value) for value in of_one] for of_one in lists]
            return pa.chunked_array([pa.array(of_lists, pa.list_(pa.string()))])
        texts = [None if value is None else _as_text(value) for value in values]
        return pa.chunked_array([pa.array(texts, pa.string())])


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = json.dumps(value, default=str) if isinstance(value, list | dict) else str(value)
    return text.encode("utf-8", "replace").decode()


def _read_slowly(path: Path, content: bytes, *, skip_bad: bool) -> Frame:
    rows, numbers, bad = [], [], []
    lines = [(number, line) for number, line in enumerate(content.split(b"\n"), start=1) if line.strip()]
    for place, (number, line) in enumerate(lines, start=1):
        try:
            row = json.loads(line, object_pairs_hook=_object)
            if not isinstance(row, dict):
                raise ValueError(f"it is {type(row).__name__}, not an object")
        except (ValueError, RecursionError) as error:
            bad.append((number, str(error)))
            continue
        rows.append(row)
        numbers.append(place)
    if bad and not skip_bad:
        shown = listed([f"{number:,}" for number, _ in bad[:SHOWN]], "line", len(bad))
        raise DataError(
            f"{path} has lines that are no JSON objects: {shown} ({bad[0][1]})",
            fix="correct them, or leave them out: --skip-bad",
        )
    if not rows:
        raise DataError(
            f"{path} has no line that is a JSON object", fix="write an object with the columns in each line"
        )
    frame = frame_of_rows(rows, str(path), numbers)
    left_out = (f"left out, as they are no JSON objects: {len(bad):,} lines",) if bad else ()
    return Frame(frame.name, frame.columns, frame.numbers, left_out)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in it")
    return found
