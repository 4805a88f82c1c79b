"""Image files of every kind, size and mode against Pillow and NumPy by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pellucid.data.dataset import Dataset
from pellucid.data.images.fitting import FittedImage, fit_array, fit_file, fit_image
from pellucid.data.preparing_images import ImagePreparation
from pellucid.errors import DataError

Pixels = NDArray[np.uint8]
GREY = ImagePreparation((1, 28, 28), 255.0, (0.3,), (0.3,), border=0.0)
GREY_BORDER_40 = ImagePreparation((1, 28, 28), 255.0, (0.3,), (0.3,), border=40 / 255)
COLOUR = ImagePreparation((3, 28, 28), 255.0, (0.3, 0.3, 0.3), (0.3, 0.3, 0.3), border=40 / 255)
FLOAT = ImagePreparation((1, 28, 28), 1.0, (0.3,), (0.3,), border=0.0)
# "exact" keeps the colours below transparent pixels.
LOSSLESS: dict[str, dict[str, Any]] = {"webp": {"lossless": True, "exact": True}}


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


@pytest.mark.parametrize(("suffix", "options"), [("png", {}), ("bmp", {}), ("tiff", {}), ("webp", {"lossless": True})])
def test_an_exact_file_of_the_right_size_comes_through_unchanged(
    tmp_path: Path, grey: Pixels, suffix: str, options: dict[str, Any]
) -> None:
    path = tmp_path / f"grey.{suffix}"
    # WebP knows no grey.
    Image.fromarray(grey).convert("RGB" if suffix == "webp" else "L").save(path, **options)
    assert np.array_equal(one(path).pixels, grey[None])


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp"])
def test_an_exact_colour_file_becomes_three_planes(tmp_path: Path, colour: Pixels, suffix: str) -> None:
    path = tmp_path / f"colour.{suffix}"
    Image.fromarray(colour).save(path, **LOSSLESS.get(suffix, {}))
    fitted = one(path, COLOUR)
    assert np.array_equal(fitted.pixels, colour.transpose(2, 0, 1))
    assert fitted.notes == ()


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "webp"])
def test_a_lossy_file_gives_the_pixels_that_pillow_decodes(tmp_path: Path, colour: Pixels, suffix: str) -> None:
    path = tmp_path / f"colour.{suffix}"
    Image.fromarray(colour).save(path, quality=80)
    with Image.open(path) as decoded:
        assert np.array_equal(one(path, COLOUR).pixels, np.asarray(decoded).transpose(2, 0, 1))


def test_a_numpy_file_comes_through_unchanged(tmp_path: Path, grey: Pixels) -> None:
    np.save(tmp_path / "grey.npy", grey)
    assert np.array_equal(one(tmp_path / "grey.npy").pixels, grey[None])


def test_a_numpy_file_can_hold_several_images(tmp_path: Path, random_numbers: np.random.Generator) -> None:
    images = random_numbers.integers(0, 256, (5, 28, 28), dtype=np.uint8)
    np.save(tmp_path / "grey.npy", images)
    assert [fitted.pixels.tolist() for fitted in fit_file(tmp_path / "grey.npy", GREY)] == images[:, None].tolist()


def test_the_content_counts_and_not_the_name(tmp_path: Path, grey: Pixels) -> None:
    Image.fromarray(grey).save(tmp_path / "image.jpg", "PNG")
    assert np.array_equal(one(tmp_path / "image.jpg").pixels, grey[None])


def test_black_and_white_becomes_0_and_255(tmp_path: Path, grey: Pixels) -> None:
    Image.fromarray(grey > 99).save(tmp_path / "bits.png")
    assert np.array_equal(one(tmp_path / "bits.png").pixels[0], np.where(grey > 99, 255, 0))


def test_colour_is_made_grey_by_brightness_and_noted(tmp_path: Path, colour: Pixels) -> None:
    Image.fromarray(colour).save(tmp_path / "colour.png")
    fitted = one(tmp_path / "colour.png")
    assert difference(fitted, luma(colour)) <= 1
    assert fitted.notes == ("made grey",)


def test_grey_is_repeated_for_a_network_of_colours(tmp_path: Path, grey: Pixels) -> None:
    Image.fromarray(grey).save(tmp_path / "grey.png")
    assert np.array_equal(one(tmp_path / "grey.png", COLOUR).pixels, np.stack([grey] * 3))


def test_a_palette_is_looked_up(tmp_path: Path, random_numbers: np.random.Generator) -> None:
    palette = random_numbers.integers(0, 256, (256, 3), dtype=np.uint8)
    numbers = random_numbers.integers(0, 256, (28, 28), dtype=np.uint8)
    image = Image.fromarray(numbers).convert("L")
    image.putpalette(palette.tobytes())
    assert image.mode == "P"
    image.save(tmp_path / "palette.png")
    assert np.array_equal(one(tmp_path / "palette.png", COLOUR).pixels, palette[numbers].transpose(2, 0, 1))


def test_cmyk_is_turned_into_colours_of_light(tmp_path: Path) -> None:
    inks = {"white": (0, 0, 0, 0), "cyan": (255, 0, 0, 0), "yellow": (0, 0, 255, 0), "black": (0, 0, 0, 255)}
    lights = {"white": [255, 255, 255], "cyan": [0, 255, 255], "yellow": [255, 255, 0], "black": [0, 0, 0]}
    for name, ink in inks.items():
        Image.new("CMYK", (28, 28), ink).save(tmp_path / f"{name}.tiff")
        assert one(tmp_path / f"{name}.tiff", COLOUR).pixels[:, 0, 0].tolist() == lights[name]


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_16_bits_are_scaled_to_8(tmp_path: Path, random_numbers: np.random.Generator, suffix: str) -> None:
    values = random_numbers.integers(0, 65536, (28, 28), dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / f"deep.{suffix}")
    fitted = one(tmp_path / f"deep.{suffix}")
    assert difference(fitted, np.rint(values / 257)) == 0
    assert fitted.notes == ("16 or 32 bits made 8",)


@pytest.mark.parametrize(
    ("top", "scale"),
    [pytest.param(65535, 1 / 257, id="to 65535"), pytest.param(255, 1, id="to 255")],
)
def test_32_bits_are_taken_as_16_or_8_by_their_largest_value(
    tmp_path: Path, random_numbers: np.random.Generator, top: int, scale: float
) -> None:
    values = random_numbers.integers(0, top + 1, (28, 28), dtype=np.int32)
    values[0, 0] = top
    Image.fromarray(values).save(tmp_path / "deep.tiff")
    assert difference(one(tmp_path / "deep.tiff"), np.rint(values * scale)) == 0


@pytest.mark.parametrize(
    ("top", "scale"),
    [
        pytest.param(1, 255, id="to 1"),
        pytest.param(255, 1, id="to 255"),
        pytest.param(65535, 1 / 257, id="to 65535"),
    ],
)
def test_floats_are_scaled_by_their_largest_value(
    tmp_path: Path, random_numbers: np.random.Generator, top: float, scale: float
) -> None:
    values = random_numbers.random((28, 28), np.float32) * np.float32(top)
    values[0, 0] = top
    Image.fromarray(values).save(tmp_path / "float.tiff")
    assert difference(one(tmp_path / "float.tiff"), np.rint(values.astype(np.float64) * scale)) == 0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_floats_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    values = np.zeros((28, 28), np.float32)
    values[3, 4] = value
    Image.fromarray(values).save(tmp_path / "float.tiff")
    with pytest.raises(DataError, match=r"float.tiff has NaN or infinite values"):
        one(tmp_path / "float.tiff")


@pytest.mark.parametrize("suffix", ["png", "webp", "tiff"])
def test_transparent_parts_show_the_background_of_the_training_images(
    tmp_path: Path, random_numbers: np.random.Generator, suffix: str
) -> None:
    rgba = random_numbers.integers(0, 256, (28, 28, 4), dtype=np.uint8)
    path = tmp_path / f"glass.{suffix}"
    Image.fromarray(rgba).save(path, **LOSSLESS.get(suffix, {}))
    share = rgba[..., 3:] / 255
    by_hand = rgba[..., :3] * share + 40 * (1 - share)
    fitted = one(path, COLOUR)
    assert difference(fitted, by_hand.transpose(2, 0, 1)) <= 1
    assert fitted.notes == ("transparent parts filled with the background of the training images",)


def test_transparent_grey_shows_the_background_too(tmp_path: Path, random_numbers: np.random.Generator) -> None:
    grey_alpha = random_numbers.integers(0, 256, (28, 28, 2), dtype=np.uint8)
    Image.fromarray(grey_alpha).save(tmp_path / "glass.png")
    share = grey_alpha[..., 1] / 255
    by_hand = grey_alpha[..., 0] * share + 40 * (1 - share)
    assert difference(one(tmp_path / "glass.png", GREY_BORDER_40), by_hand) <= 1


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_one_colour_can_be_marked_as_transparent(tmp_path: Path, mode: str) -> None:
    image = Image.new(mode, (28, 28), 200 if mode != "RGB" else (200, 200, 200))
    image.paste(9 if mode != "RGB" else (9, 9, 9), (0, 0, 14, 28))
    if mode == "P":
        image.putpalette([level for level in range(256) for _ in range(3)])
    image.save(tmp_path / "marked.png", transparency=9 if mode != "RGB" else (9, 9, 9))
    pixels = one(tmp_path / "marked.png", GREY_BORDER_40).pixels[0]
    assert (set(pixels[:, :14].ravel().tolist()), set(pixels[:, 14:].ravel().tolist())) == ({40}, {200})


def test_an_alpha_channel_that_hides_nothing_is_not_noted(tmp_path: Path, colour: Pixels) -> None:
    Image.fromarray(np.dstack([colour, np.full((28, 28), 255, np.uint8)])).save(tmp_path / "full.png")
    assert one(tmp_path / "full.png", COLOUR).notes == ()


ORIENTATIONS: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda pixels: pixels,
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).T,
    8: np.rot90,
}


@pytest.mark.parametrize("suffix", ["png", "tiff"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_an_image_is_turned_as_its_camera_says(tmp_path: Path, grey: Pixels, orientation: int, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(grey).save(tmp_path / f"turned.{suffix}", exif=exif)
    assert np.array_equal(one(tmp_path / f"turned.{suffix}").pixels[0], ORIENTATIONS[orientation](grey))


def halved(pixels: Pixels) -> NDArray[np.float64]:
    blocks: NDArray[np.float64] = pixels.reshape(pixels.shape[0] // 2, 2, pixels.shape[1] // 2, 2).mean(axis=(1, 3))
    return blocks


def test_a_wide_image_keeps_its_aspect_between_bars_of_the_background(
    tmp_path: Path, random_numbers: np.random.Generator
) -> None:
    noise = random_numbers.integers(0, 256, (28, 56), dtype=np.uint8)  # no even edge to go on with
    Image.fromarray(noise).save(tmp_path / "wide.png")
    fitted = one(tmp_path / "wide.png", GREY_BORDER_40)
    assert np.abs(fitted.pixels[0, 7:21] - halved(noise)).max() <= 1
    assert set(fitted.pixels[0, :7].ravel().tolist()) | set(fitted.pixels[0, 21:].ravel().tolist()) == {40}
    assert fitted.notes == ("resized from 56x28 to 28x28",)


def test_a_high_image_keeps_its_aspect(tmp_path: Path, random_numbers: np.random.Generator) -> None:
    noise = random_numbers.integers(0, 256, (56, 28), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "high.png")
    fitted = one(tmp_path / "high.png", GREY_BORDER_40)
    assert np.abs(fitted.pixels[0, :, 7:21] - halved(noise)).max() <= 1
    assert set(fitted.pixels[0, :, :7].ravel().tolist()) == {40}


def test_an_image_with_an_even_border_goes_on_with_it(tmp_path: Path) -> None:
    image = Image.new("RGB", (56, 28), (200, 100, 50))
    image.paste((0, 0, 0), (20, 10, 36, 18))
    image.save(tmp_path / "wide.png")
    assert one(tmp_path / "wide.png", COLOUR).pixels[:, 0, 0].tolist() == [200, 100, 50]


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 16_000), (1_000, 1), (28, 27), (300, 300)])
def test_an_image_of_one_colour_stays_of_one_colour_at_any_size(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("L", size, 90).save(tmp_path / "plain.png")
    fitted = one(tmp_path / "plain.png")
    assert fitted.pixels.tolist() == [[[90] * 28] * 28]
    assert fitted.notes == (f"resized from {size[0]}x{size[1]} to 28x28",)


@pytest.mark.parametrize("preparation", [GREY, COLOUR])
def test_inverted_means_255_less_each_value(tmp_path: Path, colour: Pixels, preparation: ImagePreparation) -> None:
    Image.fromarray(colour).save(tmp_path / "colour.png")
    plain = one(tmp_path / "colour.png", preparation)
    inverted = one(tmp_path / "colour.png", preparation, invert=True)
    assert np.array_equal(inverted.pixels, 255 - plain.pixels)
    assert inverted.notes == (*plain.notes, "inverted")


def test_what_is_filled_in_is_not_inverted(tmp_path: Path, random_numbers: np.random.Generator) -> None:
    noise = random_numbers.integers(0, 256, (28, 56), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "wide.png")
    inverted = one(tmp_path / "wide.png", GREY_BORDER_40, invert=True)
    assert set(inverted.pixels[0, :7].ravel().tolist()) == {40}


def test_all_that_was_done_is_noted_in_its_order(tmp_path: Path) -> None:
    Image.new("RGBA", (10, 20), (1, 2, 3, 100)).save(tmp_path / "all.png")
    assert one(tmp_path / "all.png", invert=True).notes == (
        "transparent parts filled with the background of the training images",
        "made grey",
        "inverted",
        "resized from 10x20 to 28x28",
    )


def test_a_network_of_floats_gets_a_file_as_floats_from_0_to_1(tmp_path: Path, grey: Pixels) -> None:
    Image.fromarray(grey).save(tmp_path / "grey.png")
    fitted = one(tmp_path / "grey.png", FLOAT)
    assert np.array_equal(fitted.pixels[0], grey.astype(np.float32) / np.float32(255))
    assert fitted.notes == ("values from 0 to 255 taken as 0 to 1",)


def test_inverted_clothes_look_inverted_and_plain_ones_do_not(fashion_mnist: Dataset) -> None:
    preparation = ImagePreparation.fit(fashion_mnist.train)
    images = fashion_mnist.test.inputs[:1000, 0]
    plain = sum(fitted.looks_inverted for fitted in fit_array(images, preparation))
    inverted = sum(fitted.looks_inverted for fitted in fit_array(255 - images, preparation))
    turned = sum(fitted.looks_inverted for fitted in fit_array(255 - images, preparation, invert=True))
    assert (plain < 10, inverted >= 950, turned < 10) == (True, True, True), (plain, inverted, turned)


def test_a_light_image_looks_right_where_the_training_images_are_light() -> None:
    light = ImagePreparation((1, 28, 28), 255.0, (0.3,), (0.3,), border=0.95)
    white, black = Image.new("L", (28, 28), 255), Image.new("L", (28, 28), 0)
    seen = [fit_image(image, light, name="it").looks_inverted for image in (white, black)]
    assert seen == [False, True]
