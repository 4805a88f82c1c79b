"""A small classifier, and files forged from it."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors import torch as safetensors

import pellucid
from pellucid.classifier.card import weights_digest
from pellucid.classifier.classifier import Classifier
from pellucid.data.dataset import Dataset, Split
from pellucid.data.preparing_images import ImagePreparation

NAMES = ("left", "middle", "right")


def images(count: int, size: int = 6, seed: int = 0) -> Split:
    """Random grey images with random labels of three classes."""
    generator = np.random.default_rng(seed)
    inputs = generator.integers(0, 256, (count, 1, size, size), dtype=np.uint8)
    return Split(inputs, generator.integers(0, 3, count).astype(np.int64))


@pytest.fixture
def dataset() -> Dataset:
    """60 training and 40 test examples."""
    return Dataset("dots", {"train": images(60, seed=1), "test": images(40, seed=2)}, NAMES)


@pytest.fixture
def classifier(dataset: Dataset) -> Classifier:
    """An untrained network of 36-8-3 units."""
    return Classifier(pellucid.mlp(36, (8,), 3, seed=0), ImagePreparation.fit(dataset.train), NAMES)


@pytest.fixture
def saved(classifier: Classifier, tmp_path: Path) -> Path:
    """Its file."""
    return pellucid.save(classifier, tmp_path / "dots.safetensors")


Forge = Callable[..., Path]


@pytest.fixture
def forge(saved: Path, tmp_path: Path) -> Forge:
    """Make a file with a changed card and, if asked, other tensors; every checksum in it is right."""

    def made(change: Callable[[dict[str, Any]], None], tensors: dict[str, torch.Tensor] | None = None) -> Path:
        with safe_open(saved, framework="pt") as file:
            card = json.loads(file.metadata()["pellucid"])
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        found = found if tensors is None else tensors
        card["weights_sha256"] = weights_digest(found)
        change(card)
        text = json.dumps(card)
        metadata = {"pellucid": text, "pellucid_card_sha256": hashlib.sha256(text.encode()).hexdigest()}
        path = tmp_path / "forged.safetensors"
        path.write_bytes(safetensors.save(found, metadata))
        return path

    return made
