"""Networks from a user's own file."""

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from pellucid.errors import MissingFileError, UnknownNameError, UserCodeError
from pellucid.networks.modes import device_of, evaluating
from pellucid.networks.own import made, names_a_class, own_class

SOURCE = """
from torch import nn
import shapes

class Small(nn.Module):
    def __init__(self, width=shapes.WIDTH):
        super().__init__()
        self.layer = nn.Linear(width, 2)

class Picky(nn.Module):
    def __init__(self, width):
        super().__init__()
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with two networks, and a neighbour that it imports."""
    (tmp_path / "shapes.py").write_text("WIDTH = 7\n")
    (tmp_path / "nets.py").write_text(SOURCE)
    return tmp_path / "nets.py"


def test_a_class_is_found_and_may_import_its_neighbours(file: Path) -> None:
    before = list(sys.path)
    network = made(own_class(f"{file}:Small"), seed=1)
    assert network.get_parameter("layer.weight").shape == (2, 7)
    assert sys.path == before
    sys.modules.pop("shapes")


def test_a_wrong_name_is_told_the_nearest_one(file: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"nets\.py has no network class 'Smal'\n  fix: write 'Small'"):
        own_class(f"{file}:Smal")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="there is no file"):
        own_class(f"{tmp_path / 'none.py'}:Small")


def test_a_file_that_raises_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import not_there_at_all\n")
    with pytest.raises(
        UserCodeError, match=r"bad\.py raises ModuleNotFoundError: No module named 'not_there"
    ) as caught:
        own_class(f"{tmp_path / 'bad.py'}:Small")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_a_class_that_wants_arguments_is_told_to_have_defaults(file: Path) -> None:
    with pytest.raises(
        UserCodeError, match=r"Picky\(\) raises TypeError(.|\n)*fix: let Picky be made without arguments"
    ):
        made(own_class(f"{file}:Picky"))


@pytest.mark.parametrize(
    ("text", "expected"), [("net.py:Net", True), ("mlp", False), ("net.py", False), ("net:Net", False)]
)
def test_tells_a_class_from_a_name(text: str, expected: bool) -> None:
    assert names_a_class(text) is expected


def test_evaluating_puts_each_modules_mode_back_also_when_it_raises() -> None:
    network = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(), nn.Sequential(nn.Dropout()))
    network.train()
    network[0].eval()
    inside: list[bool] = []

    def look() -> None:
        with evaluating(network):
            inside.extend([*(module.training for module in network.modules()), torch.is_grad_enabled()])
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        look()
    assert not any(inside)
    assert [module.training for module in network.modules()] == [True, False, True, True, True]
    assert torch.is_grad_enabled()


def test_the_device_is_that_of_the_first_parameter_or_the_cpu() -> None:
    assert device_of(nn.Linear(1, 1, device="meta")).type == "meta"
    assert device_of(nn.ReLU()).type == "cpu"
