"""Examples in the files of a table."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pellucid.data.streaming.encoding import ColumnEncoder
from pellucid.data.streaming.sources import Examples
from pellucid.data.streaming.table_files import OpenTables, TableFiles

# Of all parts that are open at the same time; and how many of them at most.
LANES_BYTES = 3 * 2**27
MOST_LANES = 16


@dataclass(frozen=True, eq=False)
class TableSource:
    """Rows of a table, encoded when they are read.

    Attributes:
        files: That they stand in.
        encoder: Turns them into examples.
        slice_size: Rows that are decoded at once.
    """

    files: TableFiles
    encoder: ColumnEncoder
    slice_size: int

    @property
    def part_sizes(self) -> NDArray[np.int64]:
        """Examples of each part."""
        return self.files.part_sizes

    @property
    def lanes(self) -> int:
        """Parts that are read in turn."""
        return min(max(LANES_BYTES // self.files.format.lane_bytes, 1), MOST_LANES)

    @property
    def example_bytes(self) -> int:
        """Of an example, as a dataset has it."""
        return self.encoder.example_bytes

    def open(self) -> "TableReader":
        """Open the files."""
        return TableReader(self)


class TableReader:
    """Open files of a table."""

    def __init__(self, source: TableSource) -> None:
        self._source = source
        self._tables = OpenTables(source.files)

    def read(self, part: int, start: int = 0) -> Iterator[Examples]:
        """Give the examples of a part, slice by slice.

        Raises:
            DataError: If a file is damaged, or holds values that a network cannot take.
        """
        source = self._source
        where = source.files.parts[part]
        row = where.first + start * source.slice_size
        for batch in self._tables.slices(part, source.encoder.names, source.slice_size, start):
            words = f"{source.files.paths[where.file]}, rows {row + 1:,} to {row + batch.num_rows:,}"
            yield source.encoder(batch, words)
            row += batch.num_rows

    def close(self) -> None:
        """Close the files."""
        self._tables.close()
