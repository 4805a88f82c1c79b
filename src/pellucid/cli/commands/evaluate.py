"""`pellucid evaluate`: a classifier judged on a dataset."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pellucid.cli.options import load_classifier, network_class_option, precision_option
from pellucid.cli.screen import result_options, show_result

if TYPE_CHECKING:
    from pellucid.classifier.predictor import Precision


@click.command(short_help="Judge a classifier on a dataset.")
@click.argument("classifier")
@click.argument("dataset", default="fashion-mnist")
@click.option("--split", default="test", show_default=True, help="test, validation or train.")
@precision_option
@network_class_option
@result_options
def command(
    classifier: str,
    dataset: str,
    split: str,
    precision: "Precision",
    network_class: str | None,
    as_json: bool,
    output: Path | None,
    overwrite: bool,
) -> None:
    """Judge CLASSIFIER on DATASET: accuracy, per class, confusion, calibration error, worst mistakes."""
    from pellucid.classifier.evaluating import evaluate
    from pellucid.data.reading import read

    loaded = load_classifier(classifier, network_class)
    show_result(
        evaluate(loaded, read(dataset), split=split, precision=precision),
        as_json=as_json,
        output=output,
        overwrite=overwrite,
    )
