"""Tables with the columns of another: those of the training rows, or of a classifier."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from pellucid.data.columns import InputColumn, Kind
from pellucid.data.tables.frame import Frame, listed
from pellucid.data.tables.inputs import encoded, loses_digits, matrix
from pellucid.data.tables.values import Values, values_as
from pellucid.errors import DataError


def check_columns(frame: Frame, wanted: Sequence[str], whose: str) -> None:
    """Check that a table has columns.

    Args:
        frame: The table.
        wanted: Names of the columns.
        whose: Where they are known from, for the error: "the training table".

    Raises:
        DataError: If it lacks some; names all of them, and what is nearly named so.
    """
    missing = [name for name in wanted if name not in frame.columns]
    if not missing:
        return
    spare = {name.casefold(): name for name in frame.columns if name and name not in wanted}
    shown = []
    for name in missing:
        near = difflib.get_close_matches(name.casefold(), spare, n=1)
        shown.append(f"{name!r} (but has {spare[near[0]]!r})" if near else repr(name))
    raise DataError(
        f"{frame.name} lacks {listed(shown, 'column')} of {whose}",
        fix=f"name its columns as there: {listed(list(wanted))}",
    )


def values_like(frame: Frame, kinds: Mapping[str, Kind]) -> dict[str, Values]:
    """Return the values of columns, each of the kind that it is to have; others in it are bad.

    Args:
        frame: A table that has them.
        kinds: By name of the column.
    """
    return {
        name: values_as(frame.columns[name], kind, decimal_commas=frame.has_decimal_commas)
        for name, kind in kinds.items()
    }


def input_arrays(
    tables: Sequence[Mapping[str, Values]], columns: Sequence[InputColumn], std: Sequence[float]
) -> list[NDArray[Any]]:
    """Return the inputs in tables, [rows, columns]: float32, or float64 if that would lose what matters of a column.

    Args:
        tables: Values by column.
        columns: To take, in their order.
        std: Of the training rows, by column.
    """
    numbers = [[encoded(table[column.name], column) for column in columns] for table in tables]
    is_double = any(
        loses_digits(values, spread)
        for of_table in numbers
        for values, spread, column in zip(of_table, std, columns, strict=True)
        if column.kind != "category"
    )
    return [matrix(of_table, is_double=is_double) for of_table in numbers]
