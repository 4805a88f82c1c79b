"""Validation or prediction runs in training mode: dropout is active, running statistics move.

Why: In training mode dropout takes away other units at each call, and batch normalisation uses and learns from the
validation batch itself. The measured accuracy is not that of the network you will use.

Fix: Call network.eval() before evaluating, and network.train() before training goes on.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.flow import Call, EvaluationFlows, TrainingFlows
from pellucid.doctor.evidence.kinds import DROPOUTS
from pellucid.doctor.finding import Finding

SEVERITY = "error"
FAMILY = "loop"
FOLDS = ("stale-statistics", "overfitting", "dropout-active-in-eval")


def find(flows: TrainingFlows, evaluations: EvaluationFlows) -> Iterator[Finding]:
    """Look for evaluations that nothing is trained by, with an active layer of two modes."""
    trained = {id(weight.live) for flow in flows.flows for weight in flow.weights if weight.is_trainable}
    places: dict[str | None, None] = {}
    for flow in evaluations.flows:
        for operation in flow.operations:
            call = operation.call
            if call is None or call.grad_enabled or not call.training or call.place in places:
                continue
            active = _active(operation.name, operation.arguments)
            if not active or not _is_judged(call) or not any(id(p) in trained for p in call.network.parameters()):
                continue
            places[call.place] = None
            yield Finding(
                where=operation.where,
                place=call.place,
                evidence=f"{call.name} was called without gradients and in training mode: {operation.where} {active}",
                fix="network.eval()\nwith torch.no_grad():\n    ...\nnetwork.train()",
                confidence=0.95,
            )


def _active(name: str, arguments: dict[str, object]) -> str | None:
    if name in DROPOUTS and arguments.get("training", arguments.get("train", True)) is True and arguments.get("p", 0.5):
        return f"dropped values with p={arguments.get('p', 0.5)}"
    if name in ("batch_norm", "instance_norm") and arguments.get("training") is True:
        return "normalised by this batch and moved its running statistics" if name == "batch_norm" else None
    return None


def _is_judged(call: Call) -> bool:
    """Return whether a prediction, a comparison or a number is made from the outputs: no mere update of statistics."""
    left = list(call.outputs)
    seen: set[int] = set()
    while left:
        value = left.pop()
        if value.index in seen:
            continue
        seen.add(value.index)
        for user in value.users:
            if user.name in ("argmax", "item", "tolist", "numpy", "eq", "gt", "ge", "lt", "topk", "max", "round"):
                return True
            left.extend(user.outputs)
    return False


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(512, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(5):
        network.train()
        for rows in torch.randperm(384).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
            optimizer.step()
        with torch.no_grad():
            print((network(inputs[384:]).argmax(1) == labels[384:]).float().mean().item())


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(512, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(5):
        network.train()
        for rows in torch.randperm(384).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            print((network(inputs[384:]).argmax(1) == labels[384:]).float().mean().item())
