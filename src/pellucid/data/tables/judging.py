"""`read_like`: a new table with the columns and classes of a classifier, to judge it on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pellucid.data.dataset import Dataset, Split
from pellucid.data.options import ReadOptions
from pellucid.data.preparing_tables import TablePreparation
from pellucid.data.tables.files import split_files
from pellucid.data.tables.frame import Frame, listed
from pellucid.data.tables.labels import class_words, label_array
from pellucid.data.tables.like import check_columns, input_arrays
from pellucid.data.tables.opening import read_frame
from pellucid.data.tables.reading import dataset_name, table_like
from pellucid.data.tables.roles import Roles, check_known, guessed_label
from pellucid.data.tables.rows import WHOSE, row_notes
from pellucid.data.tables.usable import Parsed
from pellucid.errors import DataError, did_you_mean
from pellucid.tasks import Task


def read_like(
    path: Path,
    preparation: TablePreparation,
    class_names: Sequence[str],
    task: Task,
    label: Sequence[str],
    options: ReadOptions,
) -> Dataset:
    """Read a table to judge a classifier on.

    Args:
        path: Of a file, which becomes the test split; or of a folder with train.csv and test.csv.
        preparation: Of the classifier: its columns.
        class_names: Of the classifier.
        task: Of the classifier.
        label: Names of the label columns it was trained with; () if they are not known.
        options: What the user says about the data; label columns named there go before.

    Returns:
        A dataset with exactly the columns and classes of the classifier.

    Raises:
        MissingFileError: If there is no such file.
        UnknownNameError: If a label column that is named is not there.
        DataError: If columns are missing, or a label is no class of the classifier.
    """
    files, folder_notes = split_files(path)
    names = [column.name for column in preparation.columns]
    kinds = {column.name: column.kind for column in preparation.columns}
    tables: dict[str, Parsed] = {}
    notes = list(folder_notes)
    for split, file in files.items():
        frame = read_frame(file, skip_bad=options.skip_bad)
        check_columns(frame, names, WHOSE)
        columns, said = _label(frame, names, class_names, task, options.label or tuple(label))
        table = table_like(frame, Roles(columns, None, tuple(names)), kinds, task, skip_bad=options.skip_bad)
        _check_labels(table, class_names, task)
        tables[split] = table
        notes += [*said, *frame.notes, *table.notes, *row_notes(dict(table.inputs), preparation)]
    inputs = input_arrays([table.inputs for table in tables.values()], preparation.columns, preparation.std)
    labels = [label_array(table.labels, task, class_names) for table in tables.values()]
    splits = {split: Split(rows, of_rows) for split, rows, of_rows in zip(tables, inputs, labels, strict=True)}
    return Dataset(
        name=dataset_name(path),
        splits={"test": splits["train"]} if set(splits) == {"train"} else splits,
        class_names=tuple(class_names),
        source=str(path),
        notes=tuple(dict.fromkeys(notes)),
        task=task,
        columns=preparation.columns,
    )


def _label(
    frame: Frame, inputs: Sequence[str], class_names: Sequence[str], task: Task, named: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the label columns, and a note if they are guessed."""
    if named:
        check_known(named, frame)
        return named, ()
    if task in ("multilabel", "regression") and all(name in frame.columns for name in class_names):
        # Trained with a column for each label or target, which are named after them.
        return tuple(class_names), ()
    return guessed_label([name for name in frame.columns if name and name not in inputs], frame.name)


def _check_labels(table: Parsed, class_names: Sequence[str], task: Task) -> None:
    """Check that a classifier knows every label.

    Raises:
        DataError: If there is one that it does not know.
    """
    name, values = next(iter(table.labels.items()))
    if task == "regression" or (task == "multilabel" and values.lists is None):
        if len(table.labels) != len(class_names):
            raise DataError(
                f"{table.frame.name} has {len(table.labels)} label columns, but the classifier answers "
                f"{len(class_names)}: {listed(class_names)}",
                fix=f"name them: {' '.join(f'--label {known}' for known in class_names)}",
            )
        return
    words = values.lists.words if values.lists is not None else class_words(values)
    counts = np.bincount(words.codes[words.codes >= 0], minlength=len(words.distinct))
    unknown = [
        (word, int(count)) for word, count in zip(words.distinct, counts, strict=True) if word not in class_names
    ]
    if unknown:
        shown = [f"{word!r} ({count:,})" for word, count in unknown]
        what = "labels" if task == "multilabel" else "classes"
        raise DataError(
            f"column {name!r} of {table.frame.name} has {what} that the classifier does not know: {listed(shown)}",
            fix=f"correct them or leave those rows out; {did_you_mean(unknown[0][0], class_names)}",
        )
