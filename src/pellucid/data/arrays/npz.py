"""The .npz format of NumPy: a ZIP archive of arrays, read without pickle and without unfolding more than there is.

Format: NumPy, `numpy.lib.format`, versions 1.0 and 2.0; PKWARE, APPNOTE.TXT.
"""

import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.memory import in_bytes, memory_left
from pellucid.errors import DataError, MissingFileError

SUFFIX = ".npy"
MOST_ARRAYS = 10_000
# A smaller array is read at once; a larger one that is not compressed is mapped.
MAPPED_FROM_BYTES = 64 * 2**20
CHUNK_BYTES = 1 << 20
# Of the fixed part of what stands before a member in the archive.
LOCAL_HEADER = struct.Struct("<4s22x2H")
_DAMAGES = (
    zipfile.BadZipFile, zlib.error, EOFError, ValueError, OverflowError, NotImplementedError, RuntimeError,
    struct.error, tokenize.TokenError, SyntaxError, MemoryError, TypeError, KeyError,
)  # fmt: skip


@dataclass(frozen=True)
class Member:
    """An array in an archive, as its header announces it.

    Attributes:
        path: Of the archive.
        name: Of the array.
        shape: Announced.
        dtype: Announced; one of objects is never read.
        is_column_major: Whether the first index runs fastest.
        header_bytes: Before the values.
        info: Of the archive.
    """

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_column_major: bool
    header_bytes: int
    info: zipfile.ZipInfo

    @property
    def nbytes(self) -> int:
        """Of the values, as announced."""
        # In Python's integers; a size of zero hides the others from the product, but not from NumPy.
        return math.prod(self.shape) * self.dtype.itemsize

    def read(self) -> NDArray[Any]:
        """Return the values: mapped if they are large and not compressed, so that changes stay in memory.

        Raises:
            DataError: If they are objects, are damaged, or are not as many as announced, or do not fit into memory.
        """
        what = f"{self.path}: {self.name}"
        if self.dtype.hasobject:
            raise DataError(
                f"{what} holds Python objects, which could run code when they are read",
                fix="save it as an array of numbers or of text, with allow_pickle=False",
            )
        held = self.info.file_size - self.header_bytes
        if held != self.nbytes or any(size < 0 for size in self.shape):
            shape = " x ".join(map(str, self.shape))
            raise DataError(
                f"{what} holds {held:,} bytes but its header promises {self.nbytes:,} ({shape} of {self.dtype})",
                fix="get the file again: header and content do not belong together",
            )
        is_stored = self.info.compress_type == zipfile.ZIP_STORED
        if is_stored and self.nbytes >= MAPPED_FROM_BYTES:
            return self._mapped()
        left = memory_left()
        if self.nbytes > left:
            raise DataError(
                f"{what} unfolds to {in_bytes(self.nbytes)}, but {in_bytes(left)} of memory are left",
                fix="save it with numpy.savez, which does not compress and is read where it stands",
            )
        return self._in_memory()

    def _in_memory(self) -> NDArray[Any]:
        def read(file: IO[bytes]) -> NDArray[Any]:
            values = bytearray()
            # By blocks, so that memory grows with the file and not with its promise.
            while block := file.read(CHUNK_BYTES):
                values += block
            if len(values) < self.nbytes:
                raise EOFError(f"{len(values):,} of {self.nbytes:,} bytes")
            flat = np.frombuffer(values, self.dtype)
            return flat.reshape(self.shape, order="F" if self.is_column_major else "C")

        values: NDArray[Any] = self._opened(read)
        return values

    def _mapped(self) -> NDArray[Any]:
        def skim(file: IO[bytes]) -> None:
            # To the end, where the checksum is compared: a mapped file is not looked at again.
            while file.read(CHUNK_BYTES):
                pass

        self._opened(skim)
        with self.path.open("rb") as file:
            file.seek(self.info.header_offset)
            _, name_bytes, extra_bytes = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
        start = self.info.header_offset + LOCAL_HEADER.size + name_bytes + extra_bytes + self.header_bytes
        order: Any = "F" if self.is_column_major else "C"
        return np.memmap(self.path, self.dtype, mode="c", offset=start, shape=self.shape, order=order)

    def _opened(self, use: Callable[[IO[bytes]], Any]) -> Any:
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(self.info) as file:
                file.read(self.header_bytes)
                return use(file)
        except (*_DAMAGES, OSError) as error:
            raise DataError(
                f"{self.path}: {self.name} is damaged or cut short ({error})", fix="get the file again"
            ) from error


def open_npz(path: Path) -> tuple[dict[str, Member], list[str]]:
    """Read what arrays a .npz file announces; none of their values.

    Args:
        path: Written by `numpy.savez` or `numpy.savez_compressed`.

    Returns:
        The arrays by name, and the names of members that are no arrays.

    Raises:
        MissingFileError: If there is no such file.
        DataError: If it is no .npz file, or is damaged, or two arrays have one name.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            if len(infos) > MOST_ARRAYS:
                raise DataError(f"{path} holds {len(infos):,} files", fix=f"save at most {MOST_ARRAYS:,} arrays in one")
            members: dict[str, Member] = {}
            others = []
            for info in infos:
                if not info.filename.endswith(SUFFIX):
                    others.append(info.filename)
                    continue
                name = info.filename.removesuffix(SUFFIX)
                if name in members:
                    raise DataError(f"{path} holds two arrays named {name!r}", fix="save each under a name of its own")
                members[name] = _announced(archive, info, path, name)
    except DataError:
        raise
    except FileNotFoundError as error:
        raise MissingFileError(f"there is no file {path}", fix="check the path") from error
    except (*_DAMAGES, OSError) as error:
        raise DataError(f"{path} is no .npz file that can be read ({error})", fix="save it with numpy.savez") from error
    return members, others


def _announced(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, name: str) -> Member:
    with archive.open(info) as file:
        version = np.lib.format.read_magic(file)
        # The later version 3.0 differs by the names of structured types, which are no numbers.
        readers: dict[tuple[int, int], Any] = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        if version not in readers:
            raise DataError(
                f"{path}: {name} is of version {version[0]}.{version[1]} of the format", fix="save it with numpy.savez"
            )
        shape, is_column_major, dtype = readers[version](file)
        return Member(path, name, tuple(shape), dtype, bool(is_column_major), file.tell(), info)
