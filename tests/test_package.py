"""What the package promises about itself."""

import ast
import gc
import importlib.metadata
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import pellucid

SOURCE = Path(pellucid.__file__)


def test_lazy_names_and_those_for_type_checkers_are_the_same() -> None:
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {
        alias.asname: node.module.removeprefix("pellucid.")
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    assert imported == pellucid._HOMES


@pytest.mark.parametrize("name", pellucid.__all__)
def test_every_public_name_is_there_and_explained(name: str) -> None:
    value = getattr(pellucid, name)
    assert isinstance(value, str) or inspect.getdoc(value)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'pellucid' has no attribute 'trian'"):
        _ = pellucid.trian


def test_no_public_verb_is_a_modules_name() -> None:
    rooms = {path.stem for path in SOURCE.parent.iterdir()}
    assert not rooms & set(pellucid.__all__)


def test_the_version_is_that_of_the_installed_package() -> None:
    try:
        installed = importlib.metadata.version("pellucid")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("pellucid is imported from its source, and not installed")
    assert installed == pellucid.__version__


def test_loading_a_name_leaves_the_collector_as_it_was() -> None:
    for switch in (gc.disable, gc.enable):
        switch()
        vars(pellucid).pop("Trace", None)
        assert pellucid.Trace.__name__ == "Trace"
        assert gc.isenabled() == (switch is gc.enable)


@pytest.mark.parametrize(
    "code", ["import pellucid", "from pellucid.cli import group; group.main(['--help'], standalone_mode=False)"]
)
def test_importing_and_help_load_neither_torch_nor_numpy(code: str) -> None:
    program = f"import sys; {code}; print(sorted({{'torch', 'numpy', 'PIL'}} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"
