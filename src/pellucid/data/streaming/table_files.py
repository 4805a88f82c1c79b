"""Files of a table that is larger than memory: Parquet and Arrow, read some rows at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from pellucid.data.tables.frame import check_names, clean_name, listed
from pellucid.errors import DataError

# A small file can promise any number of rows, each of which takes a bit of memory here.
MOST_ROWS_PER_BYTE = 1_000
# What a value of text takes, about.
TEXT_BYTES = 16


class Part(NamedTuple):
    """Rows that can be read without those before them.

    Attributes:
        file: Place of its file.
        place: Of the part in the file: a row group, or the first of some batches.
        first: Its first row in the file.
        rows: Their number.
    """

    file: int
    place: int
    first: int
    rows: int


class OpenFile(Protocol):
    """A file that is open for reading."""

    def batches(self, part: Part, columns: Sequence[str], size: int) -> Iterator[Any]:
        """Give record batches of some columns of a part, of about as many rows as asked for."""

    def close(self) -> None:
        """Close the file."""


class Format(Protocol):
    """How files of a kind are read."""

    @property
    def lane_bytes(self) -> int:
        """That an open part takes at most."""

    def parts(self, path: Path, file: int) -> tuple[Any, list[Part]]:
        """Return the schema of a file, and its parts."""

    def open(self, path: Path) -> OpenFile:
        """Open a file."""


@dataclass(frozen=True, eq=False)
class TableFiles:
    """Files with the same columns.

    Attributes:
        paths: In their order.
        format: How they are read.
        schema: Of pyarrow, with the names as they stand in the files.
        names: Of the columns, without blanks around them.
        parts: Of all files.
        keys: What each file is called where its rows are told from others; "" for one that is alone.
    """

    paths: tuple[Path, ...]
    format: Format
    schema: Any
    names: tuple[str, ...]
    parts: tuple[Part, ...]
    keys: tuple[str, ...]

    @property
    def part_sizes(self) -> NDArray[np.int64]:
        """Rows of each part."""
        return np.array([part.rows for part in self.parts], np.int64)

    def row_bytes(self, names: Sequence[str]) -> int:
        """Return about how many bytes a row takes, as a dataset has it or in pyarrow."""
        return sum(_width(self.schema.field(self.names.index(name)).type) for name in names)


@dataclass(eq=False)
class OpenTables:
    """The files, opened when they are needed, some at a time."""

    files: TableFiles
    most_open: int = 32

    def __post_init__(self) -> None:
        self._open: dict[int, OpenFile] = {}

    def slices(self, part: int, names: Sequence[str], size: int, start: int = 0) -> Iterator[Any]:
        """Give a part as record batches of exactly so many rows, but for the last.

        Args:
            part: Its number.
            names: Of the columns.
            size: Rows of a slice.
            start: Slices that are left out at the beginning.

        Raises:
            DataError: If a file is damaged, or no longer what it was.
        """
        import pyarrow as pa

        where = self.files.parts[part]
        path = self.files.paths[where.file]
        raw = [self.files.schema.field(self.files.names.index(name)).name for name in names]
        left = where.rows - start * size
        try:
            for batch in _in_slices(self._file(where.file).batches(where, raw, size), size, start * size):
                if batch.num_rows != min(size, left):
                    break
                left -= batch.num_rows
                arrays = [_storage(batch.column(name)) for name in raw]
                yield pa.RecordBatch.from_arrays(arrays, names=list(names))
        except DataError:
            raise
        except (pa.ArrowException, OSError, ValueError, KeyError, OverflowError) as error:
            raise DataError(f"{path} is damaged, or changed while it was read ({error})", fix="get it again") from error
        if left > 0:
            raise DataError(f"{path} has other rows than when it was opened", fix="leave it alone while it is read")

    def _file(self, number: int) -> OpenFile:
        file = self._open.pop(number, None) or self.files.format.open(self.files.paths[number])
        self._open[number] = file
        if len(self._open) > self.most_open:
            # The one that was asked for longest ago; a part of it that is still being read keeps it open.
            self._open.pop(next(iter(self._open)))
        return file

    def close(self) -> None:
        """Close the files."""
        for file in self._open.values():
            file.close()
        self._open.clear()


def open_files(paths: Sequence[Path], keys: Sequence[str]) -> TableFiles:
    """Look at files of one kind: their columns and where their rows stand.

    Args:
        paths: All of Parquet, or all of Arrow.
        keys: What each is called among them.

    Raises:
        DataError: If one is damaged or empty, or they have not the same columns.
    """
    import pyarrow as pa

    from pellucid.data.streaming.arrow_files import ArrowFormat
    from pellucid.data.streaming.parquet_files import SUFFIXES, ParquetFormat

    reader: Format = ParquetFormat() if paths[0].suffix.lower() in SUFFIXES else ArrowFormat()
    schema, parts = None, []
    for number, path in enumerate(paths):
        try:
            found, of_file = reader.parts(path, number)
            size = path.stat().st_size
        except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
            raise DataError(f"{path} is damaged, cut short, or no table ({error})", fix="get it again") from error
        rows = sum(part.rows for part in of_file)
        if rows > MOST_ROWS_PER_BYTE * size:
            raise DataError(f"{path} promises {rows:,} rows in {size:,} bytes", fix="write it again, if you trust it")
        if schema is None:
            schema = found
            check_names(str(path), [clean_name(name) for name in schema.names])
        _check_alike(paths[0], schema, path, found)
        parts += of_file
    if not any(part.rows for part in parts):
        raise DataError(f"{paths[0]} has names of columns but no rows", fix="add a row for each example")
    assert schema is not None
    names = tuple(clean_name(name) or f"column {place + 1}" for place, name in enumerate(schema.names))
    return TableFiles(tuple(paths), reader, schema, names, tuple(part for part in parts if part.rows), tuple(keys))


def _check_alike(first: Path, schema: Any, path: Path, other: Any) -> None:
    """Check that a file has the columns of the first.

    Raises:
        DataError: If it has not.
    """
    if other.names != schema.names:
        different = sorted(set(other.names) ^ set(schema.names)) or ["the order"]
        raise DataError(
            f"{path} has other columns than {first.name}: {listed(different)}", fix="give files with the same columns"
        )
    for name in schema.names:
        if _kind(schema.field(name).type) != _kind(other.field(name).type):
            raise DataError(
                f"column {name!r} is {other.field(name).type} in {path} but {schema.field(name).type} in {first.name}",
                fix="give files with the same columns",
            )


def _kind(type_: Any) -> str:
    """Return what a column holds, roughly: shards may have written numbers or dictionaries in other widths."""
    import pyarrow as pa

    if pa.types.is_dictionary(type_):
        return _kind(type_.value_type)
    if pa.types.is_integer(type_) or pa.types.is_floating(type_):
        return "number"
    if pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_null(type_):
        return "text"
    return str(type_)


def _width(type_: Any) -> int:
    try:
        return max(int(type_.bit_width) // 8, 1)
    except ValueError:
        return TEXT_BYTES


def _storage(array: Any) -> Any:
    import pyarrow as pa

    return array.cast(array.type.storage_type) if isinstance(array.type, pa.BaseExtensionType) else array


def _in_slices(batches: Iterator[Any], size: int, left_out: int) -> Iterator[Any]:
    """Cut record batches of any length into slices of one; the first rows are left out."""
    import pyarrow as pa

    waiting: list[Any] = []
    held = 0
    for whole in batches:
        batch = whole
        if left_out:
            skipped = min(left_out, batch.num_rows)
            left_out -= skipped
            batch = batch.slice(skipped)
        while batch.num_rows:
            count = min(size - held, batch.num_rows)
            waiting.append(batch if count == batch.num_rows else batch.slice(0, count))
            batch = batch.slice(count)
            held += count
            if held == size:
                yield (
                    waiting[0] if len(waiting) == 1 else pa.Table.from_batches(waiting).combine_chunks().to_batches()[0]
                )
                waiting, held = [], 0
    if held:
        yield pa.Table.from_batches(waiting).combine_chunks().to_batches()[0]
