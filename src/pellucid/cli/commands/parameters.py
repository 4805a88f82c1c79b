"""`pellucid parameters`: the weights and biases of a network."""

from pathlib import Path

import click

from pellucid.cli.options import network_class_option
from pellucid.cli.screen import result_options, show_result
from pellucid.cli.targets import target_of


@click.command(short_help="List weights and biases.")
@click.argument("network")
@click.option("--layer", help="Of this layer only.")
@network_class_option
@result_options
def command(
    network: str, layer: str | None, network_class: str | None, as_json: bool, output: Path | None, overwrite: bool
) -> None:
    """List the weights and biases of NETWORK: size, statistics, first values, and the first ones as pictures.

    NETWORK is a saved classifier, or a class of your own as file.py:ClassName.
    """
    from pellucid.tracing.weights import parameters

    target = target_of(network, network_class)
    shape = target.classifier.preparation.prepared_shape if target.classifier else None
    result = parameters(target.network, layer=layer, shape=shape)
    show_result(result, as_json=as_json, output=output, overwrite=overwrite)
