"""Weights in one buffer, against PyTorch's own optimizers on each parameter."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import pellucid
from pellucid.training.settings import Settings
from pellucid.training.weights import FlatWeights, PlainWeights, can_be_flat

FINE = torch.zeros(())


class Several(nn.Module):
    """A channels-last convolution, a normalisation, tied weights, a frozen layer and one that is never used."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 5, 3)
        self.norm = nn.BatchNorm2d(5)
        self.first = nn.Linear(5, 5)
        self.second = nn.Linear(5, 5)
        self.second.weight = self.first.weight
        self.frozen = nn.Linear(5, 4).requires_grad_(False)
        self.unused = nn.Linear(5, 5)

    def forward(self, inputs: Tensor) -> Tensor:
        maps = torch.relu(self.norm(self.convolution(inputs))).mean(dim=(2, 3))
        logits: Tensor = self.frozen(torch.relu(self.second(torch.relu(self.first(maps)))))
        return logits


def several(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return Several().to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def trained(network: nn.Module, weights: Any, steps: int, dtype: torch.dtype = torch.float32) -> None:
    generator = torch.Generator().manual_seed(1)
    for step in range(steps):
        inputs = torch.randn(16, 3, 6, 6, generator=generator).contiguous(memory_format=torch.channels_last)
        labels = torch.randint(0, 4, (16,), generator=generator)
        loss = nn.functional.cross_entropy(network(inputs.to(dtype)).float(), labels)
        weights.clear()
        loss.backward()  # type: ignore[no-untyped-call]
        weights.step(0.01 / (step + 1))
    weights.close()


@pytest.mark.parametrize("clip_norm", [None, 0.3])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_one_buffer_trains_as_pytorchs_own_optimizer_does(optimizer: Any, clip_norm: float | None) -> None:
    settings = Settings(optimizer=optimizer, clip_norm=clip_norm, weight_decay=0.0)
    flat, plain = several(), several()
    trained(flat, FlatWeights(flat, settings, FINE, is_bfloat16=False), 6)
    trained(plain, PlainWeights(plain, settings, FINE), 6)
    for (name, mine), theirs in zip(flat.state_dict().items(), plain.state_dict().values(), strict=True):
        assert torch.allclose(mine.float(), theirs.float(), rtol=1e-4, atol=1e-6), name


def test_afterwards_every_parameter_is_the_object_and_in_the_memory_it_was() -> None:
    network = several()
    before = [(p, p.data_ptr(), p.stride(), p.requires_grad) for p in network.parameters()]
    trained(network, FlatWeights(network, Settings(), FINE, is_bfloat16=True), 2, torch.bfloat16)
    assert before == [(p, p.data_ptr(), p.stride(), p.requires_grad) for p in network.parameters()]
    assert {p.dtype for p in network.parameters()} == {torch.float32}


def test_bfloat16_moves_like_float32_and_keeps_small_changes() -> None:
    exact, rough = several(), several()
    start = exact.get_parameter("first.weight").detach().clone()
    trained(exact, FlatWeights(exact, Settings(), FINE, is_bfloat16=False), 8)
    trained(rough, FlatWeights(rough, Settings(), FINE, is_bfloat16=True), 8, torch.bfloat16)
    moved = (exact.get_parameter("first.weight").detach() - start).flatten()
    also = (rough.get_parameter("first.weight").detach() - start).flatten()
    assert float(torch.cosine_similarity(moved, also, dim=0)) > 0.9
    # A bfloat16 near 0.3 has steps of 0.001: weights kept in it would have moved in such steps only.
    assert not torch.equal(rough.get_parameter("first.weight"), rough.get_parameter("first.weight").bfloat16().float())


def test_normalisations_and_their_statistics_stay_float32_meanwhile() -> None:
    network = several()
    weights = FlatWeights(network, Settings(), FINE, is_bfloat16=True)
    assert network.get_parameter("norm.weight").dtype == torch.float32
    assert network.get_buffer("norm.running_mean").dtype == torch.float32
    assert network.get_parameter("frozen.weight").dtype == torch.bfloat16
    weights.close()


def test_a_snapshot_gives_weights_and_buffers_back() -> None:
    network = several()
    weights = FlatWeights(network, Settings(), FINE, is_bfloat16=False)
    snapshot = weights.snapshot()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.add_(1)
    weights.put_back(snapshot)
    for name, tensor in network.state_dict().items():
        if "frozen" not in name:  # nothing of ours moves it
            assert torch.equal(tensor, before[name]), name
    weights.close()


@pytest.mark.parametrize(
    ("network", "can"),
    [(pellucid.mlp(4, (3,), 2), True), (nn.Linear(3, 2).double(), False), (nn.Linear(3, 2).bfloat16(), False)],
)
def test_only_plain_float32_parameters_share_a_buffer(network: nn.Module, *, can: bool) -> None:
    assert can_be_flat(network) is can
