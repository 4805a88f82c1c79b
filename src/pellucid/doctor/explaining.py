"""The catalogue as a reader sees it: all rules in a table, or one rule's page."""

import inspect
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pellucid.doctor.catalogue import Rule, rule, rules
from pellucid.rendering.blocks import Block, Column, Note, Table
from pellucid.rendering.result import Result


@dataclass(frozen=True)
class RulePage(Result):
    """One rule, explained."""

    rule: Rule

    def to_dict(self) -> dict[str, Any]:
        """Return the page's facts."""
        entry = self.rule
        return {
            "rule": entry.name,
            "severity": entry.severity,
            "family": entry.family,
            "fault": entry.fault,
            "why": entry.why,
            "fix": entry.fix,
            "folds": list(entry.folds),
            "sick": source(entry.sick),
            "healthy": source(entry.healthy),
        }

    def blocks(self) -> Sequence[Block]:
        """Return fault, why, fix, and both examples."""
        entry = self.rule
        return [
            Note(f"{entry.name} ({entry.severity}, {entry.family})"),
            Note(entry.fault),
            Note(f"Why: {entry.why}"),
            Note(f"Fix: {entry.fix}"),
            Note("sick:\n" + textwrap.indent(source(entry.sick), "    ")),
            Note("healthy:\n" + textwrap.indent(source(entry.healthy), "    ")),
        ]


@dataclass(frozen=True)
class RuleTable(Result):
    """All rules beside each other."""

    rules: tuple[Rule, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return every rule in short."""
        return {
            "rules": [
                {"rule": entry.name, "severity": entry.severity, "family": entry.family, "fault": entry.fault}
                for entry in self.rules
            ]
        }

    def blocks(self) -> Sequence[Block]:
        """Return one table."""
        rows = [[entry.name, entry.severity, entry.family, entry.fault] for entry in self.rules]
        return [Table([Column("rule"), Column("severity"), Column("family"), Column("fault")], rows)]


def source(example: Any) -> str:
    """Return the body of an example."""
    lines = inspect.getsource(example).splitlines()[1:]
    return textwrap.dedent("\n".join(lines)).strip("\n")


def page(name: str) -> RulePage:
    """Return a rule's page."""
    return RulePage(rule(name))


def table() -> RuleTable:
    """Return all rules."""
    return RuleTable(rules())
