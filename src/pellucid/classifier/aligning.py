"""A dataset in the classifier's own terms: its classes by their numbers, its columns in their order."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pellucid.classifier.classifier import Classifier
from pellucid.data.columns import UNKNOWN, InputColumn
from pellucid.data.dataset import Dataset, Split
from pellucid.data.preparing_tables import TablePreparation
from pellucid.errors import DataError
from pellucid.tasks import Task

# Both have one class number for each example.
ONE_CLASS: tuple[Task, ...] = ("multiclass", "binary")


def aligned(classifier: Classifier, dataset: Dataset, name: str) -> Split:
    """Return a split with the class numbers, columns and categories that the classifier was trained on.

    A dataset that was read anew numbers its classes and categories by itself; they are found by their names. Classes
    that are only numbered, "0", "1" …, are taken in their order.

    Args:
        classifier: Whose names count.
        dataset: With the same classes, or some of them.
        name: Of the split.

    Raises:
        DataError: If the dataset is for another task, or has classes or columns that the classifier does not know, or
            lacks a column.
        UnknownNameError: If the dataset has no such split.
    """
    split = dataset.split(name)
    if dataset.task != classifier.task and not {dataset.task, classifier.task} <= set(ONE_CLASS):
        raise DataError(
            f"{dataset.source} is for the task {dataset.task}, but the classifier was trained for {classifier.task}",
            fix=f"give a dataset for {classifier.task}",
        )
    labels = _labels(classifier, dataset, split)
    inputs = _inputs(classifier, dataset, split)
    if labels is split.labels and inputs is split.inputs:
        return split
    return Split(inputs, labels, split.sources)


def _labels(classifier: Classifier, dataset: Dataset, split: Split) -> NDArray[np.generic]:
    known, given = classifier.class_names, dataset.class_names
    # Numbers stand for nothing but their order, unless the classifier's own names are such numbers.
    is_unnamed = _are_numbers(given) and len(given) <= len(known) and not set(given) & set(known)
    if given == known or is_unnamed:
        is_whole = len(given) == len(known) or classifier.task in ONE_CLASS
        if is_whole:
            return split.labels
    numbers = {name: number for number, name in enumerate(known)}
    if classifier.task in ONE_CLASS and set(given) <= set(known):
        renumbered: NDArray[np.int64] = np.array([numbers[name] for name in given], dtype=np.int64)[split.labels]
        return renumbered
    if classifier.task not in ONE_CLASS and set(given) == set(known):
        order = [given.index(name) for name in known]
        return np.ascontiguousarray(split.labels[:, order])
    what = "classes" if classifier.task in ONE_CLASS else "labels"
    raise DataError(
        f"{dataset.source} has the {what} {_some(given)} but the classifier knows {_some(known)}",
        fix=f"give a dataset with the {what} it was trained on",
    )


def _inputs(classifier: Classifier, dataset: Dataset, split: Split) -> NDArray[np.generic]:
    preparation = classifier.preparation
    if not isinstance(preparation, TablePreparation) or dataset.columns is None:
        return split.inputs
    if dataset.columns == preparation.columns:
        return split.inputs
    places = {column.name: place for place, column in enumerate(dataset.columns)}
    missing = [column.name for column in preparation.columns if column.name not in places]
    if missing:
        raise DataError(
            f"{dataset.source} lacks the columns {_some(missing)}, which the classifier takes",
            fix="give a table with the columns it was trained on",
        )
    parts = []
    for wanted in preparation.columns:
        place = places[wanted.name]
        parts.append(_values(split.inputs[:, place], dataset.columns[place], wanted, dataset.source))
    return np.stack(parts, axis=1).astype(split.inputs.dtype)


def _values(values: NDArray[np.floating], found: InputColumn, wanted: InputColumn, source: str) -> NDArray[np.floating]:
    """Return the values of a column as the classifier numbers them.

    Raises:
        DataError: If the column is of another kind.
    """
    # A column of zeros and ones may be read as either.
    if found.kind != wanted.kind and {found.kind, wanted.kind} != {"number", "boolean"}:
        raise DataError(
            f"column {wanted.name!r} of {source} is a {found.kind}, but the classifier was trained on a {wanted.kind}",
            fix="give a table whose columns hold what they held in training",
        )
    if wanted.kind != "category" or found.categories == wanted.categories:
        return values
    numbers = {category: number for number, category in enumerate(wanted.categories)}
    table = np.array([*(numbers.get(category, UNKNOWN) for category in found.categories), UNKNOWN])
    is_missing = np.isnan(values)
    # An unknown one is -1, which is the last of the table.
    renumbered: NDArray[np.floating] = np.where(is_missing, np.nan, table[np.where(is_missing, -1, values).astype(int)])
    return renumbered


def _are_numbers(names: Sequence[str]) -> bool:
    return tuple(names) == tuple(str(number) for number in range(len(names)))


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" … ({len(names)})" if len(names) > 4 else "")
