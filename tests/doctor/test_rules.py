"""Every rule against its own examples: the sick one is found first, the healthy one is left alone."""

import pytest
import torch

from pellucid.doctor.catalogue import rule_names, rules
from pellucid.doctor.checkup import Checkup
from pellucid.doctor.rules import rectified_logits
from pellucid.doctor.watching import watch


def checkup_of(example: object) -> Checkup:
    """Run an example under watch; one that raises is judged like one that ends."""
    watched = watch(trial_seconds=20.0)
    try:
        with watched:
            example()  # type: ignore[operator]
    except Exception:  # noqa: BLE001 a sick example may raise anything
        assert watched.checkup.ending.startswith("The program raised")
    return watched.checkup


@pytest.mark.slow
@pytest.mark.parametrize("name", rule_names())
def test_the_sick_example_is_found_first(name: str) -> None:
    (entry,) = (entry for entry in rules() if entry.name == name)
    checkup = checkup_of(entry.sick)
    shown = [(finding.rule, finding.evidence) for finding in checkup.findings]
    assert [finding.rule for finding in checkup.causes][:1] == [name], (shown, checkup.skipped)
    others = [f for f in checkup.causes if f.rule != name and f.severity != "note"]
    assert not others, shown


@pytest.mark.slow
@pytest.mark.parametrize("name", rule_names())
def test_the_healthy_example_is_left_alone(name: str) -> None:
    (entry,) = (entry for entry in rules() if entry.name == name)
    checkup = checkup_of(entry.healthy)
    assert checkup.is_healthy, [(finding.rule, finding.evidence) for finding in checkup.findings]
    assert not [entry for entry in checkup.skipped if "failed" in entry.reason]


@pytest.mark.parametrize("name", rule_names())
def test_the_page_says_fault_why_and_fix(name: str) -> None:
    (entry,) = (entry for entry in rules() if entry.name == name)
    assert entry.fault and entry.why and entry.fix


def test_the_examples_draw_the_same_numbers_each_time() -> None:
    rectified_logits.healthy()
    once = torch.rand(3)
    rectified_logits.healthy()
    assert torch.equal(once, torch.rand(3))
