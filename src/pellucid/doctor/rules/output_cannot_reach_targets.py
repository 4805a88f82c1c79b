"""The last activation cannot give some of the targets: its range excludes them.

Why: A ReLU gives nothing below 0, a sigmoid nothing outside of 0 to 1, a tanh nothing outside of -1 to 1. For targets
beyond that the error has a floor that no training lowers, and the units are driven to their end, where they stop
learning.

Fix: Let the last layer be linear, or scale the targets into the range of the activation.
"""

import math
from collections.abc import Iterator

from pellucid.doctor.evidence.exclusion import all_targets, is_given
from pellucid.doctor.evidence.flow import Flow, Loss, TrainingFlows, origin
from pellucid.doctor.evidence.ranges import output_range
from pellucid.doctor.finding import Finding, Mend

SEVERITY = "error"
FAMILY = "contract"
FOLDS = (
    "dead-units", "dead-at-start", "saturated-units", "unscaled-targets", "loss-not-decreasing", "collapsed-output",
    "cannot-fit-one-batch", "learning-rate-too-low", "learning-rate-too-high", "unsuited-optimizer", "too-few-epochs",
    "surprising-first-loss", "vanishing-gradients", "unchanged-weights", "overfitting", "excessive-weight-decay",
    "repeated-activation", "deep-sigmoid",
)  # fmt: skip
KINDS = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "gaussian_nll_loss")
SHARE = 0.01  # of the targets outside, and of their variance lost


def find(flows: TrainingFlows) -> Iterator[Finding]:
    """Compare the range of the last activation with the targets of all traced steps."""
    for flow in flows.per_loss():
        for loss in flow.losses:
            if loss.targets is None or not (loss.kind in KINDS or (loss.kind == "own" and _is_difference(flow, loss))):
                continue
            bounds = output_range(loss.outputs)
            if bounds is None or not is_given(loss.targets):
                continue
            targets = all_targets(flows, loss)
            if targets is None or targets.is_complex():
                continue
            numbers = targets.double().flatten()
            numbers = numbers[numbers.isfinite()]
            if numbers.numel() < 4:
                continue
            nearest = numbers.clamp(bounds.low, bounds.high)
            outside = float(((numbers - nearest).abs() > 1e-6).double().mean())
            lost = float((numbers - nearest).square().mean())
            spread = float(numbers.var(correction=0))
            if outside < SHARE or lost < SHARE * spread or lost < 1e-12:
                continue
            last = bounds.operation
            bound = f"{bounds.low:g} to {bounds.high:g}" if math.isfinite(bounds.high) else f"{bounds.low:g} and above"
            if not math.isfinite(bounds.low):
                bound = f"{bounds.high:g} and below"
            yield Finding(
                where=last.where,
                place=last.place,
                evidence=f"{last.name} is the last activation and can only give {bound}; the targets go from "
                f"{float(numbers.min()):.3g} to {float(numbers.max()):.3g}, {outside:.0%} of {numbers.numel()} lie "
                f"outside: the mean squared error cannot go below {lost:.3g} (targets' variance {spread:.3g})",
                fix=f"remove {last.where}: return the output of the layer before it",
                mend=Mend("remove", last.paths),
                confidence=0.97,
            )


def _is_difference(flow: Flow, loss: Loss) -> bool:
    """Return whether a hand-written loss subtracts outputs and targets from each other."""
    assert loss.targets is not None
    pair = {origin(loss.outputs).index, origin(loss.targets).index}
    return any(
        operation.name in ("sub", "rsub") and {origin(value).index for value in operation.inputs} == pair
        for operation in flow.path
    )


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    targets = inputs[:, :1] - inputs[:, 1:2]
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid())
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(100):
        optimizer.zero_grad()
        nn.functional.mse_loss(network(inputs), targets).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    targets = inputs[:, :1] - inputs[:, 1:2]
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(100):
        optimizer.zero_grad()
        nn.functional.mse_loss(network(inputs), targets).backward()
        optimizer.step()
