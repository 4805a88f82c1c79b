"""Decoded images in the user's cache: read again without decoding, and on the disk where memory is too small."""

import hashlib
import json
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.cache import cache_folder, load_arrays, store_arrays
from pellucid.data.memory import memory_left
from pellucid.errors import DataError

Pixels = NDArray[np.uint8]
# Up to here images are decoded in memory, and their checksum is worth its time at every reading.
MOST_CHECKED_BYTES = 2_000_000_000
# Of the free memory; the rest is the network's and its batches'.
MEMORY_SHARE = 0.6
# On the disk, beside what the images take.
SPARE_BYTES = 2**28
SECONDS_OF_A_DAY = 86_400


@dataclass(frozen=True)
class Decoded:
    """Decoded images, and what was noted while they were decoded.

    Attributes:
        images: Uint8 [images, channels, height, width].
        facts: As JSON can hold them.
    """

    images: Pixels
    facts: dict[str, Any]


def entry_for(folder: Path, digest: str) -> Path:
    """Return where the images of a folder are kept.

    Args:
        folder: Of the user.
        digest: Of what the images depend on; another one, another place.
    """
    of_folder = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:16]
    return cache_folder() / "images" / f"{of_folder}-{digest[:32]}"


def load(entry: Path) -> Decoded | None:
    """Map the images that are kept, copied on write; None if there are none or they are damaged."""
    arrays = load_arrays(entry)
    if arrays is not None:
        if set(arrays) != {"images", "facts"}:
            return None
        return Decoded(arrays["images"], json.loads(arrays["facts"].tobytes()))
    try:
        facts = json.loads((entry / "facts.json").read_text("utf-8"))
        images = np.load(entry / "images.npy", mmap_mode="c", allow_pickle=False)
        return Decoded(images[: facts["count"]], facts)
    except (OSError, ValueError, KeyError, TypeError):
        return None


class Place:
    """Where images are decoded to: memory, or a file in the cache where they are many.

    Args:
        entry: Where they are to be kept.
        shape: Of the array of all images.
        source: What to call the images in an error.

    Raises:
        DataError: If they fit neither into memory nor on the disk of the cache.
    """

    def __init__(self, entry: Path, shape: tuple[int, int, int, int], source: str) -> None:
        self._entry = entry
        self._made: Path | None = None
        size = int(np.prod([int(side) for side in shape]))
        most_in_memory = int(memory_left() * MEMORY_SHARE)
        if size <= min(MOST_CHECKED_BYTES, most_in_memory):
            self.images: Pixels = np.empty(shape, np.uint8)
            return
        try:
            self.images = self._on_disk(shape, size)
        except OSError as error:
            self.discard()
            if size > most_in_memory:
                raise DataError(
                    f"the images of {source} take {size / 1e9:.1f} GB decoded, more than the free memory, "
                    f"and cannot be kept in {entry.parent} ({error.strerror or error})",
                    fix="set PELLUCID_CACHE to a folder on a disk with room, or make them smaller with --image-size",
                ) from error
            self.images = np.empty(shape, np.uint8)

    @property
    def is_on_disk(self) -> bool:
        """Whether the images are in a file, not in memory."""
        return self._made is not None

    def keep(self, count: int, facts: dict[str, Any]) -> tuple[Decoded, bool]:
        """Keep the first images for the next reading, and remove what was kept of the same folder before.

        Args:
            count: How many of the images there are.
            facts: To keep with them.

        Returns:
            The images, and whether they are kept.
        """
        _remove_others(self._entry)
        decoded = Decoded(self.images[:count], facts)
        if self._made is None:
            if decoded.images.nbytes > MOST_CHECKED_BYTES:
                return decoded, False
            as_bytes = np.frombuffer(json.dumps(facts).encode(), np.uint8)
            return decoded, store_arrays(self._entry, {"images": decoded.images, "facts": as_bytes})
        assert isinstance(self.images, np.memmap)
        self.images.flush()
        (self._made / "facts.json").write_text(json.dumps(facts | {"count": count}), "utf-8")
        if load(self._entry) is None:
            shutil.rmtree(self._entry, ignore_errors=True)  # damaged, or not there
        try:
            self._made.rename(self._entry)
        except OSError:
            self.discard()  # another process was first; what it kept is used
        kept = load(self._entry)
        return (kept, True) if kept is not None else (decoded, False)

    def discard(self) -> None:
        """Remove the file of images that are not kept."""
        if self._made is not None:
            shutil.rmtree(self._made, ignore_errors=True)
            self._made = None

    def _on_disk(self, shape: tuple[int, ...], size: int) -> Pixels:
        self._entry.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self._entry.parent).free < size + SPARE_BYTES:
            raise OSError(f"the disk has only {shutil.disk_usage(self._entry.parent).free / 1e9:.1f} GB left")
        self._made = Path(tempfile.mkdtemp(prefix=f".{self._entry.name}-", dir=self._entry.parent))
        images: Pixels = np.lib.format.open_memmap(self._made / "images.npy", "w+", np.uint8, shape)
        if hasattr(os, "posix_fallocate"):
            # Writing to a mapped file on a full disk would end the process without a word.
            with (self._made / "images.npy").open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, images.offset + size)  # type: ignore[attr-defined]
        return images


def _remove_others(entry: Path) -> None:
    """Remove what was kept of an earlier state of the folder, and what dead processes have left."""
    of_folder = entry.name.split("-")[0]
    for left in entry.parent.glob(f"{of_folder}-*"):
        if left != entry:
            shutil.rmtree(left, ignore_errors=True)
    for left in entry.parent.glob(".*-*"):
        try:
            if time.time() - left.stat().st_mtime > SECONDS_OF_A_DAY:
                shutil.rmtree(left, ignore_errors=True)
        except OSError:
            continue
