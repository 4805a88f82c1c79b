"""`pellucid activations`: the table of activation functions."""

import click

from pellucid.cli.screen import as_json_option, show_result


@click.command(short_help="Explain the activation functions.")
@click.argument("name", required=False)
@as_json_option
def command(name: str | None, as_json: bool) -> None:
    """List the activation functions, or explain NAME: formula, derivative, range, use, and a plot."""
    from pellucid.networks.activations import ActivationTable, activation, activations

    show_result(activation(name) if name else ActivationTable(activations()), as_json=as_json)
