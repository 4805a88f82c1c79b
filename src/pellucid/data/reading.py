"""`read`: a dataset from its name or from a folder."""

from pathlib import Path

from pellucid.data.dataset import Dataset
from pellucid.data.fashion_mnist import CLASS_NAMES, load_fashion_mnist
from pellucid.data.idx_folder import has_idx_files, read_idx_folder
from pellucid.errors import DataError, MissingFileError, UnknownNameError, did_you_mean

FASHION_MNIST = "fashion-mnist"


def read(source: str | Path = FASHION_MNIST) -> Dataset:
    """Read a dataset.

    A validation split is cut from the training examples (stratified, always the same), so that the test split is left
    for the final judgement.

    Args:
        source: "fashion-mnist", which comes with the package; or a folder with IDX files as MNIST has them
            (`train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-…`; gzip or plain).

    Returns:
        The dataset, with the splits train, validation and test.

    Raises:
        UnknownNameError: If the source is neither a dataset's name nor a path that exists.
        MissingFileError: If the path does not exist, or a file in the folder is missing.
        DataError: If a file is not what it should be.

    Example:
        >>> dataset = read("fashion-mnist")
        >>> {name: len(split) for name, split in dataset.splits.items()}
        {'train': 55000, 'validation': 5000, 'test': 10000}
    """
    if source == FASHION_MNIST:
        splits, notes = load_fashion_mnist()
        return Dataset(FASHION_MNIST, splits, CLASS_NAMES, source="Fashion-MNIST, in the package", notes=notes)
    folder = Path(source)
    try:
        is_folder, is_file = folder.is_dir(), folder.is_file()
    except OSError as error:
        raise MissingFileError(f"{folder} cannot be read ({error})", fix="check the path") from error
    if is_folder:
        if has_idx_files(folder):
            return read_idx_folder(folder)
        raise DataError(
            f"{folder} has no IDX files in it",
            fix="give a folder with train-images-idx3-ubyte and train-labels-idx1-ubyte, gzip or plain",
        )
    if is_file:
        raise DataError(f"{folder} is a file", fix="give the folder that it is in")
    if isinstance(source, str) and "/" not in source:
        raise UnknownNameError(f"there is no dataset or folder {source!r}", fix=did_you_mean(source, [FASHION_MNIST]))
    raise MissingFileError(f"there is no folder {folder}", fix="check the path")
