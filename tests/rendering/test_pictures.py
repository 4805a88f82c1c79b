"""Pixels scaled, laid out and encoded."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from pellucid.rendering.pictures import beside, png_address, scaled


def pixels_of(*shape: int) -> np.ndarray:
    pixels: np.ndarray = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return pixels


@pytest.mark.parametrize("channels", [(), (3,)])
def test_a_smaller_picture_is_averaged(channels: tuple[int, ...]) -> None:
    pixels = pixels_of(6, 8, *channels)
    by_hand = pixels.reshape(3, 2, 4, 2, *channels).mean(axis=(1, 3))
    # Columns and rows are averaged one after the other, each rounded.
    assert np.abs(scaled(pixels, 4, 3) - by_hand).max() <= 1


@pytest.mark.parametrize("channels", [(), (3,)])
def test_a_larger_picture_has_hard_edges(channels: tuple[int, ...]) -> None:
    pixels = pixels_of(3, 4, *channels)
    assert np.array_equal(scaled(pixels, 12, 6), pixels.repeat(2, axis=0).repeat(3, axis=1))


@pytest.mark.parametrize("channels", [(), (3,)])
def test_pictures_stand_beside_each_other_with_black_between(channels: tuple[int, ...]) -> None:
    first, second, third = (pixels_of(3, width, *channels) for width in (4, 2, 5))
    row = beside([first, second, third], gap=2)
    assert row.shape == (3, 4 + 2 + 2 + 2 + 5, *channels)
    parts = row[:, :4], row[:, 6:8], row[:, 10:]
    assert all(np.array_equal(part, picture) for part, picture in zip(parts, (first, second, third), strict=True))
    assert row[:, 4:6].max() == row[:, 8:10].max() == 0


@pytest.mark.parametrize("channels", [(), (3,)])
def test_an_address_holds_the_pixels_as_png(channels: tuple[int, ...]) -> None:
    kind, _, content = png_address(pixels_of(5, 4, *channels)).partition(",")
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(content)), formats=["PNG"]) as image:
        assert np.array_equal(np.asarray(image), pixels_of(5, 4, *channels))
