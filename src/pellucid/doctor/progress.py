"""How far a run came: its losses against their start, and against a guess that looks at no input."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median, pstdev

import torch
from torch import Tensor

from pellucid.doctor.evidence.data import Batches
from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.flow import Flow, Loss, Value, ancestors, whole

CLASS_LOSSES = frozenset(("cross_entropy", "nll_loss"))
BINARY_LOSSES = frozenset(("binary_cross_entropy", "binary_cross_entropy_with_logits"))
DISTANCES = frozenset(("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"))


def supervised(flow: Flow) -> Loss | None:
    """Return the one loss that compares outputs with given answers; None for games, rewards, teachers and sums."""
    if len(flow.losses) != 1:
        return None
    loss = flow.losses[0]
    if loss.kind not in CLASS_LOSSES | BINARY_LOSSES | DISTANCES or loss.targets is None or is_learned(loss.targets):
        return None
    return loss


def is_learned(value: Value) -> bool:
    """Return whether any parameter had a part in a value."""
    if value.weight is not None:
        return True
    return any(weight.is_trainable for operation in ancestors(value) for weight in operation.weights)


def guess(flow: Flow) -> float | None:
    """Return the mean loss of the best answer that looks at no input, for the targets of a flow; None if unknown."""
    loss = supervised(flow)
    if loss is None or flow.loss is None or flow.loss.maker is not loss.operation or loss.reduction != "mean":
        return None
    if any(loss.arguments.get(name) is not None for name in ("weight", "pos_weight")):
        return None
    if loss.arguments.get("label_smoothing") or loss.targets is None:
        return None
    everything = whole(loss.targets)
    targets = everything.tensor if everything.tensor is not None else loss.targets.tensor
    if targets is None or targets.numel() < 2:
        return None
    return _cost_of_guess(loss.kind, targets.detach())


def _cost_of_guess(kind: str, targets: Tensor) -> float | None:
    if kind in CLASS_LOSSES:
        if targets.is_floating_point():
            return None
        shares = torch.unique(targets[targets >= 0], return_counts=True)[1].double()
        shares = shares / shares.sum()
        return float(-(shares * shares.log()).sum())
    targets = targets.double()
    if kind in BINARY_LOSSES:
        shares = targets.mean(0).clamp(1e-6, 1 - 1e-6) if targets.ndim > 1 else targets.mean().clamp(1e-6, 1 - 1e-6)
        return float(-(shares * shares.log() + (1 - shares) * (1 - shares).log()).mean())
    if kind == "mse_loss":
        return float(targets.var(0, unbiased=False).mean())
    if kind == "l1_loss":
        return float((targets - targets.median(0).values).abs().mean())
    return None


def remaining(dynamics: Dynamics, flow: Flow) -> float | None:
    """Return the loss at the end as a share of its start, or of the cost of a guess if that is less.

    Returns:
        Infinity if the end is not finite; None if shares mean nothing (a loss that is not positive).
    """
    start = dynamics.mean_loss(0, min(0.02, 3 / len(dynamics.losses)))
    uninformed = guess(flow)
    if uninformed is not None and uninformed > 1e-6:
        start = min(start, uninformed) if math.isfinite(start) else uninformed
    end = dynamics.mean_loss(0.9, 1)
    if not math.isfinite(end):
        return math.inf
    return end / start if math.isfinite(start) and start > 1e-9 and end >= 0 else None


@dataclass(frozen=True)
class Window:
    """A stretch of losses: its mean and how sure that is."""

    mean: float
    error: float


def windows(losses: Sequence[float], count: int) -> tuple[Window, ...]:
    """Cut losses into at most `count` stretches of at least 5."""
    size = max(5, math.ceil(len(losses) / count))
    parts = [losses[start : start + size] for start in range(0, len(losses) - size + 1, size)]
    return tuple(Window(fmean(part), pstdev(part) / math.sqrt(len(part))) for part in parts)


def movement(dynamics: Dynamics) -> float | None:
    """Return the median share by which a step moved a weight matrix; None if no step was looked at."""
    shares = []
    for step in dynamics.looked_at:
        moved = [
            update / step.weights[name]
            for name, update in (step.updates or {}).items()
            if step.weights and step.weights.get(name, 0.0) > 1e-6 and not name.endswith("bias")
        ]
        if moved:
            shares.append(max(moved))
    return median(shares) if shares else None


def passes(batches: Batches | None, steps: int) -> float | None:
    """Return how often the training went through its examples; None if that is unknown.

    Args:
        batches: That were seen.
        steps: Of the training: loaders that gave the batches of only some of them tell nothing.
    """
    if batches is None or (batches.loaders and sum(loader.batches for loader in batches.loaders) < 0.8 * steps):
        return None
    loaders = [loader for loader in batches.loaders if loader.epochs and loader.batches / loader.epochs >= 2]
    if loaders:
        return float(max(loader.epochs for loader in loaders))
    counted = []
    for stream in batches.training:
        unique = len(set(stream.hashes))
        if not stream.batch_sizes or not unique or (unique == len(stream.hashes) and len(stream.hashes) >= 4096):
            continue
        counted.append(stream.calls * fmean(stream.batch_sizes) / unique)
    return max(counted) if counted else None
