"""The inputs have another type than the layer they reach: float64, whole numbers or bytes where float32 is wanted.

Why: NumPy makes float64 and images are bytes, but weights are float32, and PyTorch does not convert between them by
itself. An embedding is the other way round: it looks up whole numbers.

Fix: Convert the inputs where they are made, once: inputs.float(), for images also / 255.
"""

from collections.abc import Iterator

import torch

from pellucid.doctor.evidence.ending import Ending
from pellucid.doctor.evidence.flow import Value
from pellucid.doctor.evidence.kinds import AFFINE, ATTENTION, NORMS, RECURRENT
from pellucid.doctor.finding import Finding

SEVERITY = "error"
FAMILY = "data"
FOLDS = ("never-stepped", "unscaled-inputs", "shape-mismatch", "loss-not-connected")
LAYERS = AFFINE | NORMS | RECURRENT | ATTENTION | {"prelu"}
AVERAGES = ("mean", "std", "var", "std_mean", "var_mean", "softmax", "sigmoid", "normalize")


def find(ending: Ending) -> Iterator[Finding]:
    """Look at the layer that raised: the type of its input, and of its weight."""
    operation, error = ending.operation, ending.error
    if operation is None or not isinstance(error, RuntimeError | NotImplementedError) or not operation.inputs:
        return
    if operation.name in ("embedding", "embedding_bag"):
        indices = next((value for value in operation.inputs if value.kind != "weight"), None)
        if indices is not None and (indices.dtype.is_floating_point or indices.dtype == torch.bool):
            yield _finding(ending, indices, "int64: the numbers of rows to look up", "inputs = inputs.long()")
        return
    if operation.name in AVERAGES and len(operation.inputs) == 1 and not operation.inputs[0].dtype.is_floating_point:
        yield _finding(ending, operation.inputs[0], "a float type", "inputs = inputs.float()")
        return
    given = operation.main
    weight = next((value for value in operation.inputs if value.kind == "weight"), None)
    if operation.name not in LAYERS or given is None or weight is None or given.dtype == weight.dtype:
        return
    wanted = str(weight.dtype).removeprefix("torch.")
    if weight.dtype == torch.float32:
        advice = "inputs = inputs.float()" + (" / 255" if given.dtype == torch.uint8 else "")
    else:
        advice = f"inputs = inputs.to(torch.{wanted})  # or network.float(), to have it in float32"
    yield _finding(ending, given, f"{wanted}, as its weight is", advice)


def _finding(ending: Ending, given: Value, wanted: str, advice: str) -> Finding:
    operation = ending.operation
    assert operation is not None
    facts = given.facts
    between = f", from {facts.low:.3g} to {facts.high:.3g}" if facts is not None else ""
    return Finding(
        where="the inputs",
        place=operation.place,
        evidence=f"{operation.where} was given {str(given.dtype).removeprefix('torch.')} of shape "
        f"{given.shape}{between}, and wants {wanted}",
        fix=advice,
        confidence=0.97,
    )


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
        nn.functional.cross_entropy(network(inputs.double()), labels).backward()
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
