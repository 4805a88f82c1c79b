"""`pellucid evaluate`: a classifier judged on a dataset."""

import click

from pellucid.cli.options import load_classifier, network_class_option
from pellucid.cli.screen import as_json_option, show_result


@click.command(short_help="Judge a classifier on a dataset.")
@click.argument("classifier")
@click.argument("dataset", default="fashion-mnist")
@click.option("--split", default="test", show_default=True, help="test, validation or train.")
@network_class_option
@as_json_option
def command(classifier: str, dataset: str, split: str, network_class: str | None, as_json: bool) -> None:
    """Judge CLASSIFIER on DATASET: accuracy, per class, confusion, calibration error, worst mistakes."""
    from pellucid.classifier.evaluating import evaluate
    from pellucid.data.reading import read

    loaded = load_classifier(classifier, network_class)
    show_result(evaluate(loaded, read(dataset), split=split), as_json=as_json)
