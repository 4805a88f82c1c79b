"""`pellucid activations`: the table of activation functions."""

from pathlib import Path

import click

from pellucid.cli.screen import result_options, show_result


@click.command(short_help="Explain the activation functions.")
@click.argument("name", required=False)
@result_options
def command(name: str | None, as_json: bool, output: Path | None, overwrite: bool) -> None:
    """List the activation functions, or explain NAME: formula, derivative, range, use, and a plot."""
    from pellucid.networks.activations import ActivationTable, activation, activations

    show_result(
        activation(name) if name else ActivationTable(activations()),
        as_json=as_json,
        output=output,
        overwrite=overwrite,
    )
