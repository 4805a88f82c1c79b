"""The .safetensors format: a header in JSON, then the values; large ones are mapped."""

import json
import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from pellucid.data.arrays.assembling import as_array
from pellucid.data.arrays.names import NamedArray
from pellucid.data.arrays.npz import MAPPED_FROM_BYTES
from pellucid.errors import DataError

# Those that NumPy has; the others are PyTorch's to read.
TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip


def open_safetensors(path: Path) -> tuple[dict[str, NamedArray], dict[str, str]]:
    """Read what arrays a .safetensors file announces, and its metadata; none of its values.

    Raises:
        DataError: If it is none, is damaged, or two arrays have one name.
    """
    try:
        # The library compares the header with the size of the file, and refuses one that is out of proportion.
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
        with path.open("rb") as raw:
            count = int.from_bytes(raw.read(8), "little")
            header = json.loads(raw.read(count), object_pairs_hook=partial(_once, path=path))
        entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
        return {name: _named(path, name, entry, 8 + count) for name, entry in entries.items()}, metadata
    except DataError:
        raise
    except Exception as error:
        # The library raises an exception of its own, whose parent is Exception alone, and others of Python's.
        raise DataError(
            f"{path} is no .safetensors file that can be read ({error})", fix="get the file again"
        ) from error


def listed(metadata: dict[str, str], key: str, path: Path) -> tuple[str, ...] | None:
    """Return a list of names from the metadata, None if it is not there.

    Raises:
        DataError: If it is no list of names.
    """
    if key not in metadata:
        return None
    try:
        names = json.loads(metadata[key])
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(f"{path}: {key} in the metadata is no list of names", fix='write them as ["cat", "dog"]')
    return tuple(names)


def _named(path: Path, name: str, entry: dict[str, Any], start: int) -> NamedArray:
    shape = tuple(entry["shape"])
    dtype = TYPES.get(entry["dtype"])
    if dtype is not None and math.prod(shape) * np.dtype(dtype).itemsize >= MAPPED_FROM_BYTES:
        return NamedArray(shape, partial(_mapped, path, dtype, shape, start + entry["data_offsets"][0]))
    return NamedArray(shape, partial(_read, path, name))


def _mapped(path: Path, dtype: str, shape: tuple[int, ...], start: int) -> NDArray[Any]:
    return np.memmap(path, dtype, mode="c", offset=start, shape=shape)


def _read(path: Path, name: str) -> NDArray[Any]:
    """Return the values of an array, in memory.

    Raises:
        DataError: If they are of a type that PyTorch has not.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensor = file.get_tensor(name)
    except Exception as error:
        # PyTorch raises RuntimeError, AttributeError and more for types and places that it cannot take.
        raise DataError(f"{path}: {name} cannot be read ({error})", fix="save it as one of NumPy's types") from error
    # A copy: the library maps the file, and a place in it may be one that the type does not divide.
    return as_array(tensor, f"{path}: {name}").copy()


def _once(pairs: list[tuple[str, Any]], *, path: Path) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise DataError(f"{path} holds two entries named {key!r}", fix="save each under a name of its own")
        made[key] = value
    return made
