"""The opening of an image file whose content nobody vouches for, and its way to the pixels that a network takes."""

import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageOps, UnidentifiedImageError

from pellucid.errors import DataError

# Read from the header, before a pixel is decoded: a small file can unfold to gigabytes.
LONGEST_SIDE = 16_384
MOST_PIXELS = 100_000_000
# Its decoder holds four copies of an image at once.
MOST_WEBP_PIXELS = 40_000_000
# More than a file of so many pixels can need; WebP files are read whole, whatever they promise.
MOST_BYTES = 500_000_000
# Which PNG, JPEG … decoders of Pillow may run; the rest is refused.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF")
SUFFIXES_OF = {
    "PNG": (".png", ".apng"),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "MPO": (".jpg", ".jpeg", ".jpe", ".mpo"),
    "WEBP": (".webp",),
    "BMP": (".bmp", ".dib"),
    "TIFF": (".tif", ".tiff"),
}
TRANSPARENT = "transparent parts filled with the background of the training images"
DEEP = "16 or 32 bits made 8"
DEEP_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
# How much the border of an image may vary, as a standard deviation of its values, to go on beyond its edges.
EVEN_BORDER = 40
# An image is converted in bands of so many pixels, so that a large one is not there several times at once.
BAND_PIXELS = 4_000_000


@dataclass(frozen=True, eq=False)
class FittedPixels:
    """An image brought to the channels and the size that a network takes.

    Attributes:
        pixels: [channels, height, width].
        notes: What was done to it, in words.
        uses_background: Whether the background of the training images is to be seen in it.
    """

    pixels: NDArray[np.uint8]
    notes: tuple[str, ...]
    uses_background: bool


def open_image(path: Path) -> Image.Image:
    """Return a decoded image, turned as its camera says.

    Raises:
        DataError: If it is no image, damaged, or has too many pixels; those are seen before decoding.
    """
    with warnings.catch_warnings():
        # Pillow warns of large images and damaged tags while it opens them; ours is the decision.
        warnings.simplefilter("ignore")
        with opened(path) as image:
            return upright(image)


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Give an image of which only the header is read, and whose size is fit to be decoded.

    Whatever is raised inside the `with` counts as a fault of the file. Warnings are the caller's: they cannot be
    switched off in one thread alone.

    Args:
        path: Of a file with any content.

    Raises:
        DataError: If it is no image, damaged, or has too many pixels.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - much quicker, once for each of many small files
    except PermissionError as error:
        raise DataError(f"{path} may not be read ({error.strerror})", fix="check who may read it") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is damaged or cut short ({error})", fix="get the file again") from error
    if not stat.S_ISREG(status.st_mode):
        # Opening a pipe would wait for a writer who may never come.
        raise DataError(f"{path} is no regular file", fix="give a PNG, JPEG, WebP, BMP, TIFF or .npy file")
    if status.st_size > MOST_BYTES:
        raise DataError(f"{path} has {status.st_size:,} bytes", fix=f"make it smaller than {MOST_BYTES:,}")
    with header_read(path, str(path)) as image:
        yield image


@contextmanager
def header_read(file: Path | BinaryIO, name: str) -> Iterator[Image.Image]:
    """Give an image as `opened` does, from a file or from bytes in memory.

    Args:
        file: With any content; a path must be that of a regular file.
        name: What to call it in an error.

    Raises:
        DataError: If it is no image, damaged, or has too many pixels.
    """
    too_large = f"at most {LONGEST_SIDE:,} pixels a side and {MOST_PIXELS:,} in all are read"
    try:
        with Image.open(file, formats=FORMATS) as image:
            width, height = image.size
            most = MOST_WEBP_PIXELS if image.format == "WEBP" else MOST_PIXELS
            if max(width, height) > LONGEST_SIDE or width * height > most:
                if most < MOST_PIXELS:
                    too_large += f", {most:,} of a WebP file"
                raise DataError(f"{name} is {width:,} x {height:,} pixels", fix=f"make it smaller: {too_large}")
            yield image
    except DataError:
        raise  # not to be taken for a damaged file below
    except UnidentifiedImageError as error:
        raise DataError(
            f"{name} is no image that can be read", fix="give a PNG, JPEG, WebP, BMP, TIFF or .npy file"
        ) from error
    except Image.DecompressionBombError as error:
        raise DataError(f"{name} has too many pixels", fix=f"make it smaller: {too_large}") from error
    except PermissionError as error:
        raise DataError(f"{name} may not be read ({error.strerror})", fix="check who may read it") from error
    except Exception as error:
        # A decoder raises whatever a damaged file makes it stumble over, TypeError and KeyError among them.
        raise DataError(f"{name} is damaged or cut short ({error})", fix="get the file again") from error


def upright(image: Image.Image) -> Image.Image:
    """Decode an image of `opened`, and turn it as its camera says."""
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    return image


def fit_pixels(
    image: Image.Image, shape: tuple[int, int, int], background: int, *, name: str, invert: bool = False
) -> FittedPixels:
    """Bring an image to the channels and size that a network takes.

    The aspect is kept: what is left over is filled with the border of the image where that is even, else with the
    background.

    Args:
        image: Decoded, of any mode and size.
        shape: Channels (1 or 3), height and width.
        background: Level of the background of the training images, 0 to 255.
        name: What to call the image in an error.
        invert: Whether to turn light into dark.

    Raises:
        DataError: If the image has no pixels, or some that are not finite.
    """
    if 0 in image.size:
        raise DataError(f"{name} has no pixels", fix="give an image with at least one")
    channels, height, width = shape
    notes: list[str] = []
    image = flattened(image, background, notes, name)
    uses_background = TRANSPARENT in notes
    mode = "L" if channels == 1 else "RGB"
    if image.mode != mode:
        if mode == "L" and image.mode not in ("1", "L"):
            notes.append("made grey")
        image = image.convert(mode)
    if invert:
        image = ImageOps.invert(image)
        notes.append("inverted")
    if image.size != (width, height):
        notes.append(f"resized from {image.width}x{image.height} to {width}x{height}")
        level, is_even = _padding_level(image, background)
        within = ImageOps.contain(image, (width, height), Image.Resampling.BOX)
        uses_background |= within.size != (width, height) and not is_even
        image = ImageOps.pad(within, (width, height), Image.Resampling.BOX, color=level)
    pixels = np.asarray(image, np.uint8)
    planes = pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)
    return FittedPixels(planes, tuple(notes), uses_background)


def flattened(image: Image.Image, background: int, notes: list[str], name: str) -> Image.Image:
    """Return the image without transparency and with eight bits a channel, of mode "1", "L" or "RGB".

    Args:
        image: Of any mode.
        background: What transparent parts are filled with, 0 to 255.
        notes: What was done is added to it.
        name: What to call the image in an error.

    Raises:
        DataError: If a pixel is NaN or infinite.
    """
    if image.mode in DEEP_MODES:
        notes.append(DEEP)
        return _with_eight_bits(image, name)
    is_transparent = image.mode in ("LA", "RGBA", "PA", "La", "RGBa") or "transparency" in image.info
    if image.mode in ("1", "L", "RGB") and not is_transparent:
        return image
    flat = Image.new("RGB", image.size)
    lowest_alpha = 255
    for top, band in _bands(image):
        if not is_transparent:
            flat.paste(band.convert("RGB"), (0, top))
            continue
        rgba = band.convert("RGBA")
        lowest_alpha = min(lowest_alpha, int(np.asarray(rgba.getchannel("A")).min()))
        under = Image.new("RGBA", rgba.size, (background, background, background, 255))
        flat.paste(Image.alpha_composite(under, rgba).convert("RGB"), (0, top))
    if lowest_alpha < 255:
        notes.append(TRANSPARENT)
    return flat


def is_grey(flat: Image.Image) -> bool:
    """Return whether an image of mode "1", "L" or "RGB" shows nothing but shades of grey."""
    if flat.mode != "RGB":
        return True
    for seen in (flat.resize((8, 8), Image.Resampling.NEAREST), flat):
        red, green, blue = seen.split()
        if any(ImageChops.difference(red, other).getbbox() for other in (green, blue)):
            return False  # most often from the few pixels of the first look
    return True


def _bands(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    rows = max(1, BAND_PIXELS // max(1, image.width))
    if image.height <= rows:
        yield 0, image
        return
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _with_eight_bits(image: Image.Image, name: str) -> Image.Image:
    """Scale 16 bits, 32 bits or floats by what their largest value says that they reach.

    Raises:
        DataError: If a pixel is NaN or infinite.
    """
    low, high = np.inf, -np.inf
    for _, band in _bands(image):
        values = _as_floats(band)
        if not np.isfinite(values).all():
            raise DataError(f"{name} has NaN or infinite values", fix="remove or replace them")
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    scale = 1.0 if image.mode == "F" and high <= 1 and low >= 0 else (255.0 if high <= 255 else 65535.0)
    scaled = np.empty((image.height, image.width), np.uint8)
    for top, band in _bands(image):
        scaled[top : top + band.height] = np.clip(np.rint(_as_floats(band) / scale * 255), 0, 255)
    return Image.fromarray(scaled)


def _as_floats(band: Image.Image) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        # A signalling NaN warns when it is converted; every NaN is refused afterwards.
        return np.asarray(band).astype(np.float64)


def _padding_level(image: Image.Image, background: int) -> tuple[int | tuple[int, ...], bool]:
    """Return what to fill with: the border where it is even, so that no edge is made; else the background."""
    width, height = image.size
    sides = [(0, 0, width, 1), (0, height - 1, width, height), (0, 0, 1, height), (width - 1, 0, width, height)]
    edge = np.concatenate([np.asarray(image.crop(side)).reshape(-1, len(image.getbands())) for side in sides])
    is_even = bool(edge.std(axis=0).max() < EVEN_BORDER)
    level = np.rint(np.median(edge, axis=0)).astype(int).tolist() if is_even else [background] * edge.shape[1]
    return (level[0] if len(level) == 1 else tuple(level)), is_even
