"""Cross-entropy on targets that are neither classes nor probabilities, but real numbers outside of 0 to 1.

Why: Cross-entropy reads its targets as classes or probabilities. For other numbers it has no minimum where outputs and
targets agree: it can fall without bound while the answers get worse.

Fix: For real-valued targets, train with nn.MSELoss (or nn.L1Loss) and a linear last layer.
"""

from collections.abc import Iterator, Sequence

from pellucid.doctor.evidence.data import Batches
from pellucid.doctor.evidence.ending import Ending
from pellucid.doctor.evidence.flow import Flow, Loss, TrainingFlows
from pellucid.doctor.evidence.labels import Targets, targets_of
from pellucid.doctor.finding import Finding
from pellucid.doctor.losses import losses_of

SEVERITY = "error"
FAMILY = "contract"
FOLDS = (
    "output-cannot-reach-targets", "flipped-loss", "unscaled-targets", "metric-does-not-fit", "surprising-first-loss",
    "softmax-over-one-unit", "wrong-target-type", "loss-not-decreasing", "collapsed-output", "too-few-epochs",
    "cannot-fit-one-batch", "learning-rate-too-low", "learning-rate-too-high", "unsuited-optimizer",
    "oscillating-loss", "exploding-gradients", "saturated-units", "overfitting", "logits-into-bce-loss",
    "excessive-weight-decay", "softmax-for-multilabel",
)  # fmt: skip
LOSSES = ("cross_entropy", "binary_cross_entropy", "binary_cross_entropy_with_logits")


def find(flows: TrainingFlows | None, batches: Batches | None, ending: Ending) -> Iterator[Finding]:
    """Look at the numbers that each cross-entropy compares with, also of one that raised."""
    seen: Sequence[Flow] = flows.flows if flows is not None else ()
    losses = [loss for flow in (flows.per_loss() if flows is not None else ()) for loss in flow.losses]
    if ending.operation is not None and ending.operation.name in LOSSES:
        losses.extend(losses_of([ending.operation], ()))
    for loss in losses:
        targets = targets_of(loss, seen, batches)
        if loss.kind not in LOSSES or targets is None or not _is_continuous(loss, targets):
            continue
        yield Finding(
            where="the loss",
            place=loss.operation.place,
            evidence=f"{loss.kind} wants classes, or probabilities from 0 to 1; its targets are real numbers from "
            f"{targets.low:.3g} to {targets.high:.3g}",
            fix="loss_function = nn.MSELoss()  # real-valued targets are a regression",
            confidence=0.96,
        )


def _is_continuous(loss: Loss, targets: Targets) -> bool:
    assert loss.targets is not None
    if not loss.targets.dtype.is_floating_point or targets.is_made_up or targets.given is None:
        return False
    if targets.low >= -0.01 and targets.high <= 1.01:
        return False
    # Whole numbers in one column are classes: other rules judge those.
    classes = targets.classes()
    return not (classes and len(classes) <= 30 and loss.targets.size == loss.targets.shape[0])


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    targets = inputs[:, :1] + inputs[:, 1:2] ** 2 - 1
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(network(inputs), targets).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    targets = inputs[:, :1] + inputs[:, 1:2] ** 2 - 1
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.mse_loss(network(inputs), targets).backward()
        optimizer.step()
