"""The checkup: every rule is asked, consequences are folded under their cause, and the result is shown."""

import dataclasses
import linecache
import random
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch
from torch import nn

from pellucid.doctor.catalogue import FAMILIES, Rule, rule, rules
from pellucid.doctor.finding import SEVERITIES, Finding, Skipped
from pellucid.doctor.gathering import Evidence
from pellucid.doctor.mending import mended, settings_of
from pellucid.doctor.places import FILES
from pellucid.doctor.replay import TrialImpossible
from pellucid.rendering.blocks import Block, Note
from pellucid.rendering.result import Result

# Verdicts on how well a run went: symptoms, whatever their family.
VERDICTS = ("learning-rate-too-low", "unsuited-optimizer", "too-few-epochs")
_IGNORED = re.compile(r"#\s*pellucid:\s*ignore(?:\[([\w\s,-]*)\])?")


@dataclass(frozen=True)
class Checkup(Result):
    """What is wrong, the cause first.

    Attributes:
        findings: Errors before warnings before notes; a consequence stands after its cause.
        skipped: Rules that could not judge, each with the reason.
        ending: How the run ended, in a sentence; empty for a network that was checked before training.
        overhead: Seconds that watching, judging and trials took.
    """

    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...] = ()
    ending: str = ""
    overhead: dict[str, float] = dataclasses.field(default_factory=dict)

    @property
    def causes(self) -> tuple[Finding, ...]:
        """Findings that are no consequence of another."""
        return tuple(finding for finding in self.findings if finding.is_cause)

    @property
    def is_healthy(self) -> bool:
        """Whether nothing but notes was found."""
        return all(finding.severity == "note" for finding in self.findings)

    def mend(self, network: nn.Module) -> nn.Module:
        """Return a copy of the network with the mechanical fixes of all causes made; the network is left as it was.

        Args:
            network: That was checked or watched.

        Raises:
            SettingError: If no cause has such a fix.
        """
        return mended(network, self.findings)

    @property
    def settings(self) -> dict[str, object]:
        """The settings of optimizer or training that the causes ask for, by name; {} if they ask for none."""
        return settings_of(self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON contract: findings, skipped, overhead."""
        return {
            "findings": [finding.to_dict() for finding in self.findings],
            "skipped": [entry.to_dict() for entry in self.skipped],
            "ending": self.ending,
            "overhead": self.overhead,
        }

    def findings_shown(self) -> list[Block]:
        """Return each finding as a colleague would say it, without what could not be judged."""
        shown: list[Block] = []
        for number, finding in enumerate(self.causes, start=1):
            place = f" ({finding.place})" if finding.place else ""
            head = f"{number}. {finding.severity}: {finding.rule} at {finding.where}{place}"
            shown.append(Note(head, finding.severity != "note"))
            shown.append(Note(f"   seen: {finding.evidence}"))
            if finding.why:
                shown.append(Note(f"   why:  {finding.why}"))
            shown.append(Note("   fix:  " + finding.fix.replace("\n", "\n         ")))
            shown.append(Note(f"   sure: {finding.confidence:.0%}"))
            folded = [entry for entry in self.findings if not entry.is_cause and entry.folded_under == finding.rule]
            if folded:
                shown.append(Note("   which also explains: " + ", ".join(dict.fromkeys(f.rule for f in folded))))
        return shown

    def blocks(self) -> Sequence[Block]:
        """Return the findings, how the run ended, and what could not be judged and why."""
        shown = self.findings_shown()
        if not self.findings:
            has_raised = self.ending.startswith("The program raised")
            shown.append(Note("No rule explains how it ended." if has_raised else "Nothing found."))
        if self.ending:
            shown.append(Note(self.ending))
        reasons: dict[str, list[str]] = {}
        for entry in self.skipped:
            reasons.setdefault(entry.reason, []).append(entry.rule)
        shown.extend(Note(f"Could not judge, since {reason}: {', '.join(names)}.") for reason, names in reasons.items())
        return shown


def examined(
    evidence: Evidence,
    *,
    ignore: Collection[str] = (),
    ending: str = "",
    overhead: dict[str, float] | None = None,
    unseen: Sequence[str] = (),
) -> Checkup:
    """Ask every rule, and put the answers in order.

    Args:
        evidence: Of the run.
        ignore: Names of rules whose findings are left out.
        ending: How the run ended, in a sentence.
        overhead: What watching took.
        unseen: What watching itself could not see, each with the reason.

    Raises:
        UnknownNameError: If a rule to ignore does not exist.
    """
    for name in ignore:
        rule(name)
    started = perf_counter()
    findings: list[Finding] = []
    skipped = [Skipped("watching", reason) for reason in unseen]
    states = (random.getstate(), torch.get_rng_state())
    for entry in rules():
        if entry.name in ignore:
            continue
        found, reason = asked(entry, evidence)
        findings.extend(found)
        if reason:
            skipped.append(Skipped(entry.name, reason))
    random.setstate(states[0])
    torch.set_rng_state(states[1])
    spent = {**(overhead or {}), "judging_seconds": round(perf_counter() - started, 3)}
    kept = [finding for finding in findings if not is_ignored(finding)]
    return Checkup(tuple(folded(kept)), tuple(skipped), ending, spent)


def asked(entry: Rule, evidence: Evidence) -> tuple[list[Finding], str | None]:
    """Ask one rule: its findings, and why it could not judge (or None)."""
    given = {}
    for parameter, (kind, is_optional) in entry.needs.items():
        if kind in evidence.found:
            given[parameter] = evidence.found[kind]
        elif is_optional:
            given[parameter] = None
        else:
            return [], evidence.missing.get(kind, f"no {kind.__name__}")
    found: list[Finding] = []
    try:
        with torch.no_grad():
            for finding in entry.find(**given):
                severity = finding.severity or entry.severity
                found.append(
                    dataclasses.replace(finding, rule=entry.name, severity=severity, why=finding.why or entry.why)
                )
    except TrialImpossible as error:
        return found, error.problem
    except Exception as error:  # noqa: BLE001 a broken rule must not break the run
        return found, f"the rule failed: {type(error).__name__}: {error}"
    return found, None


def folded(findings: Sequence[Finding]) -> list[Finding]:
    """Put causes in order, and each consequence after its cause."""
    ordered = sorted(findings, key=_rank)
    seen: set[tuple[str, str]] = set()
    unique = []
    for finding in ordered:
        if (finding.rule, finding.where) not in seen:
            seen.add((finding.rule, finding.where))
            unique.append(finding)
    folders = [
        [place for place, other in enumerate(unique) if other is not one and _folds(other, one)] for one in unique
    ]
    roots = [_root(place, folders) for place in range(len(unique))]
    groups = {place: [inner for inner, root in enumerate(roots) if root == place] for place in roots}
    # A cause is as grave as the gravest of what it explains.
    order = sorted(groups, key=lambda place: min(_rank(unique[inner])[0] for inner in groups[place]))
    result: list[Finding] = []
    for place in order:
        result.append(unique[place])
        under = unique[place].rule
        inners = [unique[inner] for inner in groups[place] if inner != place]
        result.extend(dataclasses.replace(inner, is_cause=False, folded_under=under) for inner in inners)
    return result


def _root(place: int, folders: list[list[int]]) -> int:
    """Walk from a finding to the cause of its causes."""
    seen = {place}
    while True:
        further = [other for other in folders[place] if other not in seen]
        if not further:
            return place
        place = further[0]
        seen.add(place)


def _rank(finding: Finding) -> tuple[int, int, float]:
    assert finding.severity is not None
    return SEVERITIES.index(finding.severity), FAMILIES.index(rule(finding.rule).family), -finding.confidence


def _folds(cause: Finding, finding: Finding) -> bool:
    """Return whether one finding explains another: it says so, or it is a sure error and the other a mere symptom."""
    if cause.rule == finding.rule or (finding.severity == "note" and finding.rule not in rule(cause.rule).folds):
        return False
    if finding.rule in rule(cause.rule).folds:
        # Two rules that fold each other: the one that ranks first is the cause.
        return cause.rule not in rule(finding.rule).folds or _rank(cause) < _rank(finding)
    return (
        cause.severity == "error"
        and cause.confidence >= 0.8
        and rule(cause.rule).family != "dynamics"
        and (rule(finding.rule).family == "dynamics" or finding.rule in VERDICTS)
        and cause.rule not in rule(finding.rule).folds
    )


def is_ignored(finding: Finding) -> bool:
    """Return whether the finding's source line says `# pellucid: ignore[rule]`."""
    if finding.place is None:
        return False
    name, _, line = finding.place.rpartition(":")
    match = _IGNORED.search(linecache.getline(FILES.get(name, name), int(line)))
    if match is None:
        return False
    names = match.group(1)
    return names is None or finding.rule in [entry.strip() for entry in names.split(",")]
