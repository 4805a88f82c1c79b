"""What is saved can be loaded: networks that are easily written down wrongly, and refusals where none can be."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

import pellucid
from pellucid.classifier.classifier import Classifier
from pellucid.data.dataset import Dataset
from pellucid.data.preparing_images import ImagePreparation
from pellucid.errors import DataError, RecipeError


def classifier_with(network: nn.Module, examples: Dataset, **fields: Any) -> Classifier:
    """A classifier with this network."""
    facts: dict[str, Any] = {"class_names": examples.class_names, **fields}
    return Classifier(network, ImagePreparation.fit(examples.train), **facts)


def one_relu_twice() -> nn.Module:
    """Three linear layers, with the same ReLU between each two."""
    relu = nn.ReLU()
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 8), relu, nn.Linear(8, 8), relu, nn.Linear(8, 3))


def one_linear_twice() -> nn.Module:
    """One linear layer that is applied two times."""
    linear = nn.Linear(36, 36)
    return nn.Sequential(nn.Flatten(), linear, nn.Tanh(), linear, nn.Linear(36, 3))


def one_weight_twice() -> nn.Module:
    """Two linear layers with one weight."""
    first, second = nn.Linear(36, 36), nn.Linear(36, 36)
    second.weight = first.weight
    return nn.Sequential(nn.Flatten(), first, second, nn.Linear(36, 3))


def around_the_edge() -> nn.Module:
    """A convolution that goes on at the opposite edge."""
    return nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, padding_mode="circular"), nn.Flatten(), nn.Linear(72, 3))


def without_the_padding() -> nn.Module:
    """Mean pooling that leaves the padding out of the mean."""
    pool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return nn.Sequential(pool, nn.Flatten(), nn.Linear(36, 3))


def with_a_divisor() -> nn.Module:
    """Mean pooling with a divisor of its own."""
    return nn.Sequential(nn.AvgPool2d(2, divisor_override=3), nn.Flatten(), nn.Linear(9, 3))


@pytest.mark.parametrize(
    "make",
    [one_relu_twice, one_linear_twice, one_weight_twice, around_the_edge, without_the_padding, with_a_divisor],
)
def test_a_network_by_hand_comes_back_bit_equally(
    make: Callable[[], nn.Module], dataset: Dataset, tmp_path: Path
) -> None:
    classifier = classifier_with(make(), dataset)
    loaded = pellucid.load(pellucid.save(classifier, tmp_path / "one.safetensors"))
    inputs = torch.from_numpy(dataset.test.inputs)
    assert torch.equal(loaded.logits(inputs), classifier.logits(inputs))


@pytest.mark.parametrize("names", [("T\u00a0shirt", "b", "c"), ("日本\u3000語", "b", "c"), ("👩\u200d🚀", "é", "ß")])
def test_class_names_of_any_script_come_back(names: tuple[str, ...], dataset: Dataset, tmp_path: Path) -> None:
    classifier = classifier_with(pellucid.mlp(36, 4, 3), dataset, class_names=names)
    assert pellucid.load(pellucid.save(classifier, tmp_path / "one.safetensors")).class_names == names


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"class_names": ("a", "a", "b")}, "stands twice"),
        ({"class_names": ("a\tb", "b", "c")}, "control characters"),
        ({"class_names": ("a", "\x1b[2J", "c")}, "control characters"),
        ({"class_names": ("a", "b\u202egnp", "c")}, "control characters"),
        ({"class_names": ("a", "\ud800", "c")}, "control characters"),
        ({"dataset": {"name": "a\nb"}}, "control characters"),
        ({"metrics": {"accuracy": float("nan")}}, "no proper card: Out of range float"),
        ({"settings": {"loss": object()}}, "no proper card: Object of type object"),
    ],
)
def test_a_card_that_could_not_be_read_again_is_not_written(
    fields: dict[str, Any], message: str, dataset: Dataset, tmp_path: Path
) -> None:
    classifier = classifier_with(pellucid.mlp(36, 4, 3), dataset, **fields)
    with pytest.raises(DataError, match=rf"{message}(.|\n)*fix: name each class once"):
        pellucid.save(classifier, tmp_path / "one.safetensors")
    assert not list(tmp_path.iterdir())


def nested(levels: int) -> nn.Module:
    """A network in this many boxes."""
    network: nn.Module = nn.Sequential(nn.Flatten(), nn.Linear(36, 3))
    for _ in range(levels):
        network = nn.Sequential(network)
    return network


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (pellucid.mlp(36, 4, 3).double(), r"torch\.float64 .* the network has torch\.float32"),
        (nested(40), "or 32 levels"),
        (nn.Sequential(nn.Flatten(), weight_norm(nn.Linear(36, 3))), "cannot be written as a recipe"),
        (nn.Sequential(nn.Flatten(), nn.Bilinear(36, 3, 3)), "Bilinear cannot be written as a recipe"),
    ],
    ids=["float64", "deep", "parametrized", "bilinear"],
)
def test_a_network_that_could_not_be_built_again_is_not_written(
    network: nn.Module, message: str, dataset: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match=rf"{message}(.|\n)*fix: .*write .* as a class of your own"):
        pellucid.save(classifier_with(network, dataset), tmp_path / "one.safetensors")
    assert not list(tmp_path.iterdir())


class Restless(nn.Module):
    """Draws a random number whenever it is asked, whatever its mode."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(36, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.layer(inputs.flatten(1)) + torch.rand(3)
        return logits


def test_asking_a_random_network_leaves_the_generator_as_it_was(dataset: Dataset) -> None:
    classifier = classifier_with(Restless(), dataset)
    before = torch.get_rng_state()
    pellucid.predict(classifier, dataset.test.inputs)
    assert torch.equal(torch.get_rng_state(), before)
