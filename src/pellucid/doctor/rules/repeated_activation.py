"""An activation is applied directly to the output of another activation.

Why: Two activations in a row add no layer, and the second one sees only the first one's range: a sigmoid after a ReLU
never gives less than 0.5, a ReLU after a sigmoid does nothing. Signal and gradient pass through both and shrink.

Fix: Keep one of the two, the one that this place needs.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.flow import Flow, Operation, TrainingFlows, ancestors, origin, users
from pellucid.doctor.evidence.kinds import ACTIVATIONS, DROPOUTS, SOFTMAXES, VIEWS, words
from pellucid.doctor.finding import Finding, Mend

SEVERITY = "warning"
FAMILY = "architecture"
FOLDS = (
    "deep-sigmoid", "dead-at-start", "dead-units", "saturated-units", "vanishing-gradients", "learning-rate-too-low",
    "unsuited-optimizer", "cannot-fit-one-batch", "too-few-epochs", "loss-not-decreasing", "collapsed-output",
    "badly-scaled-weights", "output-cannot-reach-targets", "unchanged-weights", "surprising-first-loss",
    "inputs-ignored",
)  # fmt: skip
# Squares and waves on an activation are used on purpose; softmax on logits belongs to other rules.
OUTER = ACTIVATIONS - SOFTMAXES - words("maximum square sin cos glu log_sigmoid")
BETWEEN = VIEWS | DROPOUTS


def find(flows: TrainingFlows) -> Iterator[Finding]:
    """Look for an activation whose input is an activation that nothing else takes."""
    for flow in flows.per_loss():
        inside = _inside(flow)
        on_path = {operation.index for operation in flow.path}
        for outer in flow.gradient_path:
            if outer.name not in OUTER or outer.index not in inside or outer.main is None or outer.output is None:
                continue
            inner = origin(outer.main, BETWEEN).maker
            if inner is None or inner.name not in OUTER | {"softmax"} or inner.output is None:
                continue
            takers = [user for user in users(inner.output, BETWEEN) if user.index in on_path]
            if takers != [outer] or _is_gate(outer):
                continue
            low, high = (inner.output.facts.low, inner.output.facts.high) if inner.output.facts else (0.0, 0.0)
            out = outer.output.facts
            gives = f", and gives values from {out.low:.2g} to {out.high:.2g}" if out else ""
            yield Finding(
                where=f"{inner.where} → {outer.where}",
                place=outer.place,
                evidence=f"{outer.name} takes the output of {inner.name}, which lies between {low:.2g} and "
                f"{high:.2g}{gives}",
                fix=f"remove {outer.where} or {inner.where}: one activation after each layer",
                mend=Mend("remove", outer.paths),
                confidence=0.92,
            )


def _inside(flow: Flow) -> set[int]:
    """Return the operations of the networks, not of the loss."""
    found = {operation.index for loss in flow.losses for operation in ancestors(loss.outputs)}
    return found | {op.index for op in flow.path if op.call is not None and op.call.has_parameters}


def _is_gate(outer: Operation) -> bool:
    """Return whether the output only scales something else, as in x * tanh(softplus(x))."""
    assert outer.output is not None
    takers = list(users(outer.output))
    return bool(takers) and all(
        user.name == "mul" and sum(value.kind == "made" for value in user.inputs) > 1 for user in takers
    )


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Sigmoid(), nn.Linear(16, 3))
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
