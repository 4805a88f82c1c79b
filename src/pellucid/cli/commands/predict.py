"""`pellucid predict`: what a classifier says of images, or of rows of a table."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pellucid.cli.options import load_classifier, network_class_option, precision_option
from pellucid.cli.screen import result_options, show_result

if TYPE_CHECKING:
    from pellucid.classifier.predictor import Precision


@click.command(short_help="Ask a classifier what it sees in images, or in rows of a table.")
@click.argument("classifier")
@click.argument("inputs", nargs=-1, required=True)
@click.option("--top", type=click.IntRange(1), default=3, show_default=True, help="How many classes to show.")
@click.option("--invert", is_flag=True, help="Turn light into dark first.")
@click.option("--flip", is_flag=True, help="Answer with the mean of each image and its mirror image.")
@precision_option
@network_class_option
@result_options
def command(
    classifier: str,
    inputs: tuple[str, ...],
    top: int,
    invert: bool,
    flip: bool,
    precision: "Precision",
    network_class: str | None,
    as_json: bool,
    output: Path | None,
    overwrite: bool,
) -> None:
    """Say what CLASSIFIER sees in INPUTS.

    They are images (PNG, JPEG, WebP, BMP, TIFF or .npy files of any size), or tables with the columns that it was
    trained on (CSV, Parquet, Arrow, JSON Lines), whichever it takes.
    """
    from pellucid.classifier.predicting import predict

    loaded = load_classifier(classifier, network_class)
    show_result(
        predict(loaded, inputs, top=top, invert=invert, flip=flip, precision=precision),
        as_json=as_json,
        output=output,
        overwrite=overwrite,
    )
