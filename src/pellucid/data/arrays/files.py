"""`.npz` and `.safetensors` files with arrays of inputs and labels."""

from pathlib import Path

from pellucid.data.arrays.names import NamedArray, dataset_of
from pellucid.data.arrays.npz import open_npz
from pellucid.data.arrays.safetensors_file import listed, open_safetensors
from pellucid.data.dataset import Dataset
from pellucid.data.options import ReadOptions
from pellucid.errors import DataError, MissingFileError

SUFFIXES = (".npz", ".safetensors")


def is_array_file(path: Path) -> bool:
    """Return whether a file is named as one of arrays."""
    return path.suffix.lower() in SUFFIXES


def read_arrays(path: Path, options: ReadOptions) -> Dataset:
    """Read a dataset from the arrays in a file.

    Which array is what is found out by its name: x, inputs, images, data, features; y, labels, targets; class_names;
    feature_names; a split is said beside it (x_train, test-labels, val.images). In a `.safetensors` file, which has no
    text, `class_names` and `feature_names` stand in the metadata as a list in JSON.

    Args:
        path: `.npz`, or `.safetensors`.
        options: What the user says about the data.

    Returns:
        The dataset. Large arrays of splits that are given stay in the file and are mapped, unless it is compressed.

    Raises:
        MissingFileError: If there is no such file.
        DataError: If it is damaged, or has no inputs or labels that can be told.
    """
    try:
        is_file = path.is_file()
    except (OSError, ValueError) as error:
        raise MissingFileError(f"{path} cannot be read ({error})", fix="check the path") from error
    if not is_file:
        raise MissingFileError(f"there is no file {path}", fix="check the path")
    suffix = path.suffix.lower()
    if suffix == ".npz":
        members, others = open_npz(path)
        arrays = {name: NamedArray(member.shape, member.read) for name, member in members.items()}
        notes = [f"files in it that are no arrays: {', '.join(others[:10])}"] if others else []
        return dataset_of(arrays, options, name=path.stem, source=str(path), notes=notes)
    if suffix == ".safetensors":
        arrays, metadata = open_safetensors(path)
        class_names, columns = (listed(metadata, key, path) for key in ("class_names", "feature_names"))
        return dataset_of(arrays, options, name=path.stem, source=str(path), class_names=class_names, columns=columns)
    raise DataError(f"{path} is no file of arrays", fix=f"give one of: {', '.join(SUFFIXES)}")
