"""Affine layers follow each other without an activation between.

Why: Two affine layers in a row are one affine layer: the depth adds parameters, and nothing that the network can
express. It stays a linear model, however wide.

Fix: Put an activation between them: nn.ReLU(), or F.relu in forward.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.flow import Operation, TrainingFlows, users
from pellucid.doctor.evidence.kinds import AFFINE, POOLS, VIEWS
from pellucid.doctor.finding import Finding, Mend

SEVERITY = "error"
FAMILY = "architecture"
FOLDS = ("learning-rate-too-low", "unsuited-optimizer", "cannot-fit-one-batch", "too-few-epochs")
# What stays affine: averages too.
AFFINE_POOLS = frozenset(name for name in POOLS if "avg" in name)


def find(flows: TrainingFlows) -> Iterator[Finding]:
    """Look for an affine layer whose every user is an affine layer."""
    for flow in flows.per_loss():
        for operation in flow.path:
            if not _is_layer(operation) or operation.output is None:
                continue
            following = list(users(operation.output, VIEWS | AFFINE_POOLS | {"dropout"}))
            # A narrow first layer is a factorised weight matrix (word vectors, low rank), which is meant.
            if not following or not all(_is_layer(user) for user in following) or _is_low_rank(operation, following[0]):
                continue
            after = following[0]
            yield Finding(
                where=f"{operation.where} → {after.where}",
                place=after.place,
                evidence=f"{operation.where} {list(operation.output.shape)} goes straight into {after.where}: "
                f"together they are one affine layer",
                fix=f"apply an activation between {operation.where} and {after.where}: nn.ReLU()",
                mend=Mend("activate", operation.paths),
                confidence=0.9,
            )


def _is_layer(operation: Operation) -> bool:
    return operation.name in AFFINE and any(w.is_trainable and w.live.ndim > 1 for w in operation.weights)


def _is_low_rank(first: Operation, second: Operation) -> bool:
    given, between = first.main, first.output
    after = second.output
    if given is None or between is None or after is None or first.name != "linear" or second.name != "linear":
        return first.name != second.name and first.name.startswith("conv") and second.name.startswith("conv")
    return between.shape[-1] < min(given.shape[-1], after.shape[-1])


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 3))
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
