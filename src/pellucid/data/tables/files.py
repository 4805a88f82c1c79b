"""Which files are tables, and which files of a folder are its splits."""

from pathlib import Path
from typing import Literal

from pellucid.errors import DataError, MissingFileError

Format = Literal["delimited", "parquet", "arrow", "json lines"]
FORMATS: dict[str, Format] = {
    ".csv": "delimited",
    ".tsv": "delimited",
    ".tab": "delimited",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".jsonl": "json lines",
    ".ndjson": "json lines",
}
# Formats of text, which are read compressed as well; the others compress themselves.
COMPRESSIBLE = ("delimited", "json lines")
SPLIT_NAMES = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}


def table_format(path: Path) -> Format | None:
    """Return what a file is by its name; None if it is no table."""
    name = path.name.lower()
    if name.endswith(".gz"):
        found = FORMATS.get(Path(name[:-3]).suffix)
        return found if found in COMPRESSIBLE else None
    return FORMATS.get(Path(name).suffix)


def table_name(path: Path) -> str:
    """Return the name of a file without .csv, .csv.gz and their like."""
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    return Path(name).stem


def is_table(path: Path) -> bool:
    """Return whether a path is named like a table, or is a folder with a table named train or test in it."""
    try:
        if path.is_dir():
            return bool(_by_split(path))
    except OSError:
        return False
    return table_format(path) is not None


def split_files(path: Path) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Return the file of each split, and a note on tables in the folder that are none.

    Args:
        path: A table, which is then "train"; or a folder with train.csv and perhaps test.csv and val.csv.

    Raises:
        MissingFileError: If there is nothing there, or no train file in the folder.
        DataError: If two files of the folder claim to be one split, or the path cannot be looked at.
    """
    try:
        is_folder, is_there = path.is_dir(), path.exists()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error})", fix="check the path and who may read it") from error
    if not is_folder:
        if not is_there:
            raise MissingFileError(f"there is no file {path}", fix="check the path")
        return {"train": path}, ()
    found = _by_split(path)
    for split, files in found.items():
        if len(files) > 1:
            names = " and ".join(file.name for file in files)
            raise DataError(f"{path} has two {split} files: {names}", fix="leave one of them in the folder")
    if "train" not in found:
        beside = ", ".join(files[0].name for files in found.values()) or "nothing"
        raise MissingFileError(f"{path} has no train file beside {beside}", fix="add train.csv, or give one file")
    taken = {file for files in found.values() for file in files}
    others = sorted(file.name for file in path.iterdir() if table_format(file) and file not in taken)
    notes = (f"other tables in the folder are not read: {', '.join(others)}",) if others else ()
    return {split: found[split][0] for split in SPLIT_NAMES if split in found}, notes


def _by_split(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for file in sorted(folder.iterdir()):
        for split, names in SPLIT_NAMES.items():
            if table_format(file) and table_name(file).lower() in names and file.is_file():
                found.setdefault(split, []).append(file)
    return found
