"""Examples in arrays: read from where they lie, without mapping the file, so that no page of it counts as ours."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pellucid.data.streaming.array_forms import InputForm, LabelForm
from pellucid.data.streaming.raw_arrays import RawArray
from pellucid.data.streaming.sources import Examples, slice_counts, slice_size
from pellucid.errors import DataError


@dataclass(frozen=True, eq=False)
class ArraySource:
    """Inputs and labels in arrays; every slice is a part.

    Attributes:
        inputs: Of all examples.
        labels: Of all examples; several arrays stand side by side.
        input_form: How inputs are written in a dataset.
        label_form: How labels are.
    """

    inputs: RawArray
    labels: tuple[RawArray, ...]
    input_form: InputForm
    label_form: LabelForm

    @property
    def example_bytes(self) -> int:
        """Of an example, as a dataset has it."""
        return int(np.prod(self.input_form.shape)) * self.input_form.dtype.itemsize

    @property
    def slice_size(self) -> int:
        """Examples of a slice."""
        return slice_size(self.inputs.row_bytes)

    @property
    def part_sizes(self) -> NDArray[np.int64]:
        """Examples of each part."""
        return part_sizes(self.inputs)

    @property
    def lanes(self) -> int:
        """Parts that are read in turn; each is a single slice."""
        return 1

    def open(self) -> "ArrayReader":
        """Open the files."""
        return ArrayReader(self)


def part_sizes(inputs: RawArray) -> NDArray[np.int64]:
    """Return how many rows each slice of an array has."""
    size = slice_size(inputs.row_bytes)
    starts = np.arange(int(slice_counts(np.array([len(inputs)]), size)[0]), dtype=np.int64) * size
    return np.minimum(size, len(inputs) - starts)


class ArrayReader:
    """Open files with arrays."""

    def __init__(self, source: ArraySource) -> None:
        self._source = source
        self._size = source.slice_size
        self._files = RowFiles()

    def read(self, part: int, start: int = 0) -> Iterator[Examples]:
        """Give the one slice of a part.

        Raises:
            DataError: If a file is shorter than it was, or holds infinite values, or pixels that are NaN.
        """
        if start:
            return
        source = self._source
        first = part * self._size
        count = min(self._size, len(source.inputs) - first)
        where = f"{source.inputs}, rows {first:,} to {first + count - 1:,}"
        inputs = source.input_form.apply(self._files.rows(source.inputs, first, count), where)
        where = f"{source.labels[0]}, rows {first:,} to {first + count - 1:,}"
        yield inputs, source.label_form.apply(self._files.side_by_side(source.labels, first, count), where)

    def close(self) -> None:
        """Close the files."""
        self._files.close()


class RowFiles:
    """Files that rows of arrays are read from."""

    def __init__(self) -> None:
        self._files: dict[str, FileIO] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def side_by_side(self, arrays: tuple[RawArray, ...], first: int, count: int) -> NDArray[Any]:
        """Read the same rows of one array, or of several with a number in each row."""
        if len(arrays) == 1:
            return self.rows(arrays[0], first, count)
        return np.stack([self.rows(array, first, count) for array in arrays], axis=1)

    def rows(self, array: RawArray, first: int, count: int) -> NDArray[Any]:
        """Read some rows.

        Raises:
            DataError: If the file cannot be read, or is shorter than it was.
        """
        found = np.empty((count, *array.shape[1:]), array.dtype)
        view = found.reshape(-1).view(np.uint8).data
        try:
            file = self._files.get(str(array.path))
            if file is None:
                file = self._files[str(array.path)] = FileIO(array.path)
            file.seek(array.offset + first * array.row_bytes)
            while view:
                read = file.readinto(view)
                if not read:
                    raise DataError(f"{array.path} is shorter than it was", fix="leave the file alone while it is read")
                view = view[read:]
        except OSError as error:
            raise DataError(f"{array.path} cannot be read ({error})", fix="check the disk and the path") from error
        return found

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()
        self._files.clear()
