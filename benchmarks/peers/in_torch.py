"""What the peers built on PyTorch share: the network, and loss, optimizer and schedule of each setting."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.peers.race import ADAM_RATE, BETAS, HIDDEN, LABEL_SMOOTHING, LEARNING_RATE, Race, rate_at


def network(values: int, classes: int, seed: int) -> nn.Sequential:
    """Return the network of the race, written by hand; sets PyTorch's seed."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(values, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, classes),
    )


def optimizer_options(race: Race) -> tuple[type[torch.optim.Optimizer], dict[str, Any]]:
    """Return the optimizer and its options."""
    if race.setting == "recipe":
        return torch.optim.AdamW, {"lr": LEARNING_RATE, "betas": BETAS, "weight_decay": 0.0}
    return torch.optim.Adam, {"lr": ADAM_RATE}


def smoothing(race: Race) -> float:
    """Return the label smoothing."""
    return LABEL_SMOOTHING if race.setting == "recipe" else 0.0


def share_of_rate(race: Race, steps: int) -> Callable[[int], float]:
    """Return the share of the highest learning rate at a step, for `LambdaLR`: one unless the recipe is asked for."""
    return partial(rate_at, steps=steps) if race.setting == "recipe" else _always


def _always(_step: int) -> float:
    return 1.0


def training_parts(
    race: Race, parameters: Iterable[nn.Parameter], steps: int
) -> tuple[nn.Module, torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """Return loss, optimizer and schedule."""
    kind, options = optimizer_options(race)
    optimizer = kind(parameters, **options)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share_of_rate(race, steps))
    return nn.CrossEntropyLoss(label_smoothing=smoothing(race)), optimizer, schedule


def answers_of(network: nn.Module) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Return how a network answers arrays."""

    def answer(inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            logits: Tensor = network(torch.from_numpy(inputs))
        result: NDArray[np.float32] = logits.numpy()
        return result

    return answer
