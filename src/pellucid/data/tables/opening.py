"""A file as a frame, whatever its format."""

from pathlib import Path

from pellucid.data.tables.columnar import read_arrow, read_parquet
from pellucid.data.tables.delimited import read_delimited
from pellucid.data.tables.files import FORMATS, table_format
from pellucid.data.tables.frame import Frame
from pellucid.data.tables.json_lines import read_json_lines
from pellucid.errors import DataError


def read_frame(path: Path, *, skip_bad: bool = False) -> Frame:
    """Read a file with a table.

    Args:
        path: Of the file; its ending says what it is.
        skip_bad: Whether rows that cannot be taken apart are left out.

    Raises:
        DataError: If it is no table, or damaged.
    """
    kind = table_format(path)
    if kind == "delimited":
        return read_delimited(path, skip_bad=skip_bad)
    if kind == "json lines":
        return read_json_lines(path, skip_bad=skip_bad)
    if kind == "parquet":
        return read_parquet(path)
    if kind == "arrow":
        return read_arrow(path)
    raise DataError(f"{path} is no table that can be read", fix=f"give one of: {', '.join(FORMATS)}, or .csv.gz")
