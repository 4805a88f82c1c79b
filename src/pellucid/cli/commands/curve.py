"""`pellucid curve`: would more examples help?"""

import sys
from pathlib import Path
from typing import Any

import click

from pellucid.cli.data_options import data_options, options_of
from pellucid.cli.judging import maker_for, network_options, rows_for, shares_of
from pellucid.cli.options import settings_options
from pellucid.cli.screen import ProgressLine, plain_console, result_options, show_result
from pellucid.training.settings import Settings


@click.command(short_help="Would more examples help?")
@click.argument("dataset", default="fashion-mnist")
@click.option("--shares", default="0.1,0.2,0.4,0.7,1", show_default=True, help="Of the training examples.")
@click.option("--repeats", default=4, show_default=True, help="Trainings on each share.")
@network_options
@settings_options
@data_options
@result_options
def command(
    dataset: str, shares: str, repeats: int, network: str, hidden: str | None, activation: str, device: str | None,
    as_json: bool, output: Path | None, overwrite: bool, **values: Any,
) -> None:  # fmt: skip
    """Train on growing parts of DATASET and say what twice the examples would give.

    The test split is not looked at. Each row that goes by is one training.
    """
    options = options_of(values)
    settings = Settings(**values)
    parts = shares_of(shares)
    from pellucid.data.reading import read_with
    from pellucid.training.judging.learning_curve import learning_curve

    examples = read_with(dataset, options)
    make, settings = maker_for(examples, network, settings, hidden=hidden, activation=activation)
    console = plain_console(sys.stderr)
    with ProgressLine(console) as line:
        watcher = rows_for(console, line)
        curve = learning_curve(make, examples, settings, shares=parts, repeats=repeats, device=device, watcher=watcher)
    show_result(curve, as_json=as_json, output=output, overwrite=overwrite)
