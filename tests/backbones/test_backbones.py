"""Networks of timm and torchvision with weights from a file, against stand-ins for the two libraries."""

import copy
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from pellucid.classifier.pretrained import read_weights
from pellucid.errors import (
    DataError,
    MissingFileError,
    MissingPackageError,
    RecipeError,
    ShapeError,
    UnknownNameError,
    UserCodeError,
)
from pellucid.networks import backbones as module
from pellucid.networks.backbones import Backbone, backbone, backbone_of, names_a_backbone
from pellucid.networks.recipes import network_from, recipe_of

from .conftest import TinyNet

COLOUR = (3, 16, 16)
TINY = {"layer": "Backbone", "library": "timm", "name": "tinynet", "outputs": 4, "image_size": [16, 16]}


def trained(outputs: int = 1000) -> dict[str, Tensor]:
    """The weights of a network that somebody trained."""
    torch.manual_seed(7)
    network = TinyNet(outputs).train()
    network(torch.randn(8, *COLOUR))
    return network.state_dict()


@pytest.mark.parametrize("library", ["timm", "torchvision"])
def test_all_weights_are_those_of_the_file_but_the_last_layers(library: str) -> None:
    weights = trained()
    network = backbone(f"{library}:tinynet", weights, 4, inputs=COLOUR, seed=1)
    assert isinstance(network, TinyNet)
    for name, value in network.state_dict().items():
        if name.startswith("fc."):
            assert len(value) == 4
        else:
            assert torch.equal(value, weights[name]), name


def test_the_last_layer_is_new_although_the_file_has_as_many_outputs() -> None:
    weights = trained(4)
    network = backbone("timm:tinynet", weights, 4, inputs=COLOUR, seed=1)
    assert not torch.equal(network.get_parameter("fc.weight"), weights["fc.weight"])


def test_a_seed_gives_the_same_last_layer_and_leaves_the_generator_alone() -> None:
    weights, before = trained(), torch.get_rng_state()
    one, other, third = (backbone("timm:tinynet", weights, 4, inputs=COLOUR, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one.get_parameter("fc.weight"), other.get_parameter("fc.weight"))
    assert not torch.equal(one.get_parameter("fc.weight"), third.get_parameter("fc.weight"))
    assert torch.equal(torch.get_rng_state(), before)


def test_half_precision_and_missing_counters_and_a_missing_last_layer_are_taken() -> None:
    weights = {
        name: value.half() if value.is_floating_point() else value
        for name, value in trained().items()
        if "num_batches_tracked" not in name and not name.startswith("fc.")
    }
    network = backbone("timm:tinynet", weights, 4, inputs=COLOUR)
    assert network.get_parameter("stem.0.weight").dtype == torch.float32
    assert torch.equal(network.get_parameter("stem.0.weight"), weights["stem.0.weight"].float())


def test_the_head_is_what_depends_on_the_number_of_outputs() -> None:
    assert Backbone("timm", "tinynet", 4, (16, 16)).head() == {"fc.weight", "fc.bias"}
    assert Backbone("timm", "sizednet_16", 4, (16, 16)).head() == {"head.weight", "head.bias"}
    assert Backbone("torchvision", "vit_16", 1, (8, 8)).head() == {"head.weight", "head.bias"}


def test_weights_of_another_network_are_named() -> None:
    weights = trained()
    weights["layer4.weight"] = weights.pop("body.0.weight")
    with pytest.raises(DataError) as caught:
        backbone("timm:tinynet", weights, 4, inputs=COLOUR)
    assert str(caught.value) == (
        "the weights are not those of timm:tinynet: body.0.weight missing from the file, layer4.weight unknown to the "
        "network\n  fix: name the architecture that the weights were saved from"
    )


def test_of_many_other_weights_the_first_are_named() -> None:
    with pytest.raises(DataError, match=r": stem\.0\.weight, stem\.1\.weight and \d+ more missing from the file\n"):
        backbone("timm:tinynet", {"fc.weight": torch.zeros(4, 24)}, 4, inputs=COLOUR)


def test_weights_for_images_of_another_size_are_named_with_both_sizes() -> None:
    weights = {"pos_embed": torch.zeros(1, 1, 16, 16), "head.weight": torch.zeros(9, 3), "head.bias": torch.zeros(9)}
    backbone("timm:sizednet_16", weights, 4, inputs=(3, 16, 16))
    with pytest.raises(DataError, match=r"pos_embed is \[1, 1, 16, 16\] in the file, but \[1, 1, 20, 12\]"):
        backbone("timm:sizednet_16", weights, 4, inputs=(3, 20, 12))


@pytest.mark.parametrize(
    ("name", "inputs", "kind", "message"),
    [
        ("timm:tinynett", COLOUR, UnknownNameError, "timm has no architecture 'tinynett'\n  fix: write tinynet"),
        ("timm:hf-hub:timm/x", COLOUR, UnknownNameError, "timm has no architecture 'hf-hub:timm/x'"),
        ("torchvision:sizednet_16", COLOUR, UnknownNameError, "torchvision has no architecture 'sizednet_16'"),
        ("keras:tinynet", COLOUR, UnknownNameError, "names no architecture of a library\n  fix: write timm:NAME"),
        ("timm:tinynet", (1, 16, 16), ShapeError, "takes colour images, but an input is 1 x 16 x 16"),
        ("timm:tinynet", (7,), ShapeError, "takes colour images, but an input is 7"),
        ("timm:twoanswers", COLOUR, ShapeError, "gives tuple for two images while it trains"),
        ("torchvision:vit_16", (3, 16, 12), UserCodeError, r"vit_16 cannot take inputs of shape \[2, 3, 16, 12\]"),
    ],
)
def test_what_cannot_be_built_is_refused_with_a_fix(
    name: str, inputs: tuple[int, ...], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        backbone(name, trained(), 4, inputs=inputs)


def test_a_library_that_is_missing_or_broken_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingPackageError, match=r"timm is not installed .*\n  fix: run: pip install timm"):
        backbone("timm:tinynet", trained(), 4, inputs=COLOUR)

    def broken(name: str) -> Any:
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(module, "import_module", broken)
    with pytest.raises(MissingPackageError, match="torchvision cannot be imported: operator torchvision::nms does not"):
        backbone("torchvision:tinynet", trained(), 4, inputs=COLOUR)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("timm:resnet18", True), ("torchvision:x", True), ("timm", False), ("cnn", False), ("net.py:timm", False)],
)
def test_names_of_backbones_are_told_from_others(text: str, expected: bool) -> None:
    assert names_a_backbone(text) is expected


def test_a_recipe_names_the_architecture_and_builds_it_again() -> None:
    network = backbone("timm:tinynet", trained(), 4, inputs=COLOUR, seed=1).eval()
    assert recipe_of(network) == TINY
    assert recipe_of(nn.Sequential(nn.Identity(), copy.deepcopy(network)))["layers"][1][1] == TINY
    shapes = network_from(TINY)
    assert {value.device.type for value in shapes.state_dict().values()} == {"meta"}
    before = torch.get_rng_state()
    again = network_from(TINY, "cpu").eval()
    assert torch.equal(torch.get_rng_state(), before)
    again.load_state_dict(network.state_dict())
    assert backbone_of(again) == backbone_of(network)
    images = torch.randn(3, *COLOUR)
    assert torch.equal(again(images), network(images))


@pytest.mark.parametrize(
    "change",
    [
        {"library": "os"}, {"name": "hf-hub:someone/net"}, {"name": "../x"}, {"name": 3}, {"name": "x" * 101},
        {"outputs": 0}, {"image_size": 16}, {"image_size": [16]}, {"pretrained": True},
    ],
)  # fmt: skip
def test_a_forged_recipe_of_a_backbone_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="network in the recipe has no proper architecture of a library"):
        network_from({**TINY, **change})


def test_a_recipe_of_many_backbones_is_refused_before_any_is_built() -> None:
    many = {"layer": "Sequential", "layers": [[str(number), TINY] for number in range(3)]}
    with pytest.raises(RecipeError, match="the recipe has over 10,000 layers"):
        network_from(many)


def test_a_recipe_of_an_architecture_that_is_not_there_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="timm has no architecture 'system'"):
        network_from({**TINY, "name": "system"})


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("wrapped", [None, "state_dict", "model"])
@pytest.mark.parametrize("ending", [".pth", ".pt", ".bin", ".safetensors"])
def test_weights_are_read_by_their_names(tmp_path: Path, ending: str, wrapped: str | None, prefix: str) -> None:
    weights, path = trained(), tmp_path / f"weights{ending}"
    named = {prefix + name: value for name, value in weights.items()}
    if ending == ".safetensors":
        save_file(named, path)
    else:
        torch.save(named if wrapped is None else {"epoch": 3, wrapped: named}, path)
    found = read_weights(path)
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[name], weights[name]) for name in weights)


class Anything:
    """An object of a class, which a file may not hold."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("executed"),))


def test_nothing_in_a_file_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": trained(), "more": Anything()}, tmp_path / "weights.pth")
    with pytest.raises(DataError, match="holds more than tensors, which is not read\n  fix: save them again"):
        read_weights(tmp_path / "weights.pth")
    assert not Path("executed").exists()


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, ending: str, share: float) -> None:
    path = tmp_path / f"weights{ending}"
    save_file(trained(), path) if ending == ".safetensors" else torch.save(trained(), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DataError, match="is no file of weights, or"):
        read_weights(path)


@pytest.mark.parametrize("content", [{}, {"weight": 3}, [torch.zeros(2)], torch.zeros(3), 4])
def test_a_file_without_named_tensors_is_refused(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "weights.pt")
    with pytest.raises(DataError, match="holds no weights by name\n  fix: save a state_dict"):
        read_weights(tmp_path / "weights.pt")


def test_a_file_that_is_not_there_or_of_another_kind_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="there is no file"):
        read_weights(tmp_path / "weights.pth")
    with pytest.raises(UnknownNameError, match=r"has the ending '\.safetensor'\n  fix: write '\.safetensors'"):
        read_weights(tmp_path / "weights.safetensor")
