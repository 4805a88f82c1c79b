"""Trying a choice on copies of the network, for a few steps: does bfloat16 agree and pay, which rate does it take?"""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Literal

import torch
from torch import Tensor, nn

from pellucid.data.dataset import Split
from pellucid.devices import has_fast_bfloat16, has_fast_float16, random_state_kept
from pellucid.training.engine import Arithmetic, Loss, products_in, weights_of
from pellucid.training.loss_scale import LossScale, go_back
from pellucid.training.settings import Settings
from pellucid.training.weights import can_be_flat

# A step of so few multiply-adds waits for Python, not for the arithmetic.
FEWEST_MACS = 20_000_000
# The range test: so many steps, each with a rate higher than the last, from the lowest to the highest.
RANGE_STEPS = 16
RANGES = {"adamw": (1e-3, 0.3), "sgd": (1e-2, 3.0)}
# The rate at which the loss was lowest, but no more than this: several datasets are learned best between 3e-3 and
# 6e-3, and a test of so few steps cannot see what a higher one does in the long run.
HIGHEST_RATES = {"adamw": 6e-3, "sgd": 0.2}
# A loss so many times the first one only grows.
DIVERGED = 4.0
# bfloat16 keeps 8 bits: a healthy network's gradient turns by less than this, as a cosine.
SMALLEST_COSINE = 0.97
LARGEST_LOSS_DIFFERENCE = 0.02
# Times that a scaled loss is halved before its gradients count as not finite.
HALVINGS = 12
# bfloat16 must be so much faster than float32.
GAIN = 1.1
# Steps of each kind that are timed, in turn; fewer if they have taken so many seconds, since long ones vary less.
ROUNDS, ENOUGH_SECONDS = 3, 0.05


@dataclass(frozen=True, eq=False)
class Probe:
    """What is tried.

    Attributes:
        network: On the device; only copies of it are moved.
        loss_function: Maps float32 logits and labels to a mean loss.
        settings: As asked, with a batch size.
        device: That the network is on.
        is_channels_last: Whether images have their channels last in memory, as in the run.
    """

    network: nn.Module
    loss_function: Loss
    settings: Settings
    device: torch.device
    is_channels_last: bool = False


def choose_learning_rate(probe: Probe, train: Split, feed: Callable[[Tensor], Tensor], arithmetic: Arithmetic) -> float:
    """Return the rate at which a copy's loss is lowest while the rate rises (Smith 2017, range test).

    The test ends when nothing that follows can change the answer: the highest rate that is taken has been passed, and
    the loss was never lower.

    Args:
        probe: What is tried.
        train: The training examples.
        feed: Turns raw inputs into what the network takes, as float32.
        arithmetic: Of the products.
    """
    settings = probe.settings
    trial = Trial(probe, arithmetic)
    low, high = RANGES[settings.optimizer]
    rates = [low * (high / low) ** (step / (RANGE_STEPS - 1)) for step in range(RANGE_STEPS)]
    size = settings.batch_size or 1
    losses: list[float] = []
    # Three steps together, so that one easy batch does not decide.
    smooth: list[float] = []
    highest = HIGHEST_RATES[settings.optimizer]
    order = torch.randperm(len(train))  # the examples may be sorted by class
    for step, rate in enumerate(rates):
        places = order[torch.arange(step * size, (step + 1) * size) % len(order)].numpy()
        inputs = feed(torch.from_numpy(train.inputs[places]).to(probe.device))
        loss = trial.step(inputs, torch.from_numpy(train.labels[places]).to(probe.device), rate).item()
        if not math.isfinite(loss) or loss > DIVERGED * (losses[0] if losses else loss):
            break
        losses.append(loss)
        if len(losses) >= 3:
            smooth.append(sum(losses[-3:]))
            if rates[step - 1] >= highest and smooth[-1] < min(smooth[:-1], default=math.inf):
                return highest
    if not smooth:
        return low
    best = rates[1 + min(range(len(smooth)), key=smooth.__getitem__)]
    return float(f"{min(best, highest):.2g}")


def choose_arithmetic(probe: Probe, inputs: Tensor, labels: Tensor, macs: int) -> tuple[Arithmetic, str | None]:
    """Return what to make products in, and why; without a reason it is as asked.

    Args:
        probe: What is tried.
        inputs: One batch, as the network takes it; float32.
        labels: Of the batch.
        macs: Multiply-adds of a forward pass of the batch.
    """
    settings = probe.settings
    if settings.reference or settings.precision == "float32":
        return "float32", None
    is_asked = settings.precision != "auto"
    precision = settings.precision if is_asked else fast_precision(probe)
    if precision is None:
        return "float32", f"no fast bfloat16 on this {'processor' if probe.device.type == 'cpu' else 'device'}"
    if precision == "float16" and not can_be_flat(probe.network):
        return "float32", "float32, since not all weights are plain float32 tensors on one device"
    if not is_asked and macs < FEWEST_MACS:
        return "float32", "float32, since the network is small"
    exact = Trial(probe, "float32")
    expected = exact.gradient(inputs, labels)
    kinds: tuple[Arithmetic, ...] = ("bfloat16", "autocast") if precision == "bfloat16" else ("float16",)
    for arithmetic in kinds:
        try:
            trial = Trial(probe, arithmetic)
            found = trial.gradient(inputs, labels)
        except Exception:  # noqa: BLE001, S112 a network that mixes types by hand may raise anything
            continue
        if not agree(expected, found):
            continue
        if is_asked:
            return arithmetic, None
        gain = times_faster(trial, exact, inputs, labels)
        if gain >= GAIN:
            return arithmetic, f"{precision} {gain:.1f} times as fast as float32, same gradients"
        return "float32", f"{precision} only {gain:.1f} times as fast as float32"
    if is_asked:
        # In so many words: then with float32 weights, which is the safest there is.
        return kinds[-1], f"{precision} as asked, though it gives other gradients"
    return "float32", f"float32, since {precision} gives other gradients"


def fast_precision(probe: Probe) -> Literal["bfloat16", "float16"] | None:
    """Return what the device multiplies in hardware: bfloat16 first, whose range is that of float32."""
    if has_fast_bfloat16(probe.device):
        return "bfloat16"
    return "float16" if has_fast_float16(probe.device) else None


class Trial:
    """Steps of a copy of the network on one batch."""

    def __init__(self, probe: Probe, arithmetic: Arithmetic) -> None:
        device = probe.device
        self._network = copy.deepcopy(probe.network).train()
        self._loss_function = probe.loss_function
        self._dtype = torch.bfloat16 if arithmetic == "bfloat16" else torch.float32
        self._arithmetic = arithmetic
        self._scale = LossScale(device) if arithmetic == "float16" else None
        self._format = torch.channels_last if probe.is_channels_last else torch.contiguous_format
        self._weights = weights_of(
            self._network,
            probe.settings,
            torch.zeros((), device=device),
            arithmetic,
            self._scale,
            is_channels_last=probe.is_channels_last,
        )

    def loss(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of a batch."""
        with products_in(self._arithmetic, inputs.device):
            logits = self._network(inputs.to(self._dtype).contiguous(memory_format=self._format))
        return self._loss_function(logits.float(), labels)

    def gradient(self, inputs: Tensor, labels: Tensor) -> tuple[float, Tensor]:
        """Return the loss and its gradient, one float32 row."""
        # Where a scaled loss overflows, its factor is halved, as in a run.
        for _ in range(HALVINGS):
            self._weights.clear()
            with random_state_kept(inputs.device):  # the same dropout for each arithmetic
                loss = self.loss(inputs, labels)
                go_back(loss, self._scale)
            rows = [p.grad.float().flatten() for p in self._network.parameters() if p.grad is not None]
            row = torch.cat(rows) if rows else torch.zeros(1)
            if self._scale is None:
                break
            self._scale.undo([row], torch.zeros((), device=row.device))
            if row.isfinite().all():
                break
        return loss.item(), row

    def step(self, inputs: Tensor, labels: Tensor, learning_rate: float) -> Tensor:
        """Return the loss of a batch, and move the copy's weights."""
        loss = self.loss(inputs, labels)
        self._weights.clear()
        go_back(loss, self._scale)
        self._weights.step(learning_rate)
        return loss


def agree(expected: tuple[float, Tensor], found: tuple[float, Tensor]) -> bool:
    """Return whether loss and gradient are the same but for rounding."""
    (loss, gradient), (other_loss, other_gradient) = expected, found
    if len(gradient) != len(other_gradient) or not other_gradient.isfinite().all():
        return False
    if abs(loss - other_loss) > LARGEST_LOSS_DIFFERENCE * max(abs(loss), 1e-3):
        return False
    return float(torch.cosine_similarity(gradient, other_gradient, dim=0)) >= SMALLEST_COSINE


def times_faster(one: Trial, other: Trial, inputs: Tensor, labels: Tensor) -> float:
    """Return the best step time of the other over that of the one, in turn; without moving the copies' weights."""
    best = [float("inf"), float("inf")]
    begun = perf_counter()
    for _ in range(ROUNDS):
        if sum(best) < float("inf") and perf_counter() - begun > ENOUGH_SECONDS:
            break
        for index, trial in enumerate((one, other)):
            started = perf_counter()
            trial.step(inputs, labels, 0.0).item()
            best[index] = min(best[index], perf_counter() - started)
    return best[1] / best[0]
