"""What a run chooses for itself, on the user's network and data: batch size, epochs, precision, start, learning rate.

Each choice is tried on copies, with training examples only, and leaves no mark on the network or on PyTorch's random
generator, but for the start, which is to be closed. What is given in the settings is taken as it is.
"""

from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import nn

from pellucid.data.dataset import Split
from pellucid.data.preparing import Preparation
from pellucid.devices import random_state_kept
from pellucid.tracing.architecture import Architecture
from pellucid.training.engine import Arithmetic, Loss
from pellucid.training.patches import PatchStart, whiten_patches
from pellucid.training.probing import Probe, choose_arithmetic, choose_learning_rate
from pellucid.training.scaling import EXAMPLES, scale_layers
from pellucid.training.settings import Settings
from pellucid.training.whitening import Components, WhitenedStart, whitened

# Steps after which the default network no longer gets much better, on several datasets (benchmarks/choose_settings.py).
STEPS = 850
FEWEST_EPOCHS, MOST_EPOCHS = 2, 40
# Fresh networks learn well with up to so many steps an epoch, and at most so many examples a step.
STEPS_PER_EPOCH = 64
SMALLEST_BATCH, LARGEST_BATCH = 16, 256
# Tables of few rows are learnt by heart soon: they get small steps, more of them, and no components. Compared with
# scikit-learn's networks inside the training parts of five tables (benchmarks/small_tables.py).
FEW_ROWS = 20_000
TABLE_STEPS, MOST_TABLE_EPOCHS, TABLE_RATE = 1700, 400, 1e-3
# What is taken without a trial.
PLAIN_RATES = {"adamw": 3e-3, "sgd": 0.1}


@dataclass(frozen=True, eq=False)
class Choices:
    """How a run will train.

    Attributes:
        settings: As asked, with what was left to choose filled in.
        arithmetic: Of the products.
        start: The whitened start that stands in the network, until it is folded; None for another one.
        patches: The whitened first convolution, until it is released; None for another start.
        reasons: Why, by the name of the setting.
        seconds: That choosing took.
    """

    settings: Settings
    arithmetic: Arithmetic
    start: WhitenedStart | None
    patches: PatchStart | None
    reasons: dict[str, str]
    seconds: float

    @property
    def precision(self) -> str:
        """Of the products, in the words of the settings."""
        return "bfloat16" if self.arithmetic == "autocast" else self.arithmetic

    def close(self) -> None:
        """Leave the network an ordinary one: fold the whitened start, let a kept convolution be trained again."""
        if self.start is not None:
            self.start.fold()
        if self.patches is not None:
            self.patches.release()

    def _components(self) -> int | None:
        if self.start is not None:
            return self.start.whitening.components
        return self.patches.components if self.patches is not None else None

    def __str__(self) -> str:
        settings = self.settings
        length = f"{settings.epochs:g} epochs" if settings.seconds is None else f"{settings.seconds:g} s"
        start = "whitened start" if self.start or self.patches else "plain start"
        chosen = f"{self.precision}, batch {settings.batch_size}, {length}, lr {settings.learning_rate:g}, {start}"
        reasons = "; ".join(dict.fromkeys(self.reasons.values()))
        return f"{chosen} ({reasons}; {self.seconds:.1f} s)" if reasons else chosen

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as JSON can hold them."""
        return {
            "precision": self.precision,
            "start": "whitened" if self.start or self.patches else "plain",
            "components": self._components(),
            "batch_size": self.settings.batch_size,
            "epochs": self.settings.epochs,
            "learning_rate": self.settings.learning_rate,
            "reasons": self.reasons,
            "seconds": self.seconds,
        }


def choose(
    network: nn.Module,
    train: Split,
    preparation: Preparation,
    architecture: Architecture,
    loss_function: Loss,
    settings: Settings,
    device: torch.device,
    examples: int | None = None,
) -> Choices:
    """Fill in what the settings leave to choose.

    Args:
        network: On the device. With a whitened start its first Linear is replaced, until `Choices.start` is folded.
        train: The training examples; nothing else is looked at.
        preparation: Of the inputs.
        architecture: Of the network, run on two examples.
        loss_function: Maps float32 logits and labels to a mean loss.
        settings: As asked.
        device: That the network is on.
        examples: Of an epoch, if the training examples are a sample.
    """
    started = perf_counter()
    examples = len(train) if examples is None else examples
    reasons: dict[str, str] = {}
    batch_size = settings.batch_size or batch_size_for(examples)
    steps_per_epoch = -(-examples // batch_size)
    epochs = settings.epochs
    is_small_table = train.inputs.ndim == 2 and examples < FEW_ROWS
    if epochs is None and settings.seconds is None:
        epochs = epochs_for(steps_per_epoch, is_small_table=is_small_table)
    if settings.augment.strip() == "auto":
        reasons["augment"] = "no augmentation, since pixels do not say which changes keep a class"
    start, patches = None, None
    is_plain = settings.reference or settings.start == "plain" or (settings.start == "auto" and is_small_table)
    if not is_plain:
        start, patches, why = _start(network, train, preparation, architecture, settings, device)
        reasons |= {"start": why} if why is not None else {}
    feed = preparation if start is None else Components(preparation, start.whitening, torch.float32)
    probe = Probe(
        network,
        loss_function,
        replace(settings, batch_size=batch_size),
        device,
        is_channels_last(network, preparation, settings),
    )
    try:
        if not is_plain:
            scaled = scale_layers(network, architecture, feed(_spread(train, EXAMPLES).to(device)))
            if scaled:
                layers = "layer" if len(scaled) == 1 else "layers"
                reasons["scaled"] = f"{len(scaled)} hidden {layers} scaled to pass the signal on"
        inputs = feed(torch.from_numpy(train.inputs[:batch_size]).to(device))
        labels = torch.from_numpy(train.labels[:batch_size]).to(device)
        macs = sum(layer.macs or 0 for layer in architecture.layers) // 2 * batch_size
        with random_state_kept(device, seed=settings.seed):
            arithmetic, why = choose_arithmetic(probe, inputs, labels, macs)
            if why is not None:
                reasons["precision"] = why
            rate = settings.learning_rate
            if rate is None and settings.reference:
                rate = PLAIN_RATES[settings.optimizer]
            elif rate is None and is_small_table and settings.optimizer == "adamw" and settings.epochs != epochs:
                # It belongs to the many steps: whoever asks for few gets what learns fast.
                rate = TABLE_RATE
                reasons["learning_rate"] = f"lr {TABLE_RATE:g} for a table of few rows"
            elif rate is None:
                rate = choose_learning_rate(probe, train, feed, arithmetic)
                reasons["learning_rate"] = "lr from a range test"
    except BaseException:
        if start is not None:
            start.undo()
        if patches is not None:
            patches.release()
        raise
    chosen = replace(settings, batch_size=batch_size, epochs=epochs, learning_rate=rate)
    return Choices(chosen, arithmetic, start, patches, reasons, perf_counter() - started)


def _start(
    network: nn.Module,
    train: Split,
    preparation: Preparation,
    architecture: Architecture,
    settings: Settings,
    device: torch.device,
) -> tuple[WhitenedStart | None, PatchStart | None, str | None]:
    """Give the first layer the start that suits it; return it, and what to say of it."""
    order = [layer.name for layer in architecture.layers if not layer.is_function]
    start = whitened(network, train, preparation, order, device)
    if start is not None:
        share = start.whitening.share
        return start, None, f"{start.whitening.components} components hold {share:.0%} of the variance"
    if settings.start != "whitened":
        return None, None, None
    patches = whiten_patches(network, train, preparation, order, device)
    if patches is None:
        return None, None, "plain start, since the first layer is no Linear on the inputs and no convolution"
    return None, patches, f"{patches.components} components of patches"


def _spread(train: Split, examples: int) -> torch.Tensor:
    """Return the raw inputs of so many examples from all over the split, which may be sorted by class."""
    places = np.linspace(0, len(train) - 1, min(examples, len(train)), dtype=np.int64)
    return torch.from_numpy(train.inputs[places])


def is_channels_last(network: nn.Module, preparation: Preparation, settings: Settings) -> bool:
    """Return whether a run keeps the channels of images last in memory, as fast convolutions like them."""
    is_of_images = len(preparation.prepared_shape) == 3 and not settings.reference
    return is_of_images and any(isinstance(module, nn.Conv2d) for module in network.modules())


def batch_size_for(examples: int) -> int:
    """Return the power of two that leaves about 64 steps an epoch, from 16 to 256.

    Example:
        >>> batch_size_for(55_000), batch_size_for(1_400)
        (256, 16)
    """
    size = SMALLEST_BATCH
    while size < LARGEST_BATCH and examples >= 2 * size * STEPS_PER_EPOCH:
        size *= 2
    return size


def epochs_for(steps_per_epoch: int, *, is_small_table: bool = False) -> int:
    """Return how many epochs make about 850 steps, from 2 to 40; of a table of few rows 1,700, up to 400.

    Example:
        >>> epochs_for(215), epochs_for(45), epochs_for(4000)
        (4, 19, 2)
    """
    steps, most = (TABLE_STEPS, MOST_TABLE_EPOCHS) if is_small_table else (STEPS, MOST_EPOCHS)
    return min(max(-(-steps // steps_per_epoch), FEWEST_EPOCHS), most)
