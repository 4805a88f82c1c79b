"""Write docs/rules.md from the rules of the doctor and runs of their examples; --check says whether it is up to date.

Run from anywhere: python scripts/write_rules.py [--check]

The figures come from running each example, for some minutes. They differ a little from machine to machine, so that
--check compares headings, explanations and programs, and leaves out what was measured.
"""

import argparse
import contextlib
import difflib
import io
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from pellucid.doctor.catalogue import FAMILIES, Rule, rules
from pellucid.doctor.checkup import Checkup
from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.explaining import source
from pellucid.doctor.watching import watch

PAGE = Path(__file__).resolve().parents[1] / "docs" / "rules.md"


INTRODUCTION = """\
# What the doctor knows

`pellucid check train.py` runs a training script, unmodified, and says what is wrong with it;
`pellucid.check(network, (inputs, labels), loss=..., optimizer=...)` looks at a network before it is trained;
`with pellucid.watch():` goes around a loop of your own. Each finding names one of the rules below.

An **error** means that the network cannot learn rightly, or that the result is wrong. A **warning** means that it
learns worse than it could. A *note* is a matter of style and never counts against a network. Where one fault explains
others, they are folded under it, so that the first finding is the one to mend. A rule whose evidence was not seen is
skipped, and says why. `--ignore RULE` leaves a rule out, and `# pellucid: ignore[RULE]` does so for one line of a
script.

Each rule below has a sick program and what makes it healthy; the figures are measured on these programs.
"""
TITLES = {
    "contract": "Last layer, loss and targets",
    "architecture": "Architecture",
    "weights": "Weights at the start",
    "data": "Data",
    "optimizer": "Optimizer",
    "loop": "Training loop",
    "dynamics": "Dynamics",
}


def page(*, is_measured: bool) -> str:
    """Return the whole page, with or without what is measured by running every example."""
    parts = [INTRODUCTION]
    for family in FAMILIES:
        parts.append(f"## {TITLES[family]}\n")
        members = [entry for entry in rules() if entry.family == family]
        rows = [f"| [{entry.name}](#{entry.name}) | {entry.severity} | {entry.fault} |" for entry in members]
        parts.append("\n".join(["| rule | severity | fault |", "|---|---|---|", *rows]) + "\n")
        for entry in members:
            parts.extend(section(entry, is_measured=is_measured))
    return "\n".join(parts)


def section(entry: Rule, *, is_measured: bool) -> Iterator[str]:
    """Yield the parts of one rule; what is measured stands in quoted lines."""
    yield f"### {entry.name}\n"
    yield f"*{entry.severity}.* {entry.fault}\n"
    yield f"**Why.** {entry.why}\n"
    yield f"**Fix.** {entry.fix}\n"
    if is_measured:
        sick, before = run(entry.sick)
        _, after = run(entry.healthy)
        found = next((finding for finding in sick.findings if finding.rule == entry.name), None)
        said = f"Of the program below the doctor says: {' '.join(found.evidence.split())}." if found else ""
        losses = f"Its loss {before}; put right, it {after}." if before and after else ""
        yield f"> {said} {losses}".rstrip() + "\n"
    yield f"```python\n{source(entry.sick)}\n```\n"
    changes = difflib.unified_diff(
        source(entry.sick).splitlines(), source(entry.healthy).splitlines(), n=1, lineterm=""
    )
    yield "Put right:\n"
    yield "```diff\n" + "\n".join(line for line in changes if not line.startswith(("---", "+++", "@@"))) + "\n```\n"


def run(example: Callable[[], Any]) -> tuple[Checkup, str]:
    """Run an example under watch; return its checkup and how its loss went."""
    watched = watch(trial_seconds=20.0)
    with warnings.catch_warnings(), contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        with watched:
            example()
    dynamics = watched.evidence.found.get(Dynamics)
    losses = [value for value in dynamics.losses if value is not None] if isinstance(dynamics, Dynamics) else []
    went = f"goes from {losses[0]:.3g} to {losses[-1]:.3g} in {len(losses)} steps" if len(losses) > 1 else ""
    return watched.checkup, went


def _words(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith(">")]


def main() -> int:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if the page is stale")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if not arguments.check:
        PAGE.write_text(page(is_measured=True), encoding="utf-8")
        return 0
    before = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
    if _words(before) == _words(page(is_measured=False)):
        return 0
    print("docs/rules.md is stale: run python scripts/write_rules.py")
    return 1


if __name__ == "__main__":
    sys.exit(main())
