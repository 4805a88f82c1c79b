"""Hidden layers that pass the signal on: which are scaled, by how much, and which are left alone."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid
from pellucid.data.dataset import Dataset, Split
from pellucid.tracing.describing import describe
from pellucid.training.scaling import is_fresh, scale_layers
from pellucid.training.settings import Settings, Start


def inputs(examples: int = 400, width: int = 64) -> Tensor:
    return torch.randn(examples, width, generator=torch.Generator().manual_seed(0))


def scaled(network: nn.Module) -> dict[str, float]:
    return scale_layers(network, describe(network, inputs(2)), inputs())


def strengths(network: nn.Module) -> list[float]:
    """Standard deviation of what each Linear gives, by hand."""
    found: list[float] = []
    values = inputs()
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            values = values @ layer.weight.detach().T + layer.bias.detach()
            found.append(float(values.std()))
            values = values.clamp(min=0)
    return found


def test_each_hidden_layer_of_a_deep_stack_gets_the_strength_of_the_first() -> None:
    network = pellucid.mlp(64, (128,) * 5, 10, seed=0)
    before = strengths(network)
    factors = scaled(network)
    after = strengths(network)
    assert before[4] < before[0] / 3
    assert list(factors) == [f"linear_relu_stack.{place}" for place in (2, 4, 6, 8)]
    assert after[:5] == pytest.approx([before[0]] * 5, rel=1e-4)


def test_the_first_and_the_last_layer_stay_as_they_are() -> None:
    network = pellucid.mlp(64, (128,) * 3, 10, seed=0)
    before = copy.deepcopy(network.state_dict())
    scaled(network)
    changed = {name for name, tensor in network.state_dict().items() if not torch.equal(before[name], tensor)}
    assert changed == {f"linear_relu_stack.{place}.{kind}" for place in (2, 4) for kind in ("weight", "bias")}


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(64, 64), nn.Linear(64, 64), nn.Linear(64, 10)

    def forward(self, values: Tensor) -> Tensor:
        values = torch.relu(self.first(values))
        logits: Tensor = self.last(values + torch.relu(self.second(values)))
        return logits


def learned() -> nn.Module:
    """A stack whose second layer has moved a little."""
    network = pellucid.mlp(64, (128, 128, 128), 10, seed=0)
    linear = network.get_submodule("linear_relu_stack.2")
    assert isinstance(linear, nn.Linear)
    with torch.no_grad():
        linear.weight += 0.01 * torch.sign(linear.weight)
    return network


@pytest.mark.parametrize(
    "network",
    [
        learned(),
        pellucid.mlp(64, (128, 128, 128), 10, norm="batch", seed=0),
        Residual(),
        nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)),
        nn.Sequential(*[layer for _ in range(3) for layer in [nn.Linear(64, 64), nn.ReLU()]][:2] * 3),
        nn.Sequential(nn.Linear(64, 64), nn.Softmax(1), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)),
    ],
    ids=["has learned", "normalised", "residual", "one hidden layer", "shared layer", "softmax inside"],
)
def test_another_network_is_left_as_it_was(network: nn.Module) -> None:
    before = copy.deepcopy(network.state_dict())
    assert scaled(network) == {}
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_weights_are_fresh_until_one_step_was_made() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(64, 64)
    assert is_fresh(layer)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    layer(inputs(8)).square().sum().backward()
    optimizer.step()
    assert not is_fresh(layer)


def waves() -> Dataset:
    generator = np.random.default_rng(0)
    labels = np.arange(2000) % 4
    phase = labels[:, None] * 1.5 + generator.normal(0, 0.3, (2000, 1))
    values = np.sin(np.arange(64)[None] / 5 + phase) + generator.normal(0, 0.5, (2000, 64))
    rows = values.astype(np.float32).reshape(-1, 1, 8, 8)
    cut = {"train": slice(0, 1600), "validation": slice(1600, 2000)}
    return Dataset("waves", {name: Split(rows[part], labels[part]) for name, part in cut.items()}, tuple("abcd"))


def test_a_deep_network_learns_what_it_does_not_learn_from_a_plain_start() -> None:
    def accuracy(start: Start) -> float:
        network = pellucid.mlp(64, (64,) * 12, 4, seed=0)
        run = pellucid.train(network, waves(), Settings(epochs=2, start=start, batch_size=32, learning_rate=2e-3))
        return run.history.best.validation_accuracy or 0.0

    assert accuracy("auto") > 0.9
    assert accuracy("plain") < 0.85


def test_what_was_scaled_is_said() -> None:
    choices = pellucid.train(pellucid.mlp(64, (64,) * 4, 4, seed=0), waves(), Settings(epochs=1)).choices
    assert "3 hidden layers scaled to pass the signal on" in str(choices)
    plain = pellucid.train(pellucid.mlp(64, (64,) * 4, 4, seed=0), waves(), Settings(epochs=1, start="plain")).choices
    assert "scaled" not in str(plain)
