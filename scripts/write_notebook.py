"""Write and run the notebook of docs/first-network.md; with --check, fail if the stored one is stale or fails."""

import copy
import doctest
import re
import sys
import textwrap
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/first-network.md"
NOTEBOOK = ROOT / "examples/first_network.ipynb"
KERNEL = "python3"
CELL_SECONDS = 600
# What a fresh run adds would differ from machine to machine.
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": KERNEL},
    "language_info": {"name": "python"},
}
FENCE = re.compile(r"^```python\n(.*?)^```\n", re.DOTALL | re.MULTILINE)
# Links of the page that are relative to its own folder: "](activations.md)", but not "](../README.md)".
NEIGHBOUR = re.compile(r"\]\((?!\.\./|#|https?:)")


def notebook_of(page: str) -> NotebookNode:
    """Return the notebook of a page, not yet run: prose as Markdown cells, each fence of examples as a code cell."""
    cells: list[NotebookNode] = []
    for position, part in enumerate(FENCE.split(page)):
        name = f"cell-{len(cells):02d}"
        # The odd parts are what stands in the fences.
        if position % 2:
            cells.append(new_code_cell(code_of(part), id=name))  # type: ignore[no-untyped-call]
        elif prose_of(part):
            cells.append(new_markdown_cell(prose_of(part), id=name))  # type: ignore[no-untyped-call]
    notebook: NotebookNode = new_notebook(cells=cells, metadata=copy.deepcopy(METADATA))  # type: ignore[no-untyped-call]
    return notebook


def code_of(fence: str) -> str:
    """Return the code of a fence's examples, without prompts and without what they print."""
    code = ""
    for example in doctest.DocTestParser().get_examples(fence):
        # A function or loop is set off from what follows it.
        code += example.source + ("\n" if example.source.splitlines()[-1].startswith(" ") else "")
    return code.rstrip()


def prose_of(text: str) -> str:
    """Return a piece of the page for a file in examples/, with links that lead where they led."""
    return NEIGHBOUR.sub("](../docs/", text).strip()


def executed(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of a notebook with the outputs of a fresh run.

    Raises:
        CellExecutionError: If a cell fails.
    """
    run = copy.deepcopy(notebook)
    client = NotebookClient(
        run,
        timeout=CELL_SECONDS,
        kernel_name=KERNEL,
        record_timing=False,
        # Without it the kernel warns at every start that it listens on this machine's own network.
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(ROOT)}},
    )
    client.execute()
    run.metadata = copy.deepcopy(METADATA)
    return run


def cells_of(notebook: NotebookNode) -> list[tuple[str, str, str]]:
    """Return kind, id and source of each cell: what the page decides."""
    return [(cell.cell_type, cell.get("id", ""), cell.source) for cell in notebook.cells]


def is_stale(notebook: NotebookNode) -> bool:
    """Return whether the stored notebook is missing or has other cells or metadata than the page gives."""
    if not NOTEBOOK.exists():
        return True
    stored = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    return cells_of(stored) != cells_of(notebook) or stored.metadata != notebook.metadata


def main() -> None:
    """Write the notebook, or compare and run it."""
    notebook = notebook_of(PAGE.read_text(encoding="utf-8"))
    is_check = "--check" in sys.argv[1:]
    if is_check and is_stale(notebook):
        sys.exit(f"{NOTEBOOK.relative_to(ROOT)} is stale: run python scripts/write_notebook.py")
    try:
        run = executed(notebook)
    except CellExecutionError as error:
        message = textwrap.shorten(f"{error.ename}: {error.evalue}", 200)
        sys.exit(f"a cell of {NOTEBOOK.relative_to(ROOT)} fails: {message}")
    if not is_check:
        NOTEBOOK.parent.mkdir(exist_ok=True)
        nbformat.write(run, NOTEBOOK)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
