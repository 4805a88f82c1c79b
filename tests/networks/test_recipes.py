"""Recipes: what is written down builds the same network again."""

import inspect
from typing import Any

import pytest
import torch
from torch import nn

from pellucid.errors import RecipeError
from pellucid.networks.activations import BinaryStep
from pellucid.networks.recipes import LAYERS, network_from, recipe_of

# One layer of each kind of the table, with arguments that are not the defaults.
SAMPLES: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "Linear": (nn.Linear(6, 4, bias=False), (2, 6)),
    "Conv2d": (
        nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2, padding_mode="reflect"),
        (2, 4, 9, 9),
    ),
    "Flatten": (nn.Flatten(2, -1), (2, 3, 4, 5)),
    "BatchNorm1d": (nn.BatchNorm1d(6, eps=1e-3, momentum=None, affine=False), (5, 6)),
    "BatchNorm2d": (nn.BatchNorm2d(3, momentum=0.2, track_running_stats=False), (5, 3, 4, 4)),
    "LayerNorm": (nn.LayerNorm((3, 4), eps=1e-3, bias=False), (2, 3, 4)),
    "Dropout": (nn.Dropout(0.3, inplace=True), (2, 6)),
    "Dropout2d": (nn.Dropout2d(0.4), (2, 3, 4, 4)),
    "MaxPool2d": (nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True), (2, 3, 8, 8)),
    "AvgPool2d": (
        nn.AvgPool2d((2, 3), (1, 2), (0, 1), ceil_mode=True, count_include_pad=False, divisor_override=5),
        (2, 3, 8, 8),
    ),
    "AdaptiveAvgPool2d": (nn.AdaptiveAvgPool2d((2, 3)), (2, 3, 8, 8)),
    "Identity": (nn.Identity(), (2, 6)),
    "BinaryStep": (BinaryStep("sigmoid"), (2, 6)),
    "Sigmoid": (nn.Sigmoid(), (2, 6)),
    "Tanh": (nn.Tanh(), (2, 6)),
    "ReLU": (nn.ReLU(inplace=True), (2, 6)),
    "ReLU6": (nn.ReLU6(), (2, 6)),
    "LeakyReLU": (nn.LeakyReLU(0.2), (2, 6)),
    "PReLU": (nn.PReLU(6), (2, 6)),
    "ELU": (nn.ELU(0.7), (2, 6)),
    "SELU": (nn.SELU(), (2, 6)),
    "GELU": (nn.GELU("tanh"), (2, 6)),
    "SiLU": (nn.SiLU(), (2, 6)),
    "Mish": (nn.Mish(), (2, 6)),
    "Softplus": (nn.Softplus(2.0, 10.0), (2, 6)),
    "Hardtanh": (nn.Hardtanh(-2.0, 3.0), (2, 6)),
    "Hardsigmoid": (nn.Hardsigmoid(), (2, 6)),
    "Hardswish": (nn.Hardswish(), (2, 6)),
    "Softmax": (nn.Softmax(dim=-1), (2, 6)),
    "LogSoftmax": (nn.LogSoftmax(dim=1), (2, 6)),
}


def test_every_layer_of_the_table_has_a_sample() -> None:
    assert SAMPLES.keys() == LAYERS.keys()


@pytest.mark.parametrize("name", SAMPLES)
def test_a_layer_comes_back_with_its_arguments(name: str) -> None:
    layer, shape = SAMPLES[name]
    network = nn.Sequential(layer).eval()
    built = network_from(recipe_of(network))
    built.load_state_dict(network.state_dict(), assign=True)
    built.eval()
    inputs = torch.randn(shape)
    assert repr(built) == repr(network)
    assert torch.equal(built(inputs.clone()), network(inputs.clone()))
    assert recipe_of(built) == recipe_of(network)


def test_names_of_padding_come_back() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3, padding="same"))
    assert repr(network_from(recipe_of(network))) == repr(network)


def test_a_layer_that_stands_in_two_places_is_written_in_both() -> None:
    relu = nn.ReLU()
    network = nn.Sequential(nn.Linear(2, 2), relu, nn.Sequential(nn.Linear(2, 2), relu), relu)
    assert repr(network_from(recipe_of(network))) == repr(network)


def test_arguments_of_a_layer_that_change_its_answers_are_all_in_the_table() -> None:
    # They say where and as what a layer is made, not what it computes; indices would be a second output.
    beside = {"self", "args", "kwargs", "device", "dtype", "return_indices", "init", "min_value", "max_value"}
    for name, (kind, arguments) in LAYERS.items():
        # PyTorch before 2.13 cannot leave the bias of a batch normalisation out; `save` refuses one without.
        late = {"bias"} if name.startswith("BatchNorm") else set()
        assert set(inspect.signature(kind).parameters) - beside - late == set(arguments), name


def test_nothing_is_allocated_before_weights_come() -> None:
    huge = {"layer": "Linear", "in_features": 10**6, "out_features": 10**6, "bias": True}
    assert next(network_from(huge).parameters()).is_meta


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(nn.LSTM(3, 4)),
        nn.Sequential(nn.Softmax(dim=None)),
        nn.ModuleList([nn.ReLU()]),
        nn.Sequential(nn.Flatten(start_dim=10**6)),
    ],
)
def test_what_a_recipe_cannot_say_is_refused(network: nn.Module) -> None:
    with pytest.raises(RecipeError, match="cannot be written as a recipe"):
        recipe_of(network)


@pytest.mark.parametrize(
    "recipe",
    [
        {
            "layer": "Conv2d", "in_channels": 3, "out_channels": 4, "kernel_size": 3, "stride": 1, "padding": 0,
            "dilation": 1, "groups": 2, "bias": True, "padding_mode": "zeros",
        },
        {"layer": "Dropout", "p": 7, "inplace": False},
    ],
)  # fmt: skip
def test_arguments_that_pytorch_refuses_are_refused(recipe: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="the recipe cannot be built"):
        network_from(recipe)
