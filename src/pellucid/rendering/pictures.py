"""Pixels for renderers: scaled, laid out beside each other, encoded as PNG."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

# Sides in pixels: of what a page shows at most, and of what is never made lossy.
LARGEST, SMALL = 224, 64


def scaled(pixels: Pixels, width: int, height: int) -> Pixels:
    """Return the picture at another size.

    Args:
        pixels: Uint8 [height, width] or [height, width, 3].
        width: New width in pixels.
        height: New height in pixels.

    Returns:
        Uint8 of the new size; averaged when smaller, hard-edged when larger.
    """
    smaller = width < pixels.shape[1] or height < pixels.shape[0]
    from PIL import Image as Pillow  # a tenth of a second, which a table does not need

    how = Pillow.Resampling.BOX if smaller else Pillow.Resampling.NEAREST
    return np.asarray(Pillow.fromarray(pixels).resize((width, height), how))


def beside(pictures: Sequence[Pixels], gap: int = 1) -> Pixels:
    """Return pictures of one height in a row, with black columns between.

    Args:
        pictures: Each uint8 [height, width] or [height, width, 3], all alike in height and channels.
        gap: Width of the black column between two, in pixels.
    """
    black = np.zeros((pictures[0].shape[0], gap, *pictures[0].shape[2:]), np.uint8)
    columns: list[Pixels] = []
    for picture in pictures:
        columns += [picture, black]
    return np.concatenate(columns[:-1], axis=1)


def picture_address(pixels: Pixels) -> str:
    """Return the picture as a short data: address: one with many pixels is made smaller, and lossy where it pays.

    Args:
        pixels: Uint8 [height, width] or [height, width, 3].
    """
    height, width = pixels.shape[:2]
    if max(height, width) > LARGEST:
        share = LARGEST / max(height, width)
        pixels = scaled(pixels, max(1, round(width * share)), max(1, round(height * share)))
    exact = png_address(pixels)
    if max(pixels.shape[:2]) <= SMALL:
        return exact
    lossy = _address(pixels, "JPEG")
    return min(exact, lossy, key=len)


def png_address(pixels: Pixels) -> str:
    """Return the picture as a data: address that an HTML page shows without a file."""
    return _address(pixels, "PNG")


def _address(pixels: Pixels, form: str) -> str:
    from PIL import Image as Pillow

    buffer = io.BytesIO()
    Pillow.fromarray(pixels).save(buffer, form)
    return f"data:image/{form.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"
