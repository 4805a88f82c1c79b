"""Fashion-MNIST, which comes with the package: 70,000 grey images of ten kinds of clothing.

Source: Han Xiao, Kashif Rasul, Roland Vollgraf (2017), "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
Learning Algorithms". Copyright Zalando SE, MIT licence (`packed/LICENSE-fashion-mnist`).
"""

import io
import lzma
from importlib import resources

from pellucid.data.cache import Arrays, cache_folder, load_arrays, store_arrays
from pellucid.data.dataset import SPLITS, Split
from pellucid.data.idx import parse_idx
from pellucid.data.published import split_arrays
from pellucid.errors import DataError

CLASS_NAMES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
PACKED = "fashion-mnist.idx.xz"
# The order in which the four IDX files stand in the packed one.
PARTS = ("train-images", "train-labels", "test-images", "test-labels")
# Cut before they are stored, so that loading copies nothing. The number counts changes of the content.
FOLDER = "fashion-mnist-1"
CACHED = tuple(f"{split}-{kind}" for kind in ("inputs", "labels") for split in SPLITS)
# Of the pixels of the 60,000 training images in their original order.
TRAIN_IMAGES_SHA256 = "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012"


def load_fashion_mnist() -> tuple[dict[str, Split], tuple[str, ...]]:
    """Return the splits, mapped from the cache; unpacked and cut at first use.

    Returns:
        The splits train (55,000), validation (5,000) and test (10,000), and notes for the user.
    """
    folder = cache_folder() / FOLDER
    arrays = _cached()
    if arrays is not None:
        return _as_splits(arrays), ()
    splits, _ = split_arrays(unpack(), "Fashion-MNIST")
    made = {f"{name}-inputs": split.inputs for name, split in splits.items()}
    made |= {f"{name}-labels": split.labels for name, split in splits.items()}
    if store_arrays(folder, made):
        return _as_splits(_cached() or made), (f"unpacked into {folder}; it loads from there from now on",)
    return splits, (
        f"{folder} cannot be written, so Fashion-MNIST is unpacked in memory each time: "
        "set PELLUCID_CACHE to a folder that can",
    )


def _cached() -> Arrays | None:
    arrays = load_arrays(cache_folder() / FOLDER)
    return arrays if arrays is not None and set(arrays) == set(CACHED) else None


def _as_splits(arrays: Arrays) -> dict[str, Split]:
    return {name: Split(arrays[f"{name}-inputs"], arrays[f"{name}-labels"]) for name in SPLITS}


def unpack() -> Arrays:
    """Return the four arrays from the file in the package.

    Raises:
        DataError: If the installed file is missing or damaged.
    """
    try:
        packed = resources.files("pellucid.data").joinpath("packed", PACKED).read_bytes()
        # xz holds a CRC-64 of its own, checked here.
        stream = io.BytesIO(lzma.decompress(packed))
    except (OSError, lzma.LZMAError, EOFError) as error:
        raise DataError(
            f"the file {PACKED} of this installation is missing or damaged ({error})",
            fix="install pellucid again: pip install --force-reinstall pellucid",
        ) from error
    return {part: parse_idx(stream, f"{PACKED} ({part})", is_last=part == PARTS[-1]) for part in PARTS}
