"""What `pellucid check` does with a script."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from pellucid.doctor.catalogue import rule
from pellucid.doctor.checkup import Checkup
from pellucid.doctor.script import run_script
from pellucid.errors import PellucidError


@dataclass(frozen=True)
class Shown:
    """A checkup on its way to the screen."""

    checkup: Checkup

    def facts(self) -> dict[str, Any]:
        """Return the JSON contract, with null for numbers that are not finite."""
        import json

        from pellucid.rendering.result import to_json

        facts: dict[str, Any] = json.loads(to_json(self.checkup.to_dict()))
        return facts

    def show(self) -> None:
        """Print the findings below the script's own output."""
        sys.stdout.flush()
        click.echo("")
        click.echo(str(self.checkup))


def judge(
    script: Path, arguments: Sequence[str], steps: int | None, seconds: float | None, ignore: Sequence[str]
) -> tuple[int, Shown]:
    """Run the script; return the exit code of the command, and what to show.

    A script that does not exist or is not Python, and a rule that does not exist, end with exit code 2.
    """
    try:
        for name in ignore:
            rule(name)
        outcome = run_script(script, arguments, max_steps=steps, max_seconds=seconds, ignore=ignore)
    except PellucidError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
    checkup = outcome.watch.checkup
    return (0 if checkup.is_healthy else 1), Shown(checkup)
