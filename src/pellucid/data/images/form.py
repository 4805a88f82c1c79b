"""The size, the channels and the background that suit a folder of images, found from some of them."""

import math
import statistics
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pellucid.data.images.budget import PixelBudget
from pellucid.data.images.decoding import PIXELS_AT_ONCE, thread_count
from pellucid.data.images.files import fit_pixels, flattened, is_grey, opened, upright
from pellucid.data.options import ReadOptions
from pellucid.errors import DataError

# Sides that networks get along with. Larger ones cost more time than they bring, but for what is small in a picture.
SIDES = (8, 16, 24, 28, 32, 48, 64, 96, 128, 160, 192, 224)
LARGEST_SIDE = SIDES[-1]
# Files whose header is read, and files that are decoded, to choose by; spread evenly.
MEASURED, DECODED = 1000, 64
# A rectangle is chosen where nine of ten images have its aspect, within a tenth; else a square.
SAME_ASPECT, SAME_ASPECT_SHARE = 0.1, 0.9
# Where the background shows everywhere, any level suits; most such images are drawn for white paper.
WHITE = 255
# Of the border, how much of it must be more than background for its level to be told.
LEAST_SHOWN = 0.01


@dataclass(frozen=True)
class ImageForm:
    """What the images of a folder are brought to.

    Attributes:
        shape: Channels, height and width.
        background: Level, 0 to 255, that fills transparent parts, and what is left over beside an uneven border.
    """

    shape: tuple[int, int, int]
    background: int


@dataclass(frozen=True)
class _Look:
    """Whether an image is grey, and the mean of its border once black and once white fill what is to be filled."""

    is_grey: bool
    black: float
    white: float


def choose_form(paths: Sequence[Path], options: ReadOptions) -> ImageForm:
    """Choose the form of images from some of the training files; those that cannot be read are passed over.

    Args:
        paths: Of the training files.
        options: Size, channels and background, where they are given.
    """
    with warnings.catch_warnings():
        # Of large images and damaged tags; what cannot be read is told later, of all files.
        warnings.simplefilter("ignore")
        sizes = [size for path in _spread(paths, MEASURED) if (size := _upright_size(path)) is not None]
        height, width = options.image_size or choose_size(sizes)
        budget = PixelBudget(PIXELS_AT_ONCE)
        with ThreadPoolExecutor(thread_count()) as pool:
            looks = pool.map(lambda path: _look(path, height, width, budget), _spread(paths, DECODED))
            seen = [look for look in looks if look is not None]
    channels = options.channels or (1 if all(look.is_grey for look in seen) else 3)
    background = options.background if options.background is not None else _background(seen)
    return ImageForm((channels, height, width), background)


def choose_size(sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Choose a height and a width for images of these heights and widths.

    Where all are equal and small, they are kept. Else the longer side is the standard one that the median of the longer
    sides reaches, and the shorter follows where nearly all images have the same aspect.
    """
    if not sizes:
        return (64, 64)
    if len(set(sizes)) == 1 and max(sizes[0]) <= LARGEST_SIDE:
        return sizes[0]
    longer = statistics.median(max(size) for size in sizes)
    side = max(SIDES[0], *(standard for standard in SIDES if standard <= max(longer, SIDES[0])))
    aspects = [math.log(height / width) for height, width in sizes]
    aspect = statistics.median(aspects)
    alike = sum(abs(one - aspect) < SAME_ASPECT for one in aspects)
    if alike < len(sizes) * SAME_ASPECT_SHARE:
        return (side, side)
    shorter = max(SIDES[0], round(side * math.exp(-abs(aspect))))
    return (side, shorter) if aspect > 0 else (shorter, side)


def _background(looks: Sequence[_Look]) -> int:
    """Return the level at which the filled parts of a border are like the rest of it.

    Each pixel of the border is a share of the background and something else; both are found by filling with black and
    with white. What fills is then the mean of what is not filled.
    """
    black, white = sum(look.black for look in looks), sum(look.white for look in looks)
    shown = len(looks) - (white - black) / 255
    return round(min(max(black / shown, 0), 255)) if shown > LEAST_SHOWN * len(looks) else WHITE


def _look(path: Path, height: int, width: int, budget: PixelBudget) -> _Look | None:
    """Look at one file; None if there is no image in it."""
    try:
        with opened(path) as image, budget.taken(image.width * image.height):
            decoded = upright(image)
            return _Look(
                is_grey(flattened(decoded, 0, [], "")),
                *(_border(fit_pixels(decoded, (3, height, width), level, name="").pixels) for level in (0, 255)),
            )
    except DataError:
        return None


def _border(pixels: NDArray[np.uint8]) -> float:
    edges = [pixels[:, 0], pixels[:, -1], pixels[:, 1:-1, 0], pixels[:, 1:-1, -1]]
    return float(np.concatenate([edge.ravel() for edge in edges]).mean())


def _spread(paths: Sequence[Path], count: int) -> list[Path]:
    if len(paths) <= count:
        return list(paths)
    return [paths[place] for place in np.linspace(0, len(paths) - 1, count).astype(int)]


def _upright_size(path: Path) -> tuple[int, int] | None:
    """Return height and width as a viewer shows them; None if there is no image."""
    try:
        with opened(path) as image:
            # A PNG may have its tags behind the pixels; they are not decoded for that here.
            is_turned = (image.format != "PNG" or "exif" in image.info) and image.getexif().get(0x0112) in (5, 6, 7, 8)
            width, height = image.size
    except DataError:
        return None
    return (width, height) if is_turned else (height, width)
