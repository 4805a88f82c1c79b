"""What each column of a table is for: the label, the group, an input, or nothing."""

from collections.abc import Iterable
from dataclasses import dataclass

from pellucid.data.options import ReadOptions
from pellucid.data.tables.frame import Frame, listed
from pellucid.errors import DataError, UnknownNameError, did_you_mean

# Most telling first.
LABEL_NAMES = ("label", "labels", "class", "target", "targets", "y", "species", "outcome", "diagnosis", "classes")


@dataclass(frozen=True)
class Roles:
    """What the columns are for.

    Attributes:
        label: Names of the label columns.
        group: Name of the column whose equal values stay in one split.
        inputs: Names of the columns that may be inputs.
        notes: What was guessed, in sentences.
    """

    label: tuple[str, ...]
    group: str | None
    inputs: tuple[str, ...]
    notes: tuple[str, ...] = ()


def roles_of(frame: Frame, options: ReadOptions) -> Roles:
    """Return what each column of a table is for.

    Args:
        frame: The table.
        options: Names of columns that a user gave; a label that is not named is guessed.

    Raises:
        UnknownNameError: If a named column is not there.
        DataError: If one column is to be two things, or no input is left.
    """
    named = [*options.label, *options.ignore, *([options.group] if options.group else [])]
    check_known(named, frame)
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise DataError(
            f"column {twice[0]!r} is named twice among the label, the group and what is ignored",
            fix="name each column once",
        )
    free = [name for name in frame.columns if name and name not in named]
    label = options.label
    notes: tuple[str, ...] = ()
    if not label:
        label, notes = guessed_label(free, frame.name)
    inputs = tuple(name for name in frame.columns if name not in (*label, *named))
    if not any(inputs):
        raise DataError(
            f"{frame.name} has no column left to learn from beside {listed(label)}",
            fix="add columns with what is known of each example",
        )
    return Roles(label, options.group, inputs, notes)


def guessed_label(free: list[str], table: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the most likely label column and a note.

    Args:
        free: Names of the columns that it can be.
        table: Name of the table, for the error.

    Raises:
        DataError: If there are no columns.
    """
    by_folded = {name.casefold(): name for name in reversed(free)}
    for likely in LABEL_NAMES:
        if likely in by_folded:
            name = by_folded[likely]
            return (name,), (f"label column: {name} (guessed by its name)",)
    if not free:
        raise DataError(f"{table} has no column that can be the label", fix="name one: --label COLUMN")
    return (free[-1],), (f"label column: {free[-1]} (guessed: the last column)",)


def check_known(names: Iterable[str], frame: Frame) -> None:
    """Check that columns are there.

    Raises:
        UnknownNameError: If one is not.
    """
    for name in names:
        if name not in frame.columns:
            raise UnknownNameError(
                f"{frame.name} has no column {name!r}",
                fix=did_you_mean(name, [known for known in frame.columns if known]),
            )
