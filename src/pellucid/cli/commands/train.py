"""`pellucid train`: from a dataset to a saved classifier."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from pellucid.cli.options import settings_options
from pellucid.cli.screen import ProgressLine, as_json_option, plain_console, show_json
from pellucid.training.settings import Settings


@click.command(short_help="Train a classifier and save it.")
@click.argument("dataset", default="fashion-mnist")
@click.option("--network", default="mlp", show_default=True, help="mlp, cnn, or your own as file.py:ClassName.")
@click.option("--hidden", default="512,512", show_default=True, help="Units of the hidden layers of an mlp.")
@click.option("--activation", default="relu", show_default=True, help="Between the layers; see `pellucid activations`.")
@click.option("--from", "classifier", metavar="CLASSIFIER", help="Go on from the weights of a saved classifier.")
@click.option("--device", help="cpu, cuda, cuda:1, mps or xpu.  [default: the best there is]")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where to save.  [default: DATASET.safetensors]")
@click.option("--overwrite", is_flag=True, help="Replace the file that --output names.")
@settings_options
@as_json_option
def command(
    dataset: str, network: str, hidden: str, activation: str, classifier: str | None, device: str | None,
    output: Path | None, overwrite: bool, as_json: bool, **values: Any,
) -> None:  # fmt: skip
    """Train a classifier on DATASET and save it as one file.

    DATASET is fashion-mnist, which comes with pellucid, or a folder with IDX files. Ctrl-C stops after the step and
    keeps the best epoch so far.
    """
    settings = Settings(**values)
    from pellucid.classifier.saving import check_writable, save
    from pellucid.cli.reporting import announce, report, say_how_to_go_on, watcher_for
    from pellucid.cli.starting import continued, free_path, network_for
    from pellucid.data.reading import read
    from pellucid.devices import choose_device
    from pellucid.training.run import train

    console = plain_console(sys.stderr if as_json else sys.stdout)
    examples = read(dataset)
    path = output or free_path(examples.name)
    check_writable(path, overwrite=overwrite)
    choice = choose_device(device)
    if network == "cnn" and not classifier and settings.start == "auto" and not settings.reference:
        # A fresh network of ours has no weights of its own to lose.
        settings = replace(settings, start="whitened")
    begin = (
        continued(classifier, examples, network)
        if classifier
        else network_for(examples, network, hidden=hidden, activation=activation, seed=settings.seed)
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
