"""Gradients grow from layer to layer.

Why: On its way back the gradient is multiplied once per layer (or time step); where each factor is above 1 the first
layers get steps that throw their weights away. A tiny learning rate hides it, and then the last layers hardly move.

Fix: Add a normalisation to each block, start the last layer of each residual block near zero, initialise for the
activation, or clip: nn.utils.clip_grad_norm_.
"""

import math
from collections.abc import Iterator
from itertools import pairwise

from torch import Tensor

from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.flow import Flow, Operation, TrainingFlows
from pellucid.doctor.finding import Finding
from pellucid.doctor.progress import guess, remaining
from pellucid.doctor.trial import Replayed, Trials

SEVERITY = "error"
FAMILY = "dynamics"
FOLDS = ("learning-rate-too-high", "learning-rate-too-low", "surprising-first-loss", "nonfinite-values",
         "oscillating-loss", "loss-not-decreasing", "saturated-units", "dead-units", "collapsed-output",
         "unsuited-optimizer", "odd-optimizer-settings", "unchanged-weights", "cannot-fit-one-batch",
         "dead-at-start", "overfitting")  # fmt: skip
GROWTH = 50.0


def find(flows: TrainingFlows, dynamics: Dynamics, trials: Trials) -> Iterator[Finding]:
    """Follow the gradient of the first step back through the layers, if the training then went badly."""
    flow = flows.first
    left = remaining(dynamics, flow)
    start = dynamics.losses[0]
    early = [loss if math.isfinite(loss) else math.inf for loss in dynamics.losses[:30]]
    surges = max(early) > 3 * abs(start) + 1 or start > 5 * (guess(flow) or math.inf)
    if left is None or not (left > 0.5 or (surges and left > 0.3)) or not math.isfinite(start):
        return
    along = _along(flow, trials.values(flow, at="start", with_gradients=True))
    if len(along) < 6:
        return
    last = along[-1][1]
    operation, first = max(along[: len(along) // 2], key=lambda entry: entry[1])
    if last <= 0 or first < GROWTH * last:
        return
    # Growth of the way as a whole, not one scale factor: half of it must remain beside the steepest single step.
    steps = [math.log(after[1] / before[1]) for after, before in pairwise(along)]
    if max(steps) > 0.7 * math.log(first / last):
        return
    became = "not finite" if math.isinf(left) else f"{dynamics.mean_loss(0.9, 1):.3g}"
    yield Finding(
        where=operation.where,
        place=operation.place,
        evidence=f"at the first step the gradient grows {first / last:.0f}-fold from the output back to "
        f"{operation.where}; the loss starts at {start:.3g} and ends {became}",
        fix="self.norm = nn.LayerNorm(width)  # and in forward: x = x + self.layers(self.norm(x)); or, before "
        "optimizer.step(): nn.utils.clip_grad_norm_(network.parameters(), 1.0)",
        confidence=0.9,
    )


def _along(flow: Flow, again: Replayed) -> list[tuple[Operation, float]]:
    """Return the operations between inputs and outputs with the typical size of their output's gradient."""
    end = flow.losses[-1].outputs.index if flow.losses else math.inf
    found = []
    for operation in flow.gradient_path:
        output = operation.output
        if output is None or output.index > end or len(output.shape) < 2:
            continue
        gradient: Tensor | None = again.gradients.get(output.index)
        if gradient is not None and operation.main is not None:
            size = float(gradient.float().square().mean().sqrt())
            if size > 0 and math.isfinite(size):
                found.append((operation, size))
    return found


def sick() -> None:
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.outer = nn.Linear(16, 16), nn.Linear(16, 16)
            nn.init.kaiming_normal_(self.inner.weight)
            nn.init.kaiming_normal_(self.outer.weight)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = x + self.outer(torch.relu(self.inner(x)))
            return result

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), *(Block() for _ in range(12)), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.inner, self.outer = nn.LayerNorm(16), nn.Linear(16, 16), nn.Linear(16, 16)
            nn.init.kaiming_normal_(self.inner.weight)
            nn.init.kaiming_normal_(self.outer.weight)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = x + self.outer(torch.relu(self.inner(self.norm(x))))
            return result

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), *(Block() for _ in range(12)), nn.LayerNorm(16), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
