"""Parquet files, one row group at a time and each in pieces."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pellucid.data.streaming.table_files import OpenFile, Part

SUFFIXES = (".parquet", ".pq")
# Of each column of a row group, read at once.
BUFFER_BYTES = 2**18
# Decoded at once of each column: writers make pages of 1 MiB.
PAGE_BYTES = 3 * 2**19


@dataclass(eq=False)
class ParquetFormat:
    """Reads Parquet; a row group is a part.

    Attributes:
        lane_bytes: Of the largest row group seen: all of it, or a page of each column.
    """

    lane_bytes: int = 1

    def parts(self, path: Path, file: int) -> tuple[Any, list[Part]]:
        """Return the schema of a file, and its row groups."""
        import pyarrow.parquet as pq

        with pq.ParquetFile(path) as opened:
            facts = opened.metadata
            parts, first = [], 0
            for place in range(facts.num_row_groups):
                group = facts.row_group(place)
                parts.append(Part(file, place, first, group.num_rows))
                first += group.num_rows
                lane = min(group.total_byte_size, group.num_columns * PAGE_BYTES)
                self.lane_bytes = max(self.lane_bytes, lane)
            return opened.schema_arrow, parts

    def open(self, path: Path) -> OpenFile:
        """Open a file."""
        return _OpenParquet(path)


class _OpenParquet:
    def __init__(self, path: Path) -> None:
        import pyarrow.parquet as pq

        # Read ahead by pyarrow, all columns of a row group would lie in memory at once.
        self._file = pq.ParquetFile(path, pre_buffer=False, buffer_size=BUFFER_BYTES)

    def batches(self, part: Part, columns: Sequence[str], size: int) -> Iterator[Any]:
        # One thread: the others are to train.
        yield from self._file.iter_batches(size, row_groups=[part.place], columns=list(columns), use_threads=False)

    def close(self) -> None:
        self._file.close()
