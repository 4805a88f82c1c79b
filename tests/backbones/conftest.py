"""Stand-ins for timm and torchvision: real networks behind the few functions of theirs that are called."""

import math
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pellucid.data.dataset import Split


class TinyNet(nn.Module):
    """Two convolutions with batch normalisation, and a last layer on the means of their maps."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 12, 5, 2, 2, bias=False), nn.BatchNorm2d(12), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(12, 24, 3, 2, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU())
        self.fc = nn.Linear(24, outputs)
        # A constant that no file of weights has, as timm's transformers keep some.
        self.register_buffer("scale", torch.full((), 1 / math.sqrt(2)), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        maps: Tensor = self.body(self.stem(images))
        logits: Tensor = self.fc(maps.mean(dim=(2, 3)) * self.get_buffer("scale"))
        return logits


class SizedNet(nn.Module):
    """One weight for each place of an image of a fixed size."""

    def __init__(self, outputs: int, image_size: tuple[int, int] = (16, 16)) -> None:
        super().__init__()
        self.pos_embed = nn.Parameter(torch.randn(1, 1, *image_size))
        self.head = nn.Linear(3, outputs)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head((images + self.pos_embed).mean(dim=(2, 3)))
        return logits


class TwoAnswers(TinyNet):
    """Gives a second answer while it trains."""

    def forward(self, images: Tensor) -> Any:
        logits = super().forward(images)
        return (logits, logits) if self.training else logits


@dataclass
class Configuration:
    """What timm knows of an architecture."""

    fixed_input_size: bool = False


KINDS: dict[str, type[nn.Module]] = {"tinynet": TinyNet, "sizednet_16": SizedNet, "twoanswers": TwoAnswers}


def standing_for_timm() -> ModuleType:
    timm = ModuleType("timm")

    def create_model(name: str, *, pretrained: bool, num_classes: int, **size: Any) -> nn.Module:
        assert pretrained is False, "nothing is downloaded"
        return KINDS[name](num_classes, *([size["img_size"]] if "sized" in name else []))

    setattr(timm, "list_models", lambda: sorted(KINDS))  # noqa: B010
    setattr(timm, "create_model", create_model)  # noqa: B010
    setattr(timm, "get_pretrained_cfg", lambda name, allow_unregistered: Configuration("sized" in name))  # noqa: B010
    return timm


def standing_for_torchvision() -> tuple[ModuleType, ModuleType]:
    torchvision, models = ModuleType("torchvision"), ModuleType("torchvision.models")

    def get_model(name: str, *, weights: None, num_classes: int, **size: Any) -> nn.Module:
        return SizedNet(num_classes, (size["image_size"],) * 2) if name == "vit_16" else KINDS[name](num_classes)

    setattr(models, "list_models", lambda module: ["tinynet", "vit_16"])  # noqa: B010
    setattr(models, "get_model", get_model)  # noqa: B010
    setattr(torchvision, "models", models)  # noqa: B010
    return torchvision, models


@pytest.fixture(autouse=True)
def _libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    torchvision, models = standing_for_torchvision()
    monkeypatch.setitem(sys.modules, "timm", standing_for_timm())
    monkeypatch.setitem(sys.modules, "torchvision", torchvision)
    monkeypatch.setitem(sys.modules, "torchvision.models", models)


def gratings(examples: int, directions: tuple[float, ...], seed: int) -> Split:
    """Waves in one direction for each class, of any phase and colour, with noise."""
    random = np.random.default_rng(seed)
    labels = np.arange(examples) % len(directions)
    rows, columns = np.mgrid[:16, :16]
    angles = np.deg2rad(np.array(directions))[labels, None, None]
    waves = np.sin(1.3 * (columns * np.cos(angles) + rows * np.sin(angles)) + random.uniform(0, 6.3, (examples, 1, 1)))
    colours = random.uniform(-50, 50, (examples, 3, 1, 1)) + random.choice([-40, 40], (examples, 3, 1, 1))
    noise = random.normal(0, 25, (examples, 3, 16, 16))
    inputs = 128 + waves[:, None] * colours + noise
    return Split(np.clip(inputs, 0, 255).astype(np.uint8), labels.astype(np.int64))
