"""Classes of which exactly one holds are trained as independent yes-or-no questions.

Why: Independent sigmoids do not know that one class excludes the others: the probabilities need not sum to 1, and most
of the loss comes from saying no to every class. A softmax uses what is known.

Fix: Use CrossEntropyLoss on the raw outputs with class numbers as targets.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.exclusion import all_targets, is_exclusive, is_given, is_reconstruction
from pellucid.doctor.evidence.flow import Flow, Loss, TrainingFlows, maker, origin
from pellucid.doctor.finding import Finding

SEVERITY = "warning"
FAMILY = "contract"
FOLDS = ("learning-rate-too-low", "too-few-epochs", "surprising-first-loss", "unsuited-optimizer",
         "imbalanced-labels")  # fmt: skip
KINDS = ("binary_cross_entropy", "binary_cross_entropy_with_logits", "multilabel_soft_margin_loss")
ENOUGH = 24  # rows with a single 1 each: no accident


def find(flows: TrainingFlows) -> Iterator[Finding]:
    """Look at whether every row of a binary cross-entropy's targets names exactly one class."""
    for flow in flows.per_loss():
        for loss in flow.losses:
            if loss.kind not in KINDS or loss.targets is None or len(loss.outputs.shape) < 2:
                continue
            if loss.targets.shape != loss.outputs.shape or not is_given(loss.targets) or _compares_pairs(loss):
                continue
            targets = all_targets(flows, loss)
            if targets is None or len(targets) < ENOUGH or not is_exclusive(targets, 1):
                continue
            last = maker(loss.outputs)
            if (last is not None and last.name in ("softmax", "log_softmax")) or is_reconstruction(flow, loss):
                continue
            classes = loss.outputs.shape[1]
            yield Finding(
                where=last.where if last is not None else "the loss",
                place=loss.operation.place,
                evidence=f"each of {targets.numel() // classes} target rows seen has exactly one of {classes} classes: "
                f"they exclude each other, but {loss.kind} judges {classes} independent sigmoids",
                fix="loss_fn = nn.CrossEntropyLoss()\nloss = loss_fn(logits, targets.argmax(1))  # raw outputs, "
                "class numbers",
                confidence=0.85 if _is_one_hot(flow, loss) else 0.8,
            )


def _compares_pairs(loss: Loss) -> bool:
    """Return whether outputs compare examples with examples, and the 1 stands for the right partner."""
    shape = loss.outputs.shape
    last = maker(loss.outputs)
    while last is not None and last.name in ("mul", "div", "add", "sub") and last.main is not None:
        last = maker(last.main)
    is_product = last is not None and last.name in ("matmul", "einsum", "cdist", "cosine_similarity")
    return shape[0] == shape[1] and (is_product and last is not None and not last.weights)


def _is_one_hot(flow: Flow, loss: Loss) -> bool:
    assert loss.targets is not None
    made_by = origin(loss.targets).maker
    return made_by is not None and made_by.name in ("one_hot", "scatter")


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    targets = nn.functional.one_hot(labels, 3).float()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
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
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
