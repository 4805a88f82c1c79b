"""Write docs/rules.md from the rules of the doctor and runs of their examples; --check only says whether it is up to date.

Run from anywhere: python scripts/write_rules.py [--check]

The figures come from running each example. Their last digits differ from machine to machine, so that --check compares the
words and leaves numbers out.
"""

import argparse
import contextlib
import difflib
import io
import re
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
NUMBER = re.compile(r"-?\d[\d.,e+%-]*|\bnan\b|\binf\b")

INTRODUCTION = """\
# What the doctor knows

`pellucid check train.py` runs a training script, unmodified, and says what is wrong with it; `pellucid.check(network,
(inputs, labels), loss=..., optimizer=...)` looks at a network before it is trained; `with pellucid.watch():` goes around
a loop of your own. Each finding names one of the rules below.

An **error** means that the network cannot learn rightly, or that the result is wrong. A **warning** means that it learns
worse than it could. A *note* is a matter of style and never counts against a network. Where one fault explains others, they
are folded under it, so that the first finding is the one to mend. A rule whose evidence was not seen is skipped, and says
why. `--ignore RULE` leaves a rule out, and `# pellucid: ignore[RULE]` does so for one line of a script.

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


def page() -> str:
    """Return the whole page."""
    parts = [INTRODUCTION]
    for family in FAMILIES:
        parts.append(f"## {TITLES[family]}\n")
        members = [entry for entry in rules() if entry.family == family]
        rows = [f"| [{entry.name}](#{entry.name}) | {entry.severity} | {entry.fault} |" for entry in members]
        parts.append("\n".join(["| rule | severity | fault |", "|---|---|---|", *rows]) + "\n")
        for entry in members:
            print(entry.name, file=sys.stderr)
            parts.extend(section(entry))
    return "\n".join(parts)


def section(entry: Rule) -> Iterator[str]:
    """Yield the parts of one rule."""
    sick, before = run(entry.sick)
    _, after = run(entry.healthy)
    yield f"### {entry.name}\n"
    yield f"*{entry.severity}.* {entry.fault}\n"
    yield f"**Why.** {entry.why}\n"
    yield f"**Fix.** {entry.fix}\n"
    found = next((finding for finding in sick.findings if finding.rule == entry.name), None)
    if found is not None:
        yield f"Said of the program below: *{found.evidence}.* Fix: {_inline(found.fix)}\n"
    if before and after:
        yield f"Its loss {before}; put right, it {after}.\n"
    yield f"```python\n{source(entry.sick)}\n```\n"
    changes = list(
        difflib.unified_diff(source(entry.sick).splitlines(), source(entry.healthy).splitlines(), n=1, lineterm="")
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


def _inline(fix: str) -> str:
    return f"\n\n```\n{fix}\n```" if "\n" in fix else f"`{fix}`"


def main() -> int:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if the page is stale")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    text = page()
    if not arguments.check:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    before = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
    if NUMBER.sub("#", before) == NUMBER.sub("#", text):
        return 0
    print("docs/rules.md is stale: run python scripts/write_rules.py")
    return 1


if __name__ == "__main__":
    sys.exit(main())
