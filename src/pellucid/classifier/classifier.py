"""`Classifier`: what is saved, served and asked."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.data.preparing import Preparation
from pellucid.devices import random_state_kept
from pellucid.errors import ShapeError
from pellucid.networks.modes import device_of, evaluating

# Inputs that go through the network at once; bounds the memory that an answer takes.
BATCH_SIZE = 1024


@dataclass(frozen=True, eq=False)
class Classifier:
    """A network with the preparation of its inputs and its class names.

    Attributes:
        network: Maps prepared inputs to logits [examples, classes]; a plain module.
        preparation: Applied to raw inputs before the network sees them.
        class_names: By class number.
        settings: How it was trained, by name.
        metrics: What was measured of it, by name.
        dataset: Name and fingerprint of what it was trained on.
    """

    network: nn.Module
    preparation: Preparation
    class_names: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    dataset: dict[str, Any] = field(default_factory=dict)

    def logits(self, inputs: Tensor) -> Tensor:
        """Return what the network answers; the network is left as it was.

        Args:
            inputs: Raw [examples, channels, height, width], as in the dataset.

        Returns:
            Float32 [examples, classes], on the CPU.

        Raises:
            ShapeError: If the network gives anything but one logit for each class.
        """
        device = device_of(self.network)
        answers = []
        with evaluating(self.network), random_state_kept(device):
            for part in torch.split(inputs, BATCH_SIZE):
                logits = self.network(self.preparation(part.to(device)))
                check_logits(logits, len(part), len(self.class_names))
                answers.append(logits.float().cpu())
        return torch.cat(answers) if answers else torch.zeros(0, len(self.class_names))


def check_logits(logits: object, examples: int, classes: int) -> None:
    """Check that a network gave one logit for each class.

    Raises:
        ShapeError: If it did not.
    """
    shape = list(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    if shape != [examples, classes]:
        raise ShapeError(
            f"the network gives {shape} for {examples} examples of {classes} classes",
            fix=f"let its forward return one tensor [examples, {classes}]: make the last layer {classes} wide",
        )
