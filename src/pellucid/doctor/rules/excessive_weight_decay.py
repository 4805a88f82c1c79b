"""The penalty on the weights outweighs the data: without it a copy learns far better.

Why: Weight decay pulls every weight towards zero in each step. Where that pull is stronger than the gradient of the
data, the network ends near zero and gives nearly the same answer to everything.

Fix: Lower the weight decay: 1e-4 with SGD or Adam, 1e-2 with AdamW, or the factor of a penalty added to the loss.
"""

from collections.abc import Callable, Iterator
from typing import Any

from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.flow import Flow, Operation, TrainingFlows, Value, ancestors
from pellucid.doctor.evidence.loop import OptimizerFacts, Optimizers
from pellucid.doctor.finding import Finding
from pellucid.doctor.replay import Surgery
from pellucid.doctor.trial import Change, Comparison, Trials
from pellucid.tracing.capture import overwrites

SEVERITY = "warning"
FAMILY = "optimizer"
FOLDS = ("unchanged-weights", "loss-not-decreasing", "collapsed-output", "dead-units", "too-few-epochs",
         "vanishing-gradients", "learning-rate-too-low", "learning-rate-too-high", "unsuited-optimizer",
         "cannot-fit-one-batch", "odd-optimizer-settings")  # fmt: skip
STEPS = 60


def find(flows: TrainingFlows, dynamics: Dynamics, optimizers: Optimizers, trials: Trials) -> Iterator[Finding]:
    """Suspect a strong pull with a loss that stayed high; then train copies without it, from the start and the end."""
    if len(optimizers.optimizers) > 1:
        return
    facts, start = optimizers.first, abs(dynamics.losses[0])
    decay = max(float(group.get("weight_decay") or 0.0) for group in facts.groups)
    terms = _penalties(flows.first) if flows.first.is_complete else {}
    everywhere = {key: pair for flow in flows.flows for key, pair in _penalties(flow).items()}
    if decay * _pull(facts) >= 2e-4 and dynamics.mean_loss(0.8, 1) > 0.2 * start:
        fix = f"torch.optim.{facts.kind}(network.parameters(), lr={facts.learning_rate:g}, weight_decay=1e-4)"
        change = Change("weight_decay 0", settings={"weight_decay": 0.0})
        for at in ("start", "end"):
            comparison = trials.compare(change, steps=STEPS, at=at)
            if comparison.improves(0.6) and comparison.loss_as_written > 0.2 * start:
                yield _finding("the optimizer", facts.place, f"weight_decay is {decay:g}; {comparison.text()}", fix)
                return
    elif terms:
        data = next(iter(terms.values()))[0].facts
        size = sum(term.facts.mean for _, term in terms.values() if term.facts is not None)
        if data is None or size < 0.05 * abs(data.mean):
            return
        for at in ("start", "end"):
            pulled, free = (
                trials.run(Change(surgery=Surgery(replace=_only(everywhere, factor))), steps=STEPS, at=at)
                for factor in (1.0, 0.0)
            )
            comparison = Comparison("no penalty", pulled, free)
            is_whole = len(pulled) == len(free) == STEPS
            if is_whole and comparison.improves(0.6) and comparison.loss_as_written > 0.2 * abs(data.mean):
                text = f"the penalty is {size:.3g} beside a loss of {data.mean:.3g} at the start; without its value, "
                place = next(iter(terms)).place
                fix = "lower the factor of the penalty a hundredfold"
                yield _finding("the loss", place, text + comparison.text(), fix)
                return


def _finding(where: str, place: str | None, evidence: str, fix: str) -> Finding:
    return Finding(where=where, place=place, evidence=evidence, fix=fix, confidence=0.9)


def _pull(facts: OptimizerFacts) -> float:
    """Return the share of itself that a weight loses per step and unit of decay."""
    if facts.kind == "SGD":
        return facts.learning_rate / max(1e-3, 1 - float(facts.groups[0].get("momentum") or 0.0))
    # Decay as part of an adaptive gradient is scaled up where the gradient is small.
    is_decoupled = facts.kind == "AdamW" or facts.groups[0].get("decoupled_weight_decay")
    return facts.learning_rate if is_decoupled else max(facts.learning_rate, 0.04)


def _penalties(flow: Flow) -> dict[Operation, tuple[Value, Value]]:
    """Return each addition to the loss of a term computed from weights alone, with the rest and the term."""
    found = {}
    for operation in flow.gradient_path:
        if operation.name == "add" and len(operation.inputs) == 2:
            for data, term in (operation.inputs, operation.inputs[::-1])[: 1 if _is_in_place(operation) else 2]:
                if term.requires_grad and term.size == 1 and _is_of_weights(term) and not _is_of_weights(data):
                    found[operation] = data, term
    return found


def _is_in_place(operation: Operation) -> bool:
    return overwrites(getattr(operation.function, "__name__", ""), {})


def _is_of_weights(value: Value) -> bool:
    makers = ancestors(value)
    leaves = [leaf for op in makers for leaf in op.inputs if leaf.maker is None] or [value]
    return any(v.weight for v in leaves) and all(v.weight or (v.size == 1 and not v.requires_grad) for v in leaves)


def _only(
    terms: dict[Operation, tuple[Value, Value]], factor: float
) -> Callable[[Operation], Callable[..., Any] | None]:
    """Leave the penalties' values out of the sum, and multiply their gradients."""

    def replaced(operation: Operation) -> Callable[..., Any] | None:
        if operation not in terms:
            return None
        is_first = operation.inputs[0] is terms[operation][0]

        def added(one: Any, two: Any, **_: Any) -> Any:
            rest, term = (one, two) if is_first else (two, one)
            pull = (term - term.detach()) * factor
            return rest.add_(pull) if _is_in_place(operation) else rest + pull

        return added

    return replaced


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=0.3)
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
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
