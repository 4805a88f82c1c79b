"""Tables larger than memory: their rows stay in the files, a sample of them becomes the splits of the dataset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import SPLITS, Dataset, Split
from pellucid.data.options import ReadOptions
from pellucid.data.streaming.assigning import Bits
from pellucid.data.streaming.encoding import ColumnEncoder, LabelWords
from pellucid.data.streaming.noting import stream_notes
from pellucid.data.streaming.sampling import sampled_places
from pellucid.data.streaming.scanning import Scan, scan
from pellucid.data.streaming.shards import by_split
from pellucid.data.streaming.sources import slice_size
from pellucid.data.streaming.stream import Stream
from pellucid.data.streaming.table_files import OpenTables, TableFiles, open_files
from pellucid.data.streaming.table_source import TableSource
from pellucid.data.tables.frame import Frame, listed, rows_of
from pellucid.data.tables.inputs import columns_of, spread
from pellucid.data.tables.labels import label_array, label_values, names_of
from pellucid.data.tables.like import input_arrays
from pellucid.data.tables.reading import check_task_name, dataset_name, parsed_tables
from pellucid.data.tables.roles import Roles, roles_of
from pellucid.errors import DataError
from pellucid.tasks import Task


@dataclass(frozen=True, eq=False)
class _Opened:
    """The files that a split is read from, or several are cut from.

    Attributes:
        files: With their parts.
        scan: Of all rows.
        masks: By split, which rows of each slice belong to it; None for all.
    """

    files: TableFiles
    scan: Scan
    masks: Mapping[str, tuple[Bits, ...] | None]


def open_table(path: Path, options: ReadOptions) -> Dataset:
    """Open a table that is to be streamed.

    Args:
        path: A Parquet or Arrow file, or a folder of them.
        options: What the user says about the data.

    Raises:
        UnknownNameError: If a column or task that is named is not there.
        DataError: If files are damaged, or cannot be learned from.
    """
    check_task_name(options.task)
    paths, folder_notes = by_split(path) if path.is_dir() else ({"train": [path]}, ())
    files = {
        split: open_files(some, [one.relative_to(path).as_posix() if path.is_dir() else "" for one in some])
        for split, some in paths.items()
    }
    train = files["train"]
    roles = roles_of(_frame(str(path), train, [], train.names), options)
    # Groups have done their part when the splits are cut.
    names = (*roles.inputs, *roles.label)
    size = slice_size(train.row_bytes(roles.inputs))
    opened = {split: _opened(split, of_split, roles, size, files, options) for split, of_split in files.items()}
    frames: dict[str, Frame] = {}
    for one in opened.values():
        frames |= _sampled(str(path), one, names, size)
    if "train" not in frames:
        raise DataError(f"{path} has no training examples", fix="give more rows, or correct the labels")
    tables, task, notes = parsed_tables(frames, replace(roles, group=None), options)
    words, class_names, task, task_notes = _classes(
        str(path), opened, roles, task, notes, is_given=options.task is not None
    )
    inputs_of_train = tables["train"].inputs
    columns, column_notes = columns_of(inputs_of_train, np.arange(len(tables["train"].frame)))
    std = []
    for column in columns:
        numbers = inputs_of_train[column.name].numbers
        std.append(0.0 if column.kind == "category" or numbers is None else spread(numbers))
    arrays = input_arrays([table.inputs for table in tables.values()], columns, std)
    encoder = ColumnEncoder(columns, roles.label, task, class_names, arrays[0].dtype, words, skip_bad=options.skip_bad)
    splits = {
        split: Split(inputs, encoder.labels(_batch(table.frame, roles.label), str(path)))
        for (split, table), inputs in zip(tables.items(), arrays, strict=True)
    }
    left_out = sum(one.scan.left_out for one in opened.values())
    said = [
        *folder_notes, *roles.notes, *task_notes, *(note for table in tables.values() for note in table.notes),
        *column_notes,
        *([f"left out: {rows_of(left_out)} without a label{' or group' if roles.group else ''}"] if left_out else []),
    ]  # fmt: skip
    dataset = Dataset(
        name=dataset_name(path),
        splits={split: splits[split] for split in SPLITS if split in splits},
        class_names=class_names,
        source=str(path),
        task=task,
        columns=columns,
        options=replace(options, label=roles.label, stream=True),
        cut=tuple(split for split in SPLITS if split in splits and split not in files),
    )
    stream = Stream(TableSource(train, encoder, size), opened["train"].masks["train"])
    is_cut = len(opened["train"].masks) > 1
    notes = tuple(dict.fromkeys([*said, *stream_notes(dataset, stream, is_cut=is_cut)]))
    return replace(dataset, notes=notes, stream=stream)


def _opened(
    split: str, of_split: TableFiles, roles: Roles, size: int, files: Mapping[str, TableFiles], options: ReadOptions
) -> _Opened:
    """Look at all labels of a split.

    Raises:
        DataError: If it lacks columns that training has.
    """
    train = files["train"]
    missing = [name for name in (*roles.inputs, *roles.label) if name not in of_split.names]
    if missing:
        raise DataError(
            f"{of_split.paths[0]} lacks {listed([repr(name) for name in missing], 'column')} of {train.paths[0]}",
            fix="give every split the same columns",
        )
    cut = tuple(name for name in SPLITS[1:] if name not in files) if split == "train" else ()
    group = roles.group if cut else None
    found = scan(of_split, replace(roles, group=group), size, cut, options)
    if cut:
        return _Opened(of_split, found, found.masks.of(["train", *cut]))
    return _Opened(of_split, found, {split: found.masks.of(["train"])["train"] if found.left_out else None})


def _sampled(name: str, opened: _Opened, columns: Sequence[str], size: int) -> dict[str, Frame]:
    """Read rows from all over the files, by split."""
    import pyarrow as pa

    files = opened.files
    batches: dict[str, list[Any]] = {}
    rows: dict[str, list[NDArray[np.int64]]] = {}
    tables = OpenTables(files)
    begun = np.concatenate([[0], np.cumsum(files.part_sizes)])
    reading: tuple[int, Any, int] = (-1, iter(()), 0)
    for part, place, taken in sampled_places(files.part_sizes, size, opened.masks, files.row_bytes(columns)):
        if reading[0] != part:
            reading = (part, tables.slices(part, columns, size, place), place)
        batch = next(reading[1])
        for _ in range(place - reading[2]):
            batch = next(reading[1])
        reading = (part, reading[1], place + 1)
        for split, places in taken.items():
            if len(places):
                batches.setdefault(split, []).append(batch.take(pa.array(places)))
                rows.setdefault(split, []).append(begun[part] + place * size + places + 1)
    tables.close()
    return {
        split: _frame(name, files, of_split, columns, np.concatenate(rows[split]))
        for split, of_split in batches.items()
    }


def _frame(
    name: str,
    files: TableFiles,
    batches: Sequence[Any],
    columns: Sequence[str],
    numbers: NDArray[np.int64] | None = None,
) -> Frame:
    import pyarrow as pa

    types = {column: files.schema.field(files.names.index(column)).type for column in columns}
    declared = frozenset(column for column, type_ in types.items() if pa.types.is_dictionary(type_))
    made = {column: _chunked([batch.column(column) for batch in batches], types[column]) for column in columns}
    return Frame(name, made, np.zeros(0, np.int64) if numbers is None else numbers, declared=declared)


def _chunked(arrays: Sequence[Any], type_: Any) -> Any:
    """Return one column of what files may have written with other widths."""
    import pyarrow as pa

    if len({str(array.type) for array in arrays}) > 1:
        arrays = [array.dictionary_decode() if pa.types.is_dictionary(array.type) else array for array in arrays]
        is_number = any(pa.types.is_floating(array.type) for array in arrays)
        wanted = pa.float64() if is_number else arrays[0].type
        arrays = [array.cast(wanted) for array in arrays]
    stored = type_.storage_type if isinstance(type_, pa.BaseExtensionType) else type_
    return pa.chunked_array(arrays, None if arrays else stored)


def _batch(frame: Frame, names: Sequence[str]) -> Any:
    """Return columns of a frame as one record batch."""
    import pyarrow as pa

    arrays = []
    for name in names:
        whole = frame.columns[name].combine_chunks()
        arrays.append(pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole)
    return pa.RecordBatch.from_arrays(arrays, names=list(names))


def _classes(
    name: str, opened: Mapping[str, _Opened], roles: Roles, task: Task, notes: Sequence[str], *, is_given: bool
) -> tuple[LabelWords | None, tuple[str, ...], Task, tuple[str, ...]]:
    """Return what the labels of all rows are, which a sample may not have all of.

    Raises:
        DataError: If labels name too many classes, or some stand in a split that is given and not in training.
    """
    if task == "regression" or len(roles.label) > 1:
        return None, roles.label, task, tuple(notes)
    import pyarrow as pa

    distinct = {split: one.scan.distinct for split, one in opened.items()}
    if any(values is None for values in distinct.values()):
        raise DataError(
            f"label column {roles.label[0]!r} of {name} has too many different values for classes",
            fix="name another: --label COLUMN; or use --task regression",
        )
    known = distinct["train"]
    for split, values in distinct.items():
        if split != "train":
            new = [value for value in values.to_pylist() if value not in set(known.to_pylist())]
            if new:
                raise DataError(
                    f"the {split} split has labels that training has not: {listed([repr(value) for value in new])}",
                    fix="add training examples of them, or leave those rows out",
                )
    column = next(iter(opened.values())).files.schema.field(opened["train"].files.names.index(roles.label[0])).type
    is_list = pa.types.is_list(column) or pa.types.is_large_list(column)
    if is_list:
        known = pa.array([known.to_pylist()], pa.list_(known.type))
    frame = Frame(name, {roles.label[0]: pa.chunked_array([known])}, np.arange(len(known)))
    values = label_values(frame, roles.label, task)
    class_names = tuple(names_of(values, task))
    if not is_given and task in ("multiclass", "binary") and (task == "binary") != (len(class_names) == 2):
        task = "binary" if len(class_names) == 2 else "multiclass"
        notes = [f"task: {task} (inferred: the label column has {len(class_names):,} different values)"]
    if is_list:
        return None, class_names, task, tuple(notes)
    return LabelWords(known, label_array(values, task, class_names)), class_names, task, tuple(notes)
