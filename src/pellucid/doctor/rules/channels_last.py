"""Images come with their axes in the wrong order: channels last, or reordered by a view.

Why: PyTorch's convolutions want [examples, channels, height, width]; NumPy, PIL and matplotlib give the channels last.
A view or reshape to the right shape does not reorder: it cuts the pixels up and scrambles the image.

Fix: images = images.permute(0, 3, 1, 2)
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.ending import Ending
from pellucid.doctor.evidence.flow import Operation, TrainingFlows, Value
from pellucid.doctor.evidence.kinds import CONVOLUTIONS
from pellucid.doctor.finding import Finding

SEVERITY = "error"
FAMILY = "data"
FOLDS = (
    "shape-mismatch", "window-larger-than-input", "missing-flatten", "never-stepped", "learning-rate-too-low",
    "unsuited-optimizer", "too-few-epochs", "overfitting", "loss-not-decreasing",
)  # fmt: skip
COLOURS = (1, 3, 4)
LARGE = 8


def find(flows: TrainingFlows | None, ending: Ending) -> Iterator[Finding]:
    """Look at convolutions that raised, at those that took rows for channels, and at views of images."""
    layer = ending.operation
    if layer is not None and layer.error is not None and layer.name in CONVOLUTIONS and layer.main is not None:
        wanted, shape = _wanted(layer), layer.main.shape
        axes = len(layer.inputs[1].shape) - 2
        # An unbatched image [height, width, channels] too.
        channels = len(shape) - axes - 1
        if channels in (0, 1) and shape[channels] != wanted and shape[-1] == wanted:
            yield _finding(layer, f"{layer.where} was made for {wanted} channels and got {list(shape)}", 0.97)
            return
    operations = flows.first.operations if flows is not None else ending.flow.operations if ending.flow else ()
    for operation in operations:
        value = operation.main
        if value is None or operation.output is None:
            continue
        if operation.name in ("view", "reshape", "unflatten") and _scrambles(value, operation.output):
            yield _finding(
                operation,
                f"{operation.name} makes {list(operation.output.shape)} of {list(value.shape)}: the numbers stay in "
                f"their order, so each channel is filled with pieces of all of them",
                0.93,
            )
            return
        if operation.name == "conv2d" and _takes_rows_for_channels(operation, value):
            yield _finding(
                operation,
                f"{operation.where} got {list(value.shape)} and takes the {value.shape[1]} rows of each "
                f"image for channels",
                0.88,
            )
            return


def _finding(operation: Operation, evidence: str, confidence: float) -> Finding:
    assert operation.main is not None
    last = len(operation.main.shape) - 1
    image = operation.main.shape[-1] in COLOURS or last == 3
    order = ", ".join(map(str, (0, last, *range(1, last))))
    kind = "images" if image else "inputs"
    return Finding(
        where=operation.where,
        place=operation.place,
        evidence=f"{evidence}; the channels stand last",
        fix=f"{kind} = {kind}.permute({order})",
        confidence=confidence,
    )


def _wanted(layer: Operation) -> int:
    weight = layer.inputs[1].shape
    groups = layer.arguments.get("groups", 1)
    return weight[0] if "transpose" in layer.name else weight[1] * (groups if isinstance(groups, int) else 1)


def _scrambles(before: Value, after: Value) -> bool:
    """Return whether images [.., height, width, colours] become [.., colours, height, width] without a permutation."""
    if len(before.shape) not in (3, 4) or len(after.shape) != len(before.shape) or before.shape == after.shape:
        return False
    height, width, colours = before.shape[-3:]
    return colours in (3, 4) and min(height, width) >= LARGE and after.shape[-3:] == (colours, height, width)


def _takes_rows_for_channels(layer: Operation, value: Value) -> bool:
    source = value.kind == "data" or (value.maker is not None and not value.requires_grad)
    if len(value.shape) != 4 or not source:
        return False
    _, rows, columns, colours = value.shape
    return rows == columns >= LARGE and colours in COLOURS


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(128, 8, 8, 3)
    labels = (inputs[:, :4].mean((1, 2, 3)) > 0).long() + (inputs[:, 4:].mean((1, 2, 3)) > 0).long()
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 6 * 6, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(128, 8, 8, 3)
    labels = (inputs[:, :4].mean((1, 2, 3)) > 0).long() + (inputs[:, 4:].mean((1, 2, 3)) > 0).long()
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 6 * 6, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs.permute(0, 3, 1, 2)), labels).backward()
        optimizer.step()
