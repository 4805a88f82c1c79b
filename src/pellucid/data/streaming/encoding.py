"""Rows of a table as inputs and labels, exactly as the reader of tables makes them, but quickly."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.columns import InputColumn
from pellucid.data.streaming.checking import checked
from pellucid.data.streaming.sources import Examples
from pellucid.data.tables.frame import Frame
from pellucid.data.tables.inputs import LARGEST, encoded
from pellucid.data.tables.labels import label_array, label_values
from pellucid.data.tables.values import Numbers, values_as
from pellucid.data.tables.words import MISSING
from pellucid.errors import DataError
from pellucid.tasks import Task


@dataclass(frozen=True, eq=False)
class LabelWords:
    """The different values of a label column, and the labels that they are.

    Attributes:
        values: As pyarrow holds them.
        labels: Of each; int64 [values], or float32 [values, labels] of several at once.
    """

    values: Any
    labels: NDArray[Any]


@dataclass(frozen=True, eq=False)
class ColumnEncoder:
    """Turns rows of a table into inputs and labels.

    Attributes:
        columns: Of the inputs.
        label: Names of the label columns.
        task: Of the labels.
        class_names: Of the classes, labels or targets.
        dtype: Of the inputs.
        words: Of a single label column that names classes; None where labels are numbers or lists.
        skip_bad: Whether values that cannot be used are taken for missing ones, instead of refused.
    """

    columns: tuple[InputColumn, ...]
    label: tuple[str, ...]
    task: Task
    class_names: tuple[str, ...]
    dtype: np.dtype[Any]
    words: LabelWords | None
    skip_bad: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns that are read."""
        return (*(column.name for column in self.columns), *self.label)

    @property
    def example_bytes(self) -> int:
        """Of an example, without its label."""
        return len(self.columns) * self.dtype.itemsize

    def __call__(self, batch: Any, where: str) -> Examples:
        """Return inputs and labels.

        Args:
            batch: A record batch of pyarrow with at least the columns in `names`.
            where: It stands, in words, for an error.

        Raises:
            DataError: If values are infinite or of another kind than in the sample, or a label names no class.
        """
        return self._inputs(batch, where), self.labels(batch, where)

    def labels(self, batch: Any, where: str) -> NDArray[Any]:
        """Return labels; -1 or NaN where one is missing.

        Args:
            batch: A record batch of pyarrow with the label columns.
            where: It stands, in words, for an error.

        Raises:
            DataError: If a label names no class, or numbers are infinite.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        if self.words is not None:
            column = _plain(batch.column(self.label[0]))
            if column.type != self.words.values.type:
                column = column.cast(self.words.values.type)
            places = np.array(pc.index_in(column, value_set=self.words.values).fill_null(-1).to_numpy(), np.int64)
            nothing = np.full((1, *self.words.labels.shape[1:]), -1, self.words.labels.dtype)
            found: NDArray[Any] = np.concatenate([self.words.labels, nothing])[places]
            is_wrong = (found.reshape(len(found), -1) < 0).any(axis=1)
            # Those of rows that are left out are not asked for.
            if is_wrong.any() and (is_wrong := is_wrong & ~missing(column)).any():
                value = column[int(np.argmax(is_wrong))].as_py()
                raise DataError(f"{where}: the label {value!r}, which names no class", fix="correct the labels")
            return found
        columns = {name: pa.chunked_array([batch.column(name)]) for name in self.label}
        frame = Frame(where, columns, np.arange(1, batch.num_rows + 1))
        return label_array(label_values(frame, self.label, self.task), self.task, self.class_names)

    def _inputs(self, batch: Any, where: str) -> NDArray[Any]:
        import pyarrow as pa

        wanted = pa.from_numpy_dtype(self.dtype)
        is_plain = all(
            column.kind == "number" and batch.schema.field(column.name).type == wanted for column in self.columns
        )
        if is_plain:
            chosen = batch.select([column.name for column in self.columns])
            # One pass in pyarrow; the values belong to us, though NumPy is not told so.
            inputs: NDArray[Any] = chosen.to_tensor(null_to_nan=True, row_major=True).to_numpy()
        else:
            inputs = np.empty((batch.num_rows, len(self.columns)), self.dtype)
            for place, column in enumerate(self.columns):
                inputs[:, place] = self._numbers(batch.column(column.name), column, where)
        try:
            checked(inputs, where, may_miss=True)
        except DataError:
            if not self.skip_bad:
                raise
            inputs = np.where(np.isinf(inputs), self.dtype.type(np.nan), inputs)
        return inputs

    def _numbers(self, array: Any, column: InputColumn, where: str) -> Numbers | NDArray[Any]:
        import pyarrow as pa

        if column.kind == "number" and (pa.types.is_integer(array.type) or pa.types.is_floating(array.type)):
            found: NDArray[Any] = array.to_numpy(zero_copy_only=False)
            return found
        if column.kind == "category" and (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
            return _places(array, column)
        values = values_as(pa.chunked_array([array]), column.kind)
        if values.is_bad.any() and not self.skip_bad:
            raise DataError(
                f"{where}: column {column.name!r} has values that are no {values.content}",
                fix="correct them, or take them for missing: --skip-bad",
            )
        return np.where(values.is_bad, np.nan, encoded(values, column))


def missing(array: Any, *, may_be_empty: bool = False) -> NDArray[np.bool_]:
    """Return which rows have no label, or an infinite one.

    Args:
        array: Of pyarrow.
        may_be_empty: Whether an empty text is a label: that none of several holds.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    found: NDArray[np.bool_] = np.array(pc.is_null(array, nan_is_null=True).to_numpy(zero_copy_only=False))
    if pa.types.is_floating(array.type):
        found |= np.abs(array.to_numpy(zero_copy_only=False).astype(np.float64)) > LARGEST
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        # A "-" may be a label, beside a "+".
        kept = ("-", "") if may_be_empty else ("-",)
        marks = pa.array([mark for mark in MISSING if mark not in kept], array.type)
        found |= np.array(pc.is_in(pc.utf8_trim_whitespace(array), value_set=marks).to_numpy(zero_copy_only=False))
    return found


def _places(array: Any, column: InputColumn) -> Numbers:
    """Return the places of categories; the few values that are none of them are looked at as the reader does."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.index_in(array, value_set=pa.array(column.categories, array.type))
    places: Numbers = np.array(found.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    is_other = np.isnan(places) & ~np.array(pc.is_null(array).to_numpy(zero_copy_only=False))
    if is_other.any():
        others = values_as(pa.chunked_array([array.filter(pa.array(is_other))]), "category")
        places[is_other] = encoded(others, column)
    return places


def _plain(array: Any) -> Any:
    import pyarrow as pa

    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
