"""`pellucid curve` and `pellucid suspects`."""

import csv
import json
from pathlib import Path

from .conftest import Command

QUICK = ("--epochs", "2", "--batch-size", "32", "--hidden", "16", "--threads", "1")


def test_curve_answers_whether_more_examples_would_help(pellucid_command: Command, digits: Path) -> None:
    outcome = pellucid_command("curve", digits, *QUICK, "--shares", "0.2,0.5,1", "--repeats", "2")
    assert outcome.code == 0, outcome.err
    assert "550, twice as many: about" in outcome.out
    assert "median accuracy" in outcome.out
    rows = [line for line in outcome.err.splitlines() if "examples: accuracy" in line]
    assert [row.split()[0] for row in rows] == [f"{number}/6" for number in range(1, 7)]
    assert not list(Path.cwd().iterdir())


def test_curve_gives_json(pellucid_command: Command, digits: Path) -> None:
    outcome = pellucid_command("curve", digits, *QUICK, "--shares", "0.2,0.5,1", "--repeats", "2", "--json")
    facts = json.loads(outcome.out)
    assert len(facts["points"]) == 3
    assert facts["forecast"]["verdict"] in {"helps", "flat", "unclear"}


def test_curve_refuses_shares_that_are_no_numbers(pellucid_command: Command, digits: Path) -> None:
    outcome = pellucid_command("curve", digits, "--shares", "a tenth")
    assert (outcome.code, outcome.err) == (
        1,
        "error: --shares is 'a tenth'\n  fix: write numbers with commas, as in 0.1,0.4,1\n",
    )


def test_suspects_writes_the_list_and_nothing_else(pellucid_command: Command, digits: Path) -> None:
    before = {path: path.read_bytes() for path in digits.iterdir()}
    outcome = pellucid_command("suspects", digits, *QUICK, "--folds", "2", "-o", "suspects.csv")
    assert outcome.code == 0, outcome.err
    with Path("suspects.csv").open() as file:
        assert next(csv.reader(file)) == ["example", "label", "rather", "label probability", "rather probability"]
    assert {path: path.read_bytes() for path in digits.iterdir()} == before
    assert [path.name for path in Path.cwd().iterdir()] == ["suspects.csv"]


def test_suspects_gives_json_on_stdout_alone(pellucid_command: Command, digits: Path) -> None:
    outcome = pellucid_command("suspects", digits, *QUICK, "--folds", "2", "--json")
    facts = json.loads(outcome.out)
    assert facts["labels"] == facts["examples"] == 275
    assert "fold 2: accuracy" in outcome.err


def test_an_unknown_network_is_told_before_anything_is_trained(pellucid_command: Command, digits: Path) -> None:
    outcome = pellucid_command("suspects", digits, "--network", "cn")
    assert outcome.code == 1
    assert outcome.err.startswith("error: there is no network 'cn'\n  fix: write 'cnn' (did you mean that?)")
