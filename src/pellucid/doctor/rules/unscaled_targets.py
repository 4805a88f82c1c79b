"""The targets of a regression are far from unit scale, and training on scaled ones provably does better.

Why: A fresh network answers with numbers around 0 and 1. To reach targets in the hundreds its last layer has to grow a
hundredfold first, and the gradients are as large as the errors; tiny targets drown in the size of a step.

Fix: Train on (targets - mean) / std, and turn predictions back with predictions * std + mean.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.flow import Loss, TrainingFlows, ancestors, origin, whole
from pellucid.doctor.evidence.loop import Optimizers
from pellucid.doctor.finding import Finding
from pellucid.doctor.replay import Surgery, input_values
from pellucid.doctor.trial import AS_WRITTEN, Change, Trials

SEVERITY = "warning"
FAMILY = "data"
FOLDS = (
    "learning-rate-too-high", "learning-rate-too-low", "unsuited-optimizer", "too-few-epochs", "surprising-first-loss",
    "exploding-gradients", "oscillating-loss", "loss-not-decreasing", "cannot-fit-one-batch", "collapsed-output",
    "excessive-weight-decay", "unchanged-weights", "odd-optimizer-settings", "dead-units", "nonfinite-values",
    "badly-scaled-weights",
)  # fmt: skip
# How the loss grows with the scale of the targets.
POWERS = {"mse_loss": 2, "l1_loss": 1, "smooth_l1_loss": 1, "huber_loss": 1}


def find(flows: TrainingFlows, dynamics: Dynamics, optimizers: Optimizers, trials: Trials) -> Iterator[Finding]:
    """Train a copy on standardised targets, and compare both in units of the targets' own spread."""
    flow = flows.first
    if len(flow.losses) != 1 or len(optimizers.optimizers) > 1:
        return
    loss = flow.losses[0]
    power, found = _power(loss), whole(loss.targets).tensor if loss.targets is not None else None
    if loss.targets is None or power is None or found is None or not found.is_floating_point() or found.numel() < 8:
        return
    if any(w.is_trainable for op in ancestors(loss.targets) for w in op.weights) or not torch.isfinite(found).all():
        return
    if any(origin(loss.targets) is origin(value) for value in input_values(flow)):
        return  # An autoencoder: its inputs are judged.
    axes = [0] if loss.targets.shape and found.shape[1:] == loss.targets.shape[1:] else list(range(found.ndim))
    mean, std = found.mean(axes, keepdim=True), found.std(axes, keepdim=True)
    spread = float(std.square().mean().sqrt())
    if not spread > 0 or (spread < 8 and float(mean.abs().max()) < 20 and spread > 0.02):
        return

    def scaled(tensor: Tensor) -> Tensor:
        return ((tensor - mean.to(tensor.dtype)) / std.clamp_min(1e-12)).reshape(tensor.shape)

    change = Change("standardised targets", surgery=Surgery(targets=scaled))
    before, after = trials.run(AS_WRITTEN, steps=80), trials.run(change, steps=80)
    if min(len(before), len(after)) < 20:
        return
    # In units of what a constant guess would get: 1 is as bad as knowing nothing.
    as_written, changed = _end(before) / spread**power, _end(after)
    in_the_end = dynamics.mean_loss(0.9, 1) / spread**power
    if not changed < 0.6 * as_written or in_the_end < 1.3 * changed or changed > 0.9 * after[0]:
        return
    yield Finding(
        where="the targets",
        place=loss.operation.place,
        evidence=f"targets have mean {float(mean.mean()):.3g} and spread {spread:.3g}; after {len(after)} trial steps "
        f"on a copy the loss, measured in the targets' own spread, is {as_written:.3g} as written, {changed:.3g} with "
        "standardised targets (1 is a constant guess)",
        fix="mean, std = train_targets.mean(0), train_targets.std(0)\ntargets = (targets - mean) / std"
        "  # predictions = outputs * std + mean",
        confidence=0.9,
    )


def _power(loss: Loss) -> int | None:
    """Return how the loss grows with its targets; for one written by hand, by its square or absolute value."""
    if loss.kind != "own":
        return POWERS.get(loss.kind)
    names = {op.name for op in ancestors(loss.operation.outputs[0]) if op.index > (loss.outputs.maker or op).index}
    if "sub" not in names or names & {"log", "exp", "log_softmax", "sigmoid", "softplus", "lgamma"}:
        return None
    return 2 if names & {"pow", "square"} and "sqrt" not in names else 1 if "abs" in names or "sqrt" in names else None


def _end(losses: tuple[float, ...]) -> float:
    part = losses[-max(1, len(losses) // 4) :]
    return sum(part) / len(part)


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    prices = 300 + 80 * inputs[:, :1] + 40 * inputs[:, 1:2]
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(120):
        optimizer.zero_grad()
        nn.functional.mse_loss(network(inputs), prices).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    prices = 300 + 80 * inputs[:, :1] + 40 * inputs[:, 1:2]
    targets = (prices - prices.mean()) / prices.std()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(120):
        optimizer.zero_grad()
        nn.functional.mse_loss(network(inputs), targets).backward()
        optimizer.step()
