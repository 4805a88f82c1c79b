"""`read_table`: a dataset from a table, or from a folder with a table for each split."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np

from pellucid.data.columns import Kind
from pellucid.data.dataset import Dataset
from pellucid.data.options import ReadOptions
from pellucid.data.tables.arranging import arrange
from pellucid.data.tables.files import split_files, table_name
from pellucid.data.tables.frame import Frame
from pellucid.data.tables.inputs import choose_inputs
from pellucid.data.tables.labels import check_task, infer_task, label_values
from pellucid.data.tables.like import check_columns, values_like
from pellucid.data.tables.opening import read_frame
from pellucid.data.tables.roles import Roles, roles_of
from pellucid.data.tables.usable import Parsed, usable
from pellucid.data.tables.values import Values, words_of
from pellucid.errors import DataError, UnknownNameError, did_you_mean
from pellucid.tasks import TASKS, Task


def read_table(path: Path, options: ReadOptions) -> Dataset:
    """Read a table: CSV and its relatives, Parquet, Arrow, JSON Lines.

    Numbers, booleans, dates and categories become inputs; columns that say nothing are left out, and that is noted.

    Args:
        path: Of the file, or of a folder with train.csv and perhaps test.csv and val.csv.
        options: What the user says about the data.

    Returns:
        The dataset: splits as they are given, others cut from the training rows.

    Raises:
        MissingFileError: If there is no such file.
        UnknownNameError: If a column or task that is named is not there.
        DataError: If the file is no table, or not one that can be learned from.
    """
    check_task_name(options.task)
    files, folder_notes = split_files(path)
    frames = {split: read_frame(file, skip_bad=options.skip_bad) for split, file in files.items()}
    roles = roles_of(frames["train"], options)
    tables, task, task_notes = parsed_tables(frames, roles, options)
    splits, names, columns, notes = arrange(tables, task)
    of_tables = [note for table in tables.values() for note in (*table.frame.notes, *table.notes)]
    return Dataset(
        name=dataset_name(path),
        splits=splits,
        class_names=tuple(names),
        source=str(path),
        # Several tables may have to say the same.
        notes=tuple(dict.fromkeys([*folder_notes, *roles.notes, *task_notes, *of_tables, *notes])),
        task=task,
        columns=columns,
        options=replace(options, label=roles.label),
        cut=tuple(split for split in splits if split not in tables),
    )


def check_task_name(task: str | None) -> None:
    """Check that a task is one.

    Raises:
        UnknownNameError: If it is none.
    """
    if task is not None and task not in TASKS:
        raise UnknownNameError(f"there is no task {task!r}", fix=did_you_mean(task, TASKS))


def dataset_name(path: Path) -> str:
    """Return the name of a dataset by its path.

    Args:
        path: Of a file or folder.
    """
    return (path.resolve().name if path.is_dir() else table_name(path)) or "table"


def parsed_tables(
    frames: Mapping[str, Frame], roles: Roles, options: ReadOptions
) -> tuple[dict[str, Parsed], Task, tuple[str, ...]]:
    """Take the columns of every table apart: those of training decide what they hold in the others.

    Args:
        frames: By split, "train" among them.
        roles: Of the columns.
        options: What the user says about the data.

    Returns:
        The tables by split, the task, and notes on it.
    """

    def parse_train(frame: Frame) -> Parsed:
        inputs, notes = choose_inputs(frame, roles.inputs)
        return Parsed(
            frame, inputs, label_values(frame, roles.label, options.task), group_of(frame, roles.group), notes
        )

    train = usable(frames["train"], parse_train, skip_bad=options.skip_bad)
    task = options.task
    notes: tuple[str, ...] = ()
    if task is None:
        task, word = infer_task(train.labels, train.frame.name)
        notes = (word,)
    check_task(train.labels, task, train.frame.name)
    tables = {"train": train}
    kinds = {name: kind_of(values) for name, values in train.inputs.items()}
    for split, frame in frames.items():
        if split != "train":
            group = (roles.group,) if roles.group else ()
            check_columns(frame, (*kinds, *roles.label, *group), "the training table")
            tables[split] = table_like(frame, roles, kinds, task, skip_bad=options.skip_bad)
    return tables, task, notes


def table_like(frame: Frame, roles: Roles, kinds: Mapping[str, Kind], task: Task, *, skip_bad: bool) -> Parsed:
    """Take the columns of a table apart by what another table holds.

    Args:
        frame: With all of the columns.
        roles: Of its columns.
        kinds: By name of the input column.
        task: Of the labels.
        skip_bad: Whether rows that cannot be used are left out.

    Raises:
        DataError: If rows cannot be used, or the labels are of another kind.
    """

    def parse(frame: Frame) -> Parsed:
        labels = label_values(frame, roles.label, task)
        return Parsed(frame, values_like(frame, kinds), labels, group_of(frame, roles.group))

    table = usable(frame, parse, skip_bad=skip_bad)
    check_task(table.labels, task, frame.name, is_training=False)
    return table


def kind_of(values: Values) -> Kind:
    """Return what kind of input column values make.

    Args:
        values: That can be inputs.
    """
    return cast(Kind, "category" if values.content == "text" else values.content)


def group_of(frame: Frame, name: str | None) -> Values | None:
    """Return the group of each row; None if no column is named.

    Args:
        frame: The table.
        name: Of the column.

    Raises:
        DataError: If the column holds lists or objects.
    """
    if name is None:
        return None
    words = words_of(frame.columns[name])
    if words is None:
        raise DataError(f"group column {name!r} of {frame.name} holds lists or objects", fix="name another column")
    return Values("text", words.is_missing, np.zeros(len(words), bool), words=words)
