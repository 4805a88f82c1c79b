"""Image files that are broken, strange or made to do harm, each with what a reader has to do about it."""

import io
import os
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

Pixels = NDArray[np.uint8]
SIDE = 28


@dataclass(frozen=True)
class Hostile:
    """A file that somebody may have in a folder.

    Attributes:
        name: As it is called on the disk.
        make: Puts it there.
        reason: Of the error that has to name it; None if it has to be used.
        pixels: What an image of the right size has to give, grey [height, width] or colour [height, width, 3]; None if
            that depends on more than the file.
        tolerance: How far off they may be.
    """

    name: str
    make: Callable[[Path], None]
    reason: str | None = None
    pixels: NDArray[Any] | None = None
    tolerance: float = 0


def grey(seed: int = 1) -> Pixels:
    """A picture with an even dark border, so that nothing depends on the other images."""
    pixels = np.zeros((SIDE, SIDE), np.uint8)
    pixels[4:-4, 4:-4] = np.random.default_rng(seed).integers(0, 256, (SIDE - 8, SIDE - 8), dtype=np.uint8)
    return pixels


def colour(seed: int = 1) -> Pixels:
    return np.dstack([grey(seed), grey(seed + 1), grey(seed + 2)])


def encoded(image: Image.Image | Pixels, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_of(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def png_promising(width: int, height: int, *more: bytes) -> bytes:
    """A few bytes that say they are an image of this size."""
    header = chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0))
    return png_of(header, *more, chunk(b"IDAT", zlib.compress(bytes(1000))), chunk(b"IEND", b""))


def png_with(*more: bytes, pixels: Pixels | None = None) -> bytes:
    """A whole grey PNG with more chunks before its pixels."""
    pixels = grey() if pixels is None else pixels
    height, width = pixels.shape
    header = chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0))
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    return png_of(header, *more, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))


def tiff_promising(width: int, height: int) -> bytes:
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 200)]
    tags += [(277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, 100)]
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8) + directory + bytes(200)


def tiff_in_a_circle() -> bytes:
    """Its directory says that the next directory is itself."""
    content = bytearray(encoded(grey(), "TIFF"))
    (start,) = struct.unpack_from("<I", content, 4)
    (tags,) = struct.unpack_from("<H", content, start)
    struct.pack_into("<I", content, start + 2 + 12 * tags, start)
    return bytes(content)


def bmp_promising(width: int, height: int) -> bytes:
    return (
        b"BM"
        + struct.pack("<IHHI", 154, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, *[0] * 6)
        + bytes(100)
    )


def exif_of(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("x.png", encoded(grey(), "PNG"))
    return buffer.getvalue()


def palette_with_holes() -> Image.Image:
    image = Image.fromarray(grey())
    image = image.convert("P")
    image.putpalette([level for level in range(256) for _ in range(3)])
    return image


def smooth() -> Pixels:
    """What JPEG keeps nearly as it is."""
    ramp = np.linspace(0, 255, SIDE).astype(np.uint8)
    return np.repeat(ramp[None], SIDE, axis=0)


def damaged_in_the_middle(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes(byte ^ 0xFF for byte in content[middle : middle + 20]) + content[middle + 20 :]


def _bytes(
    name: str, content: bytes, reason: str | None = None, pixels: NDArray[Any] | None = None, tolerance: float = 0
) -> Hostile:
    def make(path: Path) -> None:
        path.write_bytes(content)

    return Hostile(name, make, reason, pixels, tolerance)


NOT_READ = "is no image that can be read"
BROKEN = "is damaged or cut short|is no image that can be read"


def hostile_files() -> list[Hostile]:
    """All cases; each name occurs once."""
    return [*_cut_short(), *_no_images(), *_bombs(), *_strange_but_right(), *_turned(), *_not_files(), *_names()]


def _cut_short() -> Iterator[Hostile]:
    noise = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    for kind in ("PNG", "JPEG", "WEBP", "BMP", "TIFF"):
        content = encoded(noise, kind)
        for percent in (1, 20, 50, 90):
            yield _bytes(f"cut at {percent} {kind}.png", content[: len(content) * percent // 100], BROKEN)
    yield _bytes("empty.png", b"", NOT_READ)
    yield _bytes("zeros.jpg", bytes(5000), NOT_READ)
    yield _bytes("mark of png.png", b"\x89PNG\r\n\x1a\n", BROKEN)
    yield _bytes("mark of jpeg.jpg", b"\xff\xd8\xff", BROKEN)
    yield _bytes("inverted middle.png", damaged_in_the_middle(encoded(noise, "PNG")), BROKEN)
    bad_header = bytearray(encoded(grey(), "PNG"))
    bad_header[29] ^= 1
    yield _bytes("wrong checksum of header.png", bytes(bad_header), BROKEN)
    yield _bytes(
        "no pixels.png", png_of(chunk(b"IHDR", struct.pack(">2I5B", 9, 9, 8, 0, 0, 0, 0)), chunk(b"IEND", b"")), BROKEN
    )
    yield _bytes("no width.png", png_promising(0, 9), BROKEN)
    yield _bytes("no filter.png", png_with()[:-30] + chunk(b"IEND", b""), BROKEN)


def _no_images() -> Iterator[Hostile]:
    gif = encoded(grey(), "GIF")
    yield _bytes("gif.png", gif, NOT_READ)
    yield _bytes("gif.gif", gif, NOT_READ)
    yield _bytes("photoshop.png", b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 28, 28, 8, 3) + bytes(40), NOT_READ)
    yield _bytes("drawing.png", b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', NOT_READ)
    yield _bytes("page.png", b"<!DOCTYPE html><html><body>404 not found</body></html>", NOT_READ)
    yield _bytes("archive.png", archive(), NOT_READ)
    yield _bytes("text.jpg", b"not found\n" * 9, NOT_READ)
    yield _bytes("program.png", b"\x7fELF" + bytes(200), NOT_READ)
    yield _bytes("postscript.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n", NOT_READ)
    yield _bytes("pointer.jpg", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n", NOT_READ)
    yield _bytes("camera.heic", b"\0\0\0\x18ftypheic" + bytes(40), NOT_READ)


def _bombs() -> Iterator[Hostile]:
    yield _bytes("bomb.png", png_promising(60_000, 60_000), "has too many pixels")
    yield _bytes("large.png", png_promising(15_000, 11_000), "is 15,000 x 11,000 pixels")
    yield _bytes("line.png", png_promising(60_000, 1), "is 60,000 x 1 pixels")
    yield _bytes("bomb.tif", tiff_promising(60_000, 60_000), "has too many pixels")
    yield _bytes("bomb.bmp", bmp_promising(60_000, 60_000), "has too many pixels|is no image that can be read")
    yield _bytes("lying.bmp", bmp_promising(5_000, 5_000), BROKEN)
    yield _bytes("lying.tif", tiff_promising(5_000, 5_000), BROKEN)
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200_000_000), 9))
    yield _bytes("bomb of text.png", png_with(text), BROKEN)
    profile = chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(200_000_000), 9))
    yield _bytes("bomb of a profile.png", png_with(profile), BROKEN)
    yield Hostile("sparse.webp", _sparse, "has 3,000,000,000 bytes")


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"RIFF\xff\xff\xff\x7fWEBPVP8 ")
        file.truncate(3_000_000_000)


def _strange_but_right() -> Iterator[Hostile]:
    yield _bytes("called otherwise.png", encoded(Image.fromarray(smooth()), "JPEG", quality=100), None, smooth(), 2)
    yield _bytes("no suffix", encoded(grey(2), "PNG"), None, grey(2))
    yield _bytes("CAPITALS.PNG", encoded(grey(3), "PNG"), None, grey(3))
    deep = np.random.default_rng(5).integers(0, 65536, (SIDE, SIDE), dtype=np.uint16)
    yield _bytes("16 bits.png", encoded(Image.fromarray(deep), "PNG"), None, np.rint(deep / 257))
    bits = grey(4) > 99
    yield _bytes("1 bit.png", encoded(Image.fromarray(bits), "PNG"), None, np.where(bits, 255, 0))
    floats = np.random.default_rng(6).random((SIDE, SIDE), np.float32)
    yield _bytes("floats.tif", encoded(Image.fromarray(floats), "TIFF"), None, np.rint(floats.astype(float) * 255))
    infinite = floats.copy()
    infinite[3, 3] = np.nan
    yield _bytes("not finite.tif", encoded(Image.fromarray(infinite), "TIFF"), "has NaN or infinite values")
    yield _bytes("palette with holes.png", encoded(palette_with_holes(), "PNG", transparency=0))
    yield _bytes(
        "grey and alpha.png", encoded(np.dstack([grey(5), np.full((SIDE, SIDE), 255, np.uint8)]), "PNG"), None, grey(5)
    )
    yield _bytes("glass.png", encoded(np.dstack([colour(6), grey(7)]), "PNG"))
    inks = Image.new("CMYK", (SIDE, SIDE), (255, 0, 0, 0))
    yield _bytes("inks.jpg", encoded(inks, "JPEG", quality=100), None, np.full((SIDE, SIDE, 3), [0, 255, 255]), 3)
    yield _bytes("inks.tif", encoded(inks, "TIFF"), None, np.full((SIDE, SIDE, 3), [0, 255, 255]))
    frames = [Image.fromarray(colour(seed)) for seed in (8, 20, 30)]
    for kind, suffix, options in (("WEBP", "webp", {"lossless": True}), ("PNG", "png", {}), ("TIFF", "tif", {})):
        content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        yield _bytes(f"moving.{suffix}", content, None, colour(8))
    yield _bytes("circle.tif", tiff_in_a_circle(), None, grey())
    yield _bytes(
        "torn exif.jpg",
        encoded(Image.fromarray(smooth()), "JPEG", quality=100, exif=b"Exif\0\0II*\0\xff\xff\xff\x7f"),
        None,
        smooth(),
        2,
    )
    yield _bytes("torn exif.png", png_with(chunk(b"eXIf", b"MM\0*" + b"\xff" * 30)))
    yield _bytes("huge exif.png", png_with(chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\0" + bytes(20_000_000))), None, grey())
    comments = PngImagePlugin.PngInfo()
    comments.add_text("Comment", "x" * 500_000)
    yield _bytes("long comment.png", encoded(Image.fromarray(grey(9)), "PNG", pnginfo=comments), None, grey(9))
    yield _bytes("thin.png", encoded(Image.new("L", (5000, 1), 90), "PNG"), None, np.full((SIDE, SIDE), 90))
    yield _bytes("high.png", encoded(Image.new("L", (1, 5000), 70), "PNG"), None, np.full((SIDE, SIDE), 70))
    yield _bytes("dot.png", encoded(Image.new("L", (1, 1), 60), "PNG"), None, np.full((SIDE, SIDE), 60))
    yield _bytes("more behind.png", encoded(grey(10), "PNG") + random.Random(1).randbytes(5000), None, grey(10))
    yield _bytes("interlaced.png", _interlaced(), None, np.full((SIDE, SIDE), 50))
    yield _bytes(
        "progressive.jpg", encoded(Image.fromarray(smooth()), "JPEG", quality=100, progressive=True), None, smooth(), 2
    )


def _interlaced() -> bytes:
    """One level all over, in the seven passes that Adam's interlacing has."""
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    rows = b""
    for x, y, dx, dy in passes:
        width = len(range(x, SIDE, dx))
        rows += (b"\0" + bytes([50]) * width) * len(range(y, SIDE, dy))
    header = chunk(b"IHDR", struct.pack(">2I5B", SIDE, SIDE, 8, 0, 0, 0, 1))
    return png_of(header, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))


# By hand, of what the EXIF standard calls the place of row 0 and column 0.
TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda pixels: pixels,
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).T,
    8: np.rot90,
}


def _turned() -> Iterator[Hostile]:
    for orientation, turn in TURNS.items():
        content = encoded(grey(11), "PNG", exif=exif_of(orientation))
        yield _bytes(f"turned {orientation}.png", content, None, turn(grey(11)))
    yield _bytes("turned 99.png", encoded(grey(11), "PNG", exif=exif_of(99)), None, grey(11))


def _not_files() -> Iterator[Hostile]:
    yield Hostile("pipe.png", lambda path: os.mkfifo(path), "is no regular file")
    yield Hostile("leads nowhere.png", lambda path: path.symlink_to("gone.png"), "is a link that leads nowhere")
    yield Hostile("circle.png", lambda path: path.symlink_to(path.name), "is a link that leads nowhere")
    yield Hostile("endless.png", lambda path: path.symlink_to("/dev/zero"), "is no regular file")


def _names() -> Iterator[Hostile]:
    yield _bytes("two\nlines.png", encoded(grey(12), "PNG"), None, grey(12))
    yield _bytes("\x1b[31mred.png", encoded(grey(13), "PNG"), None, grey(13))
    yield _bytes(os.fsdecode(b"caf\xe9.png"), encoded(grey(14), "PNG"), None, grey(14))
    yield _bytes("n" * 251 + ".png", encoded(grey(15), "PNG"), None, grey(15))
    yield _bytes("🐈 שלום.png", encoded(grey(16), "PNG"), None, grey(16))
    yield _bytes("-rf *;$(x).png", encoded(grey(17), "PNG"), None, grey(17))
