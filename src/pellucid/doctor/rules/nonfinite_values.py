"""NaN or infinity arose during training.

Why: One value that is not finite makes the loss, every gradient and then every weight NaN: from there on nothing is
learned, and nothing raises.

Fix: Look at the layer named first: clamp what goes into a log, sqrt, exp or division, or lower the learning rate.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.flow import Flow, Operation, TrainingFlows
from pellucid.doctor.finding import Finding

SEVERITY = "error"
FAMILY = "dynamics"
FOLDS = (
    "loss-not-decreasing", "oscillating-loss", "collapsed-output", "dead-units",
    "unchanged-weights", "cannot-fit-one-batch", "too-few-epochs",
)  # fmt: skip


def find(flows: TrainingFlows, dynamics: Dynamics) -> Iterator[Finding]:
    """Find the first loss that is not finite, and the first layer that made it so from finite inputs."""
    if dynamics.first_nonfinite is None:
        return
    culprit = next((found for flow in flows.flows if (found := _first(flow)) is not None), None)
    where = culprit.where if culprit is not None else "the loss"
    yield Finding(
        where=where,
        place=culprit.place if culprit is not None else flows.first.backward_place,
        evidence=f"the loss is not finite from backward {dynamics.first_nonfinite + 1} of {len(dynamics.losses)} on"
        + (f"; {culprit.where} is the first to give it from finite inputs" if culprit is not None else ""),
        fix="clamp what goes into log, sqrt, exp and division, or lower the learning rate; to find the operation: "
        "torch.autograd.set_detect_anomaly(True)",
        confidence=0.95,
    )


def _first(flow: Flow) -> Operation | None:
    for operation in flow.path:
        if any(value.facts is not None and value.facts.nonfinite for value in operation.outputs) and all(
            value.facts is None or not value.facts.nonfinite for value in operation.inputs
        ):
            return operation
    return None


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    first, last = nn.Linear(8, 16), nn.Linear(16, 3)
    optimizer = torch.optim.Adam([*first.parameters(), *last.parameters()], lr=0.01)
    for _ in range(60):
        hidden = first(inputs) * 10
        for _ in range(7):
            hidden = hidden * hidden
        optimizer.zero_grad()
        nn.functional.cross_entropy(last(hidden), labels).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    first, last = nn.Linear(8, 16), nn.Linear(16, 3)
    optimizer = torch.optim.Adam([*first.parameters(), *last.parameters()], lr=0.01)
    for _ in range(60):
        hidden = torch.tanh(first(inputs))
        optimizer.zero_grad()
        nn.functional.cross_entropy(last(hidden), labels).backward()
        optimizer.step()
