"""All units of a layer start with the same weights.

Why: Units with the same weights give the same output and get the same gradient, so they stay the same for ever: the
layer is as good as one unit wide.

Fix: Start from small random numbers, as PyTorch's layers do by themselves: take the constant initialisation away.
"""

from collections.abc import Iterator

import torch

from pellucid.doctor.evidence.flow import TrainingFlows, Weight
from pellucid.doctor.evidence.kinds import AFFINE
from pellucid.doctor.finding import Finding, Mend

SEVERITY = "error"
FAMILY = "weights"
FOLDS = (
    "loss-not-decreasing", "learning-rate-too-low", "unsuited-optimizer", "cannot-fit-one-batch",
    "dead-at-start", "badly-scaled-weights", "collapsed-output", "inputs-ignored", "vanishing-gradients",
    "unchanged-weights",
)  # fmt: skip


def find(flows: TrainingFlows) -> Iterator[Finding]:
    """Compare the rows of each hidden layer's weight at the start."""
    last = {loss.outputs.maker.index for flow in flows.flows for loss in flow.losses if loss.outputs.maker is not None}
    for operation in flows.first.path:
        # One row for each class may start equal: the targets tell the classes apart.
        if operation.name not in AFFINE or operation.index in last:
            continue
        for weight in operation.weights:
            start = weight.initial
            if start is None or not weight.is_trainable or start.ndim < 2 or start.shape[0] < 2 or start.numel() < 4:
                continue
            rows = start.flatten(1).float()
            # Zeros that part later are meant: the end of a residual branch, an adapter.
            is_meant = not rows.any() and _part(weight)
            if bool(torch.all(rows == rows[:1])) and not is_meant:
                yield Finding(
                    where=weight.name,
                    place=operation.place,
                    evidence=f"all {len(rows)} units of {operation.where} start with the same weights "
                    f"(every one is {float(rows.mean()):.3g} on average, and no two units differ)",
                    fix=f"take the constant initialisation away, or nn.init.kaiming_uniform_({weight.name})",
                    mend=Mend("reset", operation.paths),
                    confidence=0.97,
                )


def _part(weight: Weight) -> bool:
    """Return whether the units part all the same, since what comes after them tells them apart."""
    live = weight.live.detach()
    if weight.initial is not None and not torch.equal(live, weight.initial.to(live)):
        rows = live.flatten(1)
        return not torch.allclose(rows, rows[:1].expand_as(rows), rtol=1e-3, atol=1e-8)
    if weight.live.grad is None:
        return False
    rows = weight.live.grad.detach().flatten(1)
    return not torch.allclose(rows, rows[:1].expand_as(rows), rtol=1e-3, atol=1e-12)


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()

    first = nn.Linear(8, 16)
    nn.init.constant_(first.weight, 0.1)
    nn.init.zeros_(first.bias)
    network = nn.Sequential(first, nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
