"""Arrays of every shape and type as images."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pellucid.data.images.fitting import FittedImage, fit_array, fit_file
from pellucid.data.preparing_images import ImagePreparation
from pellucid.errors import DataError, PellucidError, ShapeError

Pixels = NDArray[np.uint8]
GREY = ImagePreparation((1, 28, 28), 255.0, (0.3,), (0.3,), border=0.0)
GREY_BORDER_40 = ImagePreparation((1, 28, 28), 255.0, (0.3,), (0.3,), border=40 / 255)
COLOUR = ImagePreparation((3, 28, 28), 255.0, (0.3, 0.3, 0.3), (0.3, 0.3, 0.3), border=40 / 255)
FLOAT = ImagePreparation((1, 28, 28), 1.0, (0.3,), (0.3,), border=0.0)


@pytest.fixture
def grey(random_numbers: np.random.Generator) -> Pixels:
    return random_numbers.integers(0, 256, (28, 28), dtype=np.uint8)


@pytest.fixture
def colour(random_numbers: np.random.Generator) -> Pixels:
    return random_numbers.integers(0, 256, (28, 28, 3), dtype=np.uint8)


def one(path: Path, preparation: ImagePreparation = GREY, *, invert: bool = False) -> FittedImage:
    (fitted,) = fit_file(path, preparation, invert=invert)
    return fitted


def luma(pixels: NDArray[Any]) -> NDArray[np.float64]:
    # ITU-R 601-2, which the documentation of Pillow's convert names.
    weighed: NDArray[np.float64] = pixels.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    return weighed


def difference(fitted: FittedImage, expected: NDArray[Any]) -> float:
    return float(np.abs(fitted.pixels.astype(np.float64).squeeze() - expected).max())


def planes_of(fitted: list[FittedImage]) -> list[Any]:
    return [image.pixels.tolist() for image in fitted]


@pytest.mark.parametrize(
    ("turned", "count"),
    [
        pytest.param(lambda images: images[0, 0], 1, id="[height, width]"),
        pytest.param(lambda images: images[:, 0], 4, id="[n, height, width]"),
        pytest.param(lambda images: images[:3, 0], 3, id="[3, height, width] of a grey network"),
        pytest.param(lambda images: images[0], 1, id="[1, height, width]"),
        pytest.param(lambda images: images[0].transpose(1, 2, 0), 1, id="[height, width, 1]"),
        pytest.param(lambda images: images, 4, id="[n, 1, height, width]"),
        pytest.param(lambda images: images.transpose(0, 2, 3, 1), 4, id="[n, height, width, 1]"),
        pytest.param(np.asfortranarray, 4, id="columns first in memory"),
    ],
)
def test_grey_arrays_of_every_shape(
    random_numbers: np.random.Generator, turned: Callable[[Pixels], Pixels], count: int
) -> None:
    images = random_numbers.integers(0, 256, (4, 1, 28, 28), dtype=np.uint8)
    assert planes_of(fit_array(turned(images), GREY)) == images[:count].tolist()


@pytest.mark.parametrize(
    ("turned", "count"),
    [
        pytest.param(lambda images: images[0], 1, id="[channels, height, width]"),
        pytest.param(lambda images: images[0].transpose(1, 2, 0), 1, id="[height, width, channels]"),
        pytest.param(lambda images: images, 4, id="[n, channels, height, width]"),
        pytest.param(lambda images: images.transpose(0, 2, 3, 1), 4, id="[n, height, width, channels]"),
    ],
)
def test_colour_arrays_of_every_shape(
    random_numbers: np.random.Generator, turned: Callable[[Pixels], Pixels], count: int
) -> None:
    images = random_numbers.integers(0, 256, (4, 3, 28, 28), dtype=np.uint8)
    assert planes_of(fit_array(turned(images), COLOUR)) == images[:count].tolist()


@pytest.mark.parametrize("shape", [(28, 28, 3), (56, 28), (56, 28, 3), (2, 3, 30, 40)])
def test_an_array_of_another_size_is_fitted_like_a_file(
    tmp_path: Path, random_numbers: np.random.Generator, shape: tuple[int, ...]
) -> None:
    values = random_numbers.integers(0, 256, shape, dtype=np.uint8)
    for image, fitted in zip(values if len(shape) == 4 else [values], fit_array(values, GREY), strict=True):
        Image.fromarray(image.transpose(1, 2, 0) if len(shape) == 4 else image).save(tmp_path / "same.png")
        from_file = one(tmp_path / "same.png")
        assert np.array_equal(fitted.pixels, from_file.pixels) and fitted.notes == from_file.notes


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_from_0_to_1_are_taken_as_0_to_255(grey: Pixels, dtype: type) -> None:
    (fitted,) = fit_array((grey / 255).astype(dtype), GREY)
    assert np.array_equal(fitted.pixels[0], grey)
    assert fitted.notes == ("values from 0 to 1 taken as 0 to 255",)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.int64, np.uint16])
def test_values_from_0_to_255_of_any_type_are_taken_as_they_are(grey: Pixels, dtype: type) -> None:
    (fitted,) = fit_array(grey.astype(dtype), GREY)
    assert np.array_equal(fitted.pixels[0], grey) and fitted.notes == ()


def test_true_and_false_are_255_and_0(grey: Pixels) -> None:
    (fitted,) = fit_array(grey > 99, GREY)
    assert np.array_equal(fitted.pixels[0], np.where(grey > 99, 255, 0))


def test_integers_0_and_1_are_not_taken_for_shares() -> None:
    (fitted,) = fit_array(np.ones((28, 28), np.int64), GREY)
    assert fitted.pixels.max() == 1


@pytest.mark.parametrize("size", [(28, 28), (14, 14)])
def test_an_array_is_inverted_like_a_file(random_numbers: np.random.Generator, size: tuple[int, int]) -> None:
    values = random_numbers.integers(0, 256, size, dtype=np.uint8)
    (plain,), (inverted,) = fit_array(values, GREY), fit_array(values, GREY, invert=True)
    assert np.array_equal(inverted.pixels, 255 - plain.pixels.astype(np.float64))
    assert "inverted" in inverted.notes


def test_a_network_of_floats_takes_floats_as_they_are(random_numbers: np.random.Generator) -> None:
    values = random_numbers.normal(size=(2, 28, 28))
    assert planes_of(fit_array(values, FLOAT)) == values[:, None].tolist()


@pytest.mark.parametrize(
    ("values", "kind", "problem"),
    [
        pytest.param(np.full((28, 28), 256), DataError, "has values from 256 to 256", id="too large"),
        pytest.param(np.full((28, 28), -1), DataError, "has values from -1 to -1", id="negative"),
        pytest.param(np.full((28, 28), -0.1), DataError, "has values from -0.1 to -0.1", id="negative float"),
        pytest.param(np.full((28, 28), np.nan), DataError, "has NaN or infinite", id="NaN"),
        pytest.param(np.full((28, 28), -np.inf), DataError, "has NaN or infinite", id="infinite"),
        pytest.param(np.full((28, 28), None), DataError, "holds values of type object", id="objects"),
        pytest.param(np.full((28, 28), "a"), DataError, "holds values of type <U1", id="text"),
        pytest.param(np.full((28, 28), 1j), DataError, "holds values of type complex128", id="complex"),
        pytest.param(np.full((28, 28), 0, "M8[s]"), DataError, "holds values of type datetime64", id="dates"),
        pytest.param(np.float64(3), ShapeError, r"has shape \[\]", id="number"),
        pytest.param(np.zeros(784), ShapeError, r"has shape \[784\]", id="row"),
        pytest.param(np.zeros((0, 28, 28)), ShapeError, r"has shape \[0, 28, 28\]", id="none"),
        pytest.param(np.zeros((1, 1, 1, 28, 28)), ShapeError, "has shape", id="five dimensions"),
        pytest.param(np.zeros((28, 28, 4)), ShapeError, r"has shape \[28, 28, 4\]: four channels", id="transparency"),
        pytest.param(np.zeros((2, 5, 28, 28)), ShapeError, "fix: give one or three channels", id="five channels"),
    ],
)
def test_an_array_that_is_no_image_is_refused(values: NDArray[Any], kind: type[PellucidError], problem: str) -> None:
    with pytest.raises(kind, match=f"the array {problem}" if not problem.startswith("fix") else problem):
        fit_array(np.asarray(values), GREY)


def test_a_network_of_floats_refuses_other_sizes() -> None:
    with pytest.raises(ShapeError, match=r"images of shape \[1, 20, 20\] but the classifier takes \[1, 28, 28\]"):
        fit_array(np.zeros((20, 20)), FLOAT)
