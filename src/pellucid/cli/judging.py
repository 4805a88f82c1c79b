"""What `pellucid curve` and `pellucid suspects` share: the networks that they train, and how they show progress."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.console import Console

from pellucid.cli.screen import ProgressLine
from pellucid.errors import SettingError
from pellucid.training.settings import Settings

if TYPE_CHECKING:
    from pellucid.data.dataset import Dataset
    from pellucid.training.judging.trainings import MakeNetwork, Watcher

Command = TypeVar("Command", bound=Callable[..., Any])


def network_options(command: Command) -> Command:
    """Give a command the options that say what is trained, and where."""
    for option in (
        click.option("--device", help="cpu, cuda, cuda:1, mps or xpu.  [default: the best there is]"),
        click.option("--activation", default="relu", show_default=True, help="Between the layers."),
        click.option("--hidden", help="Units of the hidden layers of an mlp.  [default: as `pellucid train` has]"),
        click.option("--network", default="mlp", show_default=True, help="mlp, cnn, or your own as file.py:ClassName."),
    ):
        command = option(command)
    return command


def maker_for(
    dataset: "Dataset", network: str, settings: Settings, *, hidden: str | None, activation: str
) -> "tuple[MakeNetwork, Settings]":
    """Return what builds the network that the user names, and the settings that it is trained with.

    Args:
        dataset: To be learnt.
        network: "mlp", "cnn" or file.py:ClassName.
        settings: As asked.
        hidden: Units of the mlp's hidden layers, separated by commas; None for what suits the data.
        activation: Of the mlp and the cnn.

    Raises:
        PellucidError: If there is no such network.
    """
    from pellucid.cli.starting import network_for

    def make(seed: int) -> Any:
        return network_for(dataset, network, hidden=hidden, activation=activation, seed=seed).network

    if network == "cnn" and settings.start == "auto" and not settings.reference:
        # A fresh network of ours has no weights of its own to lose.
        settings = replace(settings, start="whitened")
    return make, settings


def shares_of(text: str) -> tuple[float, ...]:
    """Return the shares that are written with commas.

    Raises:
        SettingError: If they are no numbers.
    """
    try:
        return tuple(float(share) for share in text.split(",") if share.strip())
    except ValueError:
        raise SettingError(f"--shares is {text!r}", fix="write numbers with commas, as in 0.1,0.4,1") from None


def rows_for(console: Console, line: ProgressLine) -> "Watcher":
    """Return what shows a row for each training, and the progress line while one lasts."""
    from pellucid.training.history import Progress
    from pellucid.training.judging.trainings import Trained

    def watch(event: Progress | Trained) -> None:
        if isinstance(event, Progress):
            line.progress(event)
        else:
            console.print(str(event), soft_wrap=True)

    return watch
