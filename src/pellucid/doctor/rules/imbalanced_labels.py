"""A class is so rare that the accuracy hides whether it is recognised at all.

Why: Where 98 of 100 examples are of one class, a network that always names that class is right in 98 %. The loss gains
little from the rare class too, so it is learned last or never.

Fix: Weight the classes in the loss or draw the rare one more often, and report the recall of each class.
"""

from collections.abc import Iterator, Sequence

import torch

from pellucid.doctor.evidence.data import Batches
from pellucid.doctor.evidence.flow import EvaluationFlows, Flow, Loss, TrainingFlows, Value
from pellucid.doctor.evidence.labels import comparisons, is_learned, targets_of
from pellucid.doctor.finding import Finding

SEVERITY = "warning"
FAMILY = "data"
FOLDS = ("collapsed-output", "metric-does-not-fit", "too-few-epochs", "overfitting", "surprising-first-loss")
LOSSES = ("cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits")
MOST = 0.7


def find(flows: TrainingFlows, evaluations: EvaluationFlows | None, batches: Batches | None) -> Iterator[Finding]:
    """Compare the frequencies of the classes, and look at how many of the rarest are recognised in the evaluation."""
    judged = evaluations.flows if evaluations is not None else ()
    for loss in flows.first.losses:
        if loss.kind not in LOSSES or loss.targets is None or len(flows.per_loss()) > 1 or _is_weighted(loss):
            continue
        targets = targets_of(loss, flows.flows, batches)
        if targets is None or targets.is_made_up or loss.targets.size != loss.targets.shape[0]:
            continue
        if loss.kind.startswith("binary") and loss.outputs.size != loss.outputs.shape[0]:
            continue
        counts = targets.counts or targets.classes()
        total, size = sum(counts.values()), len(counts)
        if not 2 <= size <= 30 or total < 200 or min(counts) < 0:
            continue
        rare = min(counts, key=lambda number: counts[number])
        share = counts[rare] / total
        given = targets.given.reshape(-1) if targets.given is not None else torch.zeros(0)
        drawn = int((given == rare).sum())  # more often than it occurs, if the loop sees to that
        if share > (0.06 if size == 2 else 0.2 / size) or drawn > 4 * share * len(given) + 4:
            continue
        recall = _recall(judged, rare)
        if recall is None or recall[0] > MOST * recall[1] or _looks_at_classes(judged):
            continue
        yield Finding(
            where="the labels",
            place=loss.operation.place,
            evidence=f"class {rare} is {share:.1%} of the {total} labels given, and {recall[0]} of its {recall[1]} "
            f"examples are recognised in the evaluation, which asks for the accuracy over all classes",
            fix="weights = len(labels) / (classes * torch.bincount(labels))\n"
            "loss_function = nn.CrossEntropyLoss(weight=weights)  # and report the recall of each class",
            confidence=0.9,
        )


def _is_weighted(loss: Loss) -> bool:
    return loss.reduction == "none" or any(isinstance(loss.arguments.get(n), Value) for n in ("weight", "pos_weight"))


def _recall(flows: Sequence[Flow], rare: int) -> tuple[int, int] | None:
    """Return how many examples of a class the last evaluations recognised, and how many there were."""
    right = count = 0
    for _, predicted, labels in list(comparisons(flows))[-20:]:
        answers, truth = predicted.tensor, labels.tensor
        if answers is None or truth is None or answers.shape != truth.shape or answers.ndim > 2:
            continue
        is_rare = truth == rare
        right += int((answers[is_rare] == truth[is_rare]).sum())
        count += int(is_rare.sum())
    return (right, count) if count >= 3 else None


def _looks_at_classes(flows: Sequence[Flow]) -> bool:
    """Return whether an evaluation asks for single classes: `labels == 1`, or a logical and of the two."""
    for flow in flows:
        for operation in flow.operations:
            if operation.name in ("logical_and", "and", "bincount", "bitwise_and"):
                return True
            is_mask = operation.name in ("eq", "ne", "gt", "ge") and len(operation.inputs) == 1
            if is_mask and not is_learned(operation.inputs[0]):
                return True
    return False


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(1024, 8)
    labels = (inputs[:, 0] + 0.9 * torch.randn(1024) > 3.1).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
    with torch.no_grad():
        print((network(inputs).argmax(1) == labels).float().mean().item())


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(1024, 8)
    labels = (inputs[:, 0] + 0.9 * torch.randn(1024) > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
    with torch.no_grad():
        print((network(inputs).argmax(1) == labels).float().mean().item())
