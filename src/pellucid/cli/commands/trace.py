"""`pellucid trace`: the walk of an image through a network, layer by layer."""

from pathlib import Path

import click

from pellucid.cli.options import network_class_option
from pellucid.cli.screen import result_options, show_result
from pellucid.cli.targets import sizes_of, target_of


@click.command(short_help="Walk an image through a network, layer by layer.")
@click.argument("classifier")
@click.argument("image")
@click.option("--layer", help="Show this layer: quantiles, histogram, picture.")
@click.option("--unit", type=int, help="Show the arithmetic of this unit of the layer.")
@click.option("--position", metavar="ROW,COLUMN", help="Of the unit, in a feature map.")
@click.option("--invert", is_flag=True, help="Turn light into dark first.")
@network_class_option
@result_options
def command(
    classifier: str, image: str, layer: str | None, unit: int | None, position: str | None, invert: bool,
    network_class: str | None, as_json: bool, output: Path | None, overwrite: bool,
) -> None:  # fmt: skip
    """Show what every layer of CLASSIFIER makes of IMAGE, one layer of it, or the arithmetic of one unit."""
    from pellucid.cli.tracing import check_unit, prepared, view_of
    from pellucid.tracing.trace import trace

    check_unit(layer, unit)
    target = target_of(classifier, network_class)
    walk = trace(target.network, prepared(target, image, invert=invert))
    if unit is not None and layer is not None:
        result = walk.unit(layer, unit, position=sizes_of(position))
        show_result(result, as_json=as_json, output=output, overwrite=overwrite)
    else:
        show_result(view_of(walk, target, layer), as_json=as_json, output=output, overwrite=overwrite)
