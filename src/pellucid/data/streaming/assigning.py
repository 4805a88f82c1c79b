"""Which split an example of a stream belongs to, by a hash: the same one every time, whatever else is read."""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import SPLITS

# Of all examples, for the validation and for the test each: of so many, this is enough to judge by.
SHARE = 0.05
Bits = NDArray[np.uint8]


def row_keys(name: str, first: int, count: int) -> NDArray[np.uint64]:
    """Return a number for each of some rows of a file, which no other row has but by chance.

    Args:
        name: Of the file among those beside it; "" if it is the only one, so that it may be renamed.
        first: Row of the file.
        count: Of rows.
    """
    return np.arange(first, first + count, dtype=np.uint64) + np.uint64(text_key(name) if name else 0)


def text_key(text: str) -> int:
    """Return a number for a text; equal for equal texts, on every machine."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def split_numbers(keys: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Return the split of each key, as its place in `SPLITS`."""
    # The finalizer of SplitMix64 (Steele, Lea and Flood 2014); products wrap around.
    mixed = keys + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    chance = (mixed ^ (mixed >> np.uint64(31))) >> np.uint64(32)
    bound = round(SHARE * 2**32)
    return (chance < np.uint64(bound)).astype(np.uint8) + np.uint8(2) * (
        (chance >= np.uint64(bound)) & (chance < np.uint64(2 * bound))
    ).astype(np.uint8)


class Masks:
    """Which examples of each slice belong to which split, as bits."""

    def __init__(self, slice_size: int) -> None:
        self._slice_size = slice_size
        self.by_split: dict[str, list[Bits]] = {name: [] for name in SPLITS}

    def add(self, numbers: NDArray[np.uint8]) -> None:
        """Add the examples of the next part, by the number of their split; a higher number is of none."""
        for place, name in enumerate(SPLITS):
            chosen = numbers == place
            for start in range(0, len(numbers), self._slice_size):
                self.by_split[name].append(np.packbits(chosen[start : start + self._slice_size]))

    def of(self, splits: Iterable[str]) -> dict[str, tuple[Bits, ...]]:
        """Return the bits of some splits."""
        return {name: tuple(self.by_split[name]) for name in splits}


def bits_set(masks: Sequence[Bits]) -> NDArray[np.int64]:
    """Return how many examples each slice gives."""
    return np.array([np.unpackbits(mask).sum(dtype=np.int64) for mask in masks], np.int64)
