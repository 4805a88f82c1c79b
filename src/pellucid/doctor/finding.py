"""What a rule says, and what it says when it could not judge."""

from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


Action = Literal["remove", "relu", "activate", "flatten", "resize", "reset", "unfreeze", "dropout", "set"]


@dataclass(frozen=True)
class Mend:
    """A fix that a machine can make.

    Attributes:
        action: "remove" a layer; put a "relu" in its place, or one after it ("activate"); "flatten" before it; "resize"
            a Linear; "reset" its weights; "unfreeze" it; set the rate of a "dropout"; or "set" settings of training.
        layers: Paths in the network; () for the last Linear of a "resize".
        inputs: Of a resized Linear; None keeps them.
        outputs: Of a resized Linear; None keeps them.
        rate: Of dropout.
        settings: By name, as the optimizer takes them: {"lr": 0.001}; "optimizer" names another class.
    """

    action: Action
    layers: tuple[str, ...] = ()
    inputs: int | None = None
    outputs: int | None = None
    rate: float = 0.2
    settings: dict[str, object] = field(default_factory=dict)

    @property
    def is_possible(self) -> bool:
        """Whether there is a layer to change, or a setting; a function in `forward` only a person can change."""
        return bool(self.layers) or self.action in ("set", "resize")


@dataclass(frozen=True)
class Finding:
    """One thing that a rule found wrong.

    A rule gives `where`, `evidence`, `fix`, and `place` if there is one; whoever runs the rule fills in the rest.

    Attributes:
        where: The layer's path, or the thing: "fc2", "the loss", "the optimizer".
        evidence: What was measured, in one sentence with its numbers.
        fix: Code to paste, or the change to make.
        place: "train.py:12", the line of the user's source; None if it is of no line.
        confidence: From 0 to 1.
        severity: Of the rule, unless this finding is milder or worse.
        rule: Its name, with hyphens.
        why: Why it matters, in two sentences: from the rule's docstring.
        is_cause: False for a consequence of another finding.
        folded_under: The rule that it is a consequence of.
        mend: The same fix for a machine; None if it takes a person.
    """

    where: str
    evidence: str
    fix: str
    place: str | None = None
    confidence: float = 0.9
    severity: Severity | None = None
    rule: str = ""
    why: str = ""
    is_cause: bool = True
    folded_under: str | None = None
    mend: Mend | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the facts under the names of the JSON contract."""
        return {
            "rule": self.rule,
            "severity": self.severity,
            "where": self.where,
            "place": self.place,
            "evidence": self.evidence,
            "why": self.why,
            "fix": self.fix,
            "confidence": round(self.confidence, 2),
            "cause": self.is_cause,
            "folded_under": self.folded_under,
            "can_be_mended": self.mend is not None and self.mend.is_possible,
        }


@dataclass(frozen=True)
class Skipped:
    """A rule that could not judge, and why."""

    rule: str
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return both."""
        return {"rule": self.rule, "reason": self.reason}
