"""What stands in each column of a table, and in each target of a regression."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.columns import InputColumn
from pellucid.data.dataset import Dataset


@dataclass(frozen=True)
class ColumnSummary:
    """The facts of a column of a table, or of a target of a regression, among the training examples.

    Attributes:
        name: Of the column.
        kind: Of its values; "target" of a target.
        missing: Share of the examples without a value.
        low: Smallest value; None of categories.
        high: Largest value; None of categories.
        mean: Of the values; None of categories.
        std: Standard deviation of the values; None of categories.
        categories: How many; None of numbers.
        commonest: The commonest category and its share; None of numbers.
    """

    name: str
    kind: str
    missing: float
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    std: float | None = None
    categories: int | None = None
    commonest: str | None = None


def column_summaries(dataset: Dataset) -> tuple[ColumnSummary, ...]:
    """Return the facts of each column of a table among the training examples; () for images."""
    inputs = dataset.train.inputs
    return tuple(_of_column(column, inputs[:, place]) for place, column in enumerate(dataset.columns or ()))


def target_summaries(dataset: Dataset) -> tuple[ColumnSummary, ...]:
    """Return the facts of each target of a regression among the training examples; () of other tasks."""
    if dataset.task != "regression":
        return ()
    labels = dataset.train.labels
    return tuple(_of_numbers(name, "target", labels[:, place]) for place, name in enumerate(dataset.class_names))


def _of_column(column: InputColumn, values: NDArray[Any]) -> ColumnSummary:
    if column.kind != "category":
        return _of_numbers(column.name, column.kind, values)
    is_missing = np.isnan(values)
    known = values[~is_missing].astype(np.int64)
    counts = np.bincount(known[known >= 0], minlength=len(column.categories))
    commonest = None
    if counts.sum():
        most = int(counts.argmax())
        commonest = f"{column.categories[most]} ({counts[most] / len(values):.0%})"
    return ColumnSummary(
        column.name, "category", float(is_missing.mean()), categories=len(column.categories), commonest=commonest
    )


def _of_numbers(name: str, kind: str, values: NDArray[Any]) -> ColumnSummary:
    there = values[np.isfinite(values)].astype(np.float64)
    missing = 1 - len(there) / max(len(values), 1)
    if not len(there):
        return ColumnSummary(name, kind, missing)
    return ColumnSummary(
        name, kind, missing, float(there.min()), float(there.max()), float(there.mean()), float(there.std())
    )
