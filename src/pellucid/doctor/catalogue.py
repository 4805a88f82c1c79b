"""The catalogue: every rule is a file of the folder `rules`, and its docstring is its page."""

import functools
import importlib
import inspect
import types
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pellucid.doctor.finding import Finding, Severity
from pellucid.errors import UnknownNameError, did_you_mean

RULES = Path(__file__).parent / "rules"
# A cause found in an earlier family is believed before one of a later family.
FAMILIES = ("contract", "architecture", "weights", "data", "optimizer", "loop", "dynamics")


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        name: With hyphens, as in findings.
        severity: Of its findings.
        family: One of FAMILIES.
        folds: Rules that are mere consequences of this one.
        fault: First line of its docstring.
        why: Why it matters.
        fix: How to mend it.
        find: Its function.
        needs: Evidence by parameter; True if the rule can do without it.
        sick: A training program with the fault.
        healthy: The same put right.
    """

    name: str
    severity: Severity
    family: str
    folds: tuple[str, ...]
    fault: str
    why: str
    fix: str
    find: Callable[..., Iterable[Finding]]
    needs: dict[str, tuple[type, bool]]
    sick: Callable[[], Any]
    healthy: Callable[[], Any]


@functools.cache
def rule_names() -> tuple[str, ...]:
    """Return the names of all rules, in the order of their families' files."""
    return tuple(sorted(path.stem.replace("_", "-") for path in RULES.glob("*.py") if path.stem != "__init__"))


@functools.cache
def rules() -> tuple[Rule, ...]:
    """Return every rule, the families in order."""
    found = [rule(name) for name in rule_names()]
    return tuple(sorted(found, key=lambda entry: (FAMILIES.index(entry.family), entry.name)))


@functools.cache
def rule(name: str) -> Rule:
    """Return the rule of a name.

    Raises:
        UnknownNameError: If there is none.
    """
    if name not in rule_names():
        raise UnknownNameError(f"there is no rule {name!r}", fix=did_you_mean(name, rule_names()))
    module = importlib.import_module(f"pellucid.doctor.rules.{name.replace('-', '_')}")
    fault, why, fix = _page(inspect.getdoc(module) or "")
    hints = typing.get_type_hints(module.find)
    hints.pop("return", None)
    return Rule(
        name, module.SEVERITY, module.FAMILY, tuple(getattr(module, "FOLDS", ())), fault, why, fix, module.find,
        {parameter: _need(hint) for parameter, hint in hints.items()}, module.sick, module.healthy,
    )  # fmt: skip


def _need(hint: Any) -> tuple[type, bool]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        kinds = [entry for entry in typing.get_args(hint) if entry is not type(None)]
        return kinds[0], True
    return hint, False


def _page(text: str) -> tuple[str, str, str]:
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]
    parts = {"Why:": "", "Fix:": ""}
    for paragraph in paragraphs[1:]:
        for key in parts:
            if paragraph.startswith(key):
                parts[key] = paragraph.removeprefix(key).strip()
    return paragraphs[0] if paragraphs else "", parts["Why:"], parts["Fix:"]
