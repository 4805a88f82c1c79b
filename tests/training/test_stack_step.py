"""The written-out step of a stack of Linear and ReLU: the same as autograd, or not taken."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import pellucid
from pellucid.data.dataset import Dataset
from pellucid.products import affine
from pellucid.training import stack_step
from pellucid.training.settings import Settings
from pellucid.training.stack_step import StackStep, smoothed_cross_entropy

LOSS = nn.CrossEntropyLoss(label_smoothing=0.1)


def batch(examples: int = 32, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(examples, 1, 4, 4, generator=generator), torch.randint(0, 5, (examples,), generator=generator)


def by_autograd(network: nn.Module, loss: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[Tensor, list[Tensor]]:
    value = loss(network(inputs).float(), labels)
    return value.detach(), list(torch.autograd.grad(value, list(network.parameters())))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("hidden", [(), (12,), (12, 8, 6)])
def test_loss_and_gradients_are_those_of_autograd_for_every_batch(hidden: tuple[int, ...], smoothing: float) -> None:
    network, loss = pellucid.mlp((1, 4, 4), hidden, 5, seed=0), nn.CrossEntropyLoss(label_smoothing=smoothing)
    step = StackStep.of(network, loss, *batch())
    assert step is not None
    for examples in (32, 7):
        inputs, labels = batch(examples, seed=examples)
        value = step(inputs, labels)
        expected, gradients = by_autograd(network, loss, inputs, labels)
        assert value.item() == pytest.approx(expected.item(), rel=1e-6)
        for parameter, gradient in zip(network.parameters(), gradients, strict=True):
            assert parameter.grad is not None
            torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-7)


def test_in_bfloat16_too() -> None:
    network = pellucid.mlp((1, 4, 4), (12, 8), 5, seed=0).bfloat16()
    inputs, labels = batch()
    step = StackStep.of(network, LOSS, inputs.bfloat16(), labels)
    assert step is not None
    value = step(inputs.bfloat16(), labels)
    expected, gradients = by_autograd(network, LOSS, inputs.bfloat16(), labels)
    assert value.item() == pytest.approx(expected.item(), rel=1e-6)
    for parameter, gradient in zip(network.parameters(), gradients, strict=True):
        assert parameter.grad is not None and parameter.grad.dtype == torch.bfloat16
        torch.testing.assert_close(parameter.grad, gradient, rtol=0.02, atol=1e-4)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_the_loss_is_that_of_pytorch(smoothing: float) -> None:
    logits = (4 * torch.randn(9, 6, generator=torch.Generator().manual_seed(1))).requires_grad_()
    labels = torch.arange(9) % 6
    loss, gradient = smoothed_cross_entropy(logits.detach().clone(), labels, smoothing)
    expected = nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, logits)[0], rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("clip_norm", [None, 0.1])
def test_a_run_with_it_learns_what_a_run_without_it_learns(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, clip_norm: float | None
) -> None:
    settings = Settings(
        epochs=2, batch_size=50, learning_rate=0.003, precision="float32", threads=1, clip_norm=clip_norm
    )
    taken: list[bool] = []
    of = StackStep.of

    def noted(*arguments: Any) -> StackStep | None:
        step = of(*arguments)
        taken.append(step is not None)
        return step

    monkeypatch.setattr(StackStep, "of", noted)
    network = pellucid.mlp(36, (16, 16), 3, seed=0)
    other = copy.deepcopy(network)
    written_out = pellucid.train(network, dataset, settings)
    assert taken == [True]
    monkeypatch.setattr(StackStep, "of", lambda *_arguments: None)
    plain = pellucid.train(other, dataset, settings)
    for ours, theirs in zip(network.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)
    assert written_out.history.best.train_loss == pytest.approx(plain.history.best.train_loss, rel=1e-4)


def hooked() -> nn.Module:
    network = pellucid.mlp((1, 4, 4), (12,), 5, seed=0)
    network.get_submodule("linear_relu_stack.0").register_forward_hook(lambda *_arguments: None)
    return network


def shared() -> nn.Module:
    layer = nn.Linear(16, 16)
    return nn.Sequential(nn.Flatten(), layer, nn.ReLU(), layer)


def frozen() -> nn.Module:
    network = pellucid.mlp((1, 4, 4), (12,), 5, seed=0)
    network.get_submodule("linear_relu_stack.0").requires_grad_(requires_grad=False)
    return network


class Own(nn.Module):
    """Might do anything in its forward."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = pellucid.mlp((1, 4, 4), (12,), 5, seed=0)

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = self.stack(inputs)
        return logits


@pytest.mark.parametrize(
    "make",
    [
        hooked, shared, frozen, Own,
        lambda: pellucid.mlp((1, 4, 4), (12,), 5, activation="tanh"),
        lambda: pellucid.mlp((1, 4, 4), (12,), 5, dropout=0.5),
        lambda: pellucid.mlp((1, 4, 4), (12,), 5, norm="batch"),
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, 5), nn.ReLU()),
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(16, 12, bias=False), nn.ReLU(), nn.Linear(12, 5)),
        lambda: pellucid.cnn((1, 4, 4), (4,), 5),
    ],
)  # fmt: skip
def test_another_network_keeps_autograd(make: Callable[[], nn.Module]) -> None:
    assert StackStep.of(make(), LOSS, *batch()) is None


def test_another_loss_keeps_autograd() -> None:
    network = pellucid.mlp((1, 4, 4), (12,), 5, seed=0)
    inputs, labels = batch()
    assert StackStep.of(network, nn.CrossEntropyLoss(weight=torch.ones(5)), inputs, labels) is None
    assert StackStep.of(network, nn.CrossEntropyLoss(reduction="sum"), inputs, labels) is None
    assert StackStep.of(network, nn.MultiMarginLoss(), inputs, labels) is None
    assert StackStep.of(network, LOSS, inputs, nn.functional.one_hot(labels, 5).float()) is None


def test_it_is_not_taken_where_it_gives_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    network = pellucid.mlp((1, 4, 4), (12,), 5, seed=0)
    right = stack_step.smoothed_cross_entropy

    def wrong(logits: Tensor, labels: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
        loss, gradient = right(logits, labels, smoothing)
        return loss, 1.03 * gradient

    monkeypatch.setattr(stack_step, "smoothed_cross_entropy", wrong)
    assert StackStep.of(network, LOSS, *batch()) is None


def test_a_value_that_rounding_lifts_over_zero_does_not_refuse_it(monkeypatch: pytest.MonkeyPatch) -> None:
    network = pellucid.mlp((1, 4, 4), (64,), 5, seed=0)
    inputs, labels = batch(4096)
    with torch.no_grad():
        weight, bias = list(network.parameters())[:2]
        # The first unit of the first example is just below zero.
        bias[0] = -(inputs[0].flatten() @ weight[0]) - 1e-6

    def lifted(values: Tensor, weight: Tensor, bias: Tensor, *, is_rectified: bool = False) -> Tensor:
        return affine(values, weight, bias + 2e-6 if is_rectified else bias, is_rectified=is_rectified)

    step = StackStep.of(network, LOSS, inputs, labels)
    assert step is not None
    step(inputs, labels)
    exact = next(network.parameters()).grad
    assert exact is not None
    monkeypatch.setattr(stack_step, "affine", lifted)
    step = StackStep.of(network, LOSS, inputs, labels)
    assert step is not None
    step(inputs, labels)
    other = next(network.parameters()).grad
    assert other is not None
    assert 1e-4 < float((other - exact).norm() / exact.norm()) < stack_step.GRADIENT_TOLERANCE


def test_the_doctor_sees_every_call_of_a_watched_run() -> None:
    network, batch = pellucid.mlp(36, (16,), 3, seed=0), (torch.randn(8, 1, 6, 6), torch.arange(8) % 3)
    with pellucid.watch(network):
        assert StackStep.of(network, LOSS, *batch) is None
    assert StackStep.of(network, LOSS, *batch) is not None


def test_trying_it_leaves_no_mark() -> None:
    network = pellucid.mlp((1, 4, 4), (12,), 5, seed=0)
    before, random_state = copy.deepcopy(network.state_dict()), torch.get_rng_state()
    StackStep.of(network, LOSS, *batch())
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
    assert torch.equal(torch.get_rng_state(), random_state)
