"""One look at the labels and groups of all rows of a table: which classes there are, and the split of each row."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.arrays.labels import MOST_CLASSES
from pellucid.data.dataset import SPLITS
from pellucid.data.options import ReadOptions
from pellucid.data.streaming.assigning import Masks, row_keys, split_numbers, text_key
from pellucid.data.streaming.encoding import missing
from pellucid.data.streaming.table_files import OpenTables, TableFiles
from pellucid.data.tables.frame import rows_of
from pellucid.data.tables.roles import Roles
from pellucid.data.tables.words import Words
from pellucid.errors import DataError

# Rows whose labels are looked at at once.
ROWS = 2**20
# Higher than the number of any split.
OF_NONE = len(SPLITS)


@dataclass(frozen=True, eq=False)
class Scan:
    """What the labels of all rows are.

    Attributes:
        masks: Which rows are of which split.
        distinct: The different labels, as pyarrow holds them, of a single label column; None if they are too many.
        left_out: Rows without a label or a group.
    """

    masks: Masks
    distinct: Any
    left_out: int


def scan(files: TableFiles, roles: Roles, slice_size: int, cut: tuple[str, ...], options: ReadOptions) -> Scan:
    """Look at the labels and groups of all rows.

    Args:
        files: Of a split, or of those that it is cut into.
        roles: Of the columns.
        slice_size: Rows of a slice.
        cut: Splits that rows are given to beside "train"; () if all rows are of one split.
        options: What the user says: whether rows without a label or group are left out, and the task.

    Raises:
        DataError: If there are rows without a label or a group.
    """
    names = (*roles.label, *((roles.group,) if roles.group else ()))
    allowed = [SPLITS.index(name) for name in ("train", *cut)]
    masks = Masks(slice_size)
    distinct = _Distinct(is_wanted=len(roles.label) == 1)
    left_out = 0
    tables = OpenTables(files)
    try:
        for number, part in enumerate(files.parts):
            numbers = np.zeros(part.rows, np.uint8)
            start = 0
            for batch in tables.slices(number, names, ROWS):
                is_missing = np.zeros(batch.num_rows, bool)
                for name in names:
                    may_be_empty = options.task == "multilabel" and name != roles.group
                    is_missing |= missing(batch.column(name), may_be_empty=may_be_empty)
                distinct.add(batch.column(0))
                if cut:
                    found = _split_numbers(files, part.file, part.first + start, batch, roles.group)
                    # What would be of a split that is given is trained on.
                    found = np.where(np.isin(found, allowed), found, 0).astype(np.uint8)
                    numbers[start : start + batch.num_rows] = found
                numbers[start : start + batch.num_rows][is_missing] = OF_NONE
                left_out += int(is_missing.sum())
                start += batch.num_rows
            masks.add(numbers)
    finally:
        tables.close()
    if left_out and not options.skip_bad:
        what = " or group" if roles.group else ""
        raise DataError(
            f"{files.paths[0]}{' and the files beside it' if len(files.paths) > 1 else ''}: "
            f"{rows_of(left_out)} without a label{what}, or with an infinite one",
            fix="correct them, or leave those rows out: --skip-bad",
        )
    return Scan(masks, distinct.values, left_out)


class _Distinct:
    """The different values of a column, until they are too many."""

    def __init__(self, *, is_wanted: bool) -> None:
        self._is_wanted = is_wanted
        self._parts: list[Any] = []
        self._held = 0

    def add(self, array: Any) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        if not self._is_wanted:
            return
        if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
            array = pc.list_flatten(array)
        if pa.types.is_nested(array.type):
            self._is_wanted, self._parts = False, []
            return
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        self._parts.append(pc.unique(array.drop_null()))
        self._held += len(self._parts[-1])
        if self._held > 2 * MOST_CLASSES:
            self._parts = [self.values]
            self._held = len(self._parts[0])
            if self._held > MOST_CLASSES:
                self._is_wanted, self._parts = False, []

    @property
    def values(self) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        if not self._is_wanted or not self._parts:
            return None
        types = {str(part.type) for part in self._parts}
        parts = self._parts if len(types) == 1 else [part.cast(self._parts[0].type) for part in self._parts]
        return pc.unique(pa.chunked_array(parts))


def _split_numbers(files: TableFiles, file: int, first: int, batch: Any, group: str | None) -> NDArray[np.uint8]:
    """Return the split of each row, by its place or by its group.

    Raises:
        DataError: If groups are lists.
    """
    import pyarrow as pa

    if group is None:
        return split_numbers(row_keys(files.keys[file], first, batch.num_rows))
    array = batch.column(group)
    if pa.types.is_nested(array.type):
        raise DataError(f"group column {group!r} holds lists or objects", fix="name another column")
    if not pa.types.is_dictionary(array.type):
        array = array.cast(pa.string())
    words = Words.of(pa.chunked_array([array]))
    # The last one is of a missing value, which is left out.
    keys = np.array([*(text_key(word) for word in words.distinct), 0], np.uint64)
    return split_numbers(keys[words.codes])
