"""Which rows of which table stand in which split, and what that means for classes and columns."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.columns import InputColumn
from pellucid.data.dataset import Split
from pellucid.data.splitting import split_indices
from pellucid.data.tables.frame import listed
from pellucid.data.tables.inputs import columns_of, spread
from pellucid.data.tables.labels import label_array, names_of, sorted_names
from pellucid.data.tables.like import input_arrays
from pellucid.data.tables.usable import Parsed
from pellucid.errors import DataError
from pellucid.tasks import Task

# By split: the table its rows stand in, and their places there.
Places = Mapping[str, tuple[str, NDArray[np.int64]]]


def arrange(
    tables: Mapping[str, Parsed], task: Task
) -> tuple[dict[str, Split], list[str], tuple[InputColumn, ...], tuple[str, ...]]:
    """Return splits, names of classes, columns of the inputs, and notes.

    Args:
        tables: By split, "train" among them; a split that has no table is cut from that.
        task: Of the labels.

    Raises:
        DataError: If a class has no training rows, or no column varies among them.
    """
    found = {split: names_of(table.labels, task) for split, table in tables.items()}
    names = found["train"]
    if task in ("multiclass", "binary", "multilabel"):
        names = sorted_names(list(dict.fromkeys(name for one in found.values() for name in one)))
    if task == "multilabel" and next(iter(tables["train"].labels.values())).lists is None:
        names = found["train"]
    labels = {split: label_array(table.labels, task, names) for split, table in tables.items()}
    places = _places(tables, labels["train"], task)
    rare = _rare_classes(labels, places, names, task)
    of_train = tables["train"].inputs
    columns, notes = columns_of(of_train, places["train"][1])
    std = [0.0 if column.kind == "category" else _std(tables, column, places) for column in columns]
    arrays = dict(zip(tables, input_arrays([table.inputs for table in tables.values()], columns, std), strict=True))
    splits = {split: _split(arrays[table], labels[table], rows) for split, (table, rows) in places.items()}
    return splits, names, columns, (*notes, *rare, *_shared_groups(tables))


def _std(tables: Mapping[str, Parsed], column: InputColumn, places: Places) -> float:
    numbers = tables["train"].inputs[column.name].numbers
    assert numbers is not None
    return spread(numbers[places["train"][1]])


def _split(inputs: NDArray[Any], labels: NDArray[Any], rows: NDArray[np.int64]) -> Split:
    is_whole = len(rows) == len(inputs)
    return Split(inputs, labels) if is_whole else Split(inputs[rows], labels[rows])


def _places(tables: Mapping[str, Parsed], labels: NDArray[Any], task: Task) -> dict[str, tuple[str, NDArray[np.int64]]]:
    """Cut the splits that have no table of their own from the training rows."""
    places = {split: (split, np.arange(len(table.frame))) for split, table in tables.items()}
    if "validation" in tables and "test" in tables:
        return places
    group = tables["train"].group
    groups = None if group is None or group.words is None else group.words.codes
    missing = [split for split in ("validation", "test") if split not in tables]
    cut = split_indices(labels, task, groups=groups, cut=missing)
    return {**places, **{split: ("train", rows) for split, rows in cut.items()}}


def _rare_classes(
    labels: Mapping[str, NDArray[Any]], places: Places, names: Sequence[str], task: Task
) -> tuple[str, ...]:
    """Return notes on labels that only rows have that were cut from the training rows.

    Raises:
        DataError: If a class has no training rows; or a label has none, and another split that was given has some.
    """
    if task == "regression":
        return ()
    notes = []

    def counts(split: str) -> NDArray[np.int64]:
        table, rows = places[split]
        chosen = labels[table][rows]
        return np.bincount(chosen, minlength=len(names)) if chosen.ndim == 1 else chosen.sum(axis=0).astype(np.int64)

    of_train = counts("train")
    for split in ("test", "validation"):
        of_split = counts(split) if split in places else np.zeros_like(of_train)
        shown = [
            f"{name!r} ({count:,})"
            for name, trained, count in zip(names, of_train, of_split, strict=True)
            if count and not trained
        ]
        # One of several labels may be so rare that the cut leaves training none; a class never is, but for groups.
        if shown and task == "multilabel" and places[split][0] == "train":
            notes.append(f"only the {split} split has examples of label {listed(shown)}")
        elif shown:
            what = "label" if task == "multilabel" else "class"
            raise DataError(
                f"the {split} split has examples of {what} {listed(shown)}, and training has none",
                fix=f"add training examples of each {what}, or take those out of the {split} split",
            )
    return tuple(notes)


def _shared_groups(tables: Mapping[str, Parsed]) -> Iterator[str]:
    words = {
        split: set(table.group.words.distinct)
        for split, table in tables.items()
        if table.group is not None and table.group.words is not None
    }
    for split in words:
        shared = words["train"] & words[split]
        if split != "train" and shared:
            yield f"{len(shared):,} groups stand in the given {split} split and in training: {listed(sorted(shared))}"
