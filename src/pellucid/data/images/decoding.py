"""Image files decoded by several threads, straight into one array."""

import os
import warnings
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.data.images.budget import PixelBudget
from pellucid.data.images.files import DEEP, SUFFIXES_OF, TRANSPARENT, fit_pixels, flattened, is_grey, opened, upright
from pellucid.errors import DataError

# Pillow gives the others way while it decodes; more threads than this wait for each other's Python.
MOST_THREADS = 16
# Files that a thread takes at a time.
BLOCK = 32
# That all threads hold together, at up to 12 bytes for each while a large image is converted.
PIXELS_AT_ONCE = 50_000_000
Size = tuple[int, int, int]
# What can be said of an image.
MISNAMED, FRAMES, RESIZED, BACKGROUND = "misnamed", "frames", "resized", "background"


@dataclass
class Decoding:
    """What was seen while files were decoded.

    Attributes:
        unreadable: Place among the files to reason.
        traits: How many images are misnamed, have several frames, were resized, show the background …
        smallest: Number of pixels, width and height of the smallest image.
        largest: Those of the largest.
        has_colour: Whether an image has colours though grey ones were asked for; decoding stopped there.
    """

    unreadable: dict[int, str] = field(default_factory=dict)
    traits: Counter[str] = field(default_factory=Counter)
    smallest: Size = (2**62, 0, 0)
    largest: Size = (0, 0, 0)
    has_colour: bool = False

    def add(self, other: "Decoding") -> None:
        """Take in what was seen of other files."""
        self.unreadable |= other.unreadable
        self.traits += other.traits
        self.smallest = min(self.smallest, other.smallest)
        self.largest = max(self.largest, other.largest)
        self.has_colour |= other.has_colour


def thread_count() -> int:
    """Return how many threads decode: one for each processor that this process may use."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(usable, MOST_THREADS))


def decode_files(
    paths: Sequence[Path], into: NDArray[np.uint8], background: int, *, threads: int | None = None
) -> Decoding:
    """Decode image files into the rows of an array, each brought to its shape.

    Args:
        paths: Of the files.
        into: [files, channels, height, width]; rows of files that cannot be read hold anything. With one
            channel, decoding stops at the first image that has colours.
        background: Level that fills transparent parts, and what is left over beside an uneven border.
        threads: That decode; by default as many as there are processors.
    """
    if threads is None:
        threads = thread_count()
    seen = Decoding()
    budget = PixelBudget(PIXELS_AT_ONCE)
    with warnings.catch_warnings():
        # Once for all threads: the filters of warnings are the process's.
        warnings.simplefilter("ignore")
        pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
        try:
            blocks: list[Future[Decoding]] = [
                pool.submit(
                    _decode_block, paths, range(start, min(start + BLOCK, len(paths))), into, background, budget
                )
                for start in range(0, len(paths), BLOCK)
            ]
            for block in blocks:
                seen.add(block.result())
                if seen.has_colour:
                    break
        finally:
            # After an error or Ctrl-C as well: what has not begun is not begun.
            pool.shutdown(cancel_futures=True)
    return seen


def _decode_block(
    paths: Sequence[Path], places: range, into: NDArray[np.uint8], background: int, budget: PixelBudget
) -> Decoding:
    seen = Decoding()
    for place in places:
        try:
            with opened(paths[place]) as image, budget.taken(image.width * image.height):
                _decode(image, paths[place], into[place], background, seen)
        except DataError as error:
            seen.unreadable[place] = error.problem.removeprefix(f"{paths[place]} ")
        if seen.has_colour:
            break
    return seen


def _decode(image: Image.Image, path: Path, row: NDArray[np.uint8], background: int, seen: Decoding) -> None:
    kind, has_frames = image.format or "", getattr(image, "is_animated", False)
    notes: list[str] = []
    flat = flattened(upright(image), background, notes, str(path))
    if len(row) == 1 and not is_grey(flat):
        seen.has_colour = True
        return
    channels, height, width = row.shape
    fitted = fit_pixels(flat, (channels, height, width), background, name=str(path))
    row[...] = fitted.pixels
    size = (flat.width * flat.height, *flat.size)
    seen.smallest, seen.largest = min(seen.smallest, size), max(seen.largest, size)
    if path.suffix and path.suffix.casefold() not in SUFFIXES_OF.get(kind, ()):
        seen.traits[MISNAMED] += 1
    for trait, holds in (
        (FRAMES, has_frames),
        (RESIZED, flat.size != (width, height)),
        (BACKGROUND, fitted.uses_background or TRANSPARENT in notes),
        (TRANSPARENT, TRANSPARENT in notes),
        (DEEP, DEEP in notes),
    ):
        if holds:
            seen.traits[trait] += 1
