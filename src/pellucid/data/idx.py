"""The IDX format of MNIST and its relatives: a magic number, the sizes, then the values.

Format: Yann LeCun, Corinna Cortes, Christopher Burges, "The MNIST database of handwritten digits" (file formats).
"""

import gzip
import math
import zlib
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError, MissingFileError

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP_MAGIC = b"\x1f\x8b"
# A header is four bytes a dimension; nothing real has more, and a wrong file stops here.
MOST_DIMENSIONS = 8
# A file may promise at most this; it is allocated only once the bytes have been read.
MOST_BYTES = 64 * 2**30


def read_idx(path: Path) -> NDArray[Any]:
    """Read an IDX file, compressed with gzip or plain.

    Args:
        path: The file; whether it is compressed is seen from its content, not its name.

    Returns:
        An array of the file's shape, in native byte order.

    Raises:
        MissingFileError: If there is no such file.
        DataError: If it is no IDX file, is cut short, or holds more or less than its header says.
    """
    try:
        with path.open("rb") as file:
            is_compressed = file.read(2) == GZIP_MAGIC
            file.seek(0)
            # GzipFile reads like any file opened for bytes; its type says so only by its methods.
            stream = cast(IO[bytes], gzip.GzipFile(fileobj=file)) if is_compressed else file
            return parse_idx(stream, str(path))
    except FileNotFoundError as error:
        raise MissingFileError(f"there is no file {path}", fix="check the path") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is damaged or cut short ({error})", fix="get the file again") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error})", fix="check that it is a file you may read") from error


def parse_idx(stream: IO[bytes], name: str, *, is_last: bool = True) -> NDArray[Any]:
    """Read one IDX array from a stream.

    Args:
        stream: Uncompressed bytes, at the start of the header.
        name: What to call the stream in an error.
        is_last: Whether the stream must end with the array.

    Returns:
        The array, in native byte order and writable.

    Raises:
        DataError: If the bytes are no IDX array or do not match their header.
    """
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES or not 1 <= magic[3] <= MOST_DIMENSIONS:
        raise DataError(
            f"{name} is no IDX file: it begins with {magic.hex(' ') or 'nothing'}, not 00 00, a type and a dimension",
            fix="give an IDX file as MNIST and Fashion-MNIST have them",
        )
    sizes = stream.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise DataError(f"{name} is cut short within its header", fix="get the file again")
    shape = tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
    dtype = np.dtype(TYPES[magic[2]])
    # In Python's integers: four sizes of four billion overflow every fixed width.
    promised = math.prod(shape) * dtype.itemsize
    # A size of zero hides the others from the product, but not from NumPy.
    spanned = math.prod(max(size, 1) for size in shape) * dtype.itemsize
    if spanned > MOST_BYTES:
        raise DataError(
            f"{name} promises {spanned:,} bytes ({' x '.join(map(str, shape))})",
            fix="get the file again, or split it: at most 64 GiB are read",
        )
    values = _read_at_most(stream, promised)
    if len(values) < promised:
        raise DataError(
            f"{name} holds {len(values):,} bytes but its header promises {promised:,} ({' x '.join(map(str, shape))})",
            fix="get the file again: it is cut short",
        )
    if is_last and stream.read(1):
        raise DataError(
            f"{name} goes on after the {promised:,} bytes that its header promises",
            fix="get the file again: header and content do not belong together",
        )
    array = np.frombuffer(values, dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _read_at_most(stream: IO[bytes], count: int) -> bytearray:
    """Read up to count bytes by blocks, so that memory grows with the file and not with its promise."""
    values = bytearray()
    while len(values) < count:
        block = stream.read(min(count - len(values), 1 << 22))
        if not block:
            break
        values += block
    return values
