"""The command line: one file in `commands` for each command. Nothing here loads PyTorch before a command runs."""

import contextlib
import gc
import io
import sys
from importlib import import_module
from pathlib import Path

import click

from pellucid.errors import PellucidError, UnknownNameError, did_you_mean
from pellucid.version import __version__

COMMANDS = Path(__file__).parent / "commands"


class Commands(click.Group):
    """Finds each command in the file of its name, and shows errors of the user's with their fix."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, as their files are named."""
        return sorted(path.stem for path in COMMANDS.glob("*.py") if path.stem != "__init__")

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name, or None."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command = import_module(f"pellucid.cli.commands.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is asked for.

        Raises:
            UnknownNameError: If there is none of that name.
        """
        name = args[0]
        if not name.startswith("-") and name not in self.list_commands(ctx):
            raise UnknownNameError(f"there is no command {name!r}", fix=did_you_mean(name, self.list_commands(ctx)))
        return super().resolve_command(ctx, args)


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__)
@click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    help="Show the traceback of an error; works after a command too.",
)
def group() -> None:
    """Neural networks you can see through: train, judge, use and understand a classifier."""


def main() -> None:
    """Run the command line; an error of the user's ends with its fix and exit code 1.

    Raises:
        PellucidError: With --debug, for its traceback.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a character gets a question mark, not a crash.
            stream.reconfigure(errors="replace")
    # A command loads PyTorch and is over soon: looking again and again for cycles to free among its 200,000 objects
    # costs 0.2 s and frees next to nothing.
    gc.set_threshold(20_000, 50, 50)
    arguments = sys.argv[1:]
    is_debug = "--debug" in arguments
    try:
        group.main(args=[argument for argument in arguments if argument != "--debug"], prog_name="pellucid")
    except PellucidError as error:
        if is_debug:
            raise
        with contextlib.suppress(BrokenPipeError):
            for note in getattr(error, "__notes__", ()):
                click.echo(note, err=True)
            click.echo(f"error: {error}", err=True)
        sys.exit(1)
