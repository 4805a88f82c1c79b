"""Arrow files: those with a table of their batches at the end, and streams, which are read from the beginning."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pellucid.data.streaming.table_files import OpenFile, Part

SUFFIXES = (".arrow", ".feather", ".ipc")
MAGIC = b"ARROW1"
# Batches are put together to parts of about so many bytes.
PART_BYTES = 2**20
# That an open part takes: a batch of usual size.
LANE_BYTES = 2**24


@dataclass(eq=False)
class ArrowFormat:
    """Reads Arrow; some batches are a part, or a whole stream is.

    Attributes:
        lane_bytes: Of the largest batch seen, or of a usual one.
    """

    lane_bytes: int = LANE_BYTES

    def parts(self, path: Path, file: int) -> tuple[Any, list[Part]]:
        """Return the schema of a file, and its parts."""
        import pyarrow as pa
        from pyarrow import ipc

        has_index = _has_index(path)
        # Mapped, and one column only, so that counting rows does not read or unpack them.
        with pa.memory_map(str(path)) as source:
            schema = ipc.open_file(source).schema if has_index else ipc.open_stream(source).schema
            source.seek(0)
            options = ipc.IpcReadOptions(included_fields=[0] if len(schema) else None)
            if has_index:
                opened = ipc.open_file(source, options=options)
                rows = [opened.get_batch(place).num_rows for place in range(opened.num_record_batches)]
            else:
                rows = [batch.num_rows for batch in ipc.open_stream(source, options=options)]
        row_bytes = max(path.stat().st_size // max(sum(rows), 1), 1)
        self.lane_bytes = max(self.lane_bytes, 2 * row_bytes * max(rows, default=0))
        if not has_index:
            return schema, [Part(file, 0, 0, sum(rows))]
        parts: list[Part] = []
        place = first = 0
        while place < len(rows):
            start, count = place, 0
            while place < len(rows) and (count == 0 or (count + rows[place]) * row_bytes <= PART_BYTES):
                count += rows[place]
                place += 1
            parts.append(Part(file, start, first, count))
            first += count
        return schema, parts

    def open(self, path: Path) -> OpenFile:
        """Open a file."""
        return _OpenArrow(path)


class _OpenArrow:
    """An Arrow file; opened anew for each part, since which columns are read is said then."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._has_index = _has_index(path)

    def batches(self, part: Part, columns: Sequence[str], size: int) -> Iterator[Any]:
        import pyarrow as pa
        from pyarrow import ipc

        # Not mapped: pages of a mapped file count as ours once they are read.
        with pa.OSFile(str(self._path)) as source:
            if not self._has_index:
                with ipc.open_stream(source) as stream:
                    for batch in stream:
                        yield batch.select(list(columns))
                return
            schema = ipc.open_file(source).schema
            wanted = ipc.IpcReadOptions(included_fields=sorted(schema.get_field_index(name) for name in columns))
            opened = ipc.open_file(source, options=wanted)
            place, rows = part.place, 0
            while rows < part.rows:
                batch = opened.get_batch(place)
                rows += batch.num_rows
                place += 1
                yield batch.select(list(columns))

    def close(self) -> None:
        """Nothing is open between parts."""


def _has_index(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC
