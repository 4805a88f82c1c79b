"""`pellucid report`: everything about a classifier on one page."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pellucid.cli.data_options import data_options, options_of
from pellucid.cli.options import load_classifier, network_class_option, precision_option
from pellucid.cli.screen import result_options, show_result

if TYPE_CHECKING:
    from pellucid.classifier.predictor import Precision


@click.command(short_help="Put everything about a classifier on one page.")
@click.argument("classifier")
@click.argument("dataset", required=False)
@click.option("--split", default="test", show_default=True, help="To judge it on: test, validation or train.")
@click.option("--baselines", is_flag=True, help="Fit the simplest classifiers too, and say whether it beats them.")
@data_options
@precision_option
@network_class_option
@result_options
def command(
    classifier: str, dataset: str | None, split: str, baselines: bool, precision: "Precision",
    network_class: str | None, as_json: bool, output: Path | None, overwrite: bool, **values: Any,
) -> None:  # fmt: skip
    """Show what CLASSIFIER is, how it was made, how good it is on DATASET, and how to use it.

    Without DATASET it is judged on what it was trained with, if that is still there. With -o report.html all of it is
    one file that needs no network.
    """
    from pellucid.classifier.reading_for import read_for
    from pellucid.classifier.report import dataset_of, report

    loaded = load_classifier(classifier, network_class)
    options = options_of(values)
    examples = read_for(loaded, dataset, options) if dataset is not None else dataset_of(loaded)
    result = report(loaded, examples, path=classifier, split=split, precision=precision, baselines=baselines)
    show_result(result, as_json=as_json, output=output, overwrite=overwrite)
