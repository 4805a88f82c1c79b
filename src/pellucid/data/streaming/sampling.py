"""Examples drawn from all over a stream, as many as fit into memory: what everything looks at that looks."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pellucid.data.splitting import SPLIT_SEED
from pellucid.data.streaming.assigning import Bits
from pellucid.data.streaming.sources import slice_counts

# How many examples are held at most, by split, and how many bytes of them.
MOST_EXAMPLES = {"train": 65_536, "validation": 50_000, "test": 50_000}
MOST_BYTES = {"train": 2**28, "validation": 2**27, "test": 2**27}
# Read for the sample, from parts that are spread evenly over the files.
READ_BYTES = 2**30
FEWEST_PARTS = 32


def spread_parts(part_sizes: NDArray[np.int64], example_bytes: int) -> NDArray[np.int64]:
    """Return parts at even distances that together have about so many bytes as are read for a sample."""
    filled = np.flatnonzero(part_sizes)
    average = max(float(part_sizes[filled].mean()) * example_bytes, 1.0) if len(filled) else 1.0
    count = min(len(filled), max(int(READ_BYTES / average), FEWEST_PARTS))
    return filled[np.linspace(0, len(filled) - 1, count).astype(np.int64)] if count else filled


def sampled_places(
    part_sizes: NDArray[np.int64],
    slice_size: int,
    masks: Mapping[str, Sequence[Bits] | None],
    example_bytes: int,
) -> Iterator[tuple[int, int, dict[str, NDArray[np.int64]]]]:
    """Give what to take for the sample of each split: a part, a slice of it, and the places within the slice.

    Args:
        part_sizes: Examples of each part.
        slice_size: Examples of a slice.
        masks: By split: which examples of each slice belong to it; None for all of them.
        example_bytes: Of an example.
    """
    counts = slice_counts(part_sizes, slice_size)
    first = np.concatenate([[0], np.cumsum(counts)])
    parts = spread_parts(part_sizes, example_bytes)
    generator = np.random.default_rng(SPLIT_SEED)
    chosen: dict[str, NDArray[np.int64]] = {}
    for name in masks:
        total = sum(
            _size(masks[name], part, place, first, part_sizes, slice_size) for part, place in _each(parts, counts)
        )
        most = min(MOST_EXAMPLES[name], max(MOST_BYTES[name] // max(example_bytes, 1), 1))
        chosen[name] = np.sort(generator.permutation(total)[:most])
    begun = dict.fromkeys(masks, 0)
    for part, place in _each(parts, counts):
        taken = {}
        for name, mask in masks.items():
            size = _size(mask, part, place, first, part_sizes, slice_size)
            low, high = np.searchsorted(chosen[name], [begun[name], begun[name] + size])
            places = chosen[name][low:high] - begun[name]
            begun[name] += size
            taken[name] = places if mask is None else np.flatnonzero(np.unpackbits(mask[first[part] + place]))[places]
        if any(len(places) for places in taken.values()):
            yield part, place, taken


def _each(parts: NDArray[np.int64], counts: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    for part in parts.tolist():
        for place in range(int(counts[part])):
            yield part, place


def _size(
    mask: Sequence[Bits] | None,
    part: int,
    place: int,
    first: NDArray[np.int64],
    part_sizes: NDArray[np.int64],
    slice_size: int,
) -> int:
    if mask is not None:
        return int(np.unpackbits(mask[first[part] + place]).sum(dtype=np.int64))
    return min(slice_size, int(part_sizes[part]) - place * slice_size)
