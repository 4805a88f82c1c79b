"""`parameters`: every weight and bias, with its size, its statistics and, where it is one, a picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from pellucid.errors import UnknownNameError, did_you_mean
from pellucid.rendering.blocks import Block, Column, Gallery, Image, Note, Table, number
from pellucid.rendering.plotting import sparkline
from pellucid.rendering.result import Result, to_frame
from pellucid.tracing.layers import type_name
from pellucid.tracing.pictures import grey
from pellucid.tracing.statistics import Statistics, statistics_of

FIRST_VALUES = 3
PICTURES = 20


@dataclass(frozen=True)
class Parameter:
    """One weight or bias.

    Attributes:
        name: Its path.
        shape: Its size.
        dtype: Its type.
        count: How many values.
        is_trainable: Whether training moves it.
        same_as: The name it was listed under before, if two layers share it; else None.
        first_values: The first three.
        statistics: Of all values.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    count: int
    is_trainable: bool
    same_as: str | None
    first_values: tuple[float, ...]
    statistics: Statistics

    def to_dict(self) -> dict[str, Any]:
        """Return the facts."""
        return {
            "name": self.name, "shape": list(self.shape), "dtype": self.dtype, "count": self.count,
            "is_trainable": self.is_trainable, "same_as": self.same_as, "first_values": list(self.first_values),
            "statistics": self.statistics.to_dict(),
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Parameters(Result):
    """The weights and biases of a network, or of one layer.

    Attributes:
        rows: In the order of `named_parameters`.
        total: Values in all, shared ones counted once.
        images: Pictures of the first weights, where their rows have the size of an input image.
    """

    rows: tuple[Parameter, ...]
    total: int
    images: tuple[Image, ...]

    def to_frame(self) -> Any:
        """Return one row per parameter as a pandas DataFrame."""
        return to_frame([row.to_dict() for row in self.rows])

    def to_dict(self) -> dict[str, Any]:
        """Return the facts; pictures are left out."""
        return {"parameters": [row.to_dict() for row in self.rows], "total": self.total}

    def blocks(self) -> Sequence[Block]:
        """Show a table, and the first weights as pictures."""
        columns = [
            Column("parameter"), Column("size"), number("values"), number("mean", ".3g"), number("std", ".3g"),
            number("min", ".3g"), number("max", ".3g"), Column("histogram"), Column("first values"),
        ]  # fmt: skip
        rows = [
            (
                row.name if row.is_trainable else f"{row.name} (frozen)",
                " x ".join(map(str, row.shape)) or "one value",
                None if row.same_as else row.count,
                row.statistics.mean, row.statistics.std, row.statistics.low, row.statistics.high,
                sparkline(row.statistics.counts[::2]),
                f"same as {row.same_as}" if row.same_as else ", ".join(f"{value:.3g}" for value in row.first_values),
            )
            for row in self.rows
        ]  # fmt: skip
        blocks: list[Block] = [Table(columns, rows), Note(f"{self.total:,} values")]
        if self.images:
            blocks.append(Gallery(self.images, title="the first units' weights as images, dark is low"))
        return blocks


def parameters(network: nn.Module, *, layer: str | None = None, shape: Sequence[int] | None = None) -> Parameters:
    """List the weights and biases of a network.

    Args:
        network: Of any kind.
        layer: Only those of this layer.
        shape: Channels, height and width of an input: weights with so many inputs are shown as images.

    Raises:
        UnknownNameError: If the network has no such layer.
    """
    names = [name for name, _ in network.named_modules() if name]
    if layer is not None and layer not in names:
        raise UnknownNameError(f"there is no layer {layer!r}", fix=did_you_mean(layer, names))
    prefix = f"{layer}." if layer else ""
    named = [
        (name, value) for name, value in network.named_parameters(remove_duplicate=False) if name.startswith(prefix)
    ]
    named = [(name, value) for name, value in named if not nn.parameter.is_lazy(value)]
    seen: dict[int, str] = {}
    rows = []
    for (name, value), facts in zip(named, statistics_of([value for _, value in named]), strict=True):
        same = seen.get(id(value))
        seen.setdefault(id(value), name)
        first = tuple(float(entry) for entry in value.detach().reshape(-1)[:FIRST_VALUES].tolist())
        rows.append(
            Parameter(
                name, tuple(value.shape), type_name(value.dtype), value.numel(), value.requires_grad, same, first, facts
            )
        )
    return Parameters(tuple(rows), sum(row.count for row in rows if row.same_as is None), _images(named, shape))


def _images(named: Sequence[tuple[str, Tensor]], shape: Sequence[int] | None) -> tuple[Image, ...]:
    """Return the first weight that looks at pixels as one picture for each of its units."""
    for name, value in named:
        weights = value.detach().float().cpu()
        if weights.dim() == 4 and min(weights.shape[2:]) > 1:
            return tuple(
                Image(grey(unit.mean(dim=0).numpy()), f"{name}[{i}]") for i, unit in enumerate(weights[:PICTURES])
            )
        if weights.dim() == 2:
            side = math.isqrt(weights.shape[1])
            size = (
                tuple(shape[1:]) if shape and math.prod(shape) == weights.shape[1] and shape[0] == 1 else (side, side)
            )
            if math.prod(size) == weights.shape[1] and side >= 8:
                return tuple(
                    Image(grey(unit.reshape(size).numpy()), f"unit {i}") for i, unit in enumerate(weights[:PICTURES])
                )
            return ()
    return ()
