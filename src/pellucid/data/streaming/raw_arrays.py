"""Arrays as they lie in files: where each begins, its type and its shape, without reading it."""

import json
import math
import struct
import tokenize
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pellucid.data.arrays.npz import LOCAL_HEADER, open_npz
from pellucid.data.arrays.safetensors_file import TYPES, open_safetensors
from pellucid.errors import DataError

SUFFIXES = (".npy", ".npz", ".safetensors")
_DAMAGES = (
    OSError, ValueError, KeyError, TypeError, AttributeError, struct.error, zipfile.BadZipFile, tokenize.TokenError,
    SyntaxError, EOFError,
)  # fmt: skip


@dataclass(frozen=True)
class RawArray:
    """An array in a file, row after row, uncompressed.

    Attributes:
        path: Of the file.
        name: Of the array in it.
        offset: Of its first byte.
        dtype: Of its values.
        shape: Its first size is the number of rows.
    """

    path: Path
    name: str
    offset: int
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]

    def __len__(self) -> int:
        return self.shape[0]

    def __str__(self) -> str:
        return f"{self.path}: {self.name}"

    @property
    def row_bytes(self) -> int:
        """Of a row."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Of all rows."""
        return len(self) * self.row_bytes


def raw_arrays(path: Path) -> dict[str, RawArray]:
    """Find the arrays of a file by name; that of a .npy file has the name of the file.

    Args:
        path: .npy, .npz or .safetensors.

    Returns:
        Those of numbers or text that can be read row by row; the others are left out.

    Raises:
        DataError: If it is damaged.
    """
    try:
        with path.open("rb") as file:
            if path.suffix.lower() == ".safetensors":
                found = _in_safetensors(file, path)
            elif path.suffix.lower() == ".npz":
                found = _in_npz(file, path)
            else:
                array = _in_npy(file, path, path.stem, 0)
                found = {path.stem: array} if array is not None else {}
    except DataError:
        raise
    except _DAMAGES as error:
        raise DataError(f"{path} is damaged or cannot be read ({error})", fix="get the file again") from error
    size = path.stat().st_size
    for name, array in found.items():
        if array.offset < 0 or min(array.shape) < 0 or array.offset + array.nbytes > size:
            raise DataError(f"{path} is cut short: {name} does not fit into it", fix="get the file again")
    return found


def _in_npy(file: BinaryIO, path: Path, name: str, start: int) -> RawArray | None:
    """Return the array whose header begins here; None if no row of it can be read alone."""
    file.seek(start)
    version = np.lib.format.read_magic(file)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, is_by_columns, dtype = header(file)
    if (is_by_columns and len(shape) > 1) or not shape or dtype.kind not in "biufU":
        return None
    return RawArray(path, name, file.tell(), dtype, tuple(shape))


def _in_npz(file: BinaryIO, path: Path) -> dict[str, RawArray]:
    found = {}
    members, _ = open_npz(path)
    for name, member in members.items():
        if member.info.compress_type == zipfile.ZIP_STORED:
            file.seek(member.info.header_offset)
            # How long the names are is said again before the data, and may be another length there.
            _, name_bytes, extra_bytes = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
            start = member.info.header_offset + LOCAL_HEADER.size + name_bytes + extra_bytes
            array = _in_npy(file, path, name, start)
            if array is not None:
                found[name] = array
    return found


def _in_safetensors(file: BinaryIO, path: Path) -> dict[str, RawArray]:
    # The library compares the header with the size of the file.
    open_safetensors(path)
    length = int.from_bytes(file.read(8), "little")
    found = {}
    for name, entry in json.loads(file.read(length)).items():
        shape = tuple(entry.get("shape", ()))
        if shape and entry["dtype"] in TYPES:
            begin, _ = entry["data_offsets"]
            found[name] = RawArray(path, name, 8 + length + begin, np.dtype(TYPES[entry["dtype"]]), shape)
    return found
