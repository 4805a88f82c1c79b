"""The builders: structure, counts by hand, seeds and refusals."""

from typing import Any

import pytest
import torch
from torch import nn

import pellucid
from pellucid.errors import PellucidError, SettingError, ShapeError, UnknownNameError


def kinds(network: nn.Module) -> list[str]:
    """The classes of the layers, in order."""
    return [type(module).__name__ for module in network.modules() if not list(module.children())]


def count(network: nn.Module) -> int:
    """The parameters."""
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_default_network_is_the_notebooks_without_its_last_relu() -> None:
    network = pellucid.mlp(784, (512, 512), 10)
    assert kinds(network) == ["Flatten", "Linear", "ReLU", "Linear", "ReLU", "Linear"]
    assert [name for name, _ in network.named_parameters()] == [
        f"linear_relu_stack.{index}.{kind}" for index in (0, 2, 4) for kind in ("weight", "bias")
    ]
    assert count(network) == 784 * 512 + 512 + 512 * 512 + 512 + 512 * 10 + 10


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"activation": "tanh"}, ["Flatten", "Linear", "Tanh", "Linear"]),
        ({"norm": "batch"}, ["Flatten", "Linear", "BatchNorm1d", "ReLU", "Linear"]),
        ({"norm": "layer", "dropout": 0.2}, ["Flatten", "Linear", "LayerNorm", "ReLU", "Dropout", "Linear"]),
        ({"output_activation": "softmax"}, ["Flatten", "Linear", "ReLU", "Linear", "Softmax"]),
    ],
)
def test_options_put_their_layers_in_place(options: dict[str, Any], expected: list[str]) -> None:
    assert kinds(pellucid.mlp(12, 5, 3, **options)) == expected


def test_the_stack_is_named_after_its_activation() -> None:
    assert "linear_leaky_relu_stack" in dict(pellucid.mlp(4, 3, 2, activation="LeakyReLU").named_children())


def test_a_bias_before_batch_normalisation_is_left_out() -> None:
    network = pellucid.mlp(12, (5,), 3, norm="batch")
    assert count(network) == 12 * 5 + 2 * 5 + 5 * 3 + 3


def test_no_hidden_layer_is_one_linear_layer() -> None:
    assert kinds(pellucid.mlp((1, 4, 4), (), 3)) == ["Flatten", "Linear"]


def test_a_cnn_halves_its_maps_and_counts_as_by_hand() -> None:
    network = pellucid.cnn((3, 28, 20), (8, 16), 10, hidden=(32,))
    first, second = 3 * 8 * 9 + 8, 8 * 16 * 9 + 16
    features = 16 * (28 // 4) * (20 // 4)
    assert count(network) == first + second + features * 32 + 32 + 32 * 10 + 10
    assert network(torch.zeros(2, 3, 28, 20)).shape == (2, 10)


def test_a_stem_takes_every_second_place_and_keeps_height_and_width_halved() -> None:
    network = pellucid.cnn((1, 28, 28), (8, 16), 10, stem=4, norm="batch", hidden=())
    kinds = [type(layer).__name__ for layer in network.get_submodule("conv_relu_stack").children()]
    assert kinds == ["Conv2d", "ReLU", "Conv2d", "MaxPool2d", "BatchNorm2d", "ReLU"]
    stem = network.get_submodule("conv_relu_stack.0")
    assert stem(torch.zeros(1, 1, 28, 28)).shape == (1, 8, 14, 14)
    assert network(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def test_pooling_before_a_relu_gives_what_pooling_after_it_gives() -> None:
    convolution, relu, pool = nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2)
    maps = convolution(torch.randn(2, 1, 10, 10))
    assert torch.equal(pool(relu(maps)), relu(pool(maps)))


@pytest.mark.parametrize("size", [(1, 28, 28), (1, 7, 9), (3, 5, 31)])
def test_a_cnn_takes_sizes_that_do_not_halve_evenly(size: tuple[int, int, int]) -> None:
    network = pellucid.cnn(size, (4, 4), 2, kernel_size=5, norm="batch", dropout=0.1, hidden=())
    assert network(torch.zeros(2, *size)).shape == (2, 2)


@pytest.mark.parametrize(
    "build", [lambda seed: pellucid.mlp(9, 4, 2, seed=seed), lambda seed: pellucid.cnn((1, 4, 4), 2, 2, seed=seed)]
)
def test_a_seed_gives_the_same_weights_and_leaves_the_generator_alone(build: Any) -> None:
    before = torch.get_rng_state()
    first, again, other = (torch.cat([p.flatten() for p in build(seed).parameters()]) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_without_a_seed_weights_come_from_pytorchs_generator() -> None:
    torch.manual_seed(5)
    first = pellucid.mlp(9, 4, 2)
    torch.manual_seed(5)
    plain = nn.Linear(9, 4)
    assert torch.equal(first.get_parameter("linear_relu_stack.0.weight"), plain.weight)


@pytest.mark.parametrize(
    ("build", "kind", "message"),
    [
        (lambda: pellucid.mlp(0, 4, 2), SettingError, "inputs is 0"),
        (lambda: pellucid.mlp(4, (4, -1), 2), SettingError, r"hidden is \(4, -1\)"),
        (lambda: pellucid.mlp(4, 4, True), SettingError, "outputs is True"),
        (lambda: pellucid.mlp(4, 4, 2, dropout=1.0), SettingError, r"dropout is 1\.0"),
        (lambda: pellucid.mlp(4, 4, 2, activation="rellu"), UnknownNameError, r"write 'relu' \(did you mean"),
        (lambda: pellucid.mlp(4, 4, 2, output_activation="softmx"), UnknownNameError, "write 'softmax'"),
        (lambda: pellucid.mlp(4, 4, 2, norm="btch"), UnknownNameError, "write 'batch'"),  # type: ignore[arg-type]
        (lambda: pellucid.cnn((1, 4, 4), (2, 2, 2), 2), ShapeError, r"use at most 2 blocks"),
        (lambda: pellucid.cnn((1, 4, 4), 2, 2, kernel_size=4), ShapeError, "make it odd: 3 or 5"),
        (lambda: pellucid.cnn((4, 4), 2, 2), ShapeError, "give channels, height and width"),
    ],
)
def test_what_cannot_be_built_is_refused_with_a_fix(build: Any, kind: type[PellucidError], message: str) -> None:
    with pytest.raises(kind, match=message):
        build()
