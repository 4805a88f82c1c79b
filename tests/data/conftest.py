"""IDX files written by hand, and small datasets."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pellucid.data.cache import Arrays
from pellucid.data.fashion_mnist import unpack

# Type code and struct format of the values, as the description of the format lists them.
CODES = {"uint8": (0x08, "B"), "int8": (0x09, "b"), "int16": (0x0B, "h"), "int32": (0x0C, "i"), "float32": (0x0D, "f")}
CODES["float64"] = (0x0E, "d")

WriteIdx = Callable[[Path, NDArray[Any]], None]


def idx_bytes(array: NDArray[Any]) -> bytes:
    code, letter = CODES[array.dtype.name]
    header = struct.pack(f">4B{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + struct.pack(f">{array.size}{letter}", *array.ravel().tolist())


@pytest.fixture(scope="session")
def as_idx() -> Callable[[NDArray[Any]], bytes]:
    """Turns an array into the bytes of an IDX file, value by value."""
    return idx_bytes


@pytest.fixture(scope="session")
def write_idx() -> WriteIdx:
    """Writes an array as an IDX file; compressed if the name ends in .gz."""

    def write(path: Path, array: NDArray[Any]) -> None:
        content = idx_bytes(array)
        path.write_bytes(gzip.compress(content, 1) if path.suffix == ".gz" else content)

    return write


@pytest.fixture(scope="session")
def unpacked() -> Arrays:
    """The four published arrays of Fashion-MNIST; not to be written to."""
    arrays = unpack()
    for array in arrays.values():
        array.setflags(write=False)
    return arrays


@pytest.fixture
def random_numbers() -> np.random.Generator:
    return np.random.default_rng(7)
