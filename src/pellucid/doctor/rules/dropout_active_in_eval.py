"""Dropout goes on dropping after network.eval(): it does not follow the mode of the network.

Why: F.dropout drops by default, whatever the mode; so does a dropout made inside forward, which eval() cannot reach.
Each prediction then comes from another, randomly thinned network.

Fix: Pass the mode on, F.dropout(x, p, training=self.training), or make nn.Dropout in __init__.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from torch.nn.modules.dropout import _DropoutNd

from pellucid.doctor.evidence.flow import EvaluationFlows, Operation, Value, ancestors, maker, origin
from pellucid.doctor.evidence.kinds import COMPARISONS, DROPOUTS, VIEWS
from pellucid.doctor.finding import Finding

SEVERITY = "error"
FAMILY = "loop"
FOLDS = ("overfitting", "stale-statistics", "heavy-dropout", "different-preparation")


def find(evaluations: EvaluationFlows) -> Iterator[Finding]:
    """Look for active dropout in a call of a network that is in evaluation mode."""
    seen: dict[str, None] = {}
    for flow in evaluations.flows:
        repeats = Counter((id(c.network), tuple(v.index for v in c.inputs)) for c in flow.network_calls)
        for operation in flow.operations:
            call = operation.call
            if call is None or call.training or not call.has_parameters or operation.where in seen:
                continue
            # The same inputs again and again: the spread of the answers is what is asked for.
            is_sampling = repeats[id(call.network), tuple(v.index for v in call.inputs)] >= 3
            dropped = _dropped(operation)
            if dropped is None or is_sampling:
                continue
            seen[operation.where] = None
            yield Finding(
                where=operation.where,
                place=operation.place,
                evidence=f"{call.name} was in evaluation mode, and {operation.where} {dropped}",
                fix="make nn.Dropout(p) in __init__ and call it in forward"
                if isinstance(operation.module, _DropoutNd)
                else "x = F.dropout(x, p, training=self.training)",
                confidence=0.96,
            )


def _dropped(operation: Operation) -> str | None:
    """Return what an operation dropped; a registered dropout layer that was set to train on purpose is left alone."""
    share = operation.arguments.get("p", 0.5)
    if operation.name in DROPOUTS and operation.arguments.get("training", operation.arguments.get("train", True)):
        is_meant = isinstance(operation.module, _DropoutNd) and operation.path is not None
        return None if is_meant or not share else f"dropped values with p={share}"
    if operation.name == "scaled_dot_product_attention" and operation.arguments.get("dropout_p", 0.0):
        return f"dropped attention with p={operation.arguments['dropout_p']}"
    if operation.name in ("mul", "where") and operation.output is not None:
        for value in operation.inputs:
            others = [v for v in operation.inputs if v is not value and any(op.weights for op in ancestors(v))]
            if others and value.shape == operation.output.shape and _is_mask(value):
                return "multiplied by a random mask of zeros"
    return None


def _is_mask(value: Value) -> bool:
    """Return whether a value is drawn anew as zeros and ones, perhaps scaled."""
    made_by = maker(origin(value, VIEWS | {"div", "mul"}))
    if made_by is None or made_by.name == "bernoulli":
        return made_by is not None
    drawn = [m.name for m in (maker(v) for v in made_by.inputs) if m is not None]
    return made_by.name in COMPARISONS and any(name in ("rand", "rand_like", "uniform") for name in drawn)


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(8, 32), nn.Linear(32, 3)

        def forward(self, x: torch.Tensor) -> Any:
            return self.last(nn.functional.dropout(self.first(x).relu(), 0.2))

    network = Classifier()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(5):
        network.train()
        for rows in torch.randperm(256).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            print((network(inputs).argmax(1) == labels).float().mean().item())


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(8, 32), nn.Linear(32, 3)

        def forward(self, x: torch.Tensor) -> Any:
            return self.last(nn.functional.dropout(self.first(x).relu(), 0.2, self.training))

    network = Classifier()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(5):
        network.train()
        for rows in torch.randperm(256).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            print((network(inputs).argmax(1) == labels).float().mean().item())
