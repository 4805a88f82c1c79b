"""Class numbers are not 0, 1, 2 …: negative, counted from 1, or cut off to the same number.

Why: A class number is the index of an output, so C classes are numbered 0 to C - 1. Other numbers name an output that
does not exist, or put different classes together.

Fix: Subtract the smallest class number, or number the classes anew with torch.unique(labels, return_inverse=True).
"""

from collections.abc import Iterator

import torch

from pellucid.doctor.evidence.data import Batches
from pellucid.doctor.evidence.ending import Ending
from pellucid.doctor.evidence.flow import Loss, TrainingFlows, Value
from pellucid.doctor.evidence.kinds import SELECTIONS, VIEWS
from pellucid.doctor.evidence.labels import misfit_of, targets_of
from pellucid.doctor.finding import Finding

SEVERITY = "error"
FAMILY = "contract"
FOLDS = (
    "never-stepped", "flipped-loss", "output-cannot-reach-targets", "surprising-first-loss", "metric-does-not-fit",
    "loss-not-decreasing", "collapsed-output", "too-few-outputs", "cannot-fit-one-batch", "single-class",
    "imbalanced-labels", "more-outputs-than-classes", "classification-loss-on-continuous-targets", "unscaled-targets",
    "too-few-epochs", "learning-rate-too-low", "learning-rate-too-high", "unsuited-optimizer", "saturated-units",
    "exploding-gradients", "oscillating-loss", "shape-mismatch",
)  # fmt: skip
BINARY = ("binary_cross_entropy", "binary_cross_entropy_with_logits")


def find(ending: Ending, flows: TrainingFlows | None, batches: Batches | None) -> Iterator[Finding]:
    """Look at the class numbers of the loss that raised, and of those that took them."""
    misfit = misfit_of(ending, flows, batches)
    if misfit is not None:
        low, high = min(misfit.classes), max(misfit.classes)
        if low < 0 or (0 not in misfit.classes and len(misfit.classes) <= misfit.width):
            seen = f"the labels go from {low} to {high}, the outputs are numbered 0 to {misfit.width - 1}: "
            yield _finding(misfit.place, seen + _numbers(misfit.bad) + " name none", _shift(sorted(misfit.classes)))
    for flow in flows.per_loss() if flows is not None else ():
        for loss in flow.losses:
            targets = targets_of(loss, flows.flows, batches) if flows is not None else None
            if targets is None or targets.is_made_up:
                continue
            classes = targets.classes()
            if loss.kind in BINARY and len(classes) == 2 and not set(classes) <= {0, 1}:
                seen = f"{loss.kind} is given the labels {_numbers(sorted(classes))}; it knows 0 and 1"
                yield _finding(loss.operation.place, seen, _shift(sorted(classes)))
            cut = _cut_off(loss)
            if cut is not None and cut[1] < cut[0]:
                seen = f"{cut[0]} different labels, not all whole numbers, are cut off to {cut[1]} class numbers"
                yield _finding(loss.operation.place, seen, "labels = torch.unique(labels, return_inverse=True)[1]")


def _finding(place: str | None, seen: str, advice: str) -> Finding:
    return Finding(where="the labels", place=place, evidence=seen, fix=advice, confidence=0.96)


def _numbers(numbers: tuple[int, ...] | list[int]) -> str:
    return ", ".join(map(str, numbers[:8])) + (" …" if len(numbers) > 8 else "")


def _shift(classes: list[int]) -> str:
    if len(classes) > 1 and classes == list(range(classes[0], classes[0] + len(classes))):
        return f"labels = labels {'-' if classes[0] > 0 else '+'} {abs(classes[0])}  # classes are numbered from 0"
    return "labels = torch.unique(labels, return_inverse=True)[1]  # 0, 1, 2 …"


def _cut_off(loss: Loss) -> tuple[int, int] | None:
    """Return how many labels there were before and after a cast to whole numbers lost fractions of few values."""
    value: Value | None = loss.targets
    while value is not None and value.maker is not None and value.maker.name in VIEWS | SELECTIONS:
        source = value.maker.main
        if source is not None and source.dtype.is_floating_point and not value.dtype.is_floating_point:
            before, after = source.tensor, value.tensor
            if before is None or after is None or before.numel() < 20 or bool((before == before.round()).all()):
                return None
            many, few = len(torch.unique(before)), len(torch.unique(after))
            width = loss.outputs.shape[1] if len(loss.outputs.shape) > 1 else 2
            return (many, few) if many * 4 <= before.numel() and (few == 1 or many == width) else None
        value = source
    return None


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = 1 + (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
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
