"""All labels that the network was given are of one class.

Why: With one answer for everything there is nothing to tell apart: the loss falls to 0 by a constant output, and the
accuracy on such data is 100 % for a network that looks at nothing.

Fix: Find out where the other classes were lost: a comparison that is never true, a slice of sorted data, a wrong
column.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.data import Batches
from pellucid.doctor.evidence.flow import Loss, TrainingFlows
from pellucid.doctor.evidence.labels import Targets, class_counts, targets_of
from pellucid.doctor.finding import Finding

SEVERITY = "error"
FAMILY = "data"
FOLDS = (
    "collapsed-output", "imbalanced-labels", "saturated-units", "inputs-ignored", "dead-units", "unchanged-weights",
    "more-outputs-than-classes", "output-cannot-reach-targets", "vanishing-gradients", "too-few-epochs",
    "learning-rate-too-low", "unsuited-optimizer", "learning-rate-too-high", "loss-not-decreasing",
    "surprising-first-loss", "unshuffled-batches", "metric-does-not-fit", "sigmoid-for-exclusive-classes",
)  # fmt: skip
BY_CLASS = ("cross_entropy", "nll_loss", "multi_margin_loss")
BINARY = ("binary_cross_entropy", "binary_cross_entropy_with_logits", "soft_margin_loss")


def find(flows: TrainingFlows, batches: Batches | None) -> Iterator[Finding]:
    """Count the classes among the labels of each classification loss."""
    if len(flows.per_loss()) > 1:  # the sides of a GAN
        return
    for loss in flows.first.losses:
        if loss.kind not in BY_CLASS + BINARY or sum(other.kind == loss.kind for other in flows.first.losses) > 1:
            continue
        targets = targets_of(loss, flows.flows, batches)
        if targets is None or targets.is_made_up or targets.low != targets.high:
            continue
        counts = targets.counts or class_counts(targets.given)
        count = sum(counts.values())
        if len(counts) != 1 or count < 20 or not _is_class(loss, next(iter(counts))) or _has_others(targets):
            continue
        yield Finding(
            where="the labels",
            place=loss.operation.place,
            evidence=f"all {count} labels given to {loss.kind} are {next(iter(counts))}",
            fix="print(torch.unique(labels, return_counts=True))  # then mend the line that makes the labels",
            confidence=0.95,
        )


def _is_class(loss: Loss, number: int) -> bool:
    """Return whether this is one class of several: not one picture of a single colour, nor an output for each class."""
    targets, outputs = loss.targets, loss.outputs
    if targets is None:
        return False
    return loss.kind in BY_CLASS or (number in (-1, 0, 1) and outputs.size == outputs.shape[0])


def _has_others(targets: Targets) -> bool:
    """Return whether the data that the labels are picked from have more classes: then the order is to blame."""
    return len(class_counts(targets.whole)) > 1


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 9).long()
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
    labels = (inputs[:, 0] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
