"""Write docs/cli.md from the commands themselves; with --check, fail if it is stale."""

import sys
from pathlib import Path

from pellucid.cli import group

PAGE = Path(__file__).parent.parent / "docs/cli.md"


def page() -> str:
    """Return the page: the help of every command, as a terminal of 88 columns shows it."""
    parts = ["# The command line", "", "Written by `python scripts/write_cli.py` from the commands themselves.", ""]
    context = group.make_context("pellucid", [], resilient_parsing=True, terminal_width=88)
    parts += ["```text", group.get_help(context), "```", ""]
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = command.make_context(name, [], parent=context, resilient_parsing=True, terminal_width=88)
        parts += [f"## pellucid {name}", "", "```text", command.get_help(inner), "```", ""]
    return "\n".join(parts)


def main() -> None:
    """Write the page, or compare it."""
    if "--check" in sys.argv[1:]:
        if not PAGE.exists() or PAGE.read_text() != page():
            sys.exit("docs/cli.md is stale: run python scripts/write_cli.py")
        return
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
