"""What `pellucid train` says before, while and after it trains."""

import math
import shlex
from pathlib import Path

from rich.console import Console

from pellucid.cli.screen import ProgressLine, show_blocks
from pellucid.data.dataset import Dataset
from pellucid.data.tables.files import is_table
from pellucid.devices import DeviceChoice
from pellucid.doctor.checkup import Checkup
from pellucid.rendering.blocks import Note
from pellucid.tracing.architecture import Architecture
from pellucid.training.choosing import Choices
from pellucid.training.history import Epoch, Progress
from pellucid.training.run import Run, Watcher


def announce(console: Console, choice: DeviceChoice, dataset: Dataset) -> None:
    """Print device and dataset, a line each, and what the reader has to say."""
    sizes = ", ".join(f"{len(split):,} {name}" for name, split in dataset.splits.items())
    console.print(f"device   {choice}", soft_wrap=True)
    console.print(f"dataset  {dataset.name}: {sizes}; {asked_of(dataset)}", soft_wrap=True)
    show_blocks((Note(note) for note in dataset.notes), console)


def asked_of(dataset: Dataset) -> str:
    """Return what is to be answered, in words: "10 classes", "2 labels at once", "a number: price"."""
    names = dataset.class_names
    match dataset.task:
        case "multilabel":
            return f"{len(names)} labels, several at once"
        case "regression":
            return f"a number: {names[0]}" if len(names) == 1 else f"{len(names)} numbers: {', '.join(names[:5])}"
        case _:
            return f"{len(names)} classes"


def watcher_for(console: Console, line: ProgressLine) -> Watcher:
    """Return what shows the network as a table, what was chosen, then the progress line and a row for each epoch."""
    epochs: int | None = None

    def watch(event: Architecture | Checkup | Choices | Progress | Epoch) -> None:
        nonlocal epochs
        match event:
            case Architecture():
                console.print()
                show_blocks(event.blocks(), console)
                console.print()
            case Checkup():
                if not event.is_healthy:
                    show_blocks(event.findings_shown(), console)
                    console.print()
            case Choices():
                epochs = None if event.settings.epochs is None else math.ceil(event.settings.epochs)
                console.print(f"chosen   {event}", soft_wrap=True)
            case Progress():
                line.progress(event)
            case Epoch():
                line.epoch(event, epochs)

    return watch


def report(console: Console, run: Run, path: Path, network: str, dataset: str) -> None:
    """Print the result, where it was saved, and the next three commands to try."""
    is_of_images = len(run.classifier.preparation.shape) == 3
    console.print()
    if run.evaluation is not None:
        show_blocks(run.evaluation.summary(), console)
    console.print(f"\nsaved  {path}  (weights of epoch {run.history.best_epoch}, {path.stat().st_size:,} bytes)")
    evaluation = shlex.join(["pellucid", "evaluate", str(path), dataset, *_again(network)])
    asked = shlex.join(["pellucid", "predict", str(path), *_again(network)])
    report = shlex.join(["pellucid", "report", str(path), dataset, "-o", "report.html", *_again(network)])
    # Arrays and shards are no files that rows are predicted from.
    prediction = f"{asked} {shlex.quote(dataset) if is_table(Path(dataset)) else 'rows.csv'}"
    steps: tuple[str, ...] = (evaluation, prediction, report)
    if is_of_images:
        # The shell is to expand the star, so it stays unquoted.
        pictures = shlex.join(["pellucid", "data", dataset, "--examples", "pictures"])
        steps = (evaluation, pictures, f"{asked} pictures/*.png")
    for start, step in zip(("next   ", "       ", "       "), steps, strict=True):
        console.print(start + step, soft_wrap=True)


def say_how_to_go_on(console: Console, path: Path, network: str, dataset: str) -> None:
    """Print the command that goes on from an interrupted run."""
    command = shlex.join(["pellucid", "train", dataset, "--from", str(path), *_again(network)])
    console.print(f"interrupted: the best epoch so far is saved. Go on with: {command}", soft_wrap=True)


def _again(network: str) -> list[str]:
    """Return what names a network of the user's own once more."""
    return ["--network", network] if ":" in network else []
