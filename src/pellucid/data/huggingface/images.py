"""The images in a column of a Hugging Face `datasets` table."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.huggingface.pictures import common_size, decode, fitted, look
from pellucid.data.huggingface.shards import Shards
from pellucid.data.memory import in_bytes, memory_left
from pellucid.data.options import ReadOptions
from pellucid.errors import DataError

# How many images that cannot be read are named.
SHOWN = 10


def read_images(
    splits: Mapping[str, Shards], column: str, options: ReadOptions
) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[np.bool_]], list[str]]:
    """Decode the images of all splits: grey if all are, at one size.

    Args:
        splits: With rows.
        column: Of structures of bytes and path.
        options: The size, and whether images that cannot be read are left out.

    Returns:
        Uint8 [rows, channels, height, width] by split; which rows they are of; notes.

    Raises:
        DataError: If images cannot be read, or more than fit into memory.
    """
    bad: dict[tuple[str, int], str] = {}
    seen = {split: _looks(one, column, split, bad) for split, one in splits.items()}
    looks = [look for of_split in seen.values() for look in of_split if look is not None]
    if not seen["train"] or not looks or all(look is None for look in seen["train"]):
        _refuse(bad, splits["train"].name)
    sizes = [(look[0], look[1]) for look in looks]
    is_grey = all(look[2] for look in looks)
    size = options.image_size or common_size([(look[0], look[1]) for look in seen["train"] if look is not None])
    needed, left = len(sizes) * (1 if is_grey else 3) * size[0] * size[1], memory_left()
    if needed > left:
        raise DataError(
            f"{len(sizes):,} images of {size[0]} x {size[1]} take {in_bytes(needed)}, but {in_bytes(left)} are left",
            fix="choose a smaller image size",
        )
    notes = [
        f"images in column {column!r} are {size[0]} x {size[1]} (height x width), {'grey' if is_grey else 'colour'}"
    ]
    if different := sum(one != size for one in sizes):
        notes.append(
            f"{different:,} images of another size brought to {size[0]} x {size[1]}: aspect kept, the rest filled black"
        )
    arrays, kept = {}, {}
    for split, one in splits.items():
        arrays[split], kept[split] = _decoded(one, column, split, size, is_grey, bad)
    if bad and not options.skip_bad:
        _refuse(bad, splits["train"].name)
    if bad:
        notes.append(f"{len(bad):,} images that cannot be read are left out: {bad[min(bad)]}")
    return arrays, kept, notes


def _looks(one: Shards, column: str, split: str, bad: dict[tuple[str, int], str]) -> list[tuple[int, int, bool] | None]:
    looks: list[tuple[int, int, bool] | None] = []
    for row, image in enumerate(one.table.column(column)):
        content = image["bytes"].as_py() if image.is_valid else None
        name = f"row {row} of {split}"
        try:
            if content is None:
                path = image["path"].as_py() if image.is_valid else None
                what = "has no image" if path is None else f"only names a file that is not in the folder, {path!r}"
                raise DataError(f"{name} {what}", fix="save the dataset with its images")
            looks.append(look(content, name))
        except DataError as error:
            bad[split, row] = error.problem
            looks.append(None)
    return looks


def _decoded(
    one: Shards, column: str, split: str, size: tuple[int, int], is_grey: bool, bad: dict[tuple[str, int], str]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    count = len(one.table)
    made = np.zeros((count, 1 if is_grey else 3, *size), np.uint8)
    kept = np.ones(count, bool)
    for row, image in enumerate(one.table.column(column)):
        if (split, row) not in bad:
            name = f"row {row} of {split}"
            try:
                made[row] = fitted(decode(image["bytes"].as_py(), name), size, is_grey=is_grey)
            except DataError as error:
                bad[split, row] = error.problem
        kept[row] = (split, row) not in bad
    return (made if kept.all() else made[kept]), kept


def _refuse(bad: Mapping[tuple[str, int], str], name: str) -> None:
    if not bad:
        raise DataError(f"{name} has no images", fix="give at least a few examples of each class")
    listed = "; ".join(bad[place] for place in sorted(bad)[:SHOWN])
    more = f"; and {len(bad) - SHOWN:,} more" if len(bad) > SHOWN else ""
    raise DataError(f"images cannot be read: {listed}{more}", fix="replace them, or skip what is bad")
