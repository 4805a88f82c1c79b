"""Which files of a folder hold the rows of which split."""

import re
from pathlib import Path

from pellucid.data.arrays.names import split_of
from pellucid.data.streaming.arrow_files import SUFFIXES as ARROW
from pellucid.data.streaming.parquet_files import SUFFIXES as PARQUET
from pellucid.errors import DataError

SUFFIXES = (*PARQUET, *ARROW)


def shards_in(folder: Path) -> list[Path]:
    """Return the Parquet or Arrow files of a folder, and of folders in it that are named as splits; sorted."""
    found = [path for path in folder.iterdir() if _is_shard(path)]
    for inner in folder.iterdir():
        if split_of(inner.name) is not None and inner.is_dir():
            found += [path for path in inner.iterdir() if _is_shard(path)]
    return sorted(found)


def _is_shard(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith((".", "_")) and path.is_file()


def by_split(folder: Path) -> tuple[dict[str, list[Path]], tuple[str, ...]]:
    """Return the shards of each split, and a note on those of none.

    A shard is of the split that its folder or the first word of its name says; all are training examples if none says.

    Args:
        folder: With Parquet or with Arrow files.

    Raises:
        DataError: If there are both kinds, or none to train on.
    """
    paths = shards_in(folder)
    kinds = {path.suffix.lower() in PARQUET for path in paths}
    if len(kinds) > 1:
        raise DataError(f"{folder} has Parquet and Arrow files", fix="keep one of the two in the folder")
    found: dict[str, list[Path]] = {}
    others: list[Path] = []
    for path in paths:
        word = re.split(r"[-_.]", path.name)[0] if path.parent == folder else path.parent.name
        split = split_of(word)
        (others if split is None else found.setdefault(split, [])).append(path)
    if "train" not in found:
        found, others = {**found, "train": others}, []
    if not found["train"]:
        raise DataError(f"{folder} has no files to train on", fix="name them train-0.parquet, train-1.parquet …")
    note = f"files in the folder that are not read: {', '.join(path.name for path in others[:10])}"
    return found, (note,) if others else ()
