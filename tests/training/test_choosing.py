"""What a run chooses for itself."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid
from pellucid.data.dataset import Dataset
from pellucid.devices import has_fast_bfloat16
from pellucid.errors import SettingError
from pellucid.tracing.describing import describe
from pellucid.training import probing
from pellucid.training.choosing import Choices, batch_size_for, choose, epochs_for
from pellucid.training.settings import Settings

CPU = torch.device("cpu")
LOSS = nn.CrossEntropyLoss()


def chosen(network: nn.Module, dataset: Dataset, settings: Settings) -> Choices:
    preparation = pellucid.ImagePreparation.fit(dataset.train)
    architecture = describe(network, preparation(torch.from_numpy(dataset.train.inputs[:2])))
    return choose(network, dataset.train, preparation, architecture, LOSS, settings, CPU)


def probe_of(network: nn.Module) -> probing.Probe:
    return probing.Probe(network, LOSS, Settings(batch_size=64), CPU)


class NeedsDigits(nn.Module):
    """Loses everything that it knows when numbers have 8 bits: it takes the difference of large, near numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        logits: Tensor = (self.linear(inputs) + 5000) - 5000
        return logits


def batch(width: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(64, width, generator=generator), torch.randint(0, 3, (64,), generator=generator)


def test_a_network_that_bfloat16_would_harm_falls_back_to_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "has_fast_bfloat16", lambda _device: True)
    monkeypatch.setattr(probing, "FEWEST_MACS", 0)
    monkeypatch.setattr(probing, "times_faster", lambda *_arguments: 2.0)
    assert probing.choose_arithmetic(probe_of(NeedsDigits()), *batch(8), 1000)[0] == "float32"
    assert probing.choose_arithmetic(probe_of(pellucid.mlp(8, (16,), 3)), *batch(8), 1000)[0] == "bfloat16"


def test_bfloat16_that_does_not_pay_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "has_fast_bfloat16", lambda _device: True)
    monkeypatch.setattr(probing, "times_faster", lambda *_arguments: 0.8)
    arithmetic, why = probing.choose_arithmetic(probe_of(pellucid.mlp(8, (16,), 3)), *batch(8), 10**9)
    assert (arithmetic, why) == ("float32", "bfloat16 only 0.8 times as fast as float32")


def test_a_processor_without_bfloat16_trains_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "has_fast_bfloat16", lambda _device: False)
    arithmetic, why = probing.choose_arithmetic(probe_of(pellucid.mlp(8, (16,), 3)), *batch(8), 10**9)
    assert (arithmetic, why) == ("float32", "no fast bfloat16 on this processor")


@pytest.mark.skipif(not has_fast_bfloat16(CPU), reason="needs a processor with bfloat16")
def test_the_default_network_trains_in_bfloat16(fashion_mnist: Dataset) -> None:
    choices = chosen(pellucid.mlp(784, (512, 512), 10, seed=0), fashion_mnist, Settings())
    assert choices.start is not None
    assert (choices.arithmetic, choices.settings.batch_size, choices.settings.epochs) == ("bfloat16", 256, 4)
    assert 2e-3 <= (choices.settings.learning_rate or 0) <= 6e-3
    assert "whitened start" in str(choices)


def test_choosing_leaves_no_mark(dataset: Dataset) -> None:
    network = pellucid.mlp(36, (16,), 3, dropout=0.5, norm="batch", seed=0)
    before = copy.deepcopy(network.state_dict())
    modes = [module.training for module in network.modules()]
    random_state = torch.get_rng_state()
    choices = chosen(network, dataset, Settings(start="plain"))
    assert choices.settings.learning_rate is not None
    assert torch.equal(torch.get_rng_state(), random_state)
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_the_range_test_finds_a_lower_rate_for_a_steeper_network(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(probing.HIGHEST_RATES, "adamw", 1.0)

    class Steep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = pellucid.mlp(36, (16, 16), 3, seed=0)

        def forward(self, inputs: Tensor) -> Tensor:
            logits: Tensor = self.inner(inputs) * 300
            return logits

    settings = Settings(start="plain", batch_size=32)
    gentle = chosen(pellucid.mlp(36, (16, 16), 3, seed=0), dataset, settings).settings.learning_rate
    steep = chosen(Steep(), dataset, settings).settings.learning_rate
    assert steep is not None and gentle is not None
    assert steep < gentle


def test_the_range_test_ends_early_with_the_rate_that_the_whole_one_finds(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The highest rate that is taken is passed before the middle; a limit past the range never ends it early."""
    steps: list[float] = []
    step = probing.Trial.step

    def counted(trial: probing.Trial, inputs: Tensor, labels: Tensor, rate: float) -> Tensor:
        steps.append(rate)
        return step(trial, inputs, labels, rate)

    monkeypatch.setattr(probing.Trial, "step", counted)
    preparation = pellucid.ImagePreparation.fit(dataset.train)
    probe = probe_of(pellucid.mlp(36, (16,), 3, seed=0))
    torch.manual_seed(0)
    early = probing.choose_learning_rate(probe, dataset.train, preparation, "float32")
    assert early == probing.HIGHEST_RATES["adamw"]
    assert len(steps) < probing.RANGE_STEPS - 4
    monkeypatch.setattr(probing, "HIGHEST_RATES", {"adamw": 1.0})
    steps.clear()
    torch.manual_seed(0)
    whole = probing.choose_learning_rate(probe, dataset.train, preparation, "float32")
    assert len(steps) > probing.RANGE_STEPS - 4
    assert whole > early


class Folding(nn.Module):
    """Makes an image of a row of a table, for a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 4, 3, padding=1)
        self.out = nn.Linear(4 * 64, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        features: Tensor = self.convolution(inputs.view(-1, 1, 8, 8)).relu().flatten(1)
        logits: Tensor = self.out(features)
        return logits


def test_a_network_that_makes_images_of_rows_is_trained() -> None:
    """Only inputs that are images can have their channels last."""
    generator = np.random.default_rng(0)
    inputs, labels = generator.normal(size=(300, 64)).astype(np.float32), np.arange(300) % 10
    rows = pellucid.from_arrays(inputs, labels)
    run = pellucid.train(Folding(), rows, Settings(epochs=1, batch_size=32))
    assert math.isfinite(run.history.best.train_loss)


def test_a_network_that_explodes_at_once_gets_the_lowest_rate(dataset: Dataset) -> None:
    class Explodes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(36, 3)

        def forward(self, inputs: Tensor) -> Tensor:
            logits: Tensor = self.linear(inputs.flatten(1)) * math.inf
            return logits

    assert chosen(Explodes(), dataset, Settings(start="plain")).settings.learning_rate == 1e-3


def test_what_is_asked_for_is_taken_as_it_is(dataset: Dataset) -> None:
    settings = Settings(epochs=3, batch_size=8, learning_rate=0.02, precision="float32", start="plain")
    choices = chosen(pellucid.mlp(36, (16,), 3), dataset, settings)
    assert choices.settings == settings
    assert choices.reasons == {}


@pytest.mark.parametrize(("examples", "batch_size", "epochs"), [(100, 16, 40), (1_437, 16, 10), (10**6, 256, 2)])
def test_small_datasets_get_small_batches_and_more_epochs(examples: int, batch_size: int, epochs: int) -> None:
    assert batch_size_for(examples) == batch_size
    assert epochs_for(-(-examples // batch_size)) == epochs


def test_a_run_tells_what_it_chose(dataset: Dataset) -> None:
    events: list[object] = []
    run = pellucid.train(pellucid.mlp(36, (16,), 3, seed=0), dataset, Settings(), watcher=events.append)
    (choices,) = [event for event in events if isinstance(event, Choices)]
    assert choices.settings == run.settings
    assert run.to_dict()["chosen"]["learning_rate"] == run.settings.learning_rate
    assert run.classifier.settings["chosen"]["batch_size"] == run.settings.batch_size


def test_reference_takes_no_tricks(dataset: Dataset) -> None:
    run = pellucid.train(pellucid.mlp(36, (16,), 3, seed=0), dataset, Settings(epochs=1, reference=True))
    assert (run.precision, run.choices.start) == ("float32", None)
    with pytest.raises(SettingError, match=r"reference trains without precision 'bfloat16'\n  fix: leave"):
        Settings(reference=True, precision="bfloat16")


def test_epochs_and_seconds_together_are_an_error() -> None:
    with pytest.raises(SettingError, match="both epochs and seconds are given\n  fix: give one of them"):
        Settings(epochs=2, seconds=1)
