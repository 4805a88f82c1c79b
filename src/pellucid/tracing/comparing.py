"""`compare`: where two traces part, and by how much."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from pellucid.rendering.blocks import Block, Column, Note, Table, number
from pellucid.rendering.result import Result, to_frame
from pellucid.tracing.capture import tensors_in
from pellucid.tracing.trace import Trace


@dataclass(frozen=True)
class Difference:
    """How one layer's outputs differ.

    Attributes:
        name: Of the layer.
        kind: Of the layer.
        largest: Largest difference of two values; None if the shapes differ.
        relative: Norm of the difference over the norm of the first output.
        cosine: Cosine of the angle between the two outputs.
        is_equal: Whether they are the same bit for bit, NaN included.
    """

    name: str
    kind: str
    largest: float | None
    relative: float | None
    cosine: float | None
    is_equal: bool


@dataclass(frozen=True)
class Comparison(Result):
    """Two traces side by side.

    Attributes:
        differences: One for each layer that both have, in executed order.
        first_apart: The first layer whose outputs differ; None if none does.
        only_first: Layers that only the first trace has.
        only_second: Layers that only the second one has.
    """

    differences: tuple[Difference, ...]
    first_apart: str | None
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]

    def to_frame(self) -> Any:
        """Return one row per layer as a pandas DataFrame."""
        return to_frame([asdict(one) for one in self.differences])

    def to_dict(self) -> dict[str, Any]:
        """Return the facts."""
        return {
            "differences": [asdict(one) for one in self.differences],
            "first_apart": self.first_apart,
            "only_first": list(self.only_first),
            "only_second": list(self.only_second),
        }

    def blocks(self) -> Sequence[Block]:
        """Show how far each layer's outputs are apart."""
        columns = [
            Column("layer"),
            Column("kind"),
            number("largest", ".3g"),
            number("relative", ".2%"),
            number("cosine", ".4f"),
        ]
        rows = [(one.name or one.kind, one.kind, one.largest, one.relative, one.cosine) for one in self.differences]
        where = f"they part at {self.first_apart}" if self.first_apart else "they are the same, bit for bit"
        alone = [
            Note(f"only in the {which}: {', '.join(names)}", is_warning=True)
            for which, names in (("first", self.only_first), ("second", self.only_second))
            if names
        ]
        return [Table(columns, rows), Note(where), *alone]


def compare(first: Trace, second: Trace) -> Comparison:
    """Compare two traces layer by layer: of two inputs, two checkpoints, or of training and evaluation.

    Args:
        first: A trace.
        second: Of the same network, or of one with layers of the same names.
    """
    names = {(layer.name, layer.run): index for index, layer in enumerate(second.layers)}
    matched = [
        (index, names[layer.name, layer.run])
        for index, layer in enumerate(first.layers)
        if (layer.name, layer.run) in names
    ]
    differences = tuple(_difference(first, i, second, j) for i, j in matched)
    ours = {(layer.name, layer.run) for layer in first.layers}
    # A container parts with what is inside it, which comes after it: the first leaf tells where it began.
    apart = [
        one.name
        for one, (index, _) in zip(differences, matched, strict=True)
        if not one.is_equal and not first.layers[index].is_container
    ]
    return Comparison(
        differences=differences,
        first_apart=apart[0] if apart else None,
        only_first=tuple(layer.name for layer in first.layers if (layer.name, layer.run) not in names),
        only_second=tuple(layer.name for layer in second.layers if (layer.name, layer.run) not in ours),
    )


def _difference(first: Trace, index: int, second: Trace, other: int) -> Difference:
    layer = first.layers[index]
    one, two = tensors_in(first.calls[index].output)[:1], tensors_in(second.calls[other].output)[:1]
    if not one or not two or one[0].shape != two[0].shape:
        return Difference(layer.name, layer.kind, None, None, None, not one and not two)
    a, b = one[0].detach().double().cpu().reshape(-1), two[0].detach().double().cpu().reshape(-1)
    is_equal = bool(torch.equal(a.nan_to_num(nan=1e300), b.nan_to_num(nan=1e300)))
    if not len(a):
        return Difference(layer.name, layer.kind, 0.0, 0.0, 1.0, True)
    gap = (a - b).norm()
    norms = a.norm() * b.norm()
    return Difference(
        name=layer.name,
        kind=layer.kind,
        largest=float((a - b).abs().max()),
        relative=float(gap / a.norm()) if a.norm() else (0.0 if not gap else float("inf")),
        cosine=float(a @ b / norms) if norms else (1.0 if is_equal else 0.0),
        is_equal=is_equal,
    )
