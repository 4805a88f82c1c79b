"""What `pellucid check` does with a script."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from pellucid.doctor.catalogue import rule
from pellucid.doctor.checkup import Checkup
from pellucid.doctor.gathering import Evidence
from pellucid.doctor.retraining import Retraining, retrained
from pellucid.doctor.script import run_script
from pellucid.errors import PellucidError


@dataclass(frozen=True)
class Shown:
    """A checkup on its way to the screen."""

    checkup: Checkup
    retraining: Retraining | None = None
    trouble: str | None = None

    def facts(self) -> dict[str, Any]:
        """Return the JSON contract, with null for numbers that are not finite."""
        import json

        from pellucid.rendering.result import to_json

        facts = self.checkup.to_dict()
        if self.retraining is not None:
            facts["mended"] = self.retraining.to_dict()
        elif self.trouble is not None:
            facts["mended"] = {"trouble": self.trouble}
        cleaned: dict[str, Any] = json.loads(to_json(facts))
        return cleaned

    def show(self) -> None:
        """Print the findings below the script's own output."""
        sys.stdout.flush()
        click.echo("")
        click.echo(str(self.checkup))
        if self.retraining is not None:
            click.echo(str(self.retraining))
        elif self.trouble is not None:
            click.echo(f"Not mended: {self.trouble}")


def judge_class(name: str, data: str, ignore: Sequence[str], *, mend: bool = False) -> tuple[int, Shown]:
    """Check a network of the user's class on a batch of a dataset; return the exit code, and what to show.

    With mend, the network and its mended copy are trained for an epoch each.

    A class or a dataset that is not there, and a rule that does not exist, end with exit code 2.
    """
    from pellucid.data.preparing import fit_preparation
    from pellucid.data.reading import read
    from pellucid.devices import choose_device
    from pellucid.networks.own import made, own_class
    from pellucid.training.lesson import Lesson, examined
    from pellucid.training.run import trained_both
    from pellucid.training.settings import Settings

    try:
        for rule_name in ignore:
            rule(rule_name)
        dataset = read(data)
        network = made(own_class(name), 0)
        preparation = fit_preparation(dataset)
        device = choose_device("cpu").device
        lesson = Lesson.of(network, dataset, preparation, Settings(label_smoothing=0.0), device)
        checkup = examined(network, lesson, device, ignore=ignore)
    except PellucidError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
    outcome: tuple[Retraining | None, str | None] = (None, None)
    if mend:
        try:
            outcome = trained_both(network, dataset, checkup), None
        except PellucidError as error:
            outcome = None, str(error)
    return (0 if checkup.is_healthy else 1), Shown(checkup, *outcome)


def judge(
    script: Path,
    arguments: Sequence[str],
    steps: int | None,
    seconds: float | None,
    ignore: Sequence[str],
    *,
    mend: bool = False,
) -> tuple[int, Shown]:
    """Run the script, and train a mended copy if asked for; return the exit code of the command, and what to show.

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
    return (0 if checkup.is_healthy else 1), Shown(checkup, *(_mended(outcome.watch.evidence, checkup) if mend else ()))


def _mended(evidence: Evidence, checkup: Checkup) -> tuple[Retraining | None, str | None]:
    try:
        return retrained(evidence, checkup), None
    except PellucidError as error:
        return None, str(error)
