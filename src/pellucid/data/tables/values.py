"""What stands in a column: numbers, booleans, dates or text, and where a value is missing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pellucid.data.columns import Kind
from pellucid.data.tables.words import Words

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
Content = Literal["number", "boolean", "date", "category", "text", "list", "empty", "nested"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECONDS_OF_A_DAY = 86_400_000_000
# In the language of RE2, which pyarrow speaks.
NUMBER = r"(?i)^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$|^[+-]?(?:inf|infinity|nan)$"
DECIMAL_COMMA = r"^([+-]?\d*),(\d+(?:[eE][+-]?\d+)?)$"
TIME = r"\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?: ?(?:Z|[+-]\d{2}(?::?\d{2})?))?"
DATE = rf"^\d{{4}}-\d{{2}}-\d{{2}}(?:[T ]{TIME})?$"
# A column whose values are nearly all numbers, and many, is one of numbers with some mistakes in it.
NEARLY_ALL, MANY = 0.9, 20
# Values by which a column of words is told from one of numbers.
SOME = 100


@dataclass(frozen=True, eq=False)
class Values:
    """The values of a column.

    Attributes:
        content: What they are; "empty" if all are missing.
        numbers: Of numbers, booleans (0 and 1) and dates (days since 1970-01-01, UTC): NaN where missing.
        words: Of text.
        lists: Of lists: as pyarrow holds them.
        is_missing: By row.
        is_bad: By row, whether a value stands there that is not of this kind.
        is_declared: Whether the file itself calls the values categories.
    """

    content: Content
    is_missing: Flags
    is_bad: Flags
    numbers: Numbers | None = None
    words: Words | None = None
    lists: Any = None
    is_declared: bool = False

    def __len__(self) -> int:
        return len(self.is_missing)

    def distinct(self) -> int:
        """Return how many different values there are, missing ones apart."""
        if self.words is not None:
            return len(self.words.distinct)
        return 0 if self.numbers is None else len(np.unique(self.numbers[~self.is_missing]))


def values_of(column: Any, *, decimal_commas: bool = False, is_declared: bool = False) -> Values:
    """Return what stands in a column, as whatever suits all of its values.

    Args:
        column: A chunked array of pyarrow.
        decimal_commas: Whether 1,5 may stand for 1.5.
        is_declared: Whether the file itself calls the values categories; then they stay text.
    """
    typed = _typed(column)
    if typed is not None:
        return typed
    if not is_declared and (numbers := _all_numbers(column)) is not None:
        return _numeric("number", numbers)
    words = Words.of(column)
    if not words.distinct:
        return Values("empty", words.is_missing, np.zeros(len(words), bool))
    if not is_declared:
        for content, parse in _parsers(decimal_commas=decimal_commas):
            numbers, is_good = parse(words.array)
            share = is_good[words.codes[~words.is_missing]].mean()
            if is_good.all() or (share >= NEARLY_ALL and is_good.sum() > MANY and content != "boolean"):
                return _from_words(content, words, numbers, is_good)
    return Values("text", words.is_missing, np.zeros(len(words), bool), words=words, is_declared=is_declared)


def values_as(column: Any, kind: Kind, *, decimal_commas: bool = False) -> Values:
    """Return what stands in a column, as values of a kind; what is not of it is bad.

    Args:
        column: A chunked array of pyarrow.
        kind: Of the column in training.
        decimal_commas: Whether 1,5 may stand for 1.5.
    """
    if kind == "category":
        words = words_of(column)
        is_bad = np.zeros(len(column), bool) if words is not None else np.ones(len(column), bool)
        return Values("text", words.is_missing if words is not None else ~is_bad, is_bad, words=words)
    values = _typed(column)
    if values is None:
        words = Words.of(column)
        numbers, is_good = dict(_parsers(decimal_commas=decimal_commas))[kind](words.array)
        if kind == "boolean":
            # 0 and 1 are true and false to most programs that write tables.
            others, are_numbers = _numbers(words.array, decimal_commas=decimal_commas)
            numbers, is_good = np.where(is_good, numbers, others), is_good | are_numbers
        values = _from_words(kind, words, numbers, is_good)
    nothing = np.full(len(values), np.nan)
    if values.content == "empty":
        return Values(kind, values.is_missing, values.is_bad, numbers=nothing)
    fits = values.content == kind or (kind != "date" and values.content in ("number", "boolean"))
    if values.numbers is None or not fits:
        return Values(kind, values.is_missing, ~values.is_missing, numbers=nothing, words=words_of(column))
    is_bad = values.is_bad
    if kind == "boolean":
        is_bad = is_bad | ~(np.isin(values.numbers, (0, 1)) | values.is_missing)
    return Values(kind, values.is_missing, is_bad, numbers=values.numbers, words=values.words)


def words_of(column: Any) -> Words | None:
    """Return the values of a column as text; None if it holds lists or objects."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_temporal(kind):
        return Words.of(column.cast(pa.string()))
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        numbers = _as_floats(column)
        names, codes = np.unique(numbers[~np.isnan(numbers)], return_inverse=True)
        places = np.full(len(numbers), -1)
        places[~np.isnan(numbers)] = codes.reshape(-1)
        return Words(pa.array([number_name(name) for name in names.tolist()], pa.string()), places)
    return None if _typed(column) is not None and not pa.types.is_null(kind) else Words.of(column)


def number_name(number: float) -> str:
    """Return a number as the name of a class or category: 3 for 3.0.

    Args:
        number: Any.
    """
    return str(int(number)) if float(number).is_integer() else repr(float(number))


def _typed(column: Any) -> Values | None:
    """Return the values of a column whose type says what they are; None if they are text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind, no_bad = column.type, np.zeros(len(column), bool)
    if pa.types.is_null(kind):
        return Values("empty", ~no_bad, no_bad)
    if pa.types.is_boolean(kind):
        return _numeric("boolean", _as_floats(column))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _numeric("number", _as_floats(column))
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return _numeric("date", _as_days(column))
    if pa.types.is_time(kind) or pa.types.is_duration(kind):
        unit = pa.duration("us") if pa.types.is_duration(kind) else pa.time64("us")
        counts = _as_floats(column.cast(unit, safe=False).cast(pa.int64()))
        return _numeric("number", counts / 1_000_000)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        is_missing = pc.is_null(column).to_numpy()
        return Values("list" if not is_missing.all() else "empty", is_missing, no_bad, lists=column)
    text = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_string(text) or pa.types.is_large_string(text) or pa.types.is_string_view(text):
        return None
    if pa.types.is_dictionary(kind) and not pa.types.is_nested(text) and not pa.types.is_binary(text):
        return None
    return Values("nested", pc.is_null(column).to_numpy(), no_bad)


def _numeric(content: Content, numbers: Numbers) -> Values:
    is_missing = np.isnan(numbers)
    kind = "empty" if is_missing.all() else content
    return Values(kind, is_missing, np.zeros(len(numbers), bool), numbers=numbers)


def _from_words(content: Content, words: Words, numbers: Numbers, is_good: Flags) -> Values:
    # The last entry is what the code -1 of a missing value points to.
    by_row = np.append(numbers, np.nan)[words.codes]
    is_bad = ~np.append(is_good, True)[words.codes]
    return Values(content, np.isnan(by_row) & ~is_bad, is_bad, numbers=by_row, words=words if is_bad.any() else None)


def _as_floats(column: Any) -> Numbers:
    import pyarrow as pa

    if pa.types.is_float16(column.type):
        column = column.cast(pa.float32())
    if not pa.types.is_float64(column.type):
        column = column.cast(pa.float64(), safe=False)
    return np.array(column.to_numpy(), np.float64)


def _as_days(column: Any) -> Numbers:
    import pyarrow as pa

    zone = getattr(column.type, "tz", None)
    moments = column.cast(pa.timestamp("us", zone), safe=False).cast(pa.int64())
    return _as_floats(moments) / MICROSECONDS_OF_A_DAY


def _all_numbers(column: Any) -> Numbers | None:
    """Return text as numbers, if pyarrow takes every value for one; the fast way for most tables."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        return None
    try:
        # It goes through a whole column of words, and makes an error of each.
        _as_floats(column[:SOME])
        return _as_floats(column)
    except pa.ArrowException:
        return None


def _parsers(*, decimal_commas: bool) -> list[tuple[Kind, Callable[[Any], tuple[Numbers, Flags]]]]:
    return [
        ("boolean", _booleans),
        ("number", lambda texts: _numbers(texts, decimal_commas=decimal_commas)),
        ("date", _days),
    ]


def _booleans(texts: Any) -> tuple[Numbers, Flags]:
    import pyarrow.compute as pc

    lower = pc.utf8_lower(texts)
    is_true, is_false = pc.equal(lower, "true").to_numpy(False), pc.equal(lower, "false").to_numpy(False)
    return np.where(is_true, 1.0, 0.0), is_true | is_false


def _numbers(texts: Any, *, decimal_commas: bool) -> tuple[Numbers, Flags]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if decimal_commas:
        texts = pc.replace_substring_regex(texts, DECIMAL_COMMA, r"\1.\2")
    is_good = pc.match_substring_regex(texts, NUMBER)
    numbers = pc.if_else(is_good, texts, pa.scalar(None, pa.string())).cast(pa.float64())
    return np.array(numbers.to_numpy(zero_copy_only=False), np.float64), is_good.to_numpy(False)


def _days(texts: Any) -> tuple[Numbers, Flags]:
    import pyarrow as pa
    import pyarrow.compute as pc

    is_good: Flags = np.array(pc.match_substring_regex(texts, DATE).to_numpy(False))
    days = np.full(len(texts), np.nan)
    if not is_good.any():
        return days, is_good
    # No date has more digits than microseconds here; pandas writes nine.
    dates = pc.replace_substring_regex(texts.filter(pa.array(is_good)), r"(\.\d{6})\d+", r"\1")
    try:
        days[is_good] = _as_days(dates.cast(pa.timestamp("us")))
    except pa.ArrowException:
        # With zones, or with days that the calendar does not have.
        for place, text in zip(np.flatnonzero(is_good), dates.to_pylist(), strict=True):
            try:
                moment = datetime.fromisoformat(text.replace(" Z", "Z").replace(" +", "+").replace(" -", "-"))
            except ValueError:
                is_good[place] = False
                continue
            days[place] = ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) / timedelta(days=1)
    return days, is_good
