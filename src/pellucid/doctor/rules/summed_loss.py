"""The loss is summed over the batch instead of averaged, and the steps are as many times too long.

Why: The gradient of a sum grows with the number of examples, so the learning rate means something else for each batch
size. A rate that is right for the mean is too high by the size of the batch.

Fix: Take reduction="mean", or divide the sum by the number of examples.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.flow import Flow, Loss, TrainingFlows, Value, users
from pellucid.doctor.evidence.kinds import LOSSES
from pellucid.doctor.evidence.loop import Optimizers
from pellucid.doctor.finding import Finding
from pellucid.doctor.trial import Change, Trials

SEVERITY = "warning"
FAMILY = "contract"
FOLDS = (
    "learning-rate-too-high", "oscillating-loss", "exploding-gradients", "nonfinite-values", "dead-units",
    "saturated-units", "loss-not-decreasing", "collapsed-output", "unsuited-optimizer", "surprising-first-loss",
    "odd-optimizer-settings", "cannot-fit-one-batch", "unscaled-inputs", "unchanged-weights", "unstable-logarithm",
    "unscaled-targets", "unscaled-accumulation", "too-few-epochs",
)  # fmt: skip


def find(flows: TrainingFlows, optimizers: Optimizers, trials: Trials) -> Iterator[Finding]:
    """Look for a sum over the examples that nothing divides, then train a copy with the mean."""
    if len(optimizers.optimizers) > 1:
        return
    flow = flows.first
    for loss in flow.losses:
        count = loss.outputs.shape[0] if loss.outputs.shape else 1
        if count < 4 or not _is_summed(loss, flow, count):
            continue
        comparison = trials.compare(Change("the mean", rate_factor=1 / count))
        if not comparison.improves(0.7):
            continue
        yield Finding(
            where="the loss",
            place=loss.operation.place,
            evidence=f"{loss.kind if loss.kind in LOSSES else 'the loss'} is summed over the {count} examples of a "
            f"batch, and nothing divides it; {comparison.text()}",
            fix='reduction="mean"  # or: loss = loss / len(inputs)',
            confidence=0.93,
        )


def _is_summed(loss: Loss, flow: Flow, count: int) -> bool:
    """Return whether a loss is summed over its examples and comes to the end undivided."""
    if loss.kind != "own" and loss.reduction == "sum" and loss.operation.output is not None:
        return not _is_divided(loss.operation.output, count, 0)
    if loss.kind != "own" and loss.reduction != "none":
        return False
    after = loss.outputs.maker.index if loss.outputs.maker is not None else 0
    return any(
        operation.name == "sum"
        and operation.index > after
        and operation.main is not None
        and operation.main.shape[:1] == (count,)
        and operation.output is not None
        and operation.output.shape[:1] != (count,)
        and not _is_divided(operation.output, count, 0)
        for operation in flow.gradient_path
    )


def _is_divided(value: Value, count: int, depth: int) -> bool:
    """Return whether a sum is divided, averaged or multiplied by a small number further on."""
    for user in users(value):
        if user.name in ("div", "mean", "rdiv"):
            return True
        numbers = [entry for entry in user.arguments.values() if isinstance(entry, int | float)]
        if user.name == "mul" and (not numbers or min(map(abs, numbers)) < 2 / count):
            return True
        if depth < 8 and user.output is not None and _is_divided(user.output, count, depth + 1):
            return True
    return False


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.3)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels, reduction="sum").backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.3)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
