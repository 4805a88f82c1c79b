"""`pellucid evaluate`: a classifier judged on a dataset."""

from pathlib import Path

import click

from pellucid.cli.options import load_classifier, network_class_option
from pellucid.cli.screen import result_options, show_result


@click.command(short_help="Judge a classifier on a dataset.")
@click.argument("classifier")
@click.argument("dataset", default="fashion-mnist")
@click.option("--split", default="test", show_default=True, help="test, validation or train.")
@network_class_option
@result_options
def command(
    classifier: str,
    dataset: str,
    split: str,
    network_class: str | None,
    as_json: bool,
    output: Path | None,
    overwrite: bool,
) -> None:
    """Judge CLASSIFIER on DATASET: accuracy, per class, confusion, calibration error, worst mistakes."""
    from pellucid.classifier.evaluating import evaluate
    from pellucid.data.reading import read

    loaded = load_classifier(classifier, network_class)
    show_result(evaluate(loaded, read(dataset), split=split), as_json=as_json, output=output, overwrite=overwrite)
