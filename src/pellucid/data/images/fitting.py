"""Image files of any size and kind, turned into the raw inputs that a network was trained on."""

import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pellucid.data.images.files import fit_pixels, open_image
from pellucid.data.preparing_images import ImagePreparation
from pellucid.errors import DataError, MissingFileError, ShapeError

Pixels = NDArray[np.uint8]
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".npy")
# How far the border of an image must be from that of the training images, on a scale of 0 to 1, to call it inverted.
INVERTED_MARGIN = 0.5


@dataclass(frozen=True, eq=False)
class FittedImage:
    """An image as the network takes it.

    Attributes:
        pixels: [channels, height, width], raw as in the training data.
        notes: What was done to it, in words.
        looks_inverted: Whether its border is as light as the training images' are dark, or the other way round.
    """

    pixels: NDArray[Any]
    notes: tuple[str, ...]
    looks_inverted: bool


def fit_file(path: Path, preparation: ImagePreparation, *, invert: bool = False) -> list[FittedImage]:
    """Read an image file, or a .npy file with one or several images.

    Args:
        path: PNG, JPEG, WebP, BMP, TIFF or .npy.
        preparation: Of the classifier: its shape and what its background looks like.
        invert: Whether to turn light into dark.

    Returns:
        The images in the file: one, but for .npy.

    Raises:
        MissingFileError: If there is no such file.
        DataError: If it is no image, damaged, or too large.
    """
    try:
        is_there, is_folder = path.exists(), path.is_dir()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error})", fix="check the path and who may read it") from error
    if not is_there:
        raise MissingFileError(f"there is no file {path}", fix="check the path")
    if is_folder:
        raise DataError(f"{path} is a folder", fix=f"give the images in it: {path}/*.png")
    if path.suffix.lower() == ".npy":
        return fit_array(_load_npy(path), preparation, name=str(path), invert=invert)
    return [fit_image(open_image(path), preparation, name=str(path), invert=invert)]


def fit_image(image: Image.Image, preparation: ImagePreparation, *, name: str, invert: bool = False) -> FittedImage:
    """Bring an image to the channels and size that the network takes.

    The aspect is kept: what is left over is filled with the background of the training images.

    Args:
        image: Decoded, of any mode and size.
        preparation: Of the classifier.
        name: What to call it in an error.
        invert: Whether to turn light into dark.

    Raises:
        DataError: If the image has no pixels, or some that are not finite.
    """
    background = round(min(max(preparation.border, 0), 1) * 255)
    fitted = fit_pixels(image, preparation.shape, background, name=name, invert=invert)
    notes = list(fitted.notes)
    if preparation.divisor == 1.0:
        notes.append("values from 0 to 255 taken as 0 to 1")
        return _fitted(fitted.pixels.astype(np.float32) / 255, preparation, notes)
    return _fitted(fitted.pixels, preparation, notes)


def fit_array(
    values: NDArray[Any], preparation: ImagePreparation, *, name: str = "the array", invert: bool = False
) -> list[FittedImage]:
    """Bring an array of one or several images to what the network takes.

    Args:
        values: [height, width], [n, height, width], [channels, height, width], [height, width, channels] or
            [n, channels, height, width]; raw values as in the training data, or floats from 0 to 1.
        preparation: Of the classifier.
        name: What to call it in an error.
        invert: Whether to turn light into dark.

    Raises:
        DataError: If values are not numbers, not finite, or outside the range of the training data.
        ShapeError: If the shape is none of these.
    """
    if values.dtype.kind not in "biuf":
        raise DataError(f"{name} holds values of type {values.dtype}", fix="give an array of numbers")
    images = _as_images(values, preparation.shape, name)
    if not np.isfinite(images).all():
        raise DataError(f"{name} has NaN or infinite values", fix="remove or replace them")
    notes: list[str] = []
    is_uint8 = preparation.divisor != 1.0
    if is_uint8 and images.dtype != np.uint8:
        if images.dtype.kind == "b" or (images.dtype.kind == "f" and images.min() >= 0 and images.max() <= 1):
            images = np.rint(images.astype(np.float64) * 255)
            notes.append("values from 0 to 1 taken as 0 to 255")
        elif images.min() < 0 or images.max() > 255:
            raise DataError(
                f"{name} has values from {images.min():g} to {images.max():g}",
                fix="give raw values from 0 to 255, or floats from 0 to 1; the classifier normalises them itself",
            )
        images = images.astype(np.float32)
    if images.shape[1:] == preparation.shape:
        top = preparation.divisor
        turned = [top - image if invert else image for image in images]
        extra = ["inverted"] if invert else []
        return [_fitted(image, preparation, [*notes, *extra]) for image in turned]
    if not is_uint8:
        raise ShapeError(
            f"{name} has images of shape {list(images.shape[1:])} but the classifier takes {list(preparation.shape)}",
            fix="resize them",
        )
    fitted = []
    for image in images:
        planes = image.astype(np.uint8)
        pillow = Image.fromarray(planes[0] if len(planes) == 1 else np.ascontiguousarray(planes.transpose(1, 2, 0)))
        one = fit_image(pillow, preparation, name=name, invert=invert)
        fitted.append(FittedImage(one.pixels, (*notes, *one.notes), one.looks_inverted))
    return fitted


def _as_images(values: NDArray[Any], shape: Sequence[int], name: str) -> NDArray[Any]:
    """Return the values as [n, channels, height, width], with one or three channels.

    Raises:
        ShapeError: If they are no images.
    """
    if values.size == 0 or not 2 <= values.ndim <= 4:
        raise ShapeError(
            f"{name} has shape {list(values.shape)}",
            fix="give one image [height, width], or several [n, height, width]",
        )
    if values.ndim == 2:
        return values[None, None]
    if values.ndim == 3:
        if values.shape[1:] == tuple(shape[1:]) and values.shape[0] != shape[0]:
            return values[:, None]  # several grey images of the right size
        if values.shape[0] in (1, 3) and values.shape[2] not in (3, 4):
            return values[None]
        if values.shape[2] in (1, 3):
            return values.transpose(2, 0, 1)[None]
        if values.shape[2] == 4:
            raise ShapeError(
                f"{name} has shape {list(values.shape)}: four channels",
                fix="leave the transparency out: give [height, width, 3]",
            )
        return values[:, None]
    if values.shape[1] in (1, 3):
        return values
    if values.shape[3] in (1, 3):
        return values.transpose(0, 3, 1, 2)
    raise ShapeError(
        f"{name} has shape {list(values.shape)}",
        fix="give one or three channels: [n, channels, height, width]",
    )


def _fitted(pixels: NDArray[Any], preparation: ImagePreparation, notes: Sequence[str]) -> FittedImage:
    scaled = pixels.astype(np.float32) / preparation.divisor
    edge = np.concatenate([scaled[:, 0], scaled[:, -1], scaled[:, 1:-1, 0], scaled[:, 1:-1, -1]], axis=1)
    # The median, not the mean: a thing that touches the border must not make it look light.
    border = float(np.median(edge))
    is_far = abs(border - preparation.border) > INVERTED_MARGIN
    is_nearer_inverted = abs(1 - border - preparation.border) < abs(border - preparation.border)
    return FittedImage(pixels, tuple(notes), looks_inverted=is_far and is_nearer_inverted)


def _load_npy(path: Path) -> NDArray[Any]:
    try:
        with path.open("rb") as file:
            magic = file.read(len(np.lib.format.MAGIC_PREFIX))
        if magic.startswith(b"PK"):
            raise DataError(f"{path} holds several arrays", fix="save one array with numpy.save")
        if magic != np.lib.format.MAGIC_PREFIX:
            raise DataError(f"{path} is no .npy file", fix="save it with numpy.save")
        with np.errstate(over="ignore"):
            # A .npy file can hold pickled objects, which would run code: never.
            values: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except DataError:
        raise
    except (OSError, ValueError, EOFError, OverflowError, MemoryError, tokenize.TokenError) as error:
        raise DataError(f"{path} is no .npy file of numbers ({error})", fix="save it with numpy.save") from error
    return values
