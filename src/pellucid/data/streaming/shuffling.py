"""In which order the slices of files are read, and how many of them are shuffled together."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# The first windows are an eighth, a quarter and a half as large: nobody wants to wait until the whole buffer is full.
RISING = 3


class Pull(NamedTuple):
    """One slice to be read.

    Attributes:
        part: That it is in.
        place: Of the slice within its part, from 0.
        slice: Its number among all slices.
        is_last: Whether it is the last of its part.
    """

    part: int
    place: int
    slice: int
    is_last: bool


def pulls(
    counts: NDArray[np.int64], first: NDArray[np.int64], lanes: int, generator: np.random.Generator
) -> Iterator[Pull]:
    """Give every slice of every part once: parts in a drawn order, some at a time, a slice of each in turn.

    Args:
        counts: Slices of each part.
        first: Number of the first slice of each part.
        lanes: Parts that are open at the same time.
        generator: Of the order.
    """
    order = [part for part in generator.permutation(len(counts)).tolist() if counts[part]]
    waiting = iter(order)
    lane: list[tuple[int, int]] = []  # part, next place
    for part in waiting:
        lane.append((part, 0))
        if len(lane) == lanes:
            break
    while lane:
        following = []
        for part, place in lane:
            is_last = place + 1 == counts[part]
            yield Pull(part, place, int(first[part]) + place, is_last)
            if not is_last:
                following.append((part, place + 1))
            else:
                new = next(waiting, None)
                if new is not None:
                    following.append((new, 0))
        lane = following


def windows(
    counts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    first: NDArray[np.int64],
    lanes: int,
    most: int,
    generator: np.random.Generator,
) -> Iterator[list[Pull]]:
    """Give the slices that are shuffled together, in the order of `pulls`.

    Args:
        counts: Slices of each part.
        sizes: Examples of each slice.
        first: Number of the first slice of each part.
        lanes: Parts that are open at the same time.
        most: Examples that are shuffled together; fewer at the beginning, and more if a single slice has more.
        generator: Of the order.
    """
    window: list[Pull] = []
    filled = done = 0
    for pull in pulls(counts, first, lanes, generator):
        size = int(sizes[pull.slice])
        if window and filled + size > most >> max(RISING - done, 0):
            yield window
            window, filled, done = [], 0, done + 1
        window.append(pull)
        filled += size
    if window:
        yield window
