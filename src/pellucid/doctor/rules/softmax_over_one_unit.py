"""Softmax over a single unit: its result is 1 whatever the weights.

Why: Softmax divides each number by the sum over its axis; a single number divided by itself is 1. The output (or its
logarithm, 0) is constant and no gradient comes back: what is before it learns nothing.

Fix: One unit for a yes or no takes a sigmoid; softmax takes one unit for each class. For attention, take the softmax
over the axis of the positions.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.flow import EvaluationFlows, Flow, Operation, TrainingFlows, maker
from pellucid.doctor.evidence.kinds import AFFINE, CONVOLUTIONS, SOFTMAXES
from pellucid.doctor.evidence.ranges import axis
from pellucid.doctor.finding import Finding

SEVERITY = "error"
FAMILY = "contract"
FOLDS = (
    "loss-not-decreasing", "unchanged-weights", "vanishing-gradients", "collapsed-output", "cannot-fit-one-batch",
    "surprising-first-loss", "inputs-ignored", "output-cannot-reach-targets", "learning-rate-too-low", "never-stepped",
    "unsuited-optimizer", "too-few-epochs", "metric-does-not-fit", "dead-at-start", "saturated-units",
    "one-output-for-many-classes", "loss-not-connected", "softmax-before-cross-entropy", "softmax-in-hidden-layer",
    "learning-rate-too-high", "excessive-weight-decay", "logits-into-nll-loss", "frozen-parameters",
)  # fmt: skip


def find(flows: TrainingFlows | None, evaluations: EvaluationFlows | None) -> Iterator[Finding]:
    """Look for a softmax along an axis of length 1, directly behind a layer of one unit or directly before a loss."""
    training = flows.per_loss() if flows is not None else ()
    seen = set()
    for flow in (*training, *(evaluations.flows if evaluations is not None else ())):
        ends = {id(maker(loss.outputs)) for loss in flow.losses}
        for operation in flow.operations:
            if not _is_constant(operation, is_end=id(operation) in ends) or operation.where in seen:
                continue
            seen.add(operation.where)
            value = operation.output
            number = 0 if operation.name == "log_softmax" else 1
            yield Finding(
                where=operation.where,
                place=operation.place,
                evidence=f"{operation.name} works along axis {axis(operation)} of {list(value.shape) if value else ''},"
                f" which has one unit: all {value.size if value else 0} results are {number}",
                fix="torch.sigmoid(outputs)  # instead of softmax, or one output for each class",
                confidence=0.97,
            )
        yield from _in_the_loss(flow)


def _is_constant(operation: Operation, *, is_end: bool) -> bool:
    value, along = operation.output, axis(operation)
    if operation.name not in SOFTMAXES or value is None or along is None or not value.shape or value.shape[along] != 1:
        return False
    if along == 0 and len(value.shape) > 1:
        return False  # a batch of one
    if is_end:
        return True
    layer = maker(operation.main) if operation.main is not None else None
    while layer is not None and layer.name in ("add", "div", "mul", "tanh") and layer.main is not None:
        if any(weight.is_trainable for weight in layer.weights):
            break
        layer = maker(layer.main)
    if layer is None or layer.name not in AFFINE | {"add"} or layer.output is None:
        return False
    shape = layer.output.shape
    unit = 1 if layer.name in CONVOLUTIONS else len(shape) - 1
    others = [length for place, length in enumerate(shape) if place not in (0, unit)]
    is_learned = any(weight.is_trainable for weight in layer.weights)
    return is_learned and len(shape) > 1 and shape[unit] == 1 and shape[0] > 1 and all(n > 1 for n in others)


def _in_the_loss(flow: Flow) -> Iterator[Finding]:
    for loss in flow.losses:
        shape = loss.outputs.shape
        targets = loss.targets
        if (
            flow.kind != "training" or loss.kind != "cross_entropy" or targets is None or len(shape) < 2
            or shape[1] != 1 or targets.shape != shape or not targets.dtype.is_floating_point
        ):  # fmt: skip
            continue
        last = maker(loss.outputs)
        if last is not None and last.name in SOFTMAXES:
            continue
        yield Finding(
            where=last.where if last is not None else "the loss",
            place=loss.operation.place,
            evidence=f"cross_entropy applies softmax to outputs of shape {list(shape)}: over one unit it is always 1, "
            f"and the loss is 0 whatever the network says",
            fix="loss_fn = nn.BCEWithLogitsLoss()",
            confidence=0.97,
        )


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, :1] + inputs[:, 1:2] > 0).float()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1), nn.Softmax(dim=1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy(network(inputs), labels).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, :1] + inputs[:, 1:2] > 0).float()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid())
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy(network(inputs), labels).backward()
        optimizer.step()
