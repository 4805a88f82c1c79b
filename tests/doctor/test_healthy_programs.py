"""No false alarm: well-known training programs, written out in many styles, and networks before their training."""

import contextlib
import importlib.util
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.doctor.checking import check
from pellucid.doctor.script import run_script

HEALTHY = Path(__file__).parent / "healthy"
PROGRAMS = sorted(path.stem for path in HEALTHY.glob("*.py"))
FASHION = Path("/usr/share/datasets/fashion-mnist")


def missing(source: str) -> str | None:
    """Return what a program needs and does not find."""
    for package in ("lightning", "skorch", "transformers", "accelerate"):
        if f"import {package}" in source or f"from {package}" in source:
            needed = (package, "accelerate") if package == "transformers" else (package,)
            absent = [name for name in needed if importlib.util.find_spec(name) is None]
            if absent:
                return absent[0]
    return str(FASHION) if str(FASHION) in source and not FASHION.is_dir() else None


def test_there_are_at_least_forty() -> None:
    assert len(PROGRAMS) >= 40


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_healthy_program_is_left_alone(name: str) -> None:
    path = HEALTHY / f"{name}.py"
    absent = missing(path.read_text())
    if absent is not None:
        pytest.skip(f"{absent} is not here")
    said = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        warnings.simplefilter("ignore")
        outcome = run_script(path)
        checkup = outcome.watch.checkup
    assert outcome.exit_code == 0, said.getvalue()
    assert checkup.is_healthy, [(finding.rule, finding.evidence) for finding in checkup.findings]
    assert not [entry for entry in checkup.skipped if "failed" in entry.reason]
    assert outcome.watch.recorder.errors == []


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        return functional.relu(images + self.inner(images))


class Last(nn.Module):
    """The answer at the last place of a sequence."""

    def __init__(self, body: nn.Module, width: int, classes: int) -> None:
        super().__init__()
        self.body, self.head = body, nn.Linear(width, classes)

    def forward(self, sequence: Tensor) -> Tensor:
        found = self.body(sequence)
        logits: Tensor = self.head((found[0] if isinstance(found, tuple) else found)[:, -1])
        return logits


def tied() -> nn.Module:
    from tests.tracing.zoo import Tied

    return Tied()


def encoder() -> nn.Module:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.1)
    return nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)


def vgg() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16 * 64, 64), nn.ReLU(),
        nn.Dropout(0.5), nn.Linear(64, 10),
    )  # fmt: skip


def resnet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1),
        Residual(8), Residual(8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10),
    )  # fmt: skip


def lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
    )  # fmt: skip


def mixer() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 16, 8, 8), nn.GELU(), nn.BatchNorm2d(16),
        nn.Conv2d(16, 16, 3, groups=16, padding="same"), nn.GELU(), nn.BatchNorm2d(16),
        nn.Conv2d(16, 16, 1), nn.GELU(), nn.BatchNorm2d(16), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10),
    )  # fmt: skip


def of_tracing(name: str) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        pytest.importorskip("transformers")
        from tests.tracing import test_architectures

        network: nn.Module = test_architectures.ARCHITECTURES[name][0]()
        return network.train()

    return make


def logits_of(outputs: Any) -> Tensor:
    """Return the logits of what a network of Transformers gives."""
    logits: Tensor = outputs if isinstance(outputs, Tensor) else outputs.logits
    return logits


def classed(outputs: Any, labels: Tensor) -> Tensor:
    return functional.cross_entropy(logits_of(outputs), labels)


def worded(outputs: Any, labels: Tensor) -> Tensor:
    return functional.cross_entropy(logits_of(outputs).flatten(0, 1), labels.flatten())


def rows(count: int = 64, width: int = 8) -> Tensor:
    return torch.randn(count, width)


def colour() -> Tensor:
    return torch.randn(32, 3, 32, 32)


def words() -> Tensor:
    return torch.randint(3, 99, (16, 7))


Case = tuple[Callable[[], nn.Module], Callable[[], Any], Callable[[], Any], Callable[[Any, Any], Tensor]]
NETWORKS: dict[str, Case] = {
    "tied": (
        tied, lambda: torch.randint(0, 11, (16, 5)), lambda: torch.randint(0, 11, (16, 5)),
        lambda logits, labels: functional.cross_entropy(logits.flatten(0, 1), labels.flatten()),
    ),
    "transformer": (
        lambda: Last(encoder(), 8, 3), lambda: torch.randn(32, 5, 8), lambda: torch.arange(32) % 3, classed,
    ),
    "LSTM": (
        lambda: Last(nn.LSTM(6, 16, 2, batch_first=True, dropout=0.2), 16, 3), lambda: torch.randn(32, 9, 6),
        lambda: torch.arange(32) % 3, classed,
    ),
    "GRU": (
        lambda: Last(nn.GRU(6, 16, bidirectional=True, batch_first=True), 32, 3), lambda: torch.randn(32, 9, 6),
        lambda: torch.arange(32) % 3, classed,
    ),
    "VGG": (vgg, colour, lambda: torch.arange(32) % 10, classed),
    "ResNet": (resnet, colour, lambda: torch.arange(32) % 10, classed),
    "LeNet": (lenet, lambda: torch.randn(32, 1, 28, 28), lambda: torch.arange(32) % 10, classed),
    "ConvMixer": (mixer, colour, lambda: torch.arange(32) % 10, classed),
    "MobileNet": (of_tracing("MobileNet"), colour, lambda: torch.arange(32) % 5, classed),
    "U-Net": (
        of_tracing("U-Net"), lambda: torch.randn(8, 3, 32, 32), lambda: torch.randint(0, 2, (8, 32, 32)), classed,
    ),
    "ResNet of the traces": (of_tracing("ResNet"), colour, lambda: torch.arange(32) % 10, classed),
    "LSTM of the traces": (
        of_tracing("LSTM"), lambda: torch.randn(32, 5, 6), lambda: torch.arange(32) % 3, classed,
    ),
    "GRU of the traces": (of_tracing("GRU"), lambda: torch.randn(32, 5, 6), lambda: torch.arange(32) % 3, classed),
    "RoBERTa": (of_tracing("RoBERTa"), words, lambda: torch.arange(16) % 2, classed),
    "GPT-2": (of_tracing("GPT-2"), words, words, worded),
    "Llama": (of_tracing("Llama"), words, words, worded),
    "ViT": (of_tracing("ViT"), colour, lambda: torch.arange(32) % 2, classed),
    "regression": (
        lambda: nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1)), rows, lambda: torch.randn(64, 1),
        functional.mse_loss,
    ),
    "binary": (
        lambda: nn.Sequential(nn.Linear(8, 32), nn.SiLU(), nn.Linear(32, 1)), rows,
        lambda: (torch.arange(64) % 2).float()[:, None], functional.binary_cross_entropy_with_logits,
    ),
    "probability": (
        lambda: nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1), nn.Sigmoid()), rows,
        lambda: (torch.arange(64) % 2).float()[:, None], functional.binary_cross_entropy,
    ),
    "autoencoder": (
        lambda: nn.Sequential(nn.Linear(8, 4), nn.Tanh(), nn.Linear(4, 8)), rows, rows, functional.mse_loss,
    ),
    "logistic regression": (lambda: nn.Linear(8, 3), rows, lambda: torch.arange(64) % 3, classed),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("has_optimizer", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_healthy_network_is_left_alone(name: str, has_optimizer: bool) -> None:
    make, draw, answer, loss = NETWORKS[name]
    torch.manual_seed(0)
    network, inputs, labels = make(), draw(), answer()
    with torch.no_grad():
        network(inputs)  # lazy layers get their width
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3) if has_optimizer else None
    checkup = check(network, (inputs, labels), loss=loss, optimizer=optimizer)
    assert checkup.is_healthy, [(finding.rule, finding.evidence) for finding in checkup.findings]
    assert not [entry for entry in checkup.skipped if "failed" in entry.reason]
