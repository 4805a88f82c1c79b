"""Images that are held as bytes: their size seen before decoding, then their pixels."""

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from pellucid.data.images.files import header_read, upright

# Stored as they are; images of other modes are made colour.
GREY_MODES = ("1", "L")
ORIENTATION = 0x0112
# Orientations that lay an image on its side.
SIDEWAYS = (5, 6, 7, 8)


def decode(content: bytes, name: str) -> Image.Image:
    """Return a decoded image, turned as its camera says.

    Args:
        content: Of an image file.
        name: What to call it in an error.

    Raises:
        DataError: If it is no image, damaged, or has too many pixels; those are seen before decoding.
    """
    with _opened(content, name) as image:
        return upright(image)


def look(content: bytes, name: str) -> tuple[int, int, bool]:
    """Return height, width and whether an image is grey, from its header alone.

    Args:
        content: Of an image file.
        name: What to call it in an error.

    Raises:
        DataError: If it is no image, or has too many pixels.
    """
    with _opened(content, name) as image:
        width, height = image.size
        size = (width, height) if image.getexif().get(ORIENTATION) in SIDEWAYS else (height, width)
        return *size, is_grey(image)


def pixels_of(image: Image.Image) -> NDArray[np.uint8]:
    """Return the pixels of an image: [height, width] of a grey one, else [height, width, 3]; what is clear is black."""
    if is_grey(image):
        if image.mode in GREY_MODES:
            return np.asarray(image.convert("L"), np.uint8)
        return (np.asarray(image).astype(np.uint32) // 257).astype(np.uint8)
    if image.mode in ("LA", "RGBA", "PA", "La", "RGBa") or "transparency" in image.info:
        clear = image.convert("RGBA")
        under = Image.new("RGBA", clear.size, (0, 0, 0, 255))
        return np.asarray(Image.alpha_composite(under, clear).convert("RGB"), np.uint8)
    return np.asarray(image.convert("RGB"), np.uint8)


def is_grey(image: Image.Image) -> bool:
    """Return whether `pixels_of` gives one channel."""
    return image.mode in GREY_MODES or image.mode.startswith("I;16")


def fitted(image: Image.Image, size: tuple[int, int], *, is_grey: bool) -> NDArray[np.uint8]:
    """Return an image as [channels, height, width]; its aspect is kept, and what is left over is black.

    Args:
        image: Decoded.
        size: Height and width.
        is_grey: Whether to make it grey instead of colour.
    """
    plain = Image.fromarray(pixels_of(image)).convert("L" if is_grey else "RGB")
    if plain.size != size[::-1]:
        plain = ImageOps.pad(plain, size[::-1], Image.Resampling.BOX)
    pixels = np.asarray(plain, np.uint8)
    return pixels[None] if is_grey else pixels.transpose(2, 0, 1)


def common_size(sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the height and width to bring images to: the median of each."""
    height, width = np.median(np.array(sizes), axis=0)
    return int(height), int(width)


@contextmanager
def _opened(content: bytes, name: str) -> Iterator[Image.Image]:
    with warnings.catch_warnings():
        # Pillow warns of large images and damaged tags while it opens them; ours is the decision.
        warnings.simplefilter("ignore")
        with header_read(io.BytesIO(content), name) as image:
            yield image
