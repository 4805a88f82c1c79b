"""Arrays unpacked once into the user's cache, then mapped from there."""

import json
import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
MANIFEST = "manifest.json"


def cache_folder() -> Path:
    """Return the folder for what can be made again: PELLUCID_CACHE, or the user's cache of this system."""
    chosen = os.environ.get("PELLUCID_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("pellucid", appauthor=False))


def load_arrays(folder: Path) -> Arrays | None:
    """Map the arrays that `store_arrays` wrote.

    Every byte is checked against the checksum in the manifest (CRC-32: 13 ms for Fashion-MNIST, and enough against
    a failing disk or a half-written file).

    Args:
        folder: Where they were stored.

    Returns:
        Name to array, copied on write; None if the folder is missing, incomplete or damaged.
    """
    try:
        checksums = json.loads((folder / MANIFEST).read_text())
        arrays: Arrays = {}
        for name, checksum in checksums.items():
            path = folder / f"{name}.npy"
            # The whole file, before its header is believed: a changed type or shape is damage as well.
            if _checksum(path) != checksum:
                return None
            arrays[name] = np.load(path, mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError, AttributeError):
        return None
    return arrays


def store_arrays(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> bool:
    """Write arrays so that they are there whole or not at all, whoever else writes at the same time.

    Args:
        folder: Where to; what is there is replaced only if it cannot be loaded.
        arrays: Name to array.

    Returns:
        Whether the folder now holds the arrays; false if the cache cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError:
        return False
    try:
        for name, array in arrays.items():
            with (made / f"{name}.npy").open("wb") as file:
                np.save(file, array, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
        checksums = {name: _checksum(made / f"{name}.npy") for name in arrays}
        (made / MANIFEST).write_text(json.dumps(checksums))
        _put_in_place(made, folder)
    except OSError:
        # A full disk, or another process that was first: what counts is what stands there now.
        return load_arrays(folder) is not None
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return True


def _sweep(folder: Path) -> None:
    """Remove what processes that were killed while they unpacked have left; nobody unpacks for an hour."""
    for left in folder.parent.glob(f".{folder.name}-*"):
        if time.time() - left.stat().st_mtime > 3600:
            shutil.rmtree(left, ignore_errors=True)


def _checksum(path: Path) -> int:
    return zlib.crc32(np.memmap(path, np.uint8, "r").data)


def _put_in_place(made: Path, folder: Path) -> None:
    try:
        made.rename(folder)
    except OSError:
        if load_arrays(folder) is not None:
            return
        # Renamed, not deleted: a process that has the damaged files mapped keeps them until it closes them.
        aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-damaged-", dir=folder.parent))
        folder.rename(aside / folder.name)
        made.rename(folder)
        shutil.rmtree(aside, ignore_errors=True)
