"""Watching leaves no mark: same weights, same random numbers, nothing left patched."""

import contextlib
import random

import numpy as np
import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler, StepLR
from torch.utils.data import DataLoader, TensorDataset

from pellucid.doctor.checking import check
from pellucid.doctor.watching import watch


def train() -> tuple[list[torch.Tensor], torch.Tensor, float, float]:
    torch.manual_seed(3)
    random.seed(3)
    np.random.seed(3)
    inputs, labels = torch.randn(200, 6), torch.randint(0, 3, (200,))
    loader = DataLoader(TensorDataset(inputs, labels), batch_size=20, shuffle=True)
    network = nn.Sequential(
        nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(inplace=True), nn.Dropout(0.2), nn.Linear(16, 3)
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    scheduler = StepLR(optimizer, 2)
    for _ in range(3):
        network.train()
        for batch, target in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(network(batch), target)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
        scheduler.step()
        network.eval()
        with torch.no_grad():
            network(inputs)
    state = [tensor.clone() for tensor in network.state_dict().values()]
    return state, torch.rand(4), random.random(), float(np.random.rand())


def test_weights_and_random_numbers_are_those_of_an_unwatched_run() -> None:
    alone = train()
    with watch() as watched:
        seen = train()
    assert watched.recorder.errors == []
    assert all(torch.equal(one, other) for one, other in zip(alone[0], seen[0], strict=True))
    assert torch.equal(alone[1], seen[1])
    assert alone[2:] == seen[2:]


def test_judging_within_the_run_changes_nothing() -> None:
    alone = train()
    with watch() as watched:
        train()
        states = torch.get_rng_state(), random.getstate()
        watched.checkup  # noqa: B018 trials run here
        assert torch.equal(states[0], torch.get_rng_state()) and states[1] == random.getstate()
        again = train()
    assert all(torch.equal(one, other) for one, other in zip(alone[0], again[0], strict=True))


def test_everything_is_put_back() -> None:
    def entries() -> list[object]:
        return [
            torch.autograd.backward, torch.autograd.grad, torch.optim.Optimizer.zero_grad, nn.Module.zero_grad,
            nn.utils.clip_grad_norm_, nn.utils.clip_grad.clip_grad_value_, nn.Module.__call__, nn.Module.__init__,
            nn.Module.train, DataLoader.__iter__, LRScheduler.step, LRScheduler.__init__, torch.no_grad.__enter__,
            len(torch.overrides._get_current_function_mode_stack()),
        ]  # fmt: skip

    before = entries()
    with contextlib.suppress(KeyError), watch():
        assert entries() != before
        train()
        raise KeyError
    assert entries() == before


def test_a_check_leaves_the_network_and_its_optimizer_as_they_were() -> None:
    network = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3), nn.ReLU())
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    batch = torch.randn(32, 4), torch.arange(32) % 3
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    random_state = torch.get_rng_state()
    checkup = check(network, batch, loss=nn.functional.cross_entropy, optimizer=optimizer)
    assert checkup.causes[0].rule == "rectified-logits"
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
    assert not optimizer.state
    assert torch.equal(random_state, torch.get_rng_state())
