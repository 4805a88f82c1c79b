"""Images and labels as they are published: checked, given channels, and cut into splits."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import Split
from pellucid.data.splitting import TEST_SHARE, VALIDATION_SHARE, cut
from pellucid.errors import DataError, ShapeError


def split_arrays(arrays: Mapping[str, NDArray[Any]], source: str) -> tuple[dict[str, Split], tuple[str, ...]]:
    """Make the splits train, validation and test from published arrays.

    Args:
        arrays: "train-images" [n, height, width] or [n, channels, height, width] and "train-labels" [n]; the same for
            "test-…", if there are any.
        source: What to call them in an error.

    Returns:
        The splits by name, and notes for the user.

    Raises:
        DataError: If there are no images, or values are not finite or not whole.
        ShapeError: If images and labels do not belong together.
    """
    notes: tuple[str, ...] = ()
    train = _split(arrays["train-images"], arrays["train-labels"], f"{source} (train)")
    if "test-images" in arrays:
        test = _split(arrays["test-images"], arrays["test-labels"], f"{source} (test)")
    else:
        train, test = cut(train, TEST_SHARE, "test")
        notes = (f"{source} has no test files: {len(test):,} training examples are kept for the test",)
    train, validation = cut(train, VALIDATION_SHARE, "validation")
    return {"train": train, "validation": validation, "test": test}, notes


def _split(images: NDArray[Any], labels: NDArray[Any], source: str) -> Split:
    if len(images) == 0 or images.size == 0:
        raise DataError(f"{source} has no images", fix="give at least a few examples of each class")
    if labels.ndim != 1:
        raise ShapeError(f"{source} has labels of shape {list(labels.shape)}", fix="give one number for each image")
    if len(images) != len(labels):
        raise ShapeError(
            f"{source} has {len(images):,} images but {len(labels):,} labels",
            fix="get both files from the same place: each image needs one label",
        )
    if images.ndim not in (3, 4):
        raise ShapeError(
            f"{source} has images of shape {list(images.shape)}",
            fix="give them as [examples, height, width] or [examples, channels, height, width]",
        )
    if not np.issubdtype(labels.dtype, np.integer):
        raise DataError(f"{source} has labels of type {labels.dtype}", fix="number the classes 0, 1, 2 …")
    if images.dtype != np.uint8:
        with np.errstate(over="ignore", invalid="ignore"):
            # A float64 beyond float32 becomes infinite, which is refused below.
            images = images.astype(np.float32)
        if not np.isfinite(images).all():
            raise DataError(f"{source} has NaN or infinite values", fix="remove or replace them")
    return Split(images if images.ndim == 4 else images[:, None], labels.astype(np.int64))
