"""A layer gets another width than it was made for.

Why: A layer's weight has one column for each input, so another number of inputs cannot be multiplied with it. After
convolutions the number depends on the size of the image, and is easily miscounted.

Fix: Put the number that arrives into the layer, or change what comes before it.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.ending import Ending
from pellucid.doctor.evidence.flow import Operation
from pellucid.doctor.evidence.kinds import AFFINE, CONVOLUTIONS, NORMS, RECURRENT
from pellucid.doctor.finding import Finding, Mend

SEVERITY = "error"
FAMILY = "architecture"
FOLDS = ("never-stepped",)
LAYERS = AFFINE | NORMS | RECURRENT


def find(ending: Ending) -> Iterator[Finding]:
    """Look at the layer that raised, what it was given, and what it was made for."""
    operation = ending.operation
    if (
        operation is None
        or operation.name not in LAYERS
        or operation.main is None
        or not isinstance(operation.error, RuntimeError | ValueError)
    ):
        return
    widths = _widths(operation)
    if widths is None or widths[0] == widths[1]:
        return
    wanted, given = widths
    yield Finding(
        where=operation.where,
        place=operation.place,
        evidence=f"{operation.where} was made for {wanted} and got {given}: its input is {list(operation.main.shape)}",
        fix=f"make {operation.where} for {given} instead of {wanted}, or change what comes before it",
        mend=Mend("resize", operation.paths, inputs=given) if operation.name == "linear" else None,
        confidence=0.97,
    )


def _widths(operation: Operation) -> tuple[int, int] | None:
    """Return the width that the weight wants, and the one that came."""
    value = operation.main
    weights = [value for value in operation.inputs if value.weight is not None]
    assert value is not None
    if not weights or not value.shape:
        return None
    shape = weights[0].shape
    if operation.name == "linear" and len(shape) == 2:
        return shape[1], value.shape[-1]
    if operation.name in CONVOLUTIONS and len(value.shape) == len(shape):
        groups = operation.arguments.get("groups", 1)
        wanted = shape[0] if "transpose" in operation.name else shape[1] * (groups if isinstance(groups, int) else 1)
        return wanted, value.shape[1]
    if operation.name == "batch_norm" and len(value.shape) > 1:
        return shape[0], value.shape[1]
    if operation.name == "matmul" and len(shape) > 1 and len(value.shape) > 1:
        return shape[-2], value.shape[-1]
    return None


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()

    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(12, 3))
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
