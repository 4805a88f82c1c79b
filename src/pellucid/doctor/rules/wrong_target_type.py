"""The targets have a type or a form that the loss does not take.

Why: Cross-entropy wants class numbers as int64 of shape (batch,), or probabilities as floats of the outputs' shape; MSE
and binary cross-entropy want float32 of the outputs' shape. Other targets raise, or are read as something else.

Fix: Convert the targets where they are made, once.
"""

from collections.abc import Iterator

import torch

from pellucid.doctor.evidence.ending import Ending
from pellucid.doctor.evidence.flow import Loss, TrainingFlows
from pellucid.doctor.evidence.kinds import LOSSES
from pellucid.doctor.evidence.labels import class_counts, is_one_hot
from pellucid.doctor.finding import Finding
from pellucid.doctor.losses import losses_of

SEVERITY = "error"
FAMILY = "contract"
FOLDS = (
    "never-stepped", "softmax-over-wrong-dim", "softmax-over-one-unit", "shape-mismatch", "loss-not-decreasing",
    "collapsed-output", "surprising-first-loss", "cannot-fit-one-batch", "metric-does-not-fit",
    "single-class", "too-few-epochs", "learning-rate-too-low", "unsuited-optimizer", "softmax-for-multilabel",
)  # fmt: skip
BY_CLASS = ("cross_entropy", "nll_loss", "multi_margin_loss")


def find(ending: Ending, flows: TrainingFlows | None) -> Iterator[Finding]:
    """Look at the targets of the loss that raised, forwards or backwards, and of softmax losses on a single row."""
    operation, error = ending.operation, str(ending.error)
    raised: list[Loss] = []
    if operation is not None and operation.name in LOSSES and isinstance(operation.error, RuntimeError | ValueError):
        raised.extend(losses_of([operation], ()))
    elif flows is not None and isinstance(ending.error, RuntimeError) and "expected" in error and "dtype" in error:
        raised.extend(loss for loss in flows.last.losses if loss.targets and loss.targets.dtype != loss.outputs.dtype)
    for loss in raised:
        advice = _advice(loss)
        if advice is not None:
            yield _finding(loss, f"and raised: {error.splitlines()[0][:160]}", advice)
    for flow in flows.per_loss() if flows is not None else ():
        for loss in flow.losses:
            if loss.kind == "cross_entropy" and _is_one_row(loss):
                advice = "loss = nn.BCEWithLogitsLoss()(outputs, targets)  # one output for two classes"
                yield _finding(loss, "which it takes for the probabilities of one example's classes", advice)


def _is_one_row(loss: Loss) -> bool:
    """Return whether a column of labels 0 and 1 is taken for the class probabilities of a single example."""
    targets, shape = loss.targets, loss.outputs.shape
    if targets is None or len(shape) != 1 or targets.shape != shape or not targets.dtype.is_floating_point:
        return False
    counts = class_counts(targets.tensor)
    return set(counts) == {0, 1} and counts[1] > 1


def _finding(loss: Loss, seen: str, advice: str) -> Finding:
    assert loss.targets is not None
    return Finding(
        where="the loss",
        place=loss.operation.place,
        evidence=f"{loss.kind} was given targets of type {_name(loss.targets.dtype)} and shape {loss.targets.shape} "
        f"for outputs of type {_name(loss.outputs.dtype)} and shape {loss.outputs.shape}, {seen}",
        fix=advice,
        confidence=0.95,
    )


def _advice(loss: Loss) -> str | None:
    """Return what to do about targets that made a loss raise; None if it is something else."""
    outputs, targets = loss.outputs, loss.targets
    if targets is None or not outputs.shape or not targets.shape or outputs.dtype == torch.long:
        return None
    if loss.kind in BY_CLASS:
        if is_one_hot(targets.tensor) and targets.shape == outputs.shape:
            return "targets = targets.argmax(1)  # class numbers instead of one-hot rows"
        if targets.shape == (*outputs.shape[:1], 1) and len(outputs.shape) == 2:
            return "targets = targets.squeeze(1).long()  # shape (batch,)"
        if len(outputs.shape) == 3 and targets.shape == outputs.shape[:2]:
            return "loss = loss_function(outputs.flatten(0, 1), targets.flatten())  # classes along dimension 1"
        if targets.shape == (*outputs.shape[:1], *outputs.shape[2:]) and targets.dtype != torch.long:
            return "targets = targets.long()  # class numbers are int64"
        return "targets = targets.float()" if targets.shape == outputs.shape and loss.kind == "cross_entropy" else None
    if outputs.shape == targets.shape:
        return f"targets = targets.to({outputs.dtype})" if targets.dtype != outputs.dtype else None
    if targets.size == outputs.size and targets.shape[0] == outputs.shape[0]:
        return "targets = targets.float().view_as(outputs)"
    if len(outputs.shape) == 2 and targets.shape == outputs.shape[:1] and not targets.dtype.is_floating_point:
        return f"targets = nn.functional.one_hot(targets, {outputs.shape[1]}).float()"
    return None


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels.float()).backward()
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
