"""What commands write on: results as text or JSON, and the progress of a run."""

from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO, TypeVar

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

if TYPE_CHECKING:
    from pellucid.rendering.blocks import Block
    from pellucid.rendering.result import Result
    from pellucid.training.history import Epoch, Progress

Command = TypeVar("Command", bound=Callable[..., Any])

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print the facts as one JSON object.")


def plain_console(stream: TextIO) -> Console:
    """Return a console that prints what it is given: a path may hold [brackets], and numbers need no colours."""
    return Console(file=stream, highlight=False, markup=False, emoji=False)


def result_options(command: Command) -> Command:
    """Give a command the options that every result has: --json, -o and --overwrite."""
    command = click.option("--overwrite", is_flag=True, help="Replace the file that --output names.")(command)
    command = click.option(
        "-o", "--output", type=click.Path(path_type=Path), help="Write it as .html, .json, .csv, .md, .svg or .png."
    )(command)
    return as_json_option(command)


def show_result(result: "Result", *, as_json: bool, output: Path | None = None, overwrite: bool = False) -> None:
    """Print a result on stdout, or write it into a file."""
    if output is not None:
        from pellucid.rendering.files import write_result

        write_result(result, output, overwrite=overwrite)
        click.echo(f"written  {output}", err=as_json)
    if as_json:
        click.echo(result.to_json())
    elif output is None:
        show_blocks(result.blocks())


def show_blocks(blocks: "Iterable[Block]", console: Console | None = None) -> None:
    """Print blocks, in colour where the terminal shows it."""
    from pellucid.rendering.terminal import show

    show(console or Console(highlight=False), blocks)


def show_json(facts: dict[str, Any]) -> None:
    """Print facts on stdout as one JSON object."""
    from pellucid.rendering.result import to_json

    click.echo(to_json(facts))


class ProgressLine:
    """One line that is redrawn while a run lasts, and a plain row for each epoch; rows only where it is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        # Drawn when the loop reports, which is at most ten times a second; no thread of its own.
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def progress(self, progress: "Progress") -> None:
        """Redraw the line."""
        if self._live is None:
            return
        bar = "━" * round(progress.share * 24)
        of = "" if progress.epochs is None else f"/{progress.epochs}"
        note = f"  {progress.note}" if progress.note else ""
        self._live.update(
            Text(f"epoch {progress.epoch}{of} ")
            + Text(bar, style="cyan")
            + Text("━" * (24 - len(bar)), style="grey37")
            + Text(
                f" {progress.share:4.0%}  loss {progress.loss:.4f}  {progress.examples_per_second:,.0f} examples/s  "
                f"{progress.seconds_left:.0f} s left{note}"
            ),
            refresh=True,
        )

    def epoch(self, epoch: "Epoch", epochs: int | None) -> None:
        """Leave a row."""
        of = "" if epochs is None else f"/{epochs}"
        judged = ""
        if epoch.validation_accuracy is not None:
            judged = f"  validation loss {epoch.validation_loss:.4f}  accuracy {epoch.validation_accuracy:.2%}"
        elif epoch.validation_r2 is not None:
            judged = f"  validation loss {epoch.validation_loss:.4f}  R² {epoch.validation_r2:.4f}"
        self._console.print(
            f"epoch {epoch.epoch:>{len(str(epochs or 10))}}{of}  train loss {epoch.train_loss:.4f}{judged}  "
            f"{epoch.examples_per_second:,.0f} examples/s  {epoch.seconds:.1f} s{'  best' if epoch.is_best else ''}",
            highlight=False,
            soft_wrap=True,
        )
