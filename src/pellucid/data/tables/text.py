"""The text of a file that should be UTF-8: unpacked within bounds, and what else it is, if it is not."""

import codecs
import gzip
import io
import zlib
from pathlib import Path
from typing import NoReturn

from pellucid.errors import DataError, MissingFileError

# A small file can unfold to gigabytes; text is seldom packed to a hundredth.
MOST_UNPACKED, MOST_RATIO = 1 << 28, 100
BLOCK = 1 << 24
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
OTHER_FORMATS = {
    b"PK\x03\x04": "a spreadsheet or a zip file",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"\x1f\x8b": "packed with gzip",
    b"SQLite format 3": "a database",
    b"%PDF": "a PDF",
    b"\x89PNG": "an image",
    b"\x93NUMPY": "an array of NumPy",
    b"\x89HDF": "an HDF5 file",
}
# Control characters that no text has; tab, line feed, form feed and carriage return are not among them.
CONTROLS = bytes([*range(9), 11, *range(14, 32), 127])


def read_text(path: Path) -> bytes:
    """Return the content of a text file as UTF-8, without a byte order mark.

    Args:
        path: Of the file; unpacked if it ends in .gz.

    Raises:
        MissingFileError: If there is none.
        DataError: If it cannot be read, is empty, or is something else than UTF-8 text.
    """
    content = _content(path).removeprefix(codecs.BOM_UTF8)
    if not content[:BLOCK].strip() and not content.strip():
        raise DataError(f"{path} is empty", fix="give a file with a row for each example")
    for magic, words in OTHER_FORMATS.items():
        if content.startswith(magic):
            raise DataError(f"{path} is {words}, not text", fix="save it as CSV, or give it the ending of what it is")
    if content[:200].lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise DataError(f"{path} is a web page, not a table", fix="get the file itself, not the page that shows it")
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            _refuse_encoding(path, encoding, "it starts with the byte order mark of that encoding")
    if b"\0" in content:
        place = content.index(b"\0")
        if content[:1000].count(0) * 3 > len(content[:1000]):
            _refuse_encoding(path, "UTF-16", "every other byte is zero")
        line = content.count(b"\n", 0, place) + 1
        raise DataError(f"{path} has a NUL byte in line {line}: it is no text", fix="get the file again, as UTF-8 text")
    _check_utf8(path, content)
    return content


def _content(path: Path) -> bytes:
    try:
        if not path.exists():
            raise MissingFileError(f"there is no file {path}", fix="check the path")
        if not path.is_file():
            raise DataError(f"{path} is no file", fix="give a file with a table")
        if path.name.lower().endswith(".gz"):
            return _unpacked(path)
        return path.read_bytes()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path} is damaged or not packed with gzip ({error})", fix="get the file again") from error
    except OSError as error:
        if isinstance(error, MissingFileError):
            raise
        raise DataError(f"{path} cannot be read ({error})", fix="check the path and who may read it") from error


def _unpacked(path: Path) -> bytes:
    most = max(MOST_UNPACKED, MOST_RATIO * path.stat().st_size)
    unpacked = io.BytesIO()
    with gzip.open(path, "rb") as file:
        while block := file.read(BLOCK):
            unpacked.write(block)
            if unpacked.tell() > most:
                raise DataError(
                    f"{path} unfolds from {path.stat().st_size:,} bytes to more than {most:,}",
                    fix="unpack it yourself if you trust it, or give it as Parquet",
                )
    return unpacked.getvalue()


def _check_utf8(path: Path, content: bytes) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(content), BLOCK):
        waiting = len(decoder.getstate()[0])
        try:
            decoder.decode(content[start : start + BLOCK], final=start + BLOCK >= len(content))
        except UnicodeDecodeError as error:
            _refuse_bytes(path, content, start - waiting + error.start)


def _refuse_bytes(path: Path, content: bytes, place: int) -> NoReturn:
    """Name the encoding of text that is not UTF-8, by the first byte that is not.

    Raises:
        DataError: Always.
    """
    some = content[max(0, place - 10_000) : place + 10_000]
    if len(some.translate(None, CONTROLS)) < len(some) * 0.99:
        raise DataError(f"{path} is no text: it holds control characters", fix="give a CSV file, saved as UTF-8")
    line = content.count(b"\n", 0, place) + 1
    # 0x80 to 0x9f are letters and quotes in Windows-1252, and control characters in Latin-1.
    is_windows = any(0x80 <= byte <= 0x9F for byte in some)
    encoding, codec = ("Windows-1252", "cp1252") if is_windows else ("Latin-1", "latin-1")
    word = content[max(0, place - 12) : place + 12].decode(codec, "replace").split("\n")
    shown = max(word, key=lambda part: any(ord(letter) > 127 for letter in part)).strip()
    _refuse_encoding(path, encoding, f"byte 0x{content[place]:02x} in line {line}, perhaps {shown!r}")


def _refuse_encoding(path: Path, encoding: str, why: str) -> NoReturn:
    raise DataError(
        f"{path} is not UTF-8 but looks like {encoding}: {why}",
        fix=f"save it as UTF-8: iconv -f {encoding.upper()} -t UTF-8 {path.name} > utf8-{path.name}",
    )
