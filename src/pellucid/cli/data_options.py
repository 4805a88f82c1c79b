"""What every command that reads a dataset may be told about it."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

import click

from pellucid.data.options import ReadOptions
from pellucid.tasks import TASKS

Command = TypeVar("Command", bound=Callable[..., Any])


def data_options(command: Command) -> Command:
    """Give a command an option for each field of `ReadOptions`; `options_of` makes one of what the user said."""
    for option in reversed(
        (
            click.option("--label", default="", metavar="COLUMNS", help="The label column, or several with commas."),
            click.option("--task", type=click.Choice(TASKS), help="What the labels ask for.  [default: found out]"),
            click.option("--group", metavar="COLUMN", help="Keep rows with an equal value here in one split."),
            click.option("--ignore", default="", metavar="COLUMNS", help="Columns that the network is not to see."),
            click.option(
                "--image-size", type=ImageSize(), metavar="64x48", help="Height and width to bring images to."
            ),
            click.option(
                "--stream/--in-memory", "stream", default=None, help="Read while training.  [default: what fits]"
            ),
            click.option("--skip-bad", is_flag=True, help="Leave out what cannot be read, and say how much."),
        )
    ):
        command = option(command)
    return command


def options_of(values: dict[str, Any]) -> ReadOptions:
    """Take what was said about the data out of the values of a command."""
    said = {entry.name: values.pop(entry.name) for entry in fields(ReadOptions) if entry.name in values}
    for name in ("label", "ignore"):
        said[name] = tuple(part.strip() for part in said[name].split(",") if part.strip())
    return ReadOptions(**said)


class ImageSize(click.ParamType):  # type: ignore[type-arg]
    """A size as 64x48, or 64 for a square."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Return height and width."""
        if isinstance(value, tuple):
            return value
        sides = str(value).lower().split("x")
        if len(sides) > 2 or not all(side.strip().isdecimal() and int(side) for side in sides):
            self.fail(f"{value!r} is no size: write it as 64x48, or 64 for a square", param, ctx)
        return int(sides[0]), int(sides[-1])
