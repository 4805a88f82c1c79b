"""A stream without files, whose examples are numbered."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pellucid.data.streaming.stream import Stream


@dataclass(eq=False)
class NumberedSource:
    """The label of each example is its number, its two inputs are the number and the number of its part."""

    sizes: Sequence[int]
    slice_size: int
    lanes: int = 1
    fails_at: int | None = None
    seen: list[tuple[int, int]] = field(default_factory=list)
    closed: int = 0
    example_bytes: int = 8

    @property
    def part_sizes(self) -> NDArray[np.int64]:
        return np.array(self.sizes, np.int64)

    def open(self) -> "NumberedSource":
        return self

    def read(self, part: int, start: int = 0) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        first = sum(self.sizes[:part])
        for place in range(start, -(-self.sizes[part] // self.slice_size)):
            if len(self.seen) == self.fails_at:
                raise OSError("the disk is gone")
            self.seen.append((part, place))
            stop = min((place + 1) * self.slice_size, self.sizes[part])
            labels = np.arange(first + place * self.slice_size, first + stop, dtype=np.int64)
            yield np.stack([labels, np.full(len(labels), part)], axis=1).astype(np.float32), labels

    def close(self) -> None:
        self.closed += 1


Make = Callable[..., Stream]


def numbered_stream(
    sizes: Sequence[int],
    *,
    slice_size: int = 4,
    lanes: int = 1,
    buffered: int = 20,
    chosen: Callable[[int], bool] | None = None,
    fails_at: int | None = None,
    readers: int = 1,
) -> Stream:
    source = NumberedSource(sizes, slice_size, lanes, fails_at)
    masks = None
    if chosen is not None:
        masks = tuple(
            np.packbits([chosen(sum(sizes[:part]) + row) for row in range(start, min(start + slice_size, size))])
            for part, size in enumerate(sizes)
            for start in range(0, size, slice_size)
        )
    return Stream(source, masks, buffer_bytes=buffered * 8, readers=readers)


@pytest.fixture
def make() -> Make:
    """Makes a stream of so many numbered examples in each part."""
    return numbered_stream
