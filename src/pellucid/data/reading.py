"""`read`: a dataset from its name, a file, a folder or an object of the program."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from pellucid.data.dataset import Dataset
from pellucid.data.fashion_mnist import CLASS_NAMES, load_fashion_mnist
from pellucid.data.options import ReadOptions
from pellucid.errors import DataError, MissingFileError, UnknownNameError, did_you_mean
from pellucid.tasks import Task

FASHION_MNIST = "fashion-mnist"
KNOWN = (
    "a folder with a folder of images for each class, or train/ and test/ with such folders; "
    "a table (CSV, TSV, Parquet, Arrow, JSON Lines) or a folder of Parquet or Arrow files; arrays (.npz, .safetensors, "
    "or a folder of .npy files); a folder with IDX files; or one that Hugging Face datasets saved"
)


def read(
    source: Any = FASHION_MNIST,
    *,
    label: str | tuple[str, ...] = (),
    task: Task | None = None,
    group: str | None = None,
    ignore: str | tuple[str, ...] = (),
    image_size: tuple[int, int] | None = None,
    skip_bad: bool = False,
    stream: bool | None = None,
) -> Dataset:
    """Read a dataset.

    Splits that the source has are kept. Where there are none, a test and a validation split are cut (stratified, always
    the same), so that the test split is left for the final judgement. What was found out and chosen stands in `notes`.

    Args:
        source: "fashion-mnist", which comes with the package; the path of a folder of images, a table, arrays or IDX
            files; or a pair (inputs, labels), a dict of arrays, a PyTorch dataset or loader.
        label: Name of the label column or array, or several; found out by default.
        task: "multiclass", "binary", "multilabel" or "regression"; inferred from the labels by default.
        group: Column of a table whose equal values are kept in one split.
        ignore: Columns of a table that the network is not to see.
        image_size: Height and width that images are brought to; chosen from the images by default.
        skip_bad: Whether to leave out files and rows that cannot be read, instead of refusing them all.
        stream: Whether to read training examples from the files while training, and only a sample into memory; by
            default where the data is larger than half of the memory that is left.

    Returns:
        The dataset, with the splits train, validation and test.

    Raises:
        UnknownNameError: If the source is neither a dataset's name nor a path that exists, or a column is not there.
        MissingFileError: If the path does not exist, or a file in the folder is missing.
        DataError: If a file is not what it should be.

    Example:
        >>> dataset = read("fashion-mnist")
        >>> {name: len(split) for name, split in dataset.splits.items()}
        {'train': 55000, 'validation': 5000, 'test': 10000}
    """
    options = ReadOptions(
        label=(label,) if isinstance(label, str) else tuple(label),
        task=task,
        group=group,
        ignore=(ignore,) if isinstance(ignore, str) else tuple(ignore),
        image_size=image_size,
        skip_bad=skip_bad,
        stream=stream,
    )
    return read_with(source, options)


def read_with(source: Any, options: ReadOptions) -> Dataset:
    """Read a dataset, see `read`, by options that stand together.

    Raises:
        UnknownNameError: If the source is neither a dataset's name nor a path that exists.
        MissingFileError: If the path does not exist.
        DataError: If it is of no kind that is known.
    """
    if options.stream and (not isinstance(source, str | Path) or source == FASHION_MNIST):
        raise DataError(
            f"{FASHION_MNIST if isinstance(source, str) else 'what is in memory'} is not streamed",
            fix="leave stream out",
        )
    if not isinstance(source, str | Path):
        from pellucid.data.objects.reading import read_object

        return read_object(source, options)
    if source == FASHION_MNIST:
        splits, notes = load_fashion_mnist()
        return Dataset(FASHION_MNIST, splits, CLASS_NAMES, source="Fashion-MNIST, in the package", notes=notes)
    path = Path(source)
    try:
        is_folder, is_file = path.is_dir(), path.exists()
    except OSError as error:
        raise MissingFileError(f"{path} cannot be read ({error})", fix="check the path") from error
    if is_folder or is_file:
        from pellucid.data.streaming.opening import open_stream

        in_memory = _read_folder if is_folder else _read_file
        dataset = open_stream(path, options) or in_memory(path, options)
        # A reader that found label columns has said so itself.
        return replace(dataset, options=options) if dataset.options == ReadOptions() else dataset
    if isinstance(source, str) and "/" not in source and "." not in source:
        raise UnknownNameError(f"there is no dataset or folder {source!r}", fix=did_you_mean(source, [FASHION_MNIST]))
    raise MissingFileError(f"there is no file or folder {path}", fix="check the path")


def _read_folder(path: Path, options: ReadOptions) -> Dataset:
    from pellucid.data.huggingface.shards import is_hf_folder
    from pellucid.data.idx_folder import has_idx_files, read_idx_folder
    from pellucid.data.images.classes import has_class_folders
    from pellucid.data.tables.files import is_table

    if is_hf_folder(path):
        from pellucid.data.huggingface.folder import read_hf_folder

        return read_hf_folder(path, options)
    if has_idx_files(path):
        return read_idx_folder(path)
    if is_table(path):
        from pellucid.data.tables.reading import read_table

        return read_table(path, options)
    is_nested = any(one.is_dir() and not one.name.startswith(".") for one in path.iterdir())
    if has_class_folders(path) or is_nested:
        # Of folders within it is told what is wrong with them.
        from pellucid.data.images.folder import read_image_folder

        return read_image_folder(path, options)
    raise DataError(f"{path} holds no data that is known", fix=f"give {KNOWN}")


def _read_file(path: Path, options: ReadOptions) -> Dataset:
    from pellucid.data.arrays.files import is_array_file, read_arrays
    from pellucid.data.idx_folder import is_idx_name
    from pellucid.data.images.classes import IMAGE_SUFFIXES
    from pellucid.data.tables.files import is_table

    if is_table(path):
        from pellucid.data.tables.reading import read_table

        return read_table(path, options)
    if is_array_file(path):
        return read_arrays(path, options)
    if path.suffix.lower() in IMAGE_SUFFIXES or is_idx_name(path.name):
        raise DataError(f"{path} is one file of a dataset", fix="give the folder that it is in")
    raise DataError(f"{path} is no file of a kind that is known", fix=f"give {KNOWN}")
