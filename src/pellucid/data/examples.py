"""Examples of a dataset as image files, to try a classifier with."""

import re
from pathlib import Path

import numpy as np
from PIL import Image

from pellucid.data.dataset import Dataset
from pellucid.data.summary import as_pixels
from pellucid.errors import OverwriteError, UnwritableError


def write_examples(dataset: Dataset, folder: Path, *, split: str = "test") -> list[Path]:
    """Write the first example of each class as a PNG named after the class.

    Args:
        dataset: Of images.
        folder: Made if it is not there.
        split: To take them from.

    Returns:
        The files, in the order of the classes.

    Raises:
        OverwriteError: If a file of that name is there.
        UnwritableError: If nothing can be written there.
    """
    examples = dataset.split(split)
    stems = [re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") for name in dataset.class_names]
    paths = {}
    for label, stem in enumerate(stems):
        where = np.flatnonzero(examples.labels == label)
        if len(where):
            # Names that differ only in what a file name leaves out ("C", "C++") are told apart by their number.
            is_taken = not stem or stems.count(stem) > 1
            paths[folder / f"{f'class-{label}-{stem}'.strip('-') if is_taken else stem}.png"] = where
    for path in paths:
        if path.exists():
            raise OverwriteError(f"{path} is there already", fix="name another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, where in paths.items():
            Image.fromarray(as_pixels(examples.inputs[where[0]])).save(path)
    except OSError as error:
        raise UnwritableError(f"nothing can be written in {folder} ({error})", fix="name another folder") from error
    return list(paths)
