"""Label columns: what task they are of, the names of their classes, and the labels as numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.tables import several
from pellucid.data.tables.frame import Frame, listed
from pellucid.data.tables.inputs import loses_digits, spread
from pellucid.data.tables.values import Values, number_name, values_as, values_of, words_of
from pellucid.data.tables.words import Words
from pellucid.errors import DataError
from pellucid.tasks import Task

# Whole numbers with more different values than this are amounts, not the numbers of classes.
MOST_NUMBERED = 20


def label_values(frame: Frame, names: Sequence[str], task: Task | None) -> dict[str, Values]:
    """Return the values of the label columns, read as the task wants them.

    Args:
        frame: The table.
        names: Of the label columns.
        task: If it is known.
    """
    return {name: _values(frame, name, task, is_only=len(names) == 1) for name in names}


def _values(frame: Frame, name: str, task: Task | None, *, is_only: bool) -> Values:
    column = frame.columns[name]
    if task == "regression":
        return values_as(column, "number", decimal_commas=frame.has_decimal_commas)
    values = values_of(column, decimal_commas=frame.has_decimal_commas, is_declared=name in frame.declared)
    if values.content == "list":
        return several.of_lists(column, name)
    if task is not None and values.is_bad.any():
        # Nearly all are numbers: but whoever says that they are classes is to be believed.
        words = words_of(column)
        assert words is not None
        values = Values("text", words.is_missing, np.zeros(len(words), bool), words=words)
    if task == "multilabel" and is_only and values.content == "text" and values.words is not None:
        return several.of_text(column, values.words)
    return values


def infer_task(labels: Mapping[str, Values], table: str) -> tuple[Task, str]:
    """Return what the labels ask for, and a note.

    Args:
        labels: Values of the label columns, none missing.
        table: Name of the table, for an error.

    Raises:
        DataError: If labels cannot be learned.
    """
    for name, values in labels.items():
        if values.content in ("nested", "date", "empty"):
            words = {"nested": "lists, objects or bytes", "date": "dates", "empty": "no values"}[values.content]
            raise DataError(f"label column {name!r} of {table} holds {words}", fix="name another: --label COLUMN")
    if len(labels) > 1:
        if all(_are_flags(values) for values in labels.values()):
            return "multilabel", "task: multilabel (inferred: each label column holds 0 and 1)"
        text = [name for name, values in labels.items() if values.numbers is None]
        if text:
            raise DataError(
                f"{table} has several label columns, and {listed(text, 'column')} among them "
                f"hold{'' if len(text) > 1 else 's'} neither 0 and 1 nor numbers",
                fix="name one label column, or several that hold 0 and 1, or several of numbers",
            )
        return "regression", "task: regression (inferred: several label columns of numbers)"
    (values,) = labels.values()
    if values.content == "list":
        return "multilabel", "task: multilabel (inferred: the label column holds lists)"
    count = values.distinct()
    if values.content == "number":
        assert values.numbers is not None
        is_whole = bool((np.mod(values.numbers, 1) == 0).all())
        if not is_whole or count > MOST_NUMBERED or (count * 2 > len(values) and count > 2):
            kind = "different whole numbers" if is_whole else "different numbers"
            return "regression", f"task: regression (inferred: the labels are {count:,} {kind})"
    task: Task = "binary" if count == 2 else "multiclass"
    return task, f"task: {task} (inferred: the label column has {count:,} different values)"


def _are_flags(values: Values) -> bool:
    return values.numbers is not None and bool(np.isin(values.numbers[~values.is_missing], (0, 1)).all())


def check_task(labels: Mapping[str, Values], task: Task, table: str, *, is_training: bool = True) -> None:
    """Check that labels are of a task.

    Args:
        labels: Values of the label columns, none missing.
        task: Inferred or given.
        table: Name of the table, for an error.
        is_training: Whether the table is trained on, and has to hold different labels.

    Raises:
        DataError: If they are not.
    """
    if task in ("multiclass", "binary"):
        _check_classes(labels, task, table, is_training=is_training)
    elif task == "regression":
        _check_targets(labels, table, is_training=is_training)
    elif not all(_are_flags(values) or (values.content == "list" and len(labels) == 1) for values in labels.values()):
        raise DataError(
            f"label {_columns(labels)} of {table} holds neither lists nor 0 and 1",
            fix="give one column of 0 and 1 for each label, or one with all labels of an example: red;round",
        )


def _check_classes(labels: Mapping[str, Values], task: Task, table: str, *, is_training: bool) -> None:
    if len(labels) > 1:
        raise DataError(f"a {task} task has one label column, not {_columns(labels)}", fix="name one: --label COLUMN")
    (values,) = labels.values()
    if values.content in ("list", "nested", "date"):
        raise DataError(f"label {_columns(labels)} of {table} holds no classes", fix="name another: --label COLUMN")
    words = class_words(values)
    count = len(words.distinct)
    if not is_training:
        return
    if count == 1:
        raise DataError(
            f"label {_columns(labels)} of {table} holds one class only: {words.distinct[0]!r}",
            fix="add examples of another class, or name another column: --label COLUMN",
        )
    if count > MOST_NUMBERED and count * 2 > len(words):
        raise DataError(
            f"label {_columns(labels)} of {table} has {count:,} different values in {len(words):,} rows, "
            "too many for classes",
            fix="name another: --label COLUMN",
        )
    if task == "binary" and count > 2:
        raise DataError(
            f"label {_columns(labels)} of {table} has {count:,} classes, not two", fix="use --task multiclass"
        )


def _check_targets(labels: Mapping[str, Values], table: str, *, is_training: bool) -> None:
    for name, values in labels.items():
        if values.numbers is None:
            raise DataError(f"label column {name!r} of {table} holds no numbers", fix="name another: --label COLUMN")
        std = spread(values.numbers)
        if is_training and std == 0:
            raise DataError(
                f"label column {name!r} of {table} is {number_name(values.numbers[0])} in every row",
                fix="name another: --label COLUMN",
            )
        if is_training and loses_digits(values.numbers, std):
            raise DataError(
                f"label column {name!r} of {table} varies by {std:.3g} around {values.numbers.mean():.10g}, "
                "which float32 cannot hold",
                fix="subtract a constant from it first",
            )


def _columns(labels: Mapping[str, Values]) -> str:
    return listed([repr(name) for name in labels], "column")


def class_words(values: Values) -> Words:
    """Return the classes by row, as text.

    Args:
        values: Of a label column: text, booleans or numbers.
    """
    import pyarrow as pa

    if values.words is not None and values.numbers is None:
        return values.words
    assert values.numbers is not None
    present = values.numbers[~values.is_missing]
    different, places = np.unique(present, return_inverse=True)
    codes = np.full(len(values), -1)
    codes[~values.is_missing] = places.reshape(-1)
    names = [number_name(number) for number in different.tolist()]
    if values.content == "boolean":
        names = ["true" if number else "false" for number in different.tolist()]
    return Words(pa.array(names, pa.string()), codes)


def names_of(labels: Mapping[str, Values], task: Task) -> list[str]:
    """Return the names of the classes, labels or targets in a table, sorted; targets as they stand.

    Args:
        labels: Values of the label columns.
        task: Of them.
    """
    first = next(iter(labels.values()))
    if task in ("multiclass", "binary"):
        return sorted_names(class_words(first).distinct)
    if first.lists is not None:
        return sorted_names(first.lists.words.distinct)
    return list(labels)


def sorted_names(names: Sequence[str]) -> list[str]:
    """Return names sorted: by their numbers, if all are numbers.

    Args:
        names: Any.
    """
    try:
        return sorted(names, key=lambda name: (float(name), name))
    except ValueError:
        return sorted(names)


def label_array(labels: Mapping[str, Values], task: Task, names: Sequence[str]) -> NDArray[Any]:
    """Return labels as a `Split` holds them; those in none of the names are -1, or left out of several.

    Args:
        labels: Values of the label columns, none missing.
        task: Of them.
        names: Of the classes, labels or targets.
    """
    first = next(iter(labels.values()))
    places = {name: place for place, name in enumerate(names)}
    if task in ("multiclass", "binary"):
        words = class_words(first)
        return np.array([places.get(word, -1) for word in words.distinct], np.int64)[words.codes]
    if first.lists is None:
        return np.stack([values.numbers for values in labels.values() if values.numbers is not None], 1).astype(
            np.float32
        )
    of_each = first.lists
    found = np.zeros((len(first), len(names)), np.float32)
    columns = np.array([places.get(word, -1) for word in of_each.words.distinct], np.int64)[of_each.words.codes]
    found[of_each.rows[columns >= 0], columns[columns >= 0]] = 1
    return found
