"""What stands in a column, against pandas' reading of the same text and against Python's own parsing."""

import datetime as dt
import decimal
import io
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pellucid.data.tables.delimited import read_delimited
from pellucid.data.tables.json_lines import frame_of_rows
from pellucid.data.tables.values import Values, values_as, values_of
from pellucid.data.tables.words import MISSING, Words

# pyarrow and CSV files know days without a zone.
EPOCH = dt.datetime.fromisoformat("1970-01-01")
quick = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MARKS = st.sampled_from(["", "NA", "NaN", "null", "?", "-"])
FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=64).map(repr)
WHOLE = st.integers(-(2**53), 2**53).map(str)
WORDS = st.text('abcß, "\n;1', max_size=6).map(lambda text: f"{text}.".strip(" \n"))


def column(values: list[Any], kind: Any = None) -> Any:
    return pa.chunked_array([pa.array(values, kind)])


def of_text(path: Path, values: list[str]) -> tuple[Values, "pd.Series[Any]"]:
    """The same column of a CSV file, read by us and by pandas."""
    text = pd.DataFrame({"x": values, "other": range(len(values))}).to_csv(index=False)
    (path / "table.csv").write_text(text, newline="")
    frame = read_delimited(path / "table.csv")
    theirs = pd.read_csv(io.StringIO(text), na_values=["?", "-"])
    return values_of(frame.columns["x"]), theirs["x"]


@quick
@given(st.lists(FLOATS | WHOLE | MARKS, min_size=1, max_size=30))
def test_numbers_in_text_are_those_of_pandas(tmp_path: Path, values: list[str]) -> None:
    ours, theirs = of_text(tmp_path, values)
    assert (ours.is_missing == theirs.isna()).all()
    if ours.content == "empty":
        assert theirs.isna().all()
        return
    assert ours.content == "number"
    assert ours.numbers is not None
    assert ours.numbers == pytest.approx(theirs.to_numpy(np.float64), rel=1e-14, nan_ok=True)
    exact = [math.nan if is_missing else float(value) for value, is_missing in zip(values, theirs.isna(), strict=True)]
    assert np.array_equal(ours.numbers, exact, equal_nan=True)


@quick
@given(st.lists(WORDS | MARKS, min_size=1, max_size=30))
def test_categories_in_text_are_those_of_pandas(tmp_path: Path, values: list[str]) -> None:
    ours, theirs = of_text(tmp_path, [*values, "word"])
    assume(theirs.dtype.kind not in "fib")
    assert ours.content == "text"
    assert ours.words is not None
    assert (ours.is_missing == theirs.isna()).all()
    # A line end within a value becomes a blank.
    there = [re.sub(r" *[\r\n]+ *", " ", value).strip() for value in theirs.dropna()]
    assert [ours.words[row] for row in range(len(ours)) if not ours.is_missing[row]] == there
    assert set(ours.words.distinct) == set(there)


@quick
@given(st.lists(st.sampled_from(["True", "False", "", "NA"]), min_size=1, max_size=30))
def test_booleans_in_text_are_those_of_pandas(tmp_path: Path, values: list[str]) -> None:
    ours, theirs = of_text(tmp_path, [*values, "True"])
    assert ours.content == "boolean"
    assert ours.numbers is not None
    assert np.array_equal(ours.numbers, theirs.astype(object).map(float).to_numpy(np.float64), equal_nan=True)


@quick
@given(st.lists(st.datetimes() | st.none(), min_size=1, max_size=20), st.sampled_from("T "))
def test_dates_in_text_are_those_of_python(values: list[dt.datetime | None], between: str) -> None:
    texts = ["" if value is None else value.isoformat(between) for value in values]
    ours = values_of(column([*texts, "2000-01-01"]))
    days = [math.nan if value is None else (value - EPOCH) / dt.timedelta(days=1) for value in values]
    assert ours.content == "date"
    assert ours.numbers == pytest.approx([*days, 10957.0], rel=1e-15, nan_ok=True)


@quick
@given(
    st.lists(
        st.datetimes(timezones=st.timezones(), min_value=EPOCH - dt.timedelta(days=25_000)), min_size=1, max_size=20
    )
)
def test_dates_with_zones_are_those_of_python(values: list[dt.datetime]) -> None:
    epoch = EPOCH.replace(tzinfo=dt.UTC)
    texts = [value.isoformat() for value in values]
    # Seconds in an offset, as old local times have, are no ISO 8601.
    assume(all(len(text.rpartition("+" if "+" in text else "-")[2]) == 5 for text in texts))
    ours = values_of(column(texts))
    assert ours.numbers == pytest.approx([(value - epoch) / dt.timedelta(days=1) for value in values], rel=1e-15)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("2020-01-01", 18262),
        ("2020-01-01T12:00", 18262.5),
        ("2020-01-01 12:00:00Z", 18262.5),
        ("2020-01-01T12:00:00+06:00", 18262.25),
        ("2020-01-01T12:00:00+0600", 18262.25),
        ("2020-01-01 12:00:00.000000000", 18262.5),
        ("1969-12-31", -1),
    ],
)
def test_a_date_is_the_days_since_1970(text: str, days: float) -> None:
    ours = values_of(column([text]))
    assert ours.content == "date"
    assert ours.numbers is not None
    assert ours.numbers.tolist() == [days]


@pytest.mark.parametrize(
    "text", ["2020", "2020-13-01", "2021-02-29", "20200101", "01/02/2020", "2020-1-1", "1e", "0x1f", "1_000"]
)
def test_what_only_looks_like_a_date_or_number_stays_text(text: str) -> None:
    ours = values_of(column([text, "word"]))
    assert ours.content == "text"
    assert ours.words is not None
    assert ours.words[0] == text


@pytest.mark.parametrize(
    ("values", "kind", "content", "numbers"),
    [
        ([1, None, 3], pa.int8(), "number", [1, math.nan, 3]),
        ([2**60, 1], pa.uint64(), "number", [2.0**60, 1]),
        ([0.5, None], pa.float16(), "number", [0.5, math.nan]),
        ([math.nan, 1.5], pa.float32(), "number", [math.nan, 1.5]),
        ([decimal.Decimal("1.25"), None], pa.decimal128(5, 2), "number", [1.25, math.nan]),
        ([True, None], pa.bool_(), "boolean", [1, math.nan]),
        ([dt.date(1970, 1, 11)], pa.date32(), "date", [10]),
        ([dt.date(1970, 1, 11)], pa.date64(), "date", [10]),
        ([EPOCH + dt.timedelta(hours=36)], pa.timestamp("ns"), "date", [1.5]),
        ([EPOCH + dt.timedelta(hours=36)], pa.timestamp("s", "America/New_York"), "date", [1.5]),
        ([dt.time(0, 1)], pa.time32("s"), "number", [60]),
        ([dt.timedelta(minutes=1)], pa.duration("ms"), "number", [60]),
        (["1", "x", None][:1], pa.large_string(), "number", [1]),
        (["1.5"], pa.string_view(), "number", [1.5]),
        ([None, None], pa.int64(), "empty", [math.nan, math.nan]),
        ([math.nan], pa.float64(), "empty", [math.nan]),
    ],
)
def test_types_of_a_file_say_what_stands_there(
    values: list[Any], kind: Any, content: str, numbers: list[float]
) -> None:
    ours = values_of(column(values, kind))
    assert ours.content == content
    assert ours.numbers is not None
    assert np.array_equal(ours.numbers, numbers, equal_nan=True)
    assert ours.is_missing.tolist() == [math.isnan(number) for number in numbers]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_every_kind_of_text_gives_the_same_words(kind: Any) -> None:
    chunks = pa.chunked_array([pa.array(["b", " a", None, "?"]), pa.array(["a ", "b", "c"])])
    chunks = pa.chunked_array(
        [chunk.dictionary_encode() if pa.types.is_dictionary(kind) else chunk.cast(kind) for chunk in chunks.chunks]
    )
    words = Words.of(chunks)
    assert ["" if code < 0 else words.distinct[code] for code in words.codes] == ["b", "a", "", "", "a", "b", "c"]
    assert sorted(words.distinct) == ["a", "b", "c"]


def test_a_dictionary_may_hold_values_that_no_row_has() -> None:
    dictionary = pa.DictionaryArray.from_arrays(pa.array([2, 0, None]), pa.array(["a", "unused", "b"]))
    assert Words.of(pa.chunked_array([dictionary])).distinct == ["a", "b"]


@pytest.mark.parametrize("mark", MISSING)
def test_each_mark_is_missing_among_numbers_and_words(mark: str) -> None:
    assert values_of(column(["1", mark])).is_missing.tolist() == [False, True]
    assert values_of(column(["word", f" {mark} "])).is_missing.tolist() == [False, True]


def test_a_minus_beside_a_plus_is_no_mark() -> None:
    assert not values_of(column(["+", "-", "+"])).is_missing.any()


@pytest.mark.parametrize(
    ("values", "kind", "numbers", "is_bad"),
    [
        (["1", "x", ""], "number", [1, math.nan, math.nan], [False, True, False]),
        (["true", "0", "2", "no"], "boolean", [1, 0, 2, math.nan], [False, False, True, True]),
        ([1, 0, 5, None], "boolean", [1, 0, 5, math.nan], [False, False, True, False]),
        ([True, None], "number", [1, math.nan], [False, False]),
        ([1.5, None], "date", [math.nan, math.nan], [True, False]),
        (["2020-01-01", "now", None], "date", [18262, math.nan, math.nan], [False, True, False]),
        ([None, None], "number", [math.nan, math.nan], [False, False]),
        ([[1], None], "number", [math.nan, math.nan], [True, False]),
    ],
)
def test_values_of_another_kind_than_in_training_are_bad(
    values: list[Any], kind: Any, numbers: list[float], is_bad: list[bool]
) -> None:
    ours = values_as(column(values), kind)
    assert ours.numbers is not None
    assert np.array_equal(ours.numbers, numbers, equal_nan=True)
    assert ours.is_bad.tolist() == is_bad


def test_numbers_and_booleans_are_found_among_categories_by_their_text() -> None:
    for values in (["3", "1", None], [3, 1, None], [3.0, 1.0, None]):
        words = values_as(column(values), "category").words
        assert words is not None
        assert [words[0], words[1], int(words.codes[2])] == ["3", "1", -1]
    words = values_as(column([True, False]), "category").words
    assert words is not None
    assert words.distinct == ["true", "false"]


@quick
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from("abc"),
            st.none()
            | st.booleans()
            | st.integers(-(2**70), 2**70)
            | st.floats()
            | st.text()
            | st.lists(st.integers()),
            max_size=3,
        ),
        min_size=1,
        max_size=8,
    )
)
def test_rows_of_any_values_become_columns_of_equal_length(rows: list[dict[str, Any]]) -> None:
    frame = frame_of_rows(rows, "rows")
    assert len(frame) == len(rows)
    assert set(frame.columns) == {key for row in rows for key in row}
    for values in frame.columns.values():
        assert len(values_of(values)) == len(rows)
        for kind in ("number", "boolean", "date", "category"):
            assert len(values_as(values, kind)) == len(rows)
