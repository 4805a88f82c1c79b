"""`pellucid train`: from a dataset to a saved classifier."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pellucid.cli.options import settings_options
from pellucid.cli.screen import ProgressLine, as_json_option, show_blocks, show_json
from pellucid.training.settings import Settings

if TYPE_CHECKING:
    from pellucid.training.run import Run


@click.command(short_help="Train a classifier and save it.")
@click.argument("dataset", default="fashion-mnist")
@click.option("--network", default="mlp", show_default=True, help="mlp, cnn, or your own as file.py:ClassName.")
@click.option("--hidden", default="512,512", show_default=True, help="Units of the hidden layers of an mlp.")
@click.option("--activation", default="relu", show_default=True, help="Between the layers; see `pellucid activations`.")
@click.option("--from", "start", metavar="CLASSIFIER", help="Go on from the weights of a saved classifier.")
@click.option("--device", help="cpu, cuda, cuda:1, mps or xpu.  [default: the best there is]")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where to save.  [default: DATASET.safetensors]")
@click.option("--overwrite", is_flag=True, help="Replace the file that --output names.")
@settings_options
@as_json_option
def command(
    dataset: str, network: str, hidden: str, activation: str, start: str | None, device: str | None,
    output: Path | None, overwrite: bool, as_json: bool, **values: Any,
) -> None:  # fmt: skip
    """Train a classifier on DATASET and save it as one file.

    DATASET is fashion-mnist, which comes with pellucid, or a folder with IDX files. Ctrl-C stops after the step and
    keeps the best epoch so far.
    """
    settings = Settings(**values)
    from rich.console import Console

    from pellucid.classifier.saving import check_writable, save
    from pellucid.cli.starting import continued, free_path, network_for
    from pellucid.data.reading import read
    from pellucid.devices import choose_device
    from pellucid.rendering.blocks import Note
    from pellucid.tracing.architecture import Architecture
    from pellucid.training.history import Epoch, Progress
    from pellucid.training.run import train

    # Without markup: a path may hold [brackets].
    console = Console(file=sys.stderr if as_json else sys.stdout, highlight=False, markup=False, emoji=False)
    examples = read(dataset)
    path = output or free_path(examples.name)
    check_writable(path, overwrite=overwrite)
    choice = choose_device(device)
    begin = (
        continued(start, examples, network)
        if start
        else network_for(examples, network, hidden=hidden, activation=activation, seed=settings.seed)
    )
    sizes = ", ".join(f"{len(split):,} {name}" for name, split in examples.splits.items())
    console.print(f"device   {choice}", soft_wrap=True)
    console.print(f"dataset  {examples.name}: {sizes}; {len(examples.class_names)} classes", soft_wrap=True)
    show_blocks((Note(note) for note in examples.notes), console)
    with ProgressLine(console) as line:

        def watch(event: Architecture | Progress | Epoch) -> None:
            match event:
                case Architecture():
                    console.print()
                    show_blocks(event.blocks(), console)
                    console.print()
                case Progress():
                    line.progress(event)
                case Epoch():
                    line.epoch(event, settings.epochs)

        run = train(begin.network, examples, settings, preparation=begin.preparation, device=choice, watcher=watch)
    save(run.classifier, path, overwrite=overwrite)
    if as_json:
        show_json({**run.to_dict(), "classifier": str(path)})
    else:
        report(run, console, path, begin.name, dataset)
    if run.history.ending == "interrupted":
        console.print(
            "interrupted: the best epoch so far is saved. Go on with: "
            + shlex.join(["pellucid", "train", dataset, "--from", str(path), *_again(begin.name)]),
            soft_wrap=True,
        )
        sys.exit(130)


def report(run: "Run", console: Any, path: Path, network: str, dataset: str) -> None:
    """Print the result, where it was saved, and what to try next."""
    console.print()
    if run.evaluation is not None:
        show_blocks([run.evaluation.headline(), run.evaluation.class_table()], console)
    console.print(f"\nsaved  {path}  (weights of epoch {run.history.best_epoch}, {path.stat().st_size:,} bytes)")
    steps = (
        shlex.join(["pellucid", "evaluate", str(path), dataset, *_again(network)]),
        shlex.join(["pellucid", "data", dataset, "--examples", "pictures"]),
        # The shell is to expand the star, so it stays unquoted.
        shlex.join(["pellucid", "predict", str(path), *_again(network)]) + " pictures/*.png",
    )
    for start, step in zip(("next   ", "       ", "       "), steps, strict=True):
        console.print(start + step, soft_wrap=True)


def _again(network: str) -> list[str]:
    """Return what names a network of the user's own once more."""
    return ["--network", network] if ":" in network else []
