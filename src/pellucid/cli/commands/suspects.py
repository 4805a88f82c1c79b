"""`pellucid suspects`: training examples whose label looks wrong."""

import sys
from pathlib import Path
from typing import Any

import click

from pellucid.cli.data_options import data_options, options_of
from pellucid.cli.judging import maker_for, network_options, rows_for
from pellucid.cli.options import settings_options
from pellucid.cli.screen import ProgressLine, plain_console, result_options, show_result
from pellucid.training.settings import Settings


@click.command(short_help="Find labels that look wrong.")
@click.argument("dataset", default="fashion-mnist")
@click.option("--folds", default=4, show_default=True, help="Trainings, each without the examples it is asked about.")
@network_options
@settings_options
@data_options
@result_options
def command(
    dataset: str, folds: int, network: str, hidden: str | None, activation: str, device: str | None,
    as_json: bool, output: Path | None, overwrite: bool, **values: Any,
) -> None:  # fmt: skip
    """Find training examples of DATASET that are likely mislabelled, by networks that never saw them.

    Nothing of the dataset is changed: -o suspects.csv writes the whole list, with paths where they are known.
    """
    options = options_of(values)
    settings = Settings(**values)
    from pellucid.data.reading import read_with
    from pellucid.training.judging.suspects import find_suspects

    examples = read_with(dataset, options)
    make, settings = maker_for(examples, network, settings, hidden=hidden, activation=activation)
    console = plain_console(sys.stderr)
    with ProgressLine(console) as line:
        watcher = rows_for(console, line)
        suspects = find_suspects(make, examples, settings, folds=folds, device=device, watcher=watcher)
    show_result(suspects, as_json=as_json, output=output, overwrite=overwrite)
