"""`pellucid describe`: the architecture of a network as it was executed."""

from pathlib import Path

import click

from pellucid.cli.options import network_class_option
from pellucid.cli.screen import result_options, show_result
from pellucid.cli.targets import sizes_of, target_of


@click.command(short_help="Show a network's layers as executed.")
@click.argument("network")
@click.option("--shape", metavar="1,28,28", help="Of one input.  [default: the classifier's, or inferred]")
@click.option("--depth", type=int, help="Show rows inside so many containers only.")
@click.option("--name", default="*", help="Show layers of this name only, as in 'encoder.*'.")
@click.option("--kind", default="*", help="Show layers of this kind only, as in 'Conv*'.")
@click.option("--training", is_flag=True, help="Run in training mode.")
@network_class_option
@result_options
def command(
    network: str, shape: str | None, depth: int | None, name: str, kind: str, training: bool,
    network_class: str | None, as_json: bool, output: Path | None, overwrite: bool,
) -> None:  # fmt: skip
    """Show the layers of NETWORK as they were executed: shapes, parameters, cost, and where each was called.

    NETWORK is a saved classifier, or a class of your own as file.py:ClassName.
    """
    from pellucid.tracing.describing import describe

    target = target_of(network, network_class)
    size = sizes_of(shape) or (target.classifier.preparation.prepared_shape if target.classifier else None)
    architecture = describe(target.network, shape=size, training=training)
    if depth is not None or (name, kind) != ("*", "*"):
        architecture = architecture.select(depth=depth, name=name, kind=kind)
    show_result(architecture, as_json=as_json, output=output, overwrite=overwrite)
