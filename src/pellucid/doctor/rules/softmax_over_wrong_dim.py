"""Softmax is taken over the batch, or over another axis than that of the classes.

Why: The probabilities of one example then do not sum to 1: examples of a batch compete with each other, and the answer
for one depends on which others stand beside it.

Fix: Give the axis of the classes: dim=1 for outputs [examples, classes], dim=-1 where classes stand last.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.exclusion import is_exclusive, is_given
from pellucid.doctor.evidence.flow import EvaluationFlows, Flow, Loss, Operation, TrainingFlows, Value, maker, origin
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
SOFTMAXES = ("softmax", "log_softmax", "softmin")


def find(flows: TrainingFlows | None, evaluations: EvaluationFlows | None) -> Iterator[Finding]:
    """Compare the axis of each softmax with that of the examples, and with that where probabilities must sum to 1."""
    seen: set[str] = set()
    training = flows.per_loss() if flows is not None else ()
    losses = [loss for flow in training for loss in flow.losses]
    for flow in (*training, *(evaluations.flows if evaluations is not None else ())):
        reasons = [(maker(loss.outputs), _in_loss(loss)) for loss in flow.losses]
        reasons += [(operation, _over_examples(operation, flow, losses)) for operation in flow.operations]
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
    if last is None or last.name not in SOFTMAXES or len(loss.outputs.shape) < 2 or last.output is None:
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


def _over_examples(operation: Operation, flow: Flow, losses: list[Loss]) -> str | None:
    """Return why a softmax compares examples of the batch with each other."""
    value, call = operation.output, operation.call
    if operation.name not in SOFTMAXES or axis(operation) != 0 or value is None or len(value.shape) < 2:
        return None
    count = value.shape[0]
    # [examples, 1] weighs examples or positions; a square may compare examples with examples.
    if count < 2 or value.shape[1] in (1, count) or (len(value.shape) > 2 and value.size == count * value.shape[1]):
        return None
    if call is not None and call.has_parameters:
        if not call.inputs or not call.outputs or not _are_examples(call.inputs[0], call.outputs[0], count, losses):
            return None
    elif operation.main is None or not _is_answer(origin(operation.main), flow, losses):
        return None
    return f"axis 0 holds the {count} examples of the batch, which are thereby compared with each other"


def _are_examples(inputs: Value, outputs: Value, count: int, losses: list[Loss]) -> bool:
    """Return whether the first axis of inputs and outputs is that of the examples: one target for each."""
    if inputs.shape[:1] != (count,) or outputs.shape[:1] != (count,):
        return False
    wanted = [loss for loss in losses if loss.targets is not None and is_given(loss.targets)]
    return bool(wanted) and all(
        loss.targets is not None
        and (len(loss.targets.shape) == 1 or loss.targets.shape[1:] == loss.outputs.shape[1:])
        and len(loss.outputs.shape) <= 2
        and loss.targets.shape[:1] == loss.outputs.shape[:1]
        for loss in wanted
    )


def _is_answer(value: Value, flow: Flow, losses: list[Loss]) -> bool:
    """Return whether a value is what a network returned: [examples, classes], as its loss reads it."""
    returned = {origin(output).index for call in flow.network_calls for output in call.outputs}
    shapes = {(len(loss.outputs.shape), *loss.outputs.shape[1:]) for loss in losses if loss.targets is not None}
    return value.index in returned and len(value.shape) == 2 and (2, *value.shape[1:]) in shapes


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
