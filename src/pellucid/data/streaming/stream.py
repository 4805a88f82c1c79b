"""The training examples of a dataset that is larger than memory, shuffled through a buffer of bounded size."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pellucid.data.streaming.shuffling import Pull, windows
from pellucid.data.streaming.sources import Examples, Reader, Source, slice_counts

# Of raw examples: what is read until it is full, shuffled, given out, and read again.
BUFFER_BYTES = 2**27
ENTROPY = 0x5EED
MOST_READERS = 4


def reader_count() -> int:
    """Return how many threads read: a quarter of the processors, since those that train come first."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(max(usable // 4, 1), MOST_READERS)


@dataclass(frozen=True, eq=False)
class Stream:
    """Examples in files, in an order that follows from a seed and the number of the epoch alone.

    Parts of the files are drawn; the slices of several at a time go into a buffer; the buffer is shuffled and given
    out. So examples that stand far from each other in the files come together, though not every order is possible.

    Attributes:
        source: The files.
        masks: For each slice, which of its examples belong to the stream, as bits (`numpy.packbits`); None for all.
        buffer_bytes: That the buffer may take.
        readers: Threads that fill it; the order does not depend on them.
    """

    source: Source
    masks: tuple[NDArray[np.uint8], ...] | None = None
    buffer_bytes: int = BUFFER_BYTES
    readers: int = field(default_factory=reader_count)

    def __len__(self) -> int:
        return int(self.slice_sizes.sum())

    @property
    def example_bytes(self) -> int:
        """Of an example, decoded."""
        return self.source.example_bytes

    @property
    def buffer_size(self) -> int:
        """Examples that the buffer holds."""
        return max(self.buffer_bytes // max(self.example_bytes, 1), 2)

    @cached_property
    def slice_sizes(self) -> NDArray[np.int64]:
        """Examples that each slice gives."""
        if self.masks is not None:
            return np.array([np.unpackbits(mask).sum(dtype=np.int64) for mask in self.masks], np.int64)
        size = self.source.slice_size
        sizes = [
            min(size, total - start) for total in self.source.part_sizes.tolist() for start in range(0, total, size)
        ]
        return np.array(sizes, np.int64)

    @cached_property
    def _first_slices(self) -> NDArray[np.int64]:
        counts = slice_counts(self.source.part_sizes, self.source.slice_size)
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    def with_buffer(self, buffer_bytes: int) -> "Stream":
        """Return the same examples, shuffled through another buffer."""
        return replace(self, buffer_bytes=buffer_bytes)

    def blocks(self, seed: int, epoch: int, size: int, start: int = 0) -> Iterator[Examples]:
        """Give the examples of an epoch, each once, in blocks.

        Args:
            seed: Of the order.
            epoch: Another number, another order.
            size: Examples of a block; the last one may have fewer.
            start: Examples at the beginning of the order that are left out. What need not be read for the rest is not.

        Raises:
            DataError: If a file is not what it was, or holds what a network cannot take.
        """
        counts = np.diff(self._first_slices)
        generator = np.random.default_rng([ENTROPY, seed, epoch])
        gatherer = _Gatherer(size)
        with _Cursors(self) as cursors:
            for number, pulls in enumerate(
                windows(counts, self.slice_sizes, self._first_slices, self.source.lanes, self.buffer_size, generator)
            ):
                count = sum(int(self.slice_sizes[pull.slice]) for pull in pulls)
                if start >= count:
                    start -= count
                    continue
                order = np.random.default_rng([ENTROPY, seed, epoch, number]).permutation(count)[start:]
                start = 0
                yield from gatherer.add(cursors.gathered(pulls, count), order)
        yield from gatherer.rest()


class _Cursor:
    """The parts that one reader has open, and where in them it is. Used by one thread at a time."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._reader: Reader | None = None
        self._open: dict[int, tuple[int, Iterator[Examples]]] = {}

    def fill(self, tasks: list[tuple[Pull, int]], buffer: Examples) -> None:
        """Read slices, each to its place in the buffer."""
        for pull, place in tasks:
            self.put(pull, self.next(pull), place, buffer)

    def put(self, pull: Pull, examples: Examples, place: int, buffer: Examples) -> None:
        """Copy those examples of a slice that belong to the stream."""
        stop = place + int(self._stream.slice_sizes[pull.slice])
        for target, array in zip(buffer, examples, strict=True):
            if self._stream.masks is None:
                target[place:stop] = array
            else:
                chosen = np.unpackbits(self._stream.masks[pull.slice], count=len(array)).view(bool)
                np.compress(chosen, array, 0, target[place:stop])

    def next(self, pull: Pull) -> Examples:
        """Read a slice."""
        if self._reader is None:
            self._reader = self._stream.source.open()
        place, slices = self._open.get(pull.part, (-1, iter(())))
        if place != pull.place:
            # The first of its part, or the first after what a resume left out.
            slices = self._reader.read(pull.part, pull.place)
        examples = next(slices)
        if pull.is_last:
            self._open.pop(pull.part, None)
        else:
            self._open[pull.part] = (pull.place + 1, slices)
        return examples

    def close(self) -> None:
        """Close the files."""
        self._open.clear()
        if self._reader is not None:
            self._reader.close()


class _Cursors:
    """The readers, and the buffer that they fill."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._cursors = [_Cursor(stream) for _ in range(stream.readers)]
        self._pool = ThreadPoolExecutor(stream.readers, "pellucid reads") if stream.readers > 1 else None
        self._buffer: Examples | None = None

    def __enter__(self) -> "_Cursors":
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        for cursor in self._cursors:
            cursor.close()

    def gathered(self, pulls: list[Pull], count: int) -> Examples:
        """Read slices into the buffer, in their order; what was in it before is overwritten."""
        places = np.concatenate([[0], np.cumsum(self._stream.slice_sizes[[pull.slice for pull in pulls]])]).tolist()
        tasks: list[list[tuple[Pull, int]]] = [[] for _ in self._cursors]
        for pull, place in zip(pulls, places[:-1], strict=True):
            # All slices of a part go to the same reader, in their order.
            tasks[pull.part % len(tasks)].append((pull, place))
        if self._buffer is None or len(self._buffer[1]) < count:
            self._buffer = self._allocated(tasks, count)
        if self._pool is None:
            self._cursors[0].fill(tasks[0], self._buffer)
        else:
            working = [
                self._pool.submit(cursor.fill, some, self._buffer)
                for cursor, some in zip(self._cursors, tasks, strict=True)
            ]
            wait(working)
            for one in working:
                one.result()
        return self._buffer[0][:count], self._buffer[1][:count]

    def _allocated(self, tasks: list[list[tuple[Pull, int]]], count: int) -> Examples:
        """Return a buffer for what the files turn out to hold: the first slice is read to see, and put into it."""
        number = next(number for number, some in enumerate(tasks) if some)
        pull, place = tasks[number].pop(0)
        examples = self._cursors[number].next(pull)
        room = max(count, min(self._stream.buffer_size, len(self._stream)))
        inputs, labels = (np.empty((room, *array.shape[1:]), array.dtype) for array in examples)
        self._cursors[number].put(pull, examples, place, (inputs, labels))
        return inputs, labels


class _Gatherer:
    """Cuts what comes out of the buffer into blocks of one size."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._block: Examples | None = None
        self._filled = 0

    def add(self, examples: Examples, order: NDArray[np.int64]) -> Iterator[Examples]:
        """Give the blocks that are filled by examples in an order."""
        done = 0
        while done < len(order):
            if self._block is None:
                inputs, labels = examples
                self._block = (
                    np.empty((self._size, *inputs.shape[1:]), inputs.dtype),
                    np.empty((self._size, *labels.shape[1:]), labels.dtype),
                )
            count = min(self._size - self._filled, len(order) - done)
            for array, target in zip(examples, self._block, strict=True):
                # With mode="raise" NumPy would copy once more.
                np.take(array, order[done : done + count], 0, target[self._filled : self._filled + count], mode="clip")
            done += count
            self._filled += count
            if self._filled == self._size:
                yield self._block
                self._block, self._filled = None, 0

    def rest(self) -> Iterator[Examples]:
        """Give the last block, if it has anything in it."""
        if self._block is not None and self._filled:
            yield self._block[0][: self._filled], self._block[1][: self._filled]
