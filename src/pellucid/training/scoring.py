"""How good a network is on validation examples, by the measure of its task."""

import contextlib
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.data.batches import Batches
from pellucid.networks.modes import evaluating
from pellucid.tasks import Task

# Share of a sum of squares that rounding may leave.
CONSTANT = 1e-12


@dataclass(frozen=True)
class Score:
    """What validation examples say of a network.

    Attributes:
        loss: Mean cross-entropy in nats; of several labels the mean over them; of a regression the mean squared error
            of the standardised targets.
        accuracy: Share of right answers; of several labels the share of right yes and no; None of a regression.
        r2: Share of the targets' variance that is explained, the mean over targets; None of other tasks.
    """

    loss: float
    accuracy: float | None
    r2: float | None = None

    @property
    def reached(self) -> float:
        """What `Settings.until` is compared with: accuracy, or R²."""
        return (self.accuracy if self.accuracy is not None else self.r2) or 0.0

    @property
    def rank(self) -> tuple[float, float]:
        """What the best epoch has the largest of: accuracy and then low loss, or low loss alone.

        Of several labels most are absent, so that hardly an answer changes while the loss still says who learns.
        """
        if not math.isfinite(self.loss):
            return (-math.inf, -math.inf)  # a NaN compares with nothing, and would stay the best for ever
        return (self.accuracy or 0.0, -self.loss)


def measure(
    network: nn.Module,
    batches: Batches,
    task: Task = "multiclass",
    products: contextlib.AbstractContextManager[object] | None = None,
) -> Score:
    """Return loss and accuracy, or R²; the network is left as it was. One sync.

    Args:
        network: On the device of the batches.
        batches: Prepared as the network takes them, with the targets of the task, see `learnable`.
        task: What the network answers.
        products: Inside which it runs.
    """
    totals = []
    with evaluating(network), products or contextlib.nullcontext():
        for inputs, targets in batches:
            totals.append(_sums(network(inputs).float(), targets, task))
        sums = torch.stack(totals).sum(dim=0).tolist()
    count = batches.examples
    if task == "regression":
        width = (len(sums) - 1) // 3
        squares, first, second = sums[1 : 1 + width], sums[1 + width : 1 + 2 * width], sums[1 + 2 * width :]
        spreads = [many - one * one / count for one, many in zip(first, second, strict=True)]
        # What rounding leaves of a constant target is no spread.
        explained = [
            1 - error / spread if spread > CONSTANT * many else 0.0
            for error, spread, many in zip(squares, spreads, second, strict=True)
        ]
        return Score(sums[0] / count, None, sum(explained) / width)
    return Score(sums[0] / count, sums[1] / count)


def _sums(outputs: Tensor, targets: Tensor, task: Task) -> Tensor:
    """Return sums over the examples: loss and right answers; or squared errors, targets and their squares."""
    if task == "multiclass":
        loss = functional.cross_entropy(outputs, targets, reduction="sum")
        return torch.stack([loss, (outputs.argmax(dim=1) == targets).sum()])
    if task == "regression":
        # In float64, which some accelerators do not have.
        outputs, targets = (values.cpu() if values.device.type == "mps" else values for values in (outputs, targets))
        squares = (outputs - targets).double().square().sum(dim=0)
        exact = targets.double()
        return torch.cat([squares.mean()[None], squares, exact.sum(dim=0), exact.square().sum(dim=0)])
    loss = functional.binary_cross_entropy_with_logits(outputs, targets, reduction="sum") / targets.shape[1]
    right = ((outputs > 0) == (targets > 0.5)).float().mean(dim=1).sum()
    return torch.stack([loss, right])
