"""Write docs/activations.md from the table of activations; --check only says whether it is up to date.

Run from anywhere: python scripts/write_activations.py [--check]
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from pellucid.networks.activations import Activation, activations
from pellucid.networks.outputs import output_for
from pellucid.rendering.plotting import curve_lines
from pellucid.tasks import Task

PAGE = Path(__file__).resolve().parents[1] / "docs" / "activations.md"

INTRODUCTION = """\
# Activations

A linear layer multiplies its inputs by weights and adds a bias. Two linear layers in a row compute no more than
one, because a line of a line is a line. An **activation** between them bends what the first one computes, and
only that lets a network draw boundaries that are not straight.

Choose in this order:

1. **Hidden layers: [relu](#relu) first.** It is cheap and it trains well nearly everywhere.
2. **Then [gelu](#gelu) or [silu](#silu).** They are smooth and often a little more accurate, and take a little
   more time.
3. **If many units give 0 for every example** (dead units), try [leaky_relu](#leaky_relu).
4. **The last layer: none.** A network ends in raw numbers, and its loss applies what is needed. The table of
   [outputs](#outputs) says which loss, and what turns the raw numbers into an answer.

Two things tell activations apart. Their *range*, the values that they can give, is what the next layer sees.
Their *derivative* is what training multiplies gradients by, once per layer on the way back: where it is near 0,
the layers below learn nothing.

```python
>>> import torch
>>> from pellucid.networks.activations import activation
>>> activation("relu")(torch.tensor([-1.0, 0.0, 2.0]))
tensor([0., 0., 2.])
>>> activation("gelu").make()
GELU(approximate='none')

```

`print(activation("relu"))` shows everything below about one of them.
"""


def page() -> str:
    """Return the whole page."""
    entries = activations()
    sections = [
        INTRODUCTION,
        "## Outputs\n",
        "`output_for(task)` returns a row of this table, with the reason.\n",
        *_table(
            ("task", "outputs", "loss", "targets", "when predicting"),
            (
                (
                    choice.task,
                    choice.outputs,
                    f"`{choice.loss}`",
                    choice.targets,
                    choice.output_activation or "none",
                )
                for choice in map(output_for, get_args(Task))
            ),
        ),
        "\n## All activations, the oldest first\n",
        *_table(
            ("name", "formula", "range", "module", "year"),
            (
                (
                    f"[{entry.name}](#{entry.name})",
                    f"`{entry.formula}`",
                    f"`{entry.range}`",
                    f"`{entry.module}`",
                    str(entry.year),
                )
                for entry in entries
            ),
        ),
        *(line for entry in entries for line in _section(entry)),
    ]
    return "\n".join(sections) + "\n\n*Written by `scripts/write_activations.py`; edit the table, not this page.*\n"


def _table(titles: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |"
    yield f"|{'---|' * len(titles)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _section(entry: Activation) -> Iterator[str]:
    yield f"\n## {entry.name}\n"
    where = f", where {', '.join(entry.symbols)}" if entry.symbols else ""
    yield f"**{entry.title}**: `{entry.formula}`{where}\n"
    yield f"- derivative: `{entry.derivative}`"
    yield f"- range: `{entry.range}`"
    yield f"- use it: {entry.use}"
    yield f"- avoid it: {entry.avoid}"
    yield f"- module: `{entry.module}`"
    yield f"- source: {entry.source}\n"
    curves = entry.curves()
    title = [curves.title] if curves.title else []
    yield "\n".join(["```text", *title, *curve_lines(curves, width=74), "```"])


def main(arguments: list[str]) -> int:
    """Write or check the page; return the exit status."""
    parser = argparse.ArgumentParser(description="Write docs/activations.md from the table of activations.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the page is stale")
    wants_check = parser.parse_args(arguments).check
    text = page()
    if not wants_check:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    print("docs/activations.md is stale: run python scripts/write_activations.py")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
