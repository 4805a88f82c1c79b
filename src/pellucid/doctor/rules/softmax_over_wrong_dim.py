"""Softmax is taken over the batch, or over another axis than that of the classes.

Why: The probabilities of one example then do not sum to 1: examples of a batch compete with each other, and the answer
for one depends on which others stand beside it.

Fix: Give the axis of the classes: dim=1 for outputs [examples, classes], dim=-1 where classes stand last.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.examples import NORMALISING, over_examples
from pellucid.doctor.evidence.exclusion import is_exclusive
from pellucid.doctor.evidence.flow import EvaluationFlows, Loss, Operation, TrainingFlows, maker
from pellucid.doctor.evidence.ranges import axis
from pellucid.doctor.finding import Finding

SEVERITY = "error"
FAMILY = "contract"
FOLDS = (
    "mixed-batch-dimension", "surprising-first-loss", "learning-rate-too-low", "learning-rate-too-high",
    "unsuited-optimizer", "cannot-fit-one-batch", "collapsed-output", "too-few-epochs", "loss-not-decreasing",
    "softmax-in-hidden-layer", "logits-into-nll-loss", "log-softmax-before-cross-entropy", "excessive-weight-decay",
    "softmax-before-cross-entropy", "output-cannot-reach-targets", "loss-not-connected", "stale-statistics",
)  # fmt: skip


def find(flows: TrainingFlows | None, evaluations: EvaluationFlows | None) -> Iterator[Finding]:
    """Compare the axis of each softmax with that of the examples, and with that where probabilities must sum to 1."""
    seen: set[str] = set()
    training = flows.per_loss() if flows is not None else ()
    losses = [loss for flow in training for loss in flow.losses]
    for flow in (*training, *(evaluations.flows if evaluations is not None else ())):
        reasons = [(maker(loss.outputs), _in_loss(loss)) for loss in flow.losses]
        reasons += [(operation, over_examples(operation, flow, losses)) for operation in flow.operations]
        for operation, reason in reasons:
            if operation is None or reason is None or operation.where in seen:
                continue
            seen.add(operation.where)
            yield Finding(
                where=operation.where,
                place=operation.place,
                evidence=f"{operation.name} along axis {axis(operation)} of "
                f"{list(operation.output.shape) if operation.output else ''}: {reason}",
                fix=f"{operation.name}(…, dim={_right(operation)})",
                confidence=0.95,
            )


def _right(operation: Operation) -> int:
    return 1 if operation.output is not None and len(operation.output.shape) == 2 else -1


def _in_loss(loss: Loss) -> str | None:
    """Return why the softmax before a loss has the wrong axis, by what its results sum to."""
    last, outputs = maker(loss.outputs), loss.outputs.tensor
    if last is None or last.name not in NORMALISING or len(loss.outputs.shape) < 2 or last.output is None:
        return None
    if loss.kind in ("nll_loss", "cross_entropy", "ctc_loss") and last.name == "log_softmax":
        place = -1 if loss.kind == "ctc_loss" else 1
        if outputs is None or loss.outputs.shape[place] < 2:
            return None
        sums = outputs.double().exp().sum(place)
        if bool(((sums - 1).abs() < 0.01).all()):
            return None
        return (
            f"{loss.kind} reads the classes along axis {place} of {list(outputs.shape)}, where the probabilities of "
            f"one example sum to {float(sums.min()):.3g}…{float(sums.max()):.3g}"
        )
    targets = loss.targets.tensor if loss.targets is not None else None
    if targets is None or outputs is None or targets.shape != outputs.shape or not is_exclusive(targets, 1):
        return None
    sums = (outputs.double().exp() if last.name == "log_softmax" else outputs.double()).sum(1)
    if loss.outputs.shape[1] < 2 or bool(((sums - 1).abs() < 0.01).all()):
        return None
    return f"each example's targets sum to 1, its outputs to {float(sums.min()):.3g}…{float(sums.max()):.3g}"


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3), nn.LogSoftmax(dim=0))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.nll_loss(network(inputs), labels).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3), nn.LogSoftmax(dim=1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.nll_loss(network(inputs), labels).backward()
        optimizer.step()
