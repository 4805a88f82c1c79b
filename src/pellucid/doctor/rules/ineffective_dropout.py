"""Dropout that does nothing: in a recurrent network of one layer, never active, or its result thrown away.

Why: The dropout of nn.LSTM and nn.GRU acts between their layers only, and one layer has no between. A dropout whose
result is not used, or that is always off, does nothing either: the network is not regularised as you meant.

Fix: Use num_layers=2, or nn.Dropout on the output; write x = self.dropout(x); pass training=self.training.
"""

from collections.abc import Iterator
from pathlib import Path

from torch.nn.modules.dropout import _DropoutNd

from pellucid.doctor.evidence.flow import EvaluationFlows, Flow, Operation, TrainingFlows
from pellucid.doctor.evidence.kinds import DROPOUTS, RECURRENT
from pellucid.doctor.finding import Finding
from pellucid.doctor.places import _rank

SEVERITY = "warning"
FAMILY = "architecture"
FOLDS = ("overfitting",)
ALWAYS_OFF = "pass training=self.training to it, or use nn.Dropout"


def find(flows: TrainingFlows, evaluations: EvaluationFlows | None) -> Iterator[Finding]:
    """Look at every dropout of the traced training steps."""
    seen: set[str | None] = set()
    for flow in flows.per_loss():
        for operation in flow.operations:
            if operation.call is None or not operation.call.training or operation.where in seen:
                continue
            told = _recurrent(operation) or _unused(operation) or _off(operation, flows)
            if told is None:
                continue
            seen.add(operation.where)
            evidence, fix, confidence = told
            yield Finding(operation.where, evidence, fix, place=operation.place, confidence=confidence)
    yield from _never_called(flows, evaluations)


def _recurrent(operation: Operation) -> tuple[str, str, float] | None:
    rate = operation.arguments.get("dropout")
    if operation.name not in RECURRENT or not isinstance(rate, float) or not rate:
        return None
    if operation.arguments.get("num_layers") != 1:
        return None
    evidence = f"dropout={rate:g} of {operation.where} acts between layers, and it has num_layers=1"
    return evidence, f"num_layers=2, or nn.Dropout({rate:g}) on the output of {operation.where}", 0.97


def _unused(operation: Operation) -> tuple[str, str, float] | None:
    output = operation.output
    if operation.name not in DROPOUTS or output is None or output.users or not _rate(operation):
        return None
    main = operation.main
    if operation.call is None or output in operation.call.outputs or main is None or len(main.users) < 2:
        return None
    evidence = (
        f"nothing takes the output of {operation.where} (p={_rate(operation):g}): what it was given goes on undropped"
    )
    return evidence, "assign its result: x = self.dropout(x)", 0.95


def _off(operation: Operation, flows: TrainingFlows) -> tuple[str, str, float] | None:
    """Return what to say of a functional dropout that is off in every training step."""
    if operation.name not in DROPOUTS or not _rate(operation) or operation.arguments.get("training") is not False:
        return None
    module = operation.module
    # A dropout module that is in eval mode was put there, with a frozen part.
    if module is None or not module.training:
        return None
    same = [op for flow in flows.flows for op in flow.operations if op.place == operation.place and op.name in DROPOUTS]
    if any(op.arguments.get("training") is not False for op in same):
        return None
    evidence = (
        f"the dropout in {operation.where} (p={_rate(operation):g}) was off in all {len(same)} traced training calls"
    )
    return evidence, ALWAYS_OFF, 0.9


def _never_called(flows: TrainingFlows, evaluations: EvaluationFlows | None) -> Iterator[Finding]:
    """Look for dropout modules of the user's own classes that no call reached, while what surrounds them ran."""
    everything: tuple[Flow, ...] = flows.flows + (evaluations.flows if evaluations else ())
    operations = [operation for flow in everything for operation in flow.operations]
    ran = {id(operation.module) for operation in operations}
    # Its p may be handed to a function instead: scaled_dot_product_attention(dropout_p=self.dropout.p).
    rates = {op.arguments.get(key) for op in operations for key in ("p", "dropout_p", "dropout") if key in op.arguments
             and isinstance(op.arguments[key], float)}  # fmt: skip
    for call in flows.first.network_calls:
        for path, module in call.network.named_modules() if call.training else ():
            code = getattr(type(module).forward, "__code__", None)
            if id(module) not in ran or code is None or _rank(code) != 2:
                continue
            for name, inner in module.named_children():
                if isinstance(inner, _DropoutNd) and inner.p and id(inner) not in ran and inner.p not in rates:
                    where = f"{path}.{name}".lstrip(".")
                    yield Finding(
                        where=f"{where} ({type(inner).__name__})",
                        place=f"{Path(code.co_filename).name}:{code.co_firstlineno}",
                        evidence=f"{where} (p={inner.p:g}) was made and is never called: "
                        f"{type(module).__name__}.forward leaves it out in all {len(flows.flows)} traced steps",
                        fix=f"x = self.{name}(x)  # in {type(module).__name__}.forward, after an activation",
                        confidence=0.85,
                    )


def _rate(operation: Operation) -> float:
    rate = operation.arguments.get("p", 0.5)
    return float(rate) if isinstance(rate, int | float) and operation.name in DROPOUTS else 0.0


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(8, 16), nn.Linear(16, 3)
            self.dropout = nn.Dropout(0.2)

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            rows = torch.relu(self.first(rows))
            self.dropout(rows)
            outputs: torch.Tensor = self.last(rows)
            return outputs

    network = Classifier()
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

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(8, 16), nn.Linear(16, 3)
            self.dropout = nn.Dropout(0.2)

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            rows = torch.relu(self.first(rows))
            rows = self.dropout(rows)
            outputs: torch.Tensor = self.last(rows)
            return outputs

    network = Classifier()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
