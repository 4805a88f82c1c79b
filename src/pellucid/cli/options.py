"""Options that several commands share, or that follow from a table elsewhere."""

from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pellucid.training.settings import WORDS, Settings

if TYPE_CHECKING:
    from pellucid.classifier.classifier import Classifier

Command = TypeVar("Command", bound=Callable[..., Any])

network_class_option = click.option(
    "--network",
    "network_class",
    metavar="FILE.PY:CLASS",
    help="The class of a network of your own, which no file holds.",
)

precision_option = click.option(
    "--precision",
    type=click.Choice(("auto", "float32", "bfloat16")),
    default="auto",
    show_default=True,
    help="Of the products; auto takes bfloat16 where it is fast and agrees with float32.",
)


def settings_options(command: Command) -> Command:
    """Give a command one option for each setting; `lr` is the only short name."""
    for entry in reversed(fields(Settings)):
        name = "--lr" if entry.name == "learning_rate" else f"--{entry.name.replace('_', '-')}"
        text = entry.metadata["help"]
        if entry.default is False:
            command = click.option(name, entry.name, is_flag=True, default=False, help=f"{text[0].upper()}{text[1:]}.")(
                command
            )
            continue
        kind: Any = str if entry.type is str else int if "int" in str(entry.type) else float
        if entry.name in WORDS:
            kind = click.Choice(WORDS[entry.name])
        shown = entry.metadata["none"] if entry.default is None else entry.default
        command = click.option(
            name,
            entry.name,
            type=kind,
            default=entry.default,
            help=f"{text[0].upper()}{text[1:]}.  [default: {shown}]",
        )(command)
    return command


def load_classifier(path: str, network_class: str | None) -> "Classifier":
    """Return the classifier in a file, with a network of the user's class if one is named."""
    from pellucid.classifier.saving import load

    return load(path, network=network_class)
