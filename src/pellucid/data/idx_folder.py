"""A folder with the IDX files of MNIST, Fashion-MNIST and their relatives."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import Dataset
from pellucid.data.fashion_mnist import CLASS_NAMES, TRAIN_IMAGES_SHA256
from pellucid.data.idx import read_idx
from pellucid.data.published import split_arrays
from pellucid.errors import DataError, MissingFileError

# train-images-idx3-ubyte, train-images.idx3-ubyte, emnist-letters-train-images-idx3-ubyte.gz …
WANTED = {
    ("train", "images"): "train-images-idx3-ubyte",
    ("train", "labels"): "train-labels-idx1-ubyte",
    ("test", "images"): "t10k-images-idx3-ubyte",
    ("test", "labels"): "t10k-labels-idx1-ubyte",
}
# Each class gets a name and a unit of the network; a label beyond this is no class number.
MOST_CLASSES = 100_000
NAME = re.compile(r"(?:.*[-_.])?(train|t10k|test)[-_.](images|labels)[-_.]idx[1-4][-_.]u?byte(\.gz)?", re.IGNORECASE)


def is_idx_name(name: str) -> bool:
    """Return whether a file is named like an IDX file."""
    return NAME.fullmatch(name) is not None


def has_idx_files(folder: Path) -> bool:
    """Return whether any file in the folder is named like an IDX file."""
    return bool(_found(folder))


def read_idx_folder(folder: Path) -> Dataset:
    """Read the IDX files in a folder; class names from a `classes.txt` beside them, else the class numbers.

    Args:
        folder: With training images and labels; test images and labels are cut from them if there are none.

    Returns:
        The dataset, with the splits train, validation and test.

    Raises:
        MissingFileError: If training images or labels are missing, or images have no labels.
    """
    files = _found(folder)
    arrays = {}
    for split in ("train", "test"):
        for kind in ("images", "labels"):
            path = files.get((split, kind))
            if path is not None:
                arrays[f"{split}-{kind}"] = read_idx(path)
            elif split == "train" or (split, "images") in files or (split, "labels") in files:
                beside = ", ".join(sorted(path.name for path in files.values()))
                raise MissingFileError(
                    f"{folder} has no {split} {kind} beside {beside}", fix=f"add the file {WANTED[split, kind]}, or .gz"
                )
    splits, notes = split_arrays(arrays, str(folder))
    return Dataset(
        name=folder.resolve().name or "dataset",
        splits=splits,
        class_names=_class_names(folder, arrays),
        source=str(folder),
        notes=notes,
        cut=tuple(name for name in splits if f"{name}-images" not in arrays),
    )


def _found(folder: Path) -> dict[tuple[str, str], Path]:
    """Return the IDX files of a folder by split and kind; a plain one goes before its compressed twin.

    Raises:
        DataError: If the folder cannot be listed.
    """
    found: dict[tuple[str, str], Path] = {}
    try:
        # By name as well, so that the first of two pairs (emnist-digits-…, emnist-letters-…) is taken as a pair.
        paths = sorted(folder.iterdir(), key=lambda path: (path.name.lower().endswith(".gz"), path.name))
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({error})", fix="check who may read it") from error
    for path in paths:
        match = NAME.fullmatch(path.name)
        if match and path.is_file():
            split = "train" if match[1].lower() == "train" else "test"
            found.setdefault((split, match[2].lower()), path)
    return found


def _class_names(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> tuple[str, ...]:
    named = folder / "classes.txt"
    if named.is_file():
        try:
            names = tuple(line.strip() for line in named.read_text("utf-8-sig").splitlines() if line.strip())
        except UnicodeDecodeError as error:
            raise DataError(f"{named} is no UTF-8 text ({error})", fix="save it as UTF-8, one class a line") from error
        if not names or len(set(names)) < len(names):
            raise DataError(f"{named} has no names, or one name twice", fix="write one class a line, each once")
        return names
    if hashlib.sha256(np.ascontiguousarray(arrays["train-images"]).data).hexdigest() == TRAIN_IMAGES_SHA256:
        return CLASS_NAMES
    top = max(int(values.max()) for name, values in arrays.items() if name.endswith("labels") and len(values))
    if top >= MOST_CLASSES:
        raise DataError(f"the labels in {folder} reach {top:,}", fix="number the classes 0, 1, 2 …")
    return tuple(str(number) for number in range(top + 1))
