"""The convolutional network that suits a size."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pellucid
from pellucid.data.dataset import Dataset, Split
from pellucid.errors import SettingError, ShapeError
from pellucid.networks.cnn import cnn_for
from pellucid.networks.recipes import network_from, recipe_of
from pellucid.training.settings import Settings

SIZES = ((1, 28, 28), (3, 32, 32), (3, 64, 64), (3, 96, 96), (3, 128, 128), (3, 224, 224))


def multiply_adds(network: nn.Module, shape: tuple[int, ...]) -> int:
    """Counted from the shapes that go in and out of every layer with weights."""
    total = 0

    def count(layer: nn.Module, _: Any, outputs: torch.Tensor) -> None:
        nonlocal total
        weight = layer.get_parameter("weight")
        total += math.prod(weight.shape) * math.prod(outputs.shape[2:])

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(count)
    network.eval()(torch.zeros(1, *shape))
    return total


def shapes(examples: int, size: int, seed: int) -> Split:
    """Discs, squares and rings of any colour, size and place, on a ground of another colour, with noise."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, examples)
    places = np.mgrid[:size, :size] / size
    inputs = np.empty((examples, 3, size, size))
    for index, label in enumerate(labels):
        middle, radius = random.uniform(0.35, 0.65, (2, 1, 1)), random.uniform(0.18, 0.3)
        away = np.abs(places - middle)
        distance = away.max(axis=0) if label == 1 else np.hypot(*away)
        is_inside = (distance < radius) & ((distance > 0.6 * radius) | (label != 2))
        ground = random.uniform(0, 120, (3, 1, 1))
        inputs[index] = np.where(is_inside, 255 - ground, ground)
    noise = random.normal(0, 8, inputs.shape)
    return Split(np.clip(inputs + noise, 0, 255).astype(np.uint8), labels.astype(np.int64))


def test_for_fashion_mnist_it_is_the_network_whose_figures_are_published() -> None:
    ours = cnn_for((1, 28, 28), 10, activation="gelu", seed=3)
    published = pellucid.cnn(
        (1, 28, 28), (32, 48, 96), 10, hidden=(), convolutions=(1, 1, 2), stem=4, norm="batch",
        activation="gelu", seed=3,
    )  # fmt: skip
    assert str(ours) == str(published)
    assert all(map(torch.equal, ours.state_dict().values(), published.state_dict().values()))


@pytest.mark.parametrize(
    ("shape", "millions", "parameters"),
    [
        ((1, 28, 28), 5.6, 147_914), ((3, 32, 32), 7.9, 155_658), ((3, 64, 64), 20.1, 268_898),
        ((3, 96, 96), 18.8, 324_834), ((3, 128, 128), 33.3, 333_794), ((3, 224, 224), 55.5, 335_266),
    ],
)  # fmt: skip
def test_multiply_adds_and_parameters_grow_with_the_size_and_stay_small(
    shape: tuple[int, ...], millions: float, parameters: int
) -> None:
    network = cnn_for(shape, 10)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert multiply_adds(network, shape) / 1e6 == pytest.approx(millions, abs=0.05)


@pytest.mark.parametrize("smallest", [*range(1, 50), 63, 64, 95, 96, 127, 128, 160, 175, 176, 191, 192, 223, 224])
def test_any_size_up_to_224_is_cheap_enough_and_leaves_few_places_to_the_last_layer(smallest: int) -> None:
    network = cnn_for((3, smallest, smallest + 3), 5)
    assert multiply_adds(network, (3, smallest, smallest + 3)) < 60e6
    last = network.get_submodule("linear_relu_stack.0")
    assert isinstance(last, nn.Linear) and last.in_features <= 4_000


@pytest.mark.parametrize("shape", SIZES)
def test_a_recipe_builds_it_again(shape: tuple[int, ...]) -> None:
    network = cnn_for(shape, 4, seed=0).eval()
    again = network_from(recipe_of(network)).eval()
    again.load_state_dict(network.state_dict(), assign=True)
    inputs = torch.rand(2, *shape)
    assert torch.equal(network(inputs), again(inputs))


@pytest.mark.parametrize("stride", [2, 4, 6])
@pytest.mark.parametrize("size", [(24, 24), (25, 31), (47, 30)])
def test_a_stem_takes_every_so_many_th_place(size: tuple[int, int], stride: int) -> None:
    network = pellucid.cnn((2, *size), (4, 8), 3, stem=6, stem_stride=stride, hidden=())
    stem = network.get_submodule("conv_relu_stack.0")
    assert stem(torch.zeros(1, 2, *size)).shape == (1, 4, size[0] // stride, size[1] // stride)
    assert network(torch.zeros(2, 2, *size)).shape == (2, 3)


def test_further_convolutions_of_a_block_see_the_halved_maps() -> None:
    network = pellucid.cnn((3, 16, 16), (4, 6), 2, convolutions=(1, 3), hidden=(), norm="batch", seed=0)
    seen: list[tuple[tuple[int, ...], tuple[int, ...]]] = []

    def note(layer: nn.Module, inputs: tuple[torch.Tensor], outputs: torch.Tensor) -> None:
        seen.append((tuple(inputs[0].shape[1:]), tuple(outputs.shape[1:])))

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(note)
    assert network(torch.zeros(2, 3, 16, 16)).shape == (2, 2)
    assert seen == [
        ((3, 16, 16), (4, 16, 16)), ((4, 8, 8), (6, 8, 8)), ((6, 4, 4), (6, 4, 4)), ((6, 4, 4), (6, 4, 4)),
    ]  # fmt: skip
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in network.modules()) == 4


def test_one_number_of_convolutions_is_for_every_block() -> None:
    twice = pellucid.cnn((1, 16, 16), (4, 8), 2, convolutions=2, seed=0)
    assert str(twice) == str(pellucid.cnn((1, 16, 16), (4, 8), 2, convolutions=(2, 2), seed=0))


def test_convolutions_that_do_not_fit_the_blocks_are_refused() -> None:
    with pytest.raises(
        SettingError, match=r"convolutions are \[1, 2, 3\], and there are 2 blocks\n  fix: give a number"
    ):
        pellucid.cnn((1, 16, 16), (4, 8), 2, convolutions=(1, 2, 3))
    with pytest.raises(SettingError, match="convolutions is"):
        pellucid.cnn((1, 16, 16), (4, 8), 2, convolutions=0)


@pytest.mark.parametrize("stride", [0, 3, 8])
def test_a_stride_that_would_skip_places_or_lie_askew_is_refused(stride: int) -> None:
    with pytest.raises(ShapeError, match=f"stem_stride is {stride}\n  fix: make it even, and at most the window's 6"):
        pellucid.cnn((1, 64, 64), (4,), 2, stem=6, stem_stride=stride)


def test_a_stem_counts_among_what_halves_an_image_to_nothing() -> None:
    with pytest.raises(ShapeError, match=r"4 blocks halve an image of 20x20 to nothing\n  fix: use at most 3 blocks"):
        pellucid.cnn((1, 20, 20), (4,) * 4, 2, stem=4, stem_stride=4)
    assert pellucid.cnn((1, 20, 20), (4,) * 3, 2, stem=4, stem_stride=4)(torch.zeros(2, 1, 20, 20)).shape == (2, 2)


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(ShapeError, match="give channels, height and width"):
        cnn_for((12,), 3)
    with pytest.raises(SettingError, match=r"inputs is \(3, 0, 8\)"):
        cnn_for((3, 0, 8), 3)


@pytest.mark.slow
@pytest.mark.parametrize("size", [32, 96])
def test_it_learns_coloured_shapes(size: int) -> None:
    splits = {name: shapes(count, size, seed) for seed, (name, count) in enumerate([("train", 600), ("test", 300)])}
    dataset = Dataset("shapes", splits, ("disc", "square", "ring"))
    run = pellucid.train(
        cnn_for((3, size, size), 3, seed=0), dataset, Settings(epochs=5, start="whitened"), device="cpu"
    )
    assert run.evaluation is not None
    assert run.evaluation.score > 0.9
