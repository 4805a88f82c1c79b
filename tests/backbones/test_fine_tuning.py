"""Fine-tuning: the last layer first, then all of the network."""

import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

import pellucid
from pellucid.classifier import saving
from pellucid.classifier.pretrained import read_weights
from pellucid.data.batches import Batches
from pellucid.data.dataset import Dataset
from pellucid.data.preparing_images import ImagePreparation
from pellucid.errors import ClassifierFileError, MissingPackageError, SettingError
from pellucid.networks.backbones import backbone
from pellucid.training import freezing, schedule
from pellucid.training.engine import fit
from pellucid.training.freezing import THAWED_RATE, HeadFirst, head_of
from pellucid.training.history import Epoch
from pellucid.training.settings import Settings

from .conftest import TinyNet, gratings

NAMES = tuple("abcdef")
LEARNED = (0.0, 30.0, 60.0, 90.0, 120.0, 150.0)
NEW = (15.0, 45.0, 75.0, 105.0, 135.0, 165.0)


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a network that has learned six directions from 1,200 images."""
    torch.manual_seed(0)
    network = TinyNet(6)
    dataset = Dataset("learned", {"train": gratings(1_200, LEARNED, 0)}, NAMES)
    pellucid.train(network, dataset, Settings(epochs=8), device="cpu")
    path = tmp_path_factory.mktemp("weights") / "tinynet.safetensors"
    save_file(network.state_dict(), path)
    return path


@pytest.fixture(scope="session")
def few() -> Dataset:
    """24 images of six other directions, and 300 to judge by."""
    splits = {"train": gratings(24, NEW, 2), "validation": gratings(60, NEW, 4), "test": gratings(300, NEW, 3)}
    return Dataset("new", splits, NAMES)


def fine(weights: Path) -> nn.Module:
    return backbone("timm:tinynet", read_weights(weights), 6, inputs=(3, 16, 16), seed=0)


def held(network: nn.Module) -> dict[str, Tensor]:
    """All but the last layer: weights, statistics and counters."""
    return {name: value.clone() for name, value in network.state_dict().items() if not name.startswith("fc.")}


def test_few_examples_are_learned_better_than_from_scratch_and_than_all_at_once(weights: Path, few: Dataset) -> None:
    def accuracy(network: nn.Module, freeze: float, seed: int) -> float:
        settings = Settings(epochs=30, batch_size=8, freeze=freeze, seed=seed, threads=1)
        run = pellucid.train(
            network, Dataset("new", {"train": few.train, "test": few.test}, NAMES), settings, device="cpu"
        )
        assert run.evaluation is not None
        return run.evaluation.score

    scratch, at_once, head_first = [], [], []
    for seed in range(3):
        torch.manual_seed(seed)
        scratch.append(accuracy(TinyNet(6), 0.0, seed))
        at_once.append(accuracy(fine(weights), 0.0, seed))
        head_first.append(accuracy(fine(weights), 0.5, seed))
    # Measured: 0.70, 0.88 and 0.95 of 300.
    assert min(head_first) > max(scratch) + 0.1
    assert np.mean(head_first) > np.mean(at_once) > np.mean(scratch)


@pytest.mark.parametrize("options", [{}, {"reference": True}, {"precision": "bfloat16"}, {"optimizer": "sgd"}])
def test_all_but_the_last_layer_is_bit_equal_until_it_is_released(
    weights: Path, few: Dataset, options: dict[str, Any]
) -> None:
    network = fine(weights)
    before, last = held(network), network.get_parameter("fc.weight").detach().clone()
    equal, rates = [], []

    def watch(event: object) -> None:
        if isinstance(event, Epoch):
            now = held(network)
            # With bfloat16 products the held weights are rounded meanwhile, and get their own back.
            same = [
                torch.equal(now[name].to(value.dtype), value.to(now[name].dtype).to(value.dtype))
                for name, value in before.items()
            ]
            equal.append(all(same))
            rates.append(event.learning_rate)
            assert not torch.equal(network.get_parameter("fc.weight").float(), last)

    settings = Settings(
        epochs=6,
        batch_size=8,
        freeze=0.4,
        weight_decay=0.1,
        learning_rate=0.01,
        schedule="constant",
        warmup=0,
        **options,
    )
    pellucid.train(network, few, settings, device="cpu", watcher=watch)
    # 0.4 of six epochs is over at the end of the third.
    assert equal == [True, True, True, False, False, False]
    assert rates == pytest.approx([0.01] * 3 + [0.01 * THAWED_RATE] * 3)


def test_statistics_and_dropout_of_what_is_held_rest_and_every_flag_comes_back() -> None:
    network = nn.Sequential(
        nn.Flatten(),
        nn.Linear(4, 8),
        nn.BatchNorm1d(8),
        nn.Dropout(0.5),
        nn.Sequential(nn.Dropout(0.1), nn.Linear(8, 2)),
    ).train()
    network[2].eval()
    network[1].bias.requires_grad_(False)
    flags = {module: module.training for module in network.modules()}
    wanted = {name: parameter.requires_grad for name, parameter in network.named_parameters()}
    first = HeadFirst(network, 0.5)
    assert [name for name, parameter in network.named_parameters() if parameter.requires_grad] == [
        "4.1.weight",
        "4.1.bias",
    ]
    assert {path for path, module in network.named_modules() if module.training} == {"", "4", "4.1"}
    assert (first.rate, first.is_over(0.4), first.is_over(0.5)) == (1.0, False, True)
    first.release()
    assert {module: module.training for module in network.modules()} == flags
    assert {name: parameter.requires_grad for name, parameter in network.named_parameters()} == wanted
    assert (first.rate, first.is_over(0.9)) == (THAWED_RATE, False)


def test_without_a_share_nothing_is_held() -> None:
    network = pellucid.cnn((1, 8, 8), (4,), 3, norm="batch").train()
    first = HeadFirst(network, 0.0)
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert not first.is_over(1.0)
    first.release()
    assert first.rate == 1.0


def test_the_last_layer_of_any_network_is_the_last_with_weights() -> None:
    assert head_of(pellucid.mlp(4, (8, 8), 2)) == {"linear_relu_stack.4.weight", "linear_relu_stack.4.bias"}
    assert head_of(nn.Sequential(nn.Linear(4, 2, bias=False), nn.ReLU())) == {"0.weight"}


def test_the_best_epoch_may_lie_in_the_first_part(weights: Path, few: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    # So high a rate that the layers together only get worse, and the last one alone goes to and fro.
    monkeypatch.setattr(freezing, "THAWED_RATE", 10.0)
    network = fine(weights)
    settings = Settings(
        epochs=12, batch_size=8, freeze=0.5, learning_rate=10.0, optimizer="sgd", momentum=0.0, schedule="constant"
    )
    before = held(network)
    run = pellucid.train(network, few, settings, device="cpu")
    expected = pellucid.evaluate(run.classifier, few, split="validation")
    assert expected.score == run.history.best.validation_accuracy
    assert run.history.best_epoch < 6
    now = held(network)
    assert all(torch.equal(value, now[name]) for name, value in before.items())


@pytest.mark.parametrize("epochs", [1, 0.5])
def test_in_a_single_epoch_all_layers_learn_after_their_share(weights: Path, few: Dataset, epochs: float) -> None:
    network = fine(weights)
    before = held(network)
    run = pellucid.train(network, few, Settings(epochs=epochs, batch_size=4, freeze=0.3), device="cpu")
    assert len(run.history.epochs) == 1
    assert any(not torch.equal(value, held(network)[name]) for name, value in before.items())
    held_long = fine(weights)
    pellucid.train(held_long, few, Settings(epochs=epochs, batch_size=4, freeze=0.999), device="cpu")
    now = held(held_long)
    last = [name for name, value in before.items() if not torch.equal(value, now[name])]
    assert not last, "with nearly all of the run held there is no step left for them"


def test_an_error_in_the_first_part_releases_the_network(weights: Path, few: Dataset) -> None:
    network = fine(weights)

    def stop(event: object) -> None:
        if isinstance(event, Epoch):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pellucid.train(network, few, Settings(epochs=9, freeze=0.9), device="cpu", watcher=stop)
    assert all(parameter.requires_grad and parameter.dtype == torch.float32 for parameter in network.parameters())


def test_a_run_by_the_clock_is_released_too(weights: Path, few: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count(0.0, 0.01)
    monkeypatch.setattr(schedule, "perf_counter", lambda: next(ticks))
    network, learning = fine(weights), []
    batches = Batches(
        few.train, ImagePreparation.fit(few.train), batch_size=8, device=torch.device("cpu"),
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip

    def watch(event: object) -> None:
        if isinstance(event, Epoch):
            learning.append(network.get_parameter("stem.0.weight").requires_grad)

    settings = Settings(seconds=2, batch_size=8, freeze=0.5, learning_rate=0.01)
    loss, device = nn.CrossEntropyLoss(), torch.device("cpu")
    history = fit(network, batches, None, loss, settings, device=device, watcher=watch)
    assert 10 < len(history.epochs) == len(learning)
    assert learning == sorted(learning)
    assert sum(learning) / len(learning) == pytest.approx(0.5, abs=0.1)


def test_a_saved_classifier_is_loaded_again_without_naming_anything(
    weights: Path, few: Dataset, tmp_path: Path
) -> None:
    run = pellucid.train(fine(weights), few, Settings(epochs=2, batch_size=8, freeze=0.5), device="cpu")
    path = pellucid.save(run.classifier, tmp_path / "new.safetensors")
    again = pellucid.load(path)
    assert isinstance(again.network, TinyNet)
    images = torch.randn(5, 3, 16, 16)
    with torch.no_grad():
        assert torch.equal(again.network(images), run.classifier.network.eval()(images))
    ours, theirs = (pellucid.evaluate(classifier, few) for classifier in (run.classifier, again))
    assert ours.to_dict()["loss"] == theirs.to_dict()["loss"]
    with safe_open(path, framework="pt") as file:
        card = json.loads(file.metadata()["pellucid"])
    assert card["network"]["name"] == "tinynet"


def test_a_file_without_the_librarys_package_says_what_to_install(
    weights: Path, few: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = pellucid.train(fine(weights), few, Settings(epochs=1, batch_size=8), device="cpu")
    path = pellucid.save(run.classifier, tmp_path / "new.safetensors")
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingPackageError, match=r"timm is not installed .*\n  fix: run: pip install timm"):
        pellucid.load(path)


def test_constants_that_take_too_much_memory_are_refused(
    weights: Path, few: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = pellucid.train(fine(weights), few, Settings(epochs=1, batch_size=8), device="cpu")
    path = pellucid.save(run.classifier, tmp_path / "new.safetensors")
    monkeypatch.setattr(saving, "MOST_INPUTS", 50)
    with pytest.raises(ClassifierFileError, match="needs too much memory"):
        pellucid.load(path)


def test_a_loaded_classifier_may_be_fine_tuned_again(weights: Path, few: Dataset, tmp_path: Path) -> None:
    run = pellucid.train(fine(weights), few, Settings(epochs=2, batch_size=8), device="cpu")
    network = pellucid.load(pellucid.save(run.classifier, tmp_path / "new.safetensors")).network
    assert head_of(network) == {"fc.weight", "fc.bias"}


def test_the_command_line_holds_the_network_at_first(
    weights: Path, few: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from click.testing import CliRunner

    from pellucid.cli import group
    from pellucid.data import reading

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reading, "read_with", lambda name, options: few)
    arguments = ["train", "new", "--network", "timm:tinynet", "--epochs", "2", "--json"]
    run: Callable[..., Any] = CliRunner().invoke
    outcome = run(group, [*arguments, "--weights", str(weights)], catch_exceptions=False)
    facts = json.loads(outcome.stdout)
    assert (facts["settings"]["freeze"], facts["classifier"]) == (0.3, "new.safetensors")
    with pytest.raises(SettingError, match="timm:tinynet has no weights: nothing is downloaded"):
        run(group, arguments, catch_exceptions=False)
    with pytest.raises(SettingError, match=r"tinynet\.safetensors cannot be the weights of 'cnn'"):
        run(group, ["train", "new", "--network", "cnn", "--weights", str(weights)], catch_exceptions=False)
    with pytest.raises(SettingError, match=r"new\.safetensors has weights of its own"):
        run(group, ["train", "new", "--from", "new.safetensors", "--weights", str(weights)], catch_exceptions=False)
