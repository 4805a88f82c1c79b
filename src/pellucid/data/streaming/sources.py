"""What a stream reads from: files whose examples stand in parts, and parts in slices."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

# Inputs and labels of as many examples, as in a `Split`.
Examples = tuple[NDArray[Any], NDArray[Any]]
# Decoded at once: small enough that a few dozen lie in memory, large enough that a disk reads it in one go.
SLICE_BYTES = 2**21


class Reader(Protocol):
    """Open files, for one pass at a time."""

    def read(self, part: int, start: int = 0) -> Iterator[Examples]:
        """Give the examples of a part in their order, slice by slice.

        Args:
            part: Its number.
            start: The first slice to give; those before it are left out without being decoded where that can be.

        Raises:
            DataError: If a file is not what it was, or holds what a network cannot take.
        """

    def close(self) -> None:
        """Close the files."""


class Source(Protocol):
    """Examples in files, to be opened.

    A part is what can be read without what stands before it (a group of rows, some rows of an array); it has so many
    slices, which follow each other.
    """

    @property
    def part_sizes(self) -> NDArray[np.int64]:
        """Examples of each part, in the order of the files."""

    @property
    def slice_size(self) -> int:
        """Examples of a slice; the last one of a part may have fewer."""

    @property
    def lanes(self) -> int:
        """How many parts may be open at the same time."""

    @property
    def example_bytes(self) -> int:
        """Of an example, decoded."""

    def open(self) -> Reader:
        """Open the files."""


def slice_size(example_bytes: int) -> int:
    """Return how many examples make a slice."""
    return max(SLICE_BYTES // max(example_bytes, 1), 1)


def slice_counts(part_sizes: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return how many slices each part has."""
    return -(-part_sizes // size)
