"""float16 with a scaled loss: small gradients are kept, overflows move nothing, and whoever never fits is told."""

import copy
from typing import Literal

import pytest
import torch
from torch import Tensor, nn

import pellucid
from pellucid.data.dataset import Dataset
from pellucid.errors import NonfiniteLossError, SettingError
from pellucid.training import loss_scale, probing
from pellucid.training.loss_scale import LossScale
from pellucid.training.probing import Probe, Trial, choose_arithmetic
from pellucid.training.settings import Settings
from pellucid.training.weights import FlatWeights

CPU = torch.device("cpu")
GOOD = torch.zeros(())


def test_a_run_in_float16_learns_what_one_in_float32_learns(dataset: Dataset) -> None:
    settings = Settings(epochs=2, batch_size=50, learning_rate=0.003, threads=1, start="plain", precision="float32")
    network = pellucid.mlp(36, (16, 16), 3, seed=0)
    other = copy.deepcopy(network)
    exact = pellucid.train(network, dataset, settings)
    run = pellucid.train(other, dataset, Settings(**(settings.to_dict() | {"precision": "float16"})))
    assert (exact.precision, run.precision) == ("float32", "float16")
    assert run.to_dict()["chosen"]["precision"] == "float16"
    assert run.history.best.train_loss == pytest.approx(exact.history.best.train_loss, rel=0.01)
    moved = False
    for one, start, two in zip(
        network.parameters(), pellucid.mlp(36, (16, 16), 3, seed=0).parameters(), other.parameters(), strict=True
    ):
        assert two.dtype == torch.float32
        torch.testing.assert_close(one, two, rtol=0.1, atol=0.01)
        moved |= not torch.allclose(two, start, rtol=0, atol=0.01)
    assert moved


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_an_overflow_moves_nothing_and_halves_the_factor(optimizer: Literal["adamw", "sgd"]) -> None:
    network = nn.Linear(3, 2)
    scale = LossScale(CPU)
    settings = Settings(optimizer=optimizer, weight_decay=0.1)
    weights = FlatWeights(network, settings, GOOD.clone(), is_bfloat16=False, scale=scale)
    before = network.weight.detach().clone()
    inputs = torch.ones(4, 3)
    for value, factor in ((float("inf"), 2.0**15), (1.0, 2.0**15)):
        weights.clear()
        loss = network(inputs).sum()
        assert scale.of(loss).item() == pytest.approx(
            2 * factor * loss.item() if value != 1.0 else factor * loss.item()
        )
        scale.of(loss * value).backward()  # type: ignore[no-untyped-call]
        weights.step(0.01)
        assert bool(torch.equal(network.weight, before)) == (value != 1.0)
        assert scale.found.item() == (value != 1.0)
    # A first step of Adam moves each weight by the rate, however many were left out before it.
    if optimizer == "adamw":
        torch.testing.assert_close(network.weight.detach(), before * (1 - 0.01 * 0.1) - 0.01, rtol=1e-4, atol=1e-5)
    weights.close()


def test_the_factor_goes_the_way_of_pytorchs_scaler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss_scale, "UP_AFTER", 3)
    ours = LossScale(CPU)
    theirs = torch.amp.GradScaler("cpu", init_scale=2.0**16, growth_interval=3)
    weight = nn.Parameter(torch.zeros(()))
    optimizer = torch.optim.SGD([weight], lr=0.0)
    one = torch.ones(())
    for is_over in (False, True, False, False, False, False, True, True, False, False, False):
        theirs.scale(weight * (float("inf") if is_over else 1.0)).backward()  # type: ignore[no-untyped-call]
        theirs.step(optimizer)
        theirs.update()
        weight.grad = None
        ours.undo([torch.full((2,), float("inf") if is_over else 1.0)], GOOD)
        assert ours.of(one).item() == theirs.get_scale()


def test_a_loss_that_is_no_number_updates_nothing() -> None:
    scale = LossScale(CPU)
    scale.undo([torch.ones(2)], torch.ones(()))
    assert scale.found.item() == 1


def test_gradients_that_never_fit_are_told() -> None:
    scale = LossScale(CPU)
    for _ in range(26):
        scale.check()
        scale.undo([torch.full((1,), float("nan"))], GOOD)
    scale.undo([torch.full((1,), float("nan"))], GOOD)
    with pytest.raises(NonfiniteLossError, match=r"(?s)float16.*--precision float32"):
        scale.check()


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e3])
def test_gradients_are_those_of_float32_however_small_or_large(factor: float) -> None:
    network = nn.Linear(8, 3)
    labels = torch.arange(32) % 3
    inputs = torch.randn(32, 8, generator=torch.Generator().manual_seed(0))

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        return factor * nn.functional.cross_entropy(logits, labels)

    probe = Probe(network, loss, Settings(batch_size=32), CPU)
    exact = Trial(probe, "float32").gradient(inputs, labels)
    found = Trial(probe, "float16").gradient(inputs, labels)
    assert found[0] == pytest.approx(exact[0], rel=0.01)
    torch.testing.assert_close(found[1], exact[1], rtol=0.05, atol=0.02 * float(exact[1].abs().max()))
    if factor < 1:
        # Without a factor there would be nothing left of them.
        with torch.autocast("cpu", torch.float16):
            logits = network(inputs)
        (gradient,) = torch.autograd.grad(loss(logits.float(), labels), network.weight)
        assert not gradient.any()


@pytest.mark.parametrize(("gain", "expected"), [(2.0, "float16"), (1.0, "float32")])
def test_it_is_chosen_where_only_float16_is_fast_and_pays(
    monkeypatch: pytest.MonkeyPatch, gain: float, expected: str
) -> None:
    monkeypatch.setattr(probing, "has_fast_bfloat16", lambda device: False)
    monkeypatch.setattr(probing, "has_fast_float16", lambda device: True)
    monkeypatch.setattr(probing, "times_faster", lambda *arguments: gain)
    probe = Probe(nn.Linear(8, 3), nn.CrossEntropyLoss(), Settings(batch_size=32), CPU)
    inputs, labels = torch.randn(32, 8, generator=torch.Generator().manual_seed(0)), torch.arange(32) % 3
    chosen, why = choose_arithmetic(probe, inputs, labels, probing.FEWEST_MACS)
    assert chosen == expected
    assert why is not None and f"float16 {'' if gain > 1 else 'only '}{gain:.1f} times" in why
    assert choose_arithmetic(probe, inputs, labels, 1) == ("float32", "float32, since the network is small")


def test_reference_is_float32() -> None:
    with pytest.raises(SettingError, match="float16"):
        Settings(reference=True, precision="float16")
