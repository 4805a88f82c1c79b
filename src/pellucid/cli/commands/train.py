"""`pellucid train`: from a dataset to a saved classifier."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from pellucid.cli.data_options import data_options, options_of
from pellucid.cli.options import settings_options
from pellucid.cli.screen import ProgressLine, as_json_option, plain_console, show_json
from pellucid.training.settings import Settings


@click.command(short_help="Train a classifier and save it.")
@click.argument("dataset", default="fashion-mnist")
@click.option(
    "--network",
    default="mlp",
    show_default=True,
    help="mlp, cnn, your own as file.py:ClassName, timm:NAME or torchvision:NAME.",
)
@click.option("--hidden", help="Units of the hidden layers of an mlp.  [default: what suits the data]")
@click.option("--activation", default="relu", show_default=True, help="Between the layers; see `pellucid activations`.")
@click.option("--weights", type=click.Path(path_type=Path), help="File of a network of timm or torchvision.")
@click.option("--from", "classifier", metavar="CLASSIFIER", help="Go on from the weights of a saved classifier.")
@click.option("--device", help="cpu, cuda, cuda:1, mps or xpu.  [default: the best there is]")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where to save.  [default: DATASET.safetensors]")
@click.option("--overwrite", is_flag=True, help="Replace the file that --output names.")
@settings_options
@data_options
@as_json_option
def command(
    dataset: str, network: str, hidden: str | None, activation: str, weights: Path | None, classifier: str | None,
    device: str | None, output: Path | None, overwrite: bool, as_json: bool, **values: Any,
) -> None:  # fmt: skip
    """Train a classifier on DATASET and save it as one file.

    DATASET is fashion-mnist, which comes with pellucid; a folder with a folder of images for each class; a table (CSV,
    Parquet, Arrow, JSON Lines); arrays (.npz, .safetensors); or a folder with IDX files. Ctrl-C stops after the step
    and keeps the best epoch so far.
    """
    options = options_of(values)
    settings = Settings(**values)
    from pellucid.classifier.saving import check_writable, save
    from pellucid.cli.reporting import announce, report, say_how_to_go_on, watcher_for
    from pellucid.cli.starting import FREEZE, continued, free_path, network_for, trained_with
    from pellucid.data.reading import read_with
    from pellucid.devices import choose_device
    from pellucid.training.run import train

    console = plain_console(sys.stderr if as_json else sys.stdout)
    if classifier:
        options = options.completed(trained_with(classifier))
    examples = read_with(dataset, options)
    path = output or free_path(examples.name)
    check_writable(path, overwrite=overwrite)
    choice = choose_device(device)
    if network == "cnn" and not classifier and settings.start == "auto" and not settings.reference:
        # A fresh network of ours has no weights of its own to lose.
        settings = replace(settings, start="whitened")
    if weights is not None and not settings.freeze:
        settings = replace(settings, freeze=FREEZE)
    begin = (
        continued(classifier, examples, network, weights)
        if classifier
        else network_for(examples, network, hidden=hidden, activation=activation, seed=settings.seed, weights=weights)
    )
    announce(console, choice, examples)
    with ProgressLine(console) as line:
        watcher = watcher_for(console, line)
        run = train(begin.network, examples, settings, preparation=begin.preparation, device=choice, watcher=watcher)
    save(run.classifier, path, overwrite=overwrite)
    if as_json:
        show_json({**run.to_dict(), "classifier": str(path)})
    else:
        report(console, run, path, begin.name, dataset)
    if run.history.ending == "interrupted":
        say_how_to_go_on(console, path, begin.name, dataset)
        sys.exit(130)
