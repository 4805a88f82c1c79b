"""Dropout stands directly before batch normalisation.

Why: Dropout changes the variance of what it passes on, in training only. Batch normalisation learns that variance and
uses it in evaluation, where there is no dropout and the variance is another: the outputs shift (Li et al. 2019).

Fix: Put the dropout behind the normalisation and the activation.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.flow import TrainingFlows, users
from pellucid.doctor.evidence.kinds import ACTIVATIONS, DROPOUTS, POOLS, SOFTMAXES, VIEWS
from pellucid.doctor.finding import Finding

SEVERITY = "note"
FAMILY = "architecture"
FOLDS = ("stale-statistics",)


def find(flows: TrainingFlows) -> Iterator[Finding]:
    """Look for an active dropout whose output a batch normalisation takes."""
    for flow in flows.per_loss():
        for operation in flow.path:
            rate = operation.arguments.get("p", 0.5)
            is_active = operation.arguments.get("training", operation.arguments.get("train", True)) is True
            if operation.name not in DROPOUTS or not rate or not is_active or operation.output is None:
                continue
            for user in users(operation.output, VIEWS | POOLS | ACTIVATIONS - SOFTMAXES):
                if user.name != "batch_norm" or user.arguments.get("training") is not True:
                    continue
                before, after = operation.main, operation.output
                spreads = (
                    f": it raises the standard deviation from {before.facts.std:.3g} to {after.facts.std:.3g}"
                    if before is not None and before.facts and after.facts
                    else ""
                )
                yield Finding(
                    where=f"{operation.where} → {user.where}",
                    place=operation.place,
                    evidence=f"{operation.where} (p={rate:g}) feeds {user.where}{spreads} in training only",
                    fix=f"put {operation.where} behind {user.where} and its activation",
                    confidence=0.95,
                )


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(
        nn.Linear(8, 16, bias=False), nn.ReLU(), nn.Dropout(0.2), nn.BatchNorm1d(16), nn.Linear(16, 3)
    )
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
    network = nn.Sequential(
        nn.Linear(8, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3)
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
