"""The files of a Hugging Face `datasets` folder: what `save_to_disk` writes, read with pyarrow alone.

Format: `datasets`, `Dataset.save_to_disk` and `DatasetDict.save_to_disk`: JSON beside streams of Arrow.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pellucid.data.arrays.names import split_of
from pellucid.errors import DataError, MissingFileError

STATE, INFO, SPLITS_FILE = "state.json", "dataset_info.json", "dataset_dict.json"
# A list of features or of shards is a few kilobytes; class names may be many.
MOST_JSON_BYTES = 64 * 2**20


@dataclass(frozen=True, eq=False)
class Shards:
    """The rows of one split.

    Attributes:
        name: What to call it in an error: its path.
        features: What `datasets` says of each column, by name; empty if it does not.
        table: A pyarrow table, mapped from the files.
    """

    name: str
    features: Mapping[str, Any]
    table: Any


def is_hf_folder(path: Path) -> bool:
    """Return whether a folder is one that `save_to_disk` of Hugging Face `datasets` wrote."""
    try:
        return (path / SPLITS_FILE).is_file() or ((path / STATE).is_file() and (path / INFO).is_file())
    except OSError:
        return False


def open_splits(path: Path) -> tuple[dict[str, Shards], list[str]]:
    """Read the rows of each split of a folder, mapped.

    Args:
        path: Written by `Dataset.save_to_disk` or `DatasetDict.save_to_disk`.

    Returns:
        By split, "train" among them, and notes.

    Raises:
        MissingFileError: If a file is not there.
        DataError: If a file is damaged, or no split is one to train on.
    """
    if not (path / SPLITS_FILE).is_file():
        return {"train": _open(path)}, []
    names = _json(path / SPLITS_FILE).get("splits")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise DataError(f"{path / SPLITS_FILE} lists no splits", fix="save the folder again")
    found: dict[str, str] = {}
    others = []
    for name in names:
        split = split_of(_plain(name, path / SPLITS_FILE)) or ("train" if len(names) == 1 else None)
        if split is None:
            others.append(name)
        elif split in found:
            raise DataError(f"{path} has two {split} splits: {found[split]} and {name}", fix="save one of them")
        else:
            found[split] = name
    if "train" not in found:
        raise DataError(
            f"{path} has no training split, but {', '.join(names[:10])}", fix="call one of the splits train"
        )
    notes = [f"splits not used: {', '.join(others[:10])}"] if others else []
    return {split: _open(path / name) for split, name in found.items()}, notes


def _open(folder: Path) -> Shards:
    """Read the rows of one split.

    Raises:
        DataError: If a file is damaged, or files have several kinds of columns.
    """
    import pyarrow as pa

    listed = _json(folder / STATE).get("_data_files")
    if not isinstance(listed, list) or not listed:
        raise DataError(f"{folder / STATE} lists no data files", fix="save the folder again")
    tables = []
    for entry in listed:
        name = entry.get("filename") if isinstance(entry, dict) else None
        tables.append(_stream(folder / _plain(name, folder / STATE)))
    features = _json(folder / INFO).get("features")
    if features is None:
        features = _of_schema(tables[0].schema)
    if not isinstance(features, dict):
        raise DataError(f"{folder / INFO} says nothing of the columns", fix="save the folder again")
    try:
        table = pa.concat_tables(table.replace_schema_metadata(None) for table in tables)
    except pa.ArrowException as error:
        raise DataError(f"the files in {folder} have several kinds of columns", fix="save the folder again") from error
    if len(set(table.column_names)) < table.num_columns:
        raise DataError(f"{folder} has two columns of one name", fix="rename one of them")
    if features and set(features) != set(table.column_names):
        raise DataError(
            f"{folder / INFO} names the columns {', '.join(features)}, but the files have "
            f"{', '.join(table.column_names)}",
            fix="save the folder again",
        )
    return Shards(str(folder), features, table)


def _stream(path: Path) -> Any:
    """Return the table in a file, mapped and checked.

    Raises:
        MissingFileError: If it is not there.
        DataError: If it is damaged.
    """
    import pyarrow as pa
    from pyarrow import ipc

    if not path.is_file():
        raise MissingFileError(f"there is no file {path}", fix="get all files of the folder")
    try:
        with pa.memory_map(str(path)) as file:
            table = ipc.open_stream(file).read_all()
        for place, field in enumerate(table.schema):
            if isinstance(field.type, pa.BaseExtensionType):
                # Only there in a program that has imported `datasets`.
                stored = table.column(place).cast(field.type.storage_type)
                table = table.set_column(place, field.name, stored)
        # Offsets of a damaged file can point outside of it, and nothing checks them later.
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        raise DataError(f"{path} is no stream of Arrow, damaged or cut short ({error})", fix="get it again") from error
    return table


def _of_schema(schema: Any) -> Any:
    """Return what a file says of its own columns, as `datasets` writes it into each."""
    try:
        return json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}


def _json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MOST_JSON_BYTES:
            raise DataError(f"{path} has {path.stat().st_size:,} bytes", fix="save the folder again")
        made = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise MissingFileError(f"there is no file {path}", fix="get all files of the folder") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error})", fix="check who may read it") from error
    except DataError:
        raise
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no JSON ({error})", fix="save the folder again") from error
    if not isinstance(made, dict):
        raise DataError(f"{path} is no JSON object", fix="save the folder again")
    return made


def _plain(name: Any, where: Path) -> str:
    """Return a name that stays within its folder.

    Raises:
        DataError: If it leads elsewhere.
    """
    if not isinstance(name, str) or name in ("", ".", "..") or any(part in name for part in ("/", "\\", "\0", ":")):
        raise DataError(f"{where} names {name!r}, which is no file beside it", fix="save the folder again")
    return name
