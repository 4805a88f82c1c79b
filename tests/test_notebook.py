"""The notebook is the page, and it runs."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "scripts/write_notebook.py"
NOTEBOOK = ROOT / "examples/first_network.ipynb"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("write_notebook", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lines_typed_in_the_page() -> list[str]:
    """Every line behind a prompt, found without the script."""
    page = (ROOT / "docs/first-network.md").read_text(encoding="utf-8")
    fences = [part.partition("```")[0] for part in page.split("```python\n")[1:]]
    prompted = [line for fence in fences for line in fence.splitlines() if line[:4] in {">>> ", "... "}]
    return [line[4:] for line in prompted]


def test_the_notebook_has_the_cells_that_the_page_gives(script: ModuleType) -> None:
    page = (ROOT / "docs/first-network.md").read_text(encoding="utf-8")
    assert not script.is_stale(script.notebook_of(page))


def test_the_notebook_runs_every_line_that_the_page_shows() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]).splitlines() for cell in cells if cell["cell_type"] == "code"]
    assert [line for lines in code for line in lines if line] == lines_typed_in_the_page()


def test_a_changed_page_makes_the_notebook_stale(script: ModuleType) -> None:
    page = (ROOT / "docs/first-network.md").read_text(encoding="utf-8")
    assert script.is_stale(script.notebook_of(page.replace("manual_seed(3)", "manual_seed(4)")))


def test_links_lead_somewhere_from_where_the_notebook_lies() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    prose = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    targets = [part.partition(")")[0] for part in prose.split("](")[1:]]
    assert len(targets) >= 3
    for target in targets:
        assert (NOTEBOOK.parent / target).exists(), target


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom() -> None:
    result = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
def test_a_cell_that_fails_fails_the_check(script: ModuleType, tmp_path: Path) -> None:
    page = "# A page\n\n```python\n>>> 1 / 0\ninf\n\n```\n"
    for folder in ("scripts", "docs", "examples"):
        (tmp_path / folder).mkdir()
    (tmp_path / "docs/first-network.md").write_text(page)
    nbformat.write(script.notebook_of(page), tmp_path / "examples/first_network.ipynb")  # type: ignore[no-untyped-call]
    copied = shutil.copy(SCRIPT, tmp_path / "scripts")
    result = subprocess.run([sys.executable, copied, "--check"], capture_output=True, text=True)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    # The messaging library under the kernel may have a word of its own before it, on a busy machine.
    last = result.stderr.splitlines()[-1]
    assert last == "a cell of examples/first_network.ipynb fails: ZeroDivisionError: division by zero"
