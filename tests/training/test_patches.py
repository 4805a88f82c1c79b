"""A first convolution with whitening filters."""

import numpy as np
import pytest
import torch
from torch import nn

import pellucid
from pellucid.data.dataset import Dataset
from pellucid.training.patches import first_convolution, whiten_patches
from pellucid.training.settings import Settings

CPU = torch.device("cpu")


def test_the_filters_answers_are_uncorrelated_and_equally_loud(fashion_mnist: Dataset) -> None:
    network = nn.Sequential(nn.Conv2d(1, 12, 4, stride=2))
    preparation = pellucid.ImagePreparation.fit(fashion_mnist.train)
    start = whiten_patches(network, fashion_mnist.train, preparation, ["0"], CPU)
    assert start is not None and start.components == 6
    images = preparation(torch.from_numpy(fashion_mnist.train.inputs[::20]))
    with torch.no_grad():
        answers = network(images).transpose(0, 1).flatten(1)
    covariance = np.cov(answers[:6].numpy())
    spread = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(spread, spread)
    assert np.abs(correlation - np.eye(6)).max() < 0.05
    assert spread.max() / spread.min() < 2
    assert torch.equal(answers[:6], -answers[6:])


def test_the_convolution_is_kept_while_training_and_may_be_trained_afterwards(dataset: Dataset) -> None:
    network = pellucid.cnn((1, 6, 6), (4, 8), 3, hidden=(), stem=2, seed=0)
    before = network.get_parameter("conv_relu_stack.0.weight").detach().clone()
    run = pellucid.train(network, dataset, Settings(epochs=20, start="whitened", batch_size=16))
    weight = network.get_parameter("conv_relu_stack.0.weight")
    assert run.choices.to_dict()["start"] == "whitened"
    assert not torch.equal(weight, before)
    assert torch.equal(weight[:2], -weight[2:4])
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert run.evaluation is not None and run.evaluation.score > 0.8


def test_no_convolution_loses_its_weights_unasked(dataset: Dataset) -> None:
    network = pellucid.cnn((1, 6, 6), (4, 8), 3, hidden=(), stem=2, seed=0)
    run = pellucid.train(network, dataset, Settings(epochs=1))
    assert run.choices.patches is None


@pytest.mark.parametrize(
    "network",
    [nn.Sequential(nn.Flatten(), nn.Linear(36, 3)), nn.Sequential(nn.BatchNorm2d(1), nn.Conv2d(1, 2, 3))],
    ids=["linear", "normalisation first"],
)
def test_other_first_layers_are_left_alone(network: nn.Module) -> None:
    assert first_convolution(network, ["0", "1"]) is None


def test_the_command_gives_its_own_cnn_the_whitened_start(dataset: Dataset) -> None:
    from pellucid.cli.starting import network_for

    network = network_for(dataset, "cnn", hidden="", activation="relu", seed=0).network
    choices = pellucid.train(network, dataset, Settings(epochs=1, start="whitened")).choices
    assert choices.patches is not None and choices.patches.layer == "conv_relu_stack.0"
