"""`pellucid evaluate` with baselines, and against another classifier."""

import json
import re
from pathlib import Path

import pytest

from .conftest import Command

TRAIN = ("--batch-size", "32", "--hidden", "16")


@pytest.fixture
def two(pellucid_command: Command, digits: Path) -> Path:
    """Two classifiers, a.safetensors trained longer than b.safetensors; the dataset they were trained on."""
    for name, epochs in (("a", "3"), ("b", "1")):
        outcome = pellucid_command("train", digits, *TRAIN, "--epochs", epochs, "-o", f"{name}.safetensors")
        assert outcome.code == 0, outcome.err
    return digits


def test_baselines_are_shown_when_asked_for(pellucid_command: Command, two: Path) -> None:
    facts = json.loads(pellucid_command("evaluate", "a.safetensors", two, "--baselines", "--json").out)
    names = {baseline["name"] for baseline in facts["baselines"]["baselines"]}
    assert names == {"the majority class", "nearest centroid", "logistic regression"}
    text = pellucid_command("evaluate", "a.safetensors", two, "--baselines").out
    assert re.search(r"(beats|not\s+shown\s+to\s+beat|worse\s+than)\s+", text)
    assert "the majority class" in text
    assert "the majority class" not in pellucid_command("evaluate", "a.safetensors", two).out


def test_two_classifiers_are_compared_by_mcnemars_test(pellucid_command: Command, two: Path) -> None:
    outcome = pellucid_command("evaluate", "a.safetensors", two, "--against", "b.safetensors", "--json")
    facts = json.loads(outcome.out)
    assert (facts["first"], facts["second"], facts["examples"]) == ("a", "b", 60)
    for name in ("a", "b"):
        alone = json.loads(pellucid_command("evaluate", f"{name}.safetensors", two, "--json").out)
        assert alone["accuracy"] == facts["first_score" if name == "a" else "second_score"]
    text = pellucid_command("evaluate", "a.safetensors", two, "--against", "b.safetensors").out
    assert "McNemar's" in text and "right where the other is wrong" in text


def test_a_classifier_that_is_not_there_is_named(pellucid_command: Command, two: Path) -> None:
    outcome = pellucid_command("evaluate", "a.safetensors", two, "--against", "c.safetensors")
    assert outcome.code == 1 and "there is no file c.safetensors" in outcome.err
