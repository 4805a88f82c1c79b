"""A measure of success that says nothing: argmax of one output, equality of real numbers, the wrong threshold.

Why: A number is computed and printed, and it looks like an accuracy, but whatever the network learns does not show in
it. Decisions taken by it are taken by accident.

Fix: One logit: logits > 0. One probability: probability > 0.5. Classes: argmax(1). A regression: mean absolute error.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.flow import EvaluationFlows, Flow, Operation, TrainingFlows
from pellucid.doctor.finding import Finding
from pellucid.doctor.predictions import misfits

SEVERITY = "warning"
FAMILY = "contract"
FOLDS = ("collapsed-output", "overfitting", "loss-not-decreasing")
FIX = {
    "unit": "predicted = (logits.squeeze(1) > 0).float()  # one logit; > 0.5 for a probability",
    "axis": "predicted = outputs.argmax(1)",
    "shape": "predicted = predicted.squeeze(1)  # the same shape as the labels",
    "real": "error = (outputs - targets).abs().mean()  # for a regression; for classes compare argmax(1) or > 0",
    "threshold": "predicted = (logits > 0).float()  # or torch.sigmoid(logits) > 0.5",
    "count": "accuracy = correct / number_of_examples",
    "several": "predicted = (logits > 0).float()  # each label by itself",
}


def find(flows: TrainingFlows | None, evaluations: EvaluationFlows | None) -> Iterator[Finding]:
    """Look at how predictions are made of the outputs and what they are compared with."""
    training = flows.flows if flows is not None else ()
    losses = [loss for flow in training[:1] for loss in flow.losses]
    seen: set[str | None] = set()
    for flow in (*(evaluations.flows if evaluations is not None else ()), *training):
        for operation in _outside_networks(flow):
            for kind, evidence in misfits(operation, losses):
                if operation.place in seen:
                    continue
                seen.add(operation.place)
                yield Finding(
                    where="the metric", place=operation.place, evidence=evidence, fix=FIX[kind], confidence=0.9
                )


def _outside_networks(flow: Flow) -> Iterator[Operation]:
    return (op for op in flow.operations if op.error is None and (op.call is None or not op.call.has_parameters))


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(512, 8)
    labels = (inputs[:, 0] + inputs[:, 1] > 0).float()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(network(inputs[:384])[:, 0], labels[:384]).backward()
        optimizer.step()
    with torch.no_grad():
        print((network(inputs[384:]).argmax(1) == labels[384:]).float().mean().item())


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(512, 8)
    labels = (inputs[:, 0] + inputs[:, 1] > 0).float()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(network(inputs[:384])[:, 0], labels[:384]).backward()
        optimizer.step()
    with torch.no_grad():
        print(((network(inputs[384:])[:, 0] > 0).float() == labels[384:]).float().mean().item())
