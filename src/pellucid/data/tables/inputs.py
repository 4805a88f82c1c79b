"""The columns that a network sees: which they are, and their values as numbers."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pellucid.data.columns import UNKNOWN, InputColumn, Kind
from pellucid.data.tables.frame import SHOWN, Frame, listed
from pellucid.data.tables.values import Numbers, Values, values_of
from pellucid.data.tables.words import Words
from pellucid.errors import DataError

# More than so many different texts are no categories; nor are more than so few, if they hardly repeat or are long.
MOST_CATEGORIES, FEW_CATEGORIES = 1_000, 20
LONG_TEXT = 50
# A name, or nothing, that tells rows apart.
IDENTIFIER = re.compile(
    r"(?i:(.*[_\s.-])?(id|uuid|guid|nr|no|key)|index|idx|row ?names?|unnamed: 0|__index_level_\d+__)|.*[a-z]I[dD]|"
)
UNNAMED = ("", "Unnamed: 0")
# What float32 may lose of a value, as a share of the standard deviation of its column.
ROUNDING = 1e-3
# Beyond this a number is as good as infinite: its square could not be added up in float32.
LARGEST = 1e18


def choose_inputs(frame: Frame, names: Sequence[str]) -> tuple[dict[str, Values], tuple[str, ...]]:
    """Return the values of the columns that can be inputs, and notes on those that cannot.

    Args:
        frame: The table that is trained on.
        names: Of the columns to look at.

    Raises:
        DataError: If columns hold free text, or lists, or objects.
    """
    chosen: dict[str, Values] = {}
    empty, identifiers, texts, nested = [], [], [], []
    for name in names:
        values = values_of(
            frame.columns[name], decimal_commas=frame.has_decimal_commas, is_declared=name in frame.declared
        )
        if values.content == "empty":
            empty.append(name)
        elif values.content in ("list", "nested"):
            nested.append(name)
        elif IDENTIFIER.fullmatch(name) and _tells_rows_apart(values, is_index=name in UNNAMED):
            identifiers.append(name or "1, which has no name")
        elif not name:
            raise DataError(f"the first column of {frame.name} has no name", fix="name it in the first line")
        elif values.words is not None and values.content == "text" and is_free_text(values.words, values.is_declared):
            texts.append(f"{name} ({len(values.words.distinct):,} different values)")
        else:
            chosen[name] = values
    _refuse(frame.name, nested, texts)
    notes = []
    if empty:
        notes.append(f"left out, as all values are missing: {listed(empty, 'column')}")
    if identifiers:
        notes.append(f"left out, as values there only tell rows apart: {listed(identifiers, 'column')}")
    return chosen, tuple(notes)


def _refuse(table: str, nested: Sequence[str], texts: Sequence[str]) -> None:
    if nested:
        raise DataError(
            f"{table} has lists, objects or bytes in {listed(nested, 'column')}, which cannot be inputs",
            fix=f"give each value a column of its own, or leave them out: {_ignoring(nested)}",
        )
    if texts:
        raise DataError(
            f"{table} has free text in {listed(texts, 'column')}, which cannot be an input",
            fix=f"leave it out: {_ignoring([text.rpartition(' (')[0] for text in texts])}",
        )


def _ignoring(names: Sequence[str]) -> str:
    more = " …" if len(names) > SHOWN else ""
    return " ".join(f"--ignore {repr(name) if ' ' in name else name}" for name in names[:SHOWN]) + more


def is_free_text(words: Words, is_declared: bool = False) -> bool:
    """Return whether text is no category: too many different values, hardly repeated, or long.

    Args:
        words: Of the column.
        is_declared: Whether the file itself calls them categories.
    """
    different, rows = len(words.distinct), int((~words.is_missing).sum())
    if different > MOST_CATEGORIES:
        return True
    if is_declared:
        return False
    if different == rows >= FEW_CATEGORIES // 2:
        return True
    is_long = sum(map(len, words.distinct)) > LONG_TEXT * different
    return different > FEW_CATEGORIES and (different * 2 > rows or is_long)


def _tells_rows_apart(values: Values, *, is_index: bool) -> bool:
    if values.is_missing.any() or values.is_bad.any() or len(values) < 2:
        return False
    is_whole = values.numbers is not None and bool((np.mod(values.numbers, 1) == 0).all())
    # An index repeats itself where tables were put together.
    if is_whole and is_index:
        return True
    return (is_whole or values.numbers is None) and values.distinct() == len(values)


def columns_of(
    inputs: Mapping[str, Values], train: NDArray[np.int64]
) -> tuple[tuple[InputColumn, ...], tuple[str, ...]]:
    """Return the columns that vary among the training rows, with their categories there; and notes on the others.

    Args:
        inputs: Values by column.
        train: Places of the training rows.

    Raises:
        DataError: If none varies.
    """
    columns, constant = [], []
    for name, values in inputs.items():
        categories: tuple[str, ...] = ()
        if values.words is not None and values.content == "text":
            codes = values.words.codes[train]
            is_seen = np.bincount(codes[codes >= 0], minlength=len(values.words.distinct)) > 0
            categories = tuple(sorted(values.words.distinct[code] for code in np.flatnonzero(is_seen)))
            different, missing = len(categories), int((codes < 0).sum())
        else:
            assert values.numbers is not None
            numbers = values.numbers[train]
            missing = int(np.isnan(numbers).sum())
            present = numbers[~np.isnan(numbers)]
            different = 0 if not len(present) else 1 if present.min() == present.max() else 2
        # One value that is sometimes missing says something by that.
        if different == 0 or (different == 1 and not missing):
            constant.append(name)
        else:
            kind = "category" if values.content == "text" else values.content
            columns.append(InputColumn(name, cast(Kind, kind), categories))
    if not columns:
        raise DataError(
            f"no column is left to learn from: training has one value only, or none, in {listed(constant, 'column')}",
            fix="add columns with what is known of each example",
        )
    notes = (f"left out, as training has one value only: {listed(constant, 'column')}",) if constant else ()
    return tuple(columns), notes


def encoded(values: Values, column: InputColumn) -> Numbers:
    """Return the values of a column as they stand in the inputs: NaN is missing, a category is its place, or UNKNOWN.

    Args:
        values: Of the column, all of its kind.
        column: With the categories of training.
    """
    if column.kind != "category":
        assert values.numbers is not None
        return values.numbers
    assert values.words is not None
    places = {category: float(place) for place, category in enumerate(column.categories)}
    by_code = np.array([*(places.get(word, UNKNOWN) for word in values.words.distinct), np.nan])
    return by_code[values.words.codes]


def spread(numbers: Numbers) -> float:
    """Return the standard deviation of what is not missing; 0 if nothing is there."""
    present = numbers[~np.isnan(numbers)]
    return float(present.std()) if len(present) else 0.0


def loses_digits(numbers: Numbers, std: float) -> bool:
    """Return whether float32 would lose what matters of a column.

    Args:
        numbers: Of the column.
        std: Of the column in training.
    """
    present = numbers[~np.isnan(numbers)]
    lost = np.abs(present - present.astype(np.float32)).max(initial=0.0)
    return bool(lost > ROUNDING * std)


def matrix(columns: Sequence[Numbers], *, is_double: bool) -> NDArray[Any]:
    """Return columns of numbers side by side, as [rows, columns].

    Args:
        columns: At least one.
        is_double: Whether as float64; else as float32.
    """
    found = np.empty((len(columns[0]), len(columns)), np.float64 if is_double else np.float32)
    for place, numbers in enumerate(columns):
        found[:, place] = numbers
    return found


def unknown_words(values: Values, column: InputColumn) -> tuple[int, list[str]]:
    """Return how many values are in none of a column's categories, and which.

    Args:
        values: Of a category.
        column: With the categories of training.
    """
    assert values.words is not None
    known = set(column.categories)
    counts = np.bincount(values.words.codes[values.words.codes >= 0], minlength=len(values.words.distinct))
    unknown = [
        (word, int(count)) for word, count in zip(values.words.distinct, counts, strict=True) if word not in known
    ]
    return sum(count for _, count in unknown), [repr(word) for word, _ in unknown]
