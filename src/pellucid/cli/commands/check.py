"""`pellucid check`: run a training script under the doctor."""

import json
import sys
from pathlib import Path

import click

from pellucid.cli.screen import as_json_option


@click.command(
    short_help="Say what is wrong with a training script, and how to mend it.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": True},
)
@click.argument("script")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option("--steps", type=click.IntRange(min=1), help="End the script after so many optimizer steps.")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), help="End the script after so many seconds.")
@click.option("--ignore", metavar="RULE,RULE", default="", help="Leave out the findings of these rules.")
@click.option("--mend", is_flag=True, help="Mend a copy, train it briefly, and show the loss before and after.")
@click.option("--data", default="fashion-mnist", show_default=True, help="For file.py:Class: what it is to learn.")
@as_json_option
def command(
    script: str, arguments: tuple[str, ...], steps: int | None, seconds: float | None, ignore: str, mend: bool,
    data: str, as_json: bool,
) -> None:  # fmt: skip
    """Run SCRIPT with its ARGUMENTS under the doctor, and say what is wrong with its training.

    With file.py:Class instead of a script, the network of that class is checked before training, on a batch of --data.
    Exit code 0: nothing found; 1: errors or warnings; 2: wrong use.
    """
    from pellucid.cli.checking import judge, judge_class
    from pellucid.networks.own import names_a_class

    ignored = [name for name in ignore.split(",") if name]
    if names_a_class(script):
        code, shown = judge_class(script, data, ignored, mend=mend)
    else:
        code, shown = judge(Path(script), arguments, steps, seconds, ignored, mend=mend)
    if as_json:
        sys.stdout.flush()
        click.echo(json.dumps(shown.facts(), ensure_ascii=False))
    else:
        shown.show()
    sys.exit(code)
