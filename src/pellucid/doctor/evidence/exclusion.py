"""Whether the classes that a loss compares with exclude each other, over all steps that were traced."""

import torch
from torch import Tensor

from pellucid.doctor.evidence.flow import Flow, Loss, TrainingFlows, Value, origin, whole
from pellucid.doctor.evidence.labels import is_learned, targets_of


def all_targets(flows: TrainingFlows, loss: Loss) -> Tensor | None:
    """Return the targets of every traced step at the loss's line, and the data behind them: [examples, ...].

    Returns:
        As float64; None if no values were kept.
    """
    targets = targets_of(loss, flows.flows)
    if targets is None or targets.loss.targets is None:
        return None
    parts = [targets.given]
    if targets.whole is not None and targets.whole.shape[1:] == targets.loss.targets.shape[1:]:
        parts.append(targets.whole)
    kept = [part for part in parts if part is not None]
    return torch.cat(kept) if kept and len({part.shape[1:] for part in kept}) == 1 else targets.given


def is_given(value: Value) -> bool:
    """Return whether a value comes from the data, and nothing learned had a part in it."""
    return origin(value).kind in ("data", "made") and not is_learned(value)


def is_reconstruction(flow: Flow, loss: Loss) -> bool:
    """Return whether the targets are the network's own inputs."""
    if loss.targets is None:
        return False
    source = whole(loss.targets)
    return any(whole(value).index == source.index for call in flow.network_calls for value in call.inputs)


def sums_along(targets: Tensor, along: int) -> Tensor | None:
    """Return the sums of each example's targets; None if a target is not between 0 and 1."""
    numbers = targets.double()
    if numbers.numel() == 0 or not bool(((numbers >= 0) & (numbers <= 1)).all()):
        return None
    return numbers.sum(along)


def is_multilabel(targets: Tensor, along: int) -> bool:
    """Return whether the targets are zeros and ones with several ones in some examples: classes do not exclude."""
    sums = sums_along(targets, along)
    if sums is None or not bool(((targets == 0) | (targets == 1)).all()):
        return False
    return float((sums >= 2).double().mean()) > 0.02


def is_exclusive(targets: Tensor, along: int) -> bool:
    """Return whether each example belongs to exactly one class (its row may be smoothed), and not all to the same."""
    sums = sums_along(targets, along)
    if sums is None or targets.shape[along] < 2:
        return False
    top, which = targets.double().max(along)
    is_one = bool(((sums - 1).abs() < 1e-3).all()) and bool((top >= 0.5).all())
    return is_one and bool((which != which.flatten()[0]).any())
