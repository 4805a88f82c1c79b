"""`pellucid evaluate`: a classifier judged on a dataset, or compared with another one."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pellucid.cli.data_options import data_options, options_of
from pellucid.cli.options import load_classifier, network_class_option, precision_option
from pellucid.cli.screen import result_options, show_result

if TYPE_CHECKING:
    from pellucid.classifier.predictor import Precision


@click.command(short_help="Judge a classifier on a dataset, or compare two.")
@click.argument("classifier")
@click.argument("dataset", default="fashion-mnist")
@click.option("--split", default="test", show_default=True, help="test, validation or train.")
@click.option("--baselines", is_flag=True, help="Fit the simplest classifiers too, and say whether it beats them.")
@click.option("--against", metavar="CLASSIFIER", help="Compare with this one, on the same examples, instead.")
@click.option("--flip", is_flag=True, help="Answer with the mean of each image and its mirror image.")
@data_options
@precision_option
@network_class_option
@result_options
def command(
    classifier: str,
    dataset: str,
    split: str,
    baselines: bool,
    flip: bool,
    against: str | None,
    precision: "Precision",
    network_class: str | None,
    as_json: bool,
    output: Path | None,
    overwrite: bool,
    **values: Any,
) -> None:
    """Judge CLASSIFIER on DATASET: its scores with intervals, calibration, thresholds, slices, worst mistakes."""
    from pellucid.classifier.comparing_classifiers import compare_classifiers
    from pellucid.classifier.evaluating import evaluate
    from pellucid.classifier.reading_for import read_for
    from pellucid.classifier.saving import read_card
    from pellucid.rendering.result import Result

    loaded = load_classifier(classifier, network_class)
    data = read_for(loaded, dataset, options_of(values))
    result: Result
    if against is not None:
        names = (Path(classifier).stem, Path(against).stem)
        is_own = "class" in read_card(against).network
        other = load_classifier(against, network_class if is_own else None)
        result = compare_classifiers(loaded, other, data, split=split, precision=precision, names=names)
    else:
        result = evaluate(loaded, data, split=split, precision=precision, baselines=baselines, flip=flip)
    show_result(result, as_json=as_json, output=output, overwrite=overwrite)
