"""The window of a convolution or pooling is larger than the feature map that reaches it.

Why: A window must fit into the map at least once. Each pooling and each convolution without padding makes the map
smaller, and small images are used up after a few layers.

Fix: Take a smaller kernel, pad the convolutions, or leave a pooling out.
"""

from collections.abc import Iterator
from typing import Any

from pellucid.doctor.evidence.ending import Ending
from pellucid.doctor.evidence.flow import Operation, trunk
from pellucid.doctor.evidence.kinds import CONVOLUTIONS, POOLS
from pellucid.doctor.finding import Finding

SEVERITY = "error"
FAMILY = "architecture"
FOLDS = ("shape-mismatch", "never-stepped")


def find(ending: Ending) -> Iterator[Finding]:
    """Compare the window of the layer that raised with the map it was given."""
    layer = ending.operation
    if layer is None or layer.error is None or layer.main is None or layer.name not in CONVOLUTIONS | POOLS:
        return
    if "transpose" in layer.name or "adaptive" in layer.name or not layer.name[-2:-1].isdigit():
        return
    axes = int(layer.name[-2])
    given = layer.main.shape[-axes:]
    kernel = _kernel(layer, axes)
    padding = layer.arguments.get("padding", 0)
    if kernel is None or len(given) < axes or isinstance(padding, str):
        return
    pads, dilations = _each(padding, axes), _each(layer.arguments.get("dilation", 1), axes)
    windows = [(size - 1) * spread + 1 for size, spread in zip(kernel, dilations, strict=True)]
    room = [size + 2 * pad for size, pad in zip(given, pads, strict=True)]
    if all(window <= space for window, space in zip(windows, room, strict=True)):
        return
    shrinking = [op for op in trunk(layer.main) if op.name in CONVOLUTIONS | POOLS and _shrinks(op, axes)]
    start = shrinking[-1].main if shrinking else None
    way = f", after {len(shrinking)} layers have shrunk it from {_times(start.shape[-axes:])}" if start else ""
    smaller = ", ".join(str(min(size, space)) for size, space in zip(kernel, room, strict=True))
    yield Finding(
        where=layer.where,
        place=layer.place,
        evidence=f"the window of {layer.where} is {_times(windows)}, and the map that reaches it {_times(given)}"
        + (f" (with padding {_times(room)})" if any(pads) else "")
        + way,
        fix=f"give {layer.where} kernel_size=({smaller}) or padding={max(kernel) // 2}, or leave a pooling out",
        confidence=0.97,
    )


def _kernel(layer: Operation, axes: int) -> list[int] | None:
    if layer.name in CONVOLUTIONS:
        weight = next(
            (value for value in layer.inputs if len(value.shape) == axes + 2 and value is not layer.main), None
        )
        return list(weight.shape[-axes:]) if weight is not None else None
    size = layer.arguments.get("kernel_size")
    return None if size is None else _each(size, axes)


def _each(setting: Any, axes: int) -> list[int]:
    entries = [int(entry) for entry in setting] if isinstance(setting, tuple | list) else [int(setting)]
    return entries * axes if len(entries) == 1 else entries[:axes]


def _shrinks(layer: Operation, axes: int) -> bool:
    return (
        layer.main is not None and layer.output is not None and layer.main.shape[-axes:] != layer.output.shape[-axes:]
    )


def _times(sizes: Any) -> str:
    return " x ".join(str(size) for size in sizes)


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(128, 1, 8, 8)
    labels = (inputs[:, 0, :4].mean((1, 2)) > 0).long() + (inputs[:, 0, 4:].mean((1, 2)) > 0).long()
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 8, 5), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(8, 3),
    )  # fmt: skip
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
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
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(8, 3),
    )  # fmt: skip
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
