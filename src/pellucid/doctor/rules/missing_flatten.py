"""An image or feature map reaches a Linear layer without being flattened.

Why: A Linear layer works on the last axis alone: of a batch of images it takes each row of pixels for an example. The
width does not fit, or the output has one answer for each row instead of one for each image.

Fix: Put nn.Flatten() before the first Linear layer, or x = x.flatten(1) in forward.
"""

import math
from collections.abc import Iterator

from pellucid.doctor.evidence.ending import Ending
from pellucid.doctor.evidence.flow import Operation, ancestors, maker
from pellucid.doctor.evidence.kinds import ATTENTION, CONVOLUTIONS, LOSSES, POOLS, RECURRENT
from pellucid.doctor.finding import Finding, Mend

SEVERITY = "error"
FAMILY = "architecture"
FOLDS = ("shape-mismatch", "never-stepped", "wrong-target-type", "too-few-outputs", "silent-broadcast",
         "labels-out-of-range", "mixed-batch-dimension")  # fmt: skip
LINEAR = frozenset(("linear", "matmul", "addmm"))
FIX = "put nn.Flatten() before {where}, or x = x.flatten(1) in forward"


def find(ending: Ending) -> Iterator[Finding]:
    """Look at the layer that raised, or at the loss that got one answer too many for each example."""
    operation = ending.operation
    if operation is None or operation.error is None:
        return
    if operation.name in LINEAR:
        yield from _refused(operation)
    elif operation.name in LOSSES and len(operation.inputs) > 1:
        yield from _passed(operation)


def _refused(layer: Operation) -> Iterator[Finding]:
    value, wanted = layer.main, _wanted(layer)
    if value is None or wanted is None or len(value.shape) < 3 or value.shape[-1] == wanted:
        return
    shape = list(value.shape)
    fits = any(math.prod(shape[start:]) == wanted for start in range(len(shape) - 1))
    last = maker(value)
    is_map = len(shape) >= 4 and last is not None and any(
        op.name in CONVOLUTIONS | POOLS for op in ancestors(value)
    )  # fmt: skip
    if not fits and not is_map:
        return
    count = math.prod(shape[1:])
    asks = "" if fits else f", and make it for {count} instead of {wanted} inputs"
    yield Finding(
        where=layer.where,
        place=layer.place,
        evidence=f"{layer.where} was made for {wanted} inputs and got {shape}: "
        + " · ".join(map(str, shape[1:]))
        + f" = {count} numbers for each example",
        fix=FIX.format(where=layer.where) + asks,
        mend=Mend("flatten", layer.paths, inputs=None if fits else count),
        confidence=0.97 if fits else 0.9,
    )


def _passed(loss: Operation) -> Iterator[Finding]:
    outputs, targets = loss.inputs[:2]
    if len(targets.shape) != 1 or len(outputs.shape) < 3 or outputs.shape[0] != targets.shape[0]:
        return
    before = ancestors(outputs)
    layers = [op for op in before if op.name in LINEAR and _wanted(op) is not None and op.main is not None]
    if not layers or any(op.name in RECURRENT | ATTENTION | {"embedding"} for op in before):
        return
    first = layers[0]
    assert first.main is not None
    if len(first.main.shape) < 3:
        return
    yield Finding(
        where=first.where,
        place=first.place,
        evidence=f"{first.where} got {list(first.main.shape)} and works on the last axis alone: the outputs are "
        f"{list(outputs.shape)} for {targets.shape[0]} labels",
        fix=FIX.format(where=first.where) + f", and make it for {math.prod(first.main.shape[1:])} inputs",
        mend=Mend("flatten", first.paths, inputs=math.prod(first.main.shape[1:])),
        confidence=0.9 if len(first.main.shape) > 3 else 0.85,
    )


def _wanted(layer: Operation) -> int | None:
    weight = next((value for value in layer.inputs if value.weight is not None and len(value.shape) == 2), None)
    if weight is None:
        return None
    return weight.shape[1] if layer.name == "linear" else weight.shape[0]


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(128, 1, 8, 8)
    labels = (inputs[:, 0, :4].mean((1, 2)) > 0).long() + (inputs[:, 0, 4:].mean((1, 2)) > 0).long()
    network = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(128, 1, 8, 8)
    labels = (inputs[:, 0, :4].mean((1, 2)) > 0).long() + (inputs[:, 0, 4:].mean((1, 2)) > 0).long()
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
