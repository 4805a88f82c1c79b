"""Rows that cannot be used: all of them named at once, or left out and counted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pellucid.data.tables.frame import Frame, listed, rows_of
from pellucid.data.tables.inputs import LARGEST
from pellucid.data.tables.values import Values
from pellucid.errors import DataError


@dataclass(frozen=True, eq=False)
class Parsed:
    """A table whose columns are taken apart.

    Attributes:
        frame: Its rows.
        inputs: Values by column.
        labels: Values of the label columns.
        group: Of the rows; None if there is no such column.
        notes: What was decided, in sentences.
    """

    frame: Frame
    inputs: Mapping[str, Values]
    labels: Mapping[str, Values]
    group: Values | None = None
    notes: tuple[str, ...] = ()


def usable(frame: Frame, parse: Callable[[Frame], Parsed], *, skip_bad: bool) -> Parsed:
    """Return a table of which every row can be used.

    Args:
        frame: The table.
        parse: Takes its columns apart.
        skip_bad: Whether other rows are left out.

    Raises:
        DataError: If there are others, and they are not to be left out; or no row is left.
    """
    parsed = parse(frame)
    faults = _faults(parsed)
    if not faults:
        return parsed
    if not skip_bad:
        words = [f"{what} in {frame.row_names(rows)}" for what, rows in faults]
        fix = "correct them, or leave those rows out: --skip-bad"
        if any(values.is_bad.all() for values in parsed.labels.values()):
            # None of a whole column fits: then it is not the rows that are wrong.
            fix = "leave --task out, or name a label column that fits it with --label"
        raise DataError(f"{frame.name} has {listed(words)}", fix=fix)
    is_bad = np.logical_or.reduce([rows for _, rows in faults])
    if is_bad.all():
        raise DataError(
            f"no row of {frame.name} can be used: {faults[0][0]}", fix="correct them, or name other columns"
        )
    again = usable(frame.where(~is_bad), parse, skip_bad=True)
    counts = listed([f"{what} ({int(rows.sum()):,})" for what, rows in faults])
    note = f"left out of {frame.name}: {rows_of(int(is_bad.sum()))} with {counts}"
    return replace(again, notes=(note, *again.notes))


def _faults(parsed: Parsed) -> list[tuple[str, NDArray[np.bool_]]]:
    """Return what is wrong, in words, and in which rows."""
    faults = []
    for name, values in parsed.labels.items():
        faults.append((f"no label in column {name!r}", values.is_missing & ~values.is_bad))
    if parsed.group is not None:
        faults.append(("no value in the group column", parsed.group.is_missing))
    for name, values in {**parsed.inputs, **parsed.labels}.items():
        if values.is_bad.any():
            faults.append((f"{_shown(values)}, which is no {values.content}, in column {name!r}", values.is_bad))
        if values.numbers is not None:
            faults.append((f"infinite values in column {name!r}", np.abs(values.numbers) > LARGEST))
    return [(what, rows) for what, rows in faults if rows.any()]


def _shown(values: Values) -> str:
    """Return the first bad value."""
    first = int(np.argmax(values.is_bad))
    return "a value" if values.words is None else repr(values.words[first][:40])
