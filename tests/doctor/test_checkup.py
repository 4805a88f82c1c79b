"""Folding, and rules that fail."""

import dataclasses

import pytest

from pellucid.doctor import checkup
from pellucid.doctor.catalogue import rule, rules
from pellucid.doctor.checkup import asked, examined, folded
from pellucid.doctor.finding import Finding, Severity
from pellucid.doctor.gathering import Evidence
from pellucid.doctor.rules import rectified_logits
from pellucid.doctor.watching import watch


def finding(name: str, severity: Severity, confidence: float = 0.9) -> Finding:
    return Finding("layer", "seen", "do", confidence=confidence, severity=severity, rule=name)


def test_a_consequence_stands_after_its_cause() -> None:
    both = folded([finding("dead-units", "warning"), finding("rectified-logits", "error")])
    assert [(entry.rule, entry.is_cause, entry.folded_under) for entry in both] == [
        ("rectified-logits", True, None),
        ("dead-units", False, "rectified-logits"),
    ]


def test_errors_stand_before_warnings_and_the_contract_before_the_loop() -> None:
    names = ["gradients-not-cleared", "unscaled-inputs", "rectified-logits"]
    given = [finding(name, rule(name).severity) for name in names]
    assert [entry.rule for entry in folded(given)] == ["rectified-logits", "gradients-not-cleared", "unscaled-inputs"]


def test_a_rule_whose_evidence_is_missing_is_skipped_with_the_reason() -> None:
    with watch() as watched:
        pass
    reasons = {entry.rule: entry.reason for entry in watched.checkup.skipped}
    assert reasons["rectified-logits"] == "no backward pass was seen"


def test_a_broken_rule_is_skipped_and_the_others_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**evidence: object) -> list[Finding]:
        raise ZeroDivisionError("oh")

    with watch() as watched:
        rectified_logits.sick()
    altered = tuple(
        dataclasses.replace(entry, find=broken) if entry.name == "softmax-before-cross-entropy" else entry
        for entry in rules()
    )
    monkeypatch.setattr(checkup, "rules", lambda: altered)
    result = examined(watched.evidence)
    assert result.causes[0].rule == "rectified-logits"
    reasons = {entry.rule: entry.reason for entry in result.skipped}
    assert reasons["softmax-before-cross-entropy"] == "the rule failed: ZeroDivisionError: oh"


def test_a_rule_is_asked_with_the_evidence_that_its_parameters_name() -> None:
    findings, reason = asked(rule("overlapping-splits"), Evidence())
    assert (findings, reason) == ([], "no Batches")
