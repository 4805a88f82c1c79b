"""What every result can do."""

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

from pellucid.errors import MissingPackageError
from pellucid.rendering.blocks import Block, Note
from pellucid.rendering.result import Result, to_frame, to_json


@dataclass(frozen=True)
class Weight(Result):
    """The smallest result there is."""

    kilograms: float

    def to_dict(self) -> dict[str, Any]:
        return {"kilograms": self.kilograms}

    def blocks(self) -> Sequence[Block]:
        return [Note(f"it weighs {self.kilograms:g} <kg>")]


def test_a_result_is_printed_as_text() -> None:
    assert str(Weight(2.5)) == "it weighs 2.5 <kg>"


def test_a_notebook_shows_it_as_html() -> None:
    assert "it weighs 2.5 &lt;kg&gt;" in Weight(2.5)._repr_html_()


def test_json_holds_the_same_facts() -> None:
    assert json.loads(Weight(2.5).to_json()) == {"kilograms": 2.5}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_becomes_null_however_deep_it_is(value: float) -> None:
    text = to_json({"a": value, "b": [value, (value, 1)], "c": {"d": {"e": value}}})
    assert json.loads(text) == {"a": None, "b": [None, [None, 1]], "c": {"d": {"e": None}}}


def test_json_is_what_every_parser_accepts() -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    assert json.loads(to_json({"a": [math.nan, 0.1]}), parse_constant=refuse) == {"a": [None, 0.1]}


@pytest.mark.parametrize("number", [0.1, 1 / 3, 1e-300, 12345678901234567890, True, None, -0.0])
def test_finite_numbers_keep_every_digit(number: float | None) -> None:
    assert repr(json.loads(to_json({"n": number}))["n"]) == repr(number)


def test_text_stays_readable() -> None:
    assert "Größe" in to_json({"Größe": 1})


def test_json_can_stand_on_one_line() -> None:
    assert to_json({"a": 1, "b": [2]}, indent=None) == '{"a": 1, "b": [2]}'


def test_the_facts_are_not_changed() -> None:
    facts = {"a": [math.nan]}
    to_json(facts)
    assert math.isnan(facts["a"][0])


def test_without_pandas_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingPackageError, match="pandas is not installed\n  fix: run: pip install pandas"):
        to_frame([{"a": 1}])


def test_with_pandas_the_rows_become_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    # pandas is not needed for the tests: only what it is given is looked at.
    pandas = ModuleType("pandas")
    vars(pandas)["DataFrame"] = lambda rows: ("frame", rows)
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    assert to_frame(({"a": 1}, {"a": 2})) == ("frame", [{"a": 1}, {"a": 2}])


def test_a_real_frame_has_a_row_for_each_and_a_column_for_each_name() -> None:
    pytest.importorskip("pandas")
    frame = to_frame([{"class": "cat", "n": 1}, {"class": "dog", "n": 2}])
    assert (frame.columns.tolist(), frame.values.tolist()) == (["class", "n"], [["cat", 1], ["dog", 2]])
