"""`open_stream`: data that is larger than memory allows, or that a user wants streamed."""

import math
from pathlib import Path

from pellucid.data.dataset import Dataset
from pellucid.data.huggingface.shards import is_hf_folder
from pellucid.data.idx_folder import has_idx_files
from pellucid.data.memory import memory_left
from pellucid.data.options import ReadOptions
from pellucid.data.streaming.opening_arrays import arrays_of, npy_files, open_arrays
from pellucid.data.streaming.opening_tables import open_table
from pellucid.data.streaming.raw_arrays import SUFFIXES as ARRAY_SUFFIXES
from pellucid.data.streaming.shards import SUFFIXES as TABLE_SUFFIXES
from pellucid.data.streaming.shards import shards_in
from pellucid.data.streaming.table_files import open_files
from pellucid.data.tables.files import is_table
from pellucid.errors import DataError

# Of the memory that is left, for a dataset; what is made of it takes as much again.
SHARE = 0.5
# Of what a file holds to what it takes, but for a few.
LARGEST_RATIO = 50


def open_stream(path: Path, options: ReadOptions) -> Dataset | None:
    """Open a dataset to be streamed, if it is too large for memory or the user says so.

    Args:
        path: A Parquet or Arrow file; .npz that is not compressed; .safetensors; or a folder of Parquet files, of Arrow
            files or of .npy files, which only this can read, whatever their size.
        options: What the user says about the data; `stream` decides, unless it is None.

    Returns:
        The dataset: samples as its splits, and the stream of the training examples. None if it is to be read into
        memory, or is nothing that can be streamed.

    Raises:
        DataError: If files are damaged, cannot be learned from, or are to be streamed and cannot be.
    """
    try:
        kind = _kind(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error})", fix="check the path and who may read it") from error
    if kind is None:
        if options.stream:
            raise DataError(
                f"{path} cannot be streamed",
                fix="give Parquet or Arrow files, .npz written by numpy.savez, .safetensors, or a folder of .npy files",
            )
        return None
    if options.stream is None and has_reader(path) and not _is_too_large(path, kind):
        return None
    if options.stream is False and has_reader(path):
        return None
    return open_arrays(path, options) if kind == "arrays" else open_table(path, options)


def has_reader(path: Path) -> bool:
    """Return whether there is another reader for what can be streamed: for a file, or a folder with one a split."""
    return not path.is_dir() or is_table(path)


def _kind(path: Path) -> str | None:
    if path.is_dir():
        if is_hf_folder(path) or has_idx_files(path):
            return None
        if shards_in(path):
            return "table"
        return "arrays" if len(npy_files(path)) > 1 else None
    suffix = path.suffix.lower()
    if suffix in TABLE_SUFFIXES:
        return "table"
    return "arrays" if suffix in ARRAY_SUFFIXES and suffix != ".npy" else None


def _is_too_large(path: Path, kind: str) -> bool:
    """Return whether what a file holds takes too much of the memory that is left."""
    left = memory_left() * SHARE
    paths = shards_in(path) if path.is_dir() else [path]
    # Hardly anything is so well compressed that it would be too large.
    if sum(one.stat().st_size for one in paths) * LARGEST_RATIO < left:
        return False
    try:
        if kind == "table":
            opened = [open_files([one], [""]) for one in paths]
            size = sum(float(files.part_sizes.sum()) * files.row_bytes(files.names) for files in opened)
        else:
            size = sum(
                float(math.prod(array.shape)) * max(array.dtype.itemsize, 1) for array in arrays_of(path).values()
            )
    except DataError:
        # Whoever reads it into memory says what is wrong with it.
        return False
    return size > left
