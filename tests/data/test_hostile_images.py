"""Files that are no images, promise too much, or want to run code."""

import io
import os
import pickle
import random
import struct
import tracemalloc
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from pellucid.data.images.files import open_image
from pellucid.data.images.fitting import FittedImage, fit_file, fit_image
from pellucid.data.preparing_images import ImagePreparation
from pellucid.errors import DataError, MissingFileError, PellucidError

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


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_promising(width: int, height: int) -> bytes:
    """A few bytes that say they are an image of this size."""
    header = chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("width", "height", "problem"),
    [
        pytest.param(30_000, 30_000, "has too many pixels", id="900 million pixels"),
        pytest.param(16_000, 11_000, "is 16,000 x 11,000 pixels", id="176 million pixels"),
        pytest.param(30_000, 1, "is 30,000 x 1 pixels", id="a long line"),
        pytest.param(1, 30_000, "is 1 x 30,000 pixels", id="a high line"),
    ],
)
def test_an_image_with_too_many_pixels_is_refused_before_it_is_decoded(
    tmp_path: Path, width: int, height: int, problem: str
) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(png_promising(width, height))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=f"^{path} {problem}\n  fix: make it smaller: at most 16,384 pixels a side"):
            one(path)
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


def test_a_large_image_within_the_limits_gives_no_warning(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(png_promising(16_000, 6_000))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match="damaged or cut short"):  # only the promise is large
            one(path)


def encoded(suffix: str, pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, suffix)
    return buffer.getvalue()


@pytest.mark.parametrize("suffix", ["PNG", "JPEG", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_file_cut_short_is_refused(tmp_path: Path, colour: Pixels, suffix: str, share: float) -> None:
    content = encoded(suffix, colour)
    (tmp_path / "cut").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DataError, match=r"cut is damaged or cut short|cut is no image that can be read"):
        one(tmp_path / "cut")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="zero bytes"),
        pytest.param(b"this is text", id="text"),
        pytest.param(b"\x89PNG\r\n\x1a\n", id="only the mark of PNG"),
        pytest.param(b"\xff\xd8\xff", id="only the mark of JPEG"),
        pytest.param(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n", id="EPS"),
        pytest.param(b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', id="SVG"),
        pytest.param(b"P5 2 2 255 abcd", id="PGM"),
    ],
)
def test_what_is_no_image_is_refused_whatever_it_is_called(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "image.png").write_bytes(content)
    with pytest.raises(DataError, match=r"image.png is no image that can be read\n  fix: give a PNG, JPEG, WebP"):
        one(tmp_path / "image.png")


@pytest.mark.parametrize("suffix", ["GIF", "ICO", "PPM", "TGA", "PDF", "EPS"])
def test_other_formats_are_refused_without_running_their_decoders(tmp_path: Path, colour: Pixels, suffix: str) -> None:
    (tmp_path / "image.png").write_bytes(encoded(suffix, colour))
    with pytest.raises(DataError, match="is no image that can be read"):
        one(tmp_path / "image.png")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"there is no file .*absent.png"):
        one(tmp_path / "absent.png")


def test_a_folder_is_refused_for_the_images_in_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"is a folder\n  fix: give the images in it: {tmp_path}/\*.png"):
        one(tmp_path)


def test_a_name_longer_than_any_file_may_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"xxx.png cannot be read"):
        one(tmp_path / f"{'x' * 300}.png")


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(DataError, match=r"pipe.png is no regular file\n  fix: give a PNG"):
        one(tmp_path / "pipe.png")


def test_a_file_larger_than_any_image_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse.webp").open("wb") as file:
        file.write(b"RIFF\xff\xff\xff\x7fWEBPVP8 ")
        file.truncate(3_000_000_000)
    with pytest.raises(
        DataError, match=r"sparse.webp has 3,000,000,000 bytes\n  fix: make it smaller than 500,000,000"
    ):
        one(tmp_path / "sparse.webp")


def test_a_webp_that_takes_several_times_its_pixels_is_refused_earlier_than_others(tmp_path: Path) -> None:
    Image.new("L", (16_000, 2_600)).save(tmp_path / "large.webp", quality=1, method=0)
    with pytest.raises(DataError, match=r"is 16,000 x 2,600 pixels\n  fix: .* 40,000,000 of a WebP file"):
        one(tmp_path / "large.webp")


def test_an_image_without_pixels_is_refused() -> None:
    with pytest.raises(DataError, match="it has no pixels"):
        fit_image(Image.new("L", (0, 5)), GREY, name="it")


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Path, str]]:
        return Path.write_text, (self.path, "code has run")


@pytest.mark.parametrize("is_wrapped", [False, True], ids=["bare pickle", "array of objects"])
def test_pickled_code_in_a_numpy_file_is_not_run(tmp_path: Path, is_wrapped: bool) -> None:
    path, mark = tmp_path / "bomb.npy", tmp_path / "mark"
    if is_wrapped:
        np.save(path, np.array([Bomb(mark)], object), allow_pickle=True)
    else:
        path.write_bytes(pickle.dumps(Bomb(mark)))
    with pytest.raises(DataError, match=r"bomb.npy is no .npy file"):
        one(path)
    assert not mark.exists()
    np.load(path, allow_pickle=True)  # the bomb is a real one
    assert mark.exists()


def test_a_numpy_archive_is_refused(tmp_path: Path, grey: Pixels) -> None:
    np.savez(tmp_path / "several.npz", grey)
    with pytest.raises(DataError, match=r"several.npz is no image that can be read"):
        one(tmp_path / "several.npz")
    (tmp_path / "several.npz").rename(tmp_path / "several.npy")
    with pytest.raises(DataError, match=r"several.npy holds several arrays"):
        one(tmp_path / "several.npy")


@pytest.mark.parametrize(
    "shape", [f"({10**30},)", f"({2**62}, {2**62})", "(-1, 28, 28)", "(28, 28)", "('a',)", "28", "((((", ""]
)
def test_a_numpy_header_that_promises_what_is_not_there_is_refused(tmp_path: Path, shape: str) -> None:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    (tmp_path / "header.npy").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(64))
    with pytest.raises(DataError, match=r"header.npy is no .npy file of numbers"):
        one(tmp_path / "header.npy")


def corpus() -> list[tuple[str, bytes]]:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 15, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    files: list[tuple[str, bytes]] = []
    for kind, options in (
        ("PNG", {}), ("JPEG", {}), ("JPEG", {"exif": exif}), ("WEBP", {}), ("BMP", {}), ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
    ):  # fmt: skip
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, kind, **options)
        files.append((".png", buffer.getvalue()))
    for array in (pixels[..., 0].astype(np.uint16), pixels[..., 0].astype(np.float32)):
        buffer = io.BytesIO()
        Image.fromarray(array).save(buffer, "TIFF")
        files.append((".png", buffer.getvalue()))
    buffer = io.BytesIO()
    np.save(buffer, pixels)
    return [*files, (".npy", buffer.getvalue())]


def is_read_or_refused(path: Path) -> bool:
    try:
        fitted = fit_file(path, GREY)
    except PellucidError as error:
        return bool(error.problem and error.fix)
    return all(bool(np.isfinite(image.pixels).all()) for image in fitted)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(file=st.sampled_from(corpus()), seed=st.integers(0, 2**32), flips=st.integers(1, 8))
def test_a_damaged_file_is_read_or_refused_with_a_fix(
    tmp_path: Path, file: tuple[str, bytes], seed: int, flips: int
) -> None:
    suffix, stored = file
    content, numbers = bytearray(stored), random.Random(seed)
    for _ in range(flips):
        # Most of them near the start, where the headers are.
        content[min(int(numbers.expovariate(1 / 60)), len(content) - 1)] = numbers.choice(
            [0, 255, numbers.randrange(256)]
        )
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(content)
    assert is_read_or_refused(path)


@pytest.mark.parametrize("raised", [KeyError("tag"), TypeError("float"), struct.error("short"), RecursionError("deep")])
def test_whatever_a_decoder_stumbles_over_is_a_damaged_file(
    tmp_path: Path, grey: Pixels, monkeypatch: pytest.MonkeyPatch, raised: Exception
) -> None:
    def stumble(_: object) -> None:
        raise raised

    Image.fromarray(grey).save(tmp_path / "grey.png")
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", stumble)
    with pytest.raises(DataError, match=r"grey.png is damaged or cut short"):
        open_image(tmp_path / "grey.png")


def test_the_file_is_closed_and_not_changed(tmp_path: Path, grey: Pixels) -> None:
    path = tmp_path / "grey.png"
    Image.fromarray(grey).save(path)
    before = path.read_bytes(), path.stat().st_mtime_ns
    image = open_image(path)
    path.unlink()
    assert np.array_equal(np.asarray(image), grey)  # all of it is in memory
    path.write_bytes(before[0])
    one(path)
    assert path.read_bytes() == before[0]
