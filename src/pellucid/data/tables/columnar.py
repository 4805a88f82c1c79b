"""Parquet and Arrow files, whose columns have types of their own."""

from pathlib import Path
from typing import Any

import numpy as np

from pellucid.data.tables.frame import Frame, check_names, check_rows, clean_name
from pellucid.errors import DataError, MissingFileError

# A small file can promise billions of rows: no more bytes than this, or than so many for each byte of the file.
MOST_UNPACKED, MOST_RATIO = 1 << 29, 1_000


def read_parquet(path: Path) -> Frame:
    """Read a Parquet file.

    Args:
        path: Of the file.

    Raises:
        DataError: If it is none, damaged, or unfolds to far more than it is.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    size = _size(path)
    try:
        with pq.ParquetFile(path) as file:
            facts, schema = file.metadata, file.schema_arrow
            promised = sum(facts.row_group(place).total_byte_size for place in range(facts.num_row_groups))
            _check_promise(path, size, max(promised, 8 * facts.num_rows * facts.num_columns))
            check_names(str(path), [clean_name(name) for name in schema.names])
            # Equal texts stay one: a long one that stands in every row would not fit into memory.
            texts = [
                field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
            ]
        table = pq.read_table(path, read_dictionary=texts, partitioning=None)
        table.validate(full=True)
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        raise DataError(f"{path} is no Parquet file, damaged or cut short ({error})", fix="get the file again") from (
            error
        )
    return _frame(path, table, schema)


def read_arrow(path: Path) -> Frame:
    """Read an Arrow file, a stream of Arrow, or a Feather file.

    Args:
        path: Of the file.

    Raises:
        DataError: If it is none, or damaged.
    """
    import pyarrow as pa
    from pyarrow import feather, ipc

    _size(path)
    try:
        with path.open("rb") as file:
            magic = file.read(6)
        if magic.startswith(b"FEA1"):
            table = feather.read_table(path)
        else:
            with pa.OSFile(str(path)) as file:
                opened = ipc.open_file(file) if magic == b"ARROW1" else ipc.open_stream(file)
                check_names(str(path), [clean_name(name) for name in opened.schema.names])
                table = opened.read_all()
        # Offsets of a damaged file can point outside of it, and nothing checks them later.
        table.validate(full=True)
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        raise DataError(f"{path} is no Arrow file, damaged or cut short ({error})", fix="get the file again") from error
    return _frame(path, table, table.schema)


def _frame(path: Path, table: Any, schema: Any) -> Frame:
    """Return the columns of a table that was read; the schema is that of the file."""
    import pyarrow as pa

    names = [
        clean_name(name) or ("" if place == 0 else f"column {place + 1}") for place, name in enumerate(schema.names)
    ]
    check_names(str(path), names)
    columns = {}
    for name, column in zip(names, table.columns, strict=True):
        is_extension = isinstance(column.type, pa.BaseExtensionType)
        columns[name] = column.cast(column.type.storage_type) if is_extension else column
    declared = {name for name, field in zip(names, schema, strict=True) if pa.types.is_dictionary(field.type)}
    numbers = np.arange(1, table.num_rows + 1)
    return check_rows(Frame(str(path), columns, numbers, declared=frozenset(declared)))


def _size(path: Path) -> int:
    try:
        if not path.exists():
            raise MissingFileError(f"there is no file {path}", fix="check the path")
        if not path.is_file():
            raise DataError(f"{path} is no file", fix="give a file with a table")
        size = path.stat().st_size
    except MissingFileError:
        raise
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error})", fix="check the path and who may read it") from error
    if size == 0:
        raise DataError(f"{path} is empty", fix="give a file with a row for each example")
    return size


def _check_promise(path: Path, size: int, promised: int) -> None:
    most = max(MOST_UNPACKED, MOST_RATIO * size)
    if promised > most:
        raise DataError(
            f"{path} unfolds from {size:,} bytes to {promised:,}",
            fix="write it again with the values that are needed, if you trust it",
        )
