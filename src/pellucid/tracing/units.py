"""The arithmetic of one unit, recomputed in the open and compared with what PyTorch gave."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.errors import DataError, ShapeError
from pellucid.rendering.blocks import Bar, Bars, Block, Column, Note, Table, number
from pellucid.rendering.result import Result
from pellucid.tracing.capture import Call, tensors_in
from pellucid.tracing.layers import kind_of

LARGEST = 10


@dataclass(frozen=True)
class Term:
    """One product of the sum.

    Attributes:
        source: Which input: its position, or channel, row and column.
        value: Of the input.
        weight: It is multiplied with.
        product: Of the two.
        share: Of the sum of all products' sizes.
    """

    source: str
    value: float
    weight: float
    product: float
    share: float


@dataclass(frozen=True)
class Unit(Result):
    """How one unit comes to its number.

    Attributes:
        layer: Its name.
        unit: Which one.
        example: Of the batch.
        position: In the feature map or sequence; empty for a plain Linear.
        terms: The largest products, the largest first; for attention the sources with their weights.
        count: How many products there are.
        rest: Sum of those that are not listed.
        bias: Added to them; 0 without one.
        total: The sum, computed here in float64.
        reported: What PyTorch gave.
        tolerance: How far float32 rounding may take them apart.
        activation: The layer that came next, if it is one that works on each value; else None.
        activated: What that made of it.
    """

    layer: str
    unit: int
    example: int
    position: tuple[int, ...]
    terms: tuple[Term, ...]
    count: int
    rest: float
    bias: float
    total: float
    reported: float
    tolerance: float
    activation: str | None
    activated: float | None

    @property
    def agrees(self) -> bool:
        """Whether the sum is PyTorch's own number within rounding."""
        return abs(self.total - self.reported) <= self.tolerance

    def to_dict(self) -> dict[str, Any]:
        """Return the facts."""
        facts = {key: getattr(self, key) for key in self.__dataclass_fields__}
        facts["terms"] = [vars(term) | {} for term in self.terms]
        return {**facts, "position": list(self.position), "agrees": self.agrees}

    def blocks(self) -> Sequence[Block]:
        """Show the largest products, the sum and the activation."""
        rows = [(term.source, term.value, term.weight, term.product, term.share) for term in self.terms]
        columns = [
            Column("input"),
            number("value", ".4g"),
            number("weight", ".4g"),
            number("product", ".4g"),
            number("share", ".1%"),
        ]
        at = f", position {list(self.position)}" if self.position else ""
        rest = (
            [(f"{self.count - len(self.terms):,} more", None, None, self.rest, None)]
            if self.count > len(self.terms)
            else []
        )
        footer = [*rest, ("bias", None, None, self.bias, None), ("sum", None, None, self.total, None)]
        word = "equals" if self.agrees else "DIFFERS FROM"
        blocks: list[Block] = [
            Table(columns, rows, title=f"unit {self.unit} of {self.layer}, example {self.example}{at}", footer=footer),
            Note(
                f"the sum {word} PyTorch's {self.reported:.6g} (apart by {abs(self.total - self.reported):.1e})",
                not self.agrees,
            ),
        ]
        if self.activation is not None:
            blocks.append(Note(f"{self.activation} makes {self.activated:.6g} of it"))
        return blocks


@dataclass(frozen=True)
class Scores(Result):
    """Where one target position of an attention looks.

    Attributes:
        layer: Its name.
        example: Of the batch.
        target: The position that looks.
        weights: By head, then by source position; each row sums to 1.
    """

    layer: str
    example: int
    target: int
    weights: tuple[tuple[float, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the facts."""
        return {
            "layer": self.layer,
            "example": self.example,
            "target": self.target,
            "weights": [list(w) for w in self.weights],
        }

    def blocks(self) -> Sequence[Block]:
        """Show the attention of each head as bars over source positions."""
        return [
            Bars(
                [Bar(f"source {index}", weight, f"{weight:.1%}") for index, weight in enumerate(head)],
                title=f"{self.layer}, example {self.example}, position {self.target}, head {number_}",
            )
            for number_, head in enumerate(self.weights)
        ]


def unit_of(calls: Sequence[Call], index: int, unit: int, example: int, position: Sequence[int] | None) -> Unit:
    """Return the arithmetic of one unit, see `Trace.unit`.

    Raises:
        DataError: If the layer is none whose arithmetic is a sum of products.
        ShapeError: If there is no such unit, example or position.
    """
    call = calls[index]
    module = call.module
    given = tensors_in((call.arguments, call.keywords))
    output = tensors_in(call.output)[0]
    if isinstance(module, nn.Linear):
        at = tuple(position or (0,) * (output.dim() - 2))
        _check("example", example, len(output) if output.dim() > 1 else 1)
        _check("unit", unit, module.out_features)
        for number_, (one, size) in enumerate(zip(at, output.shape[1:-1], strict=True)):
            _check(f"position {number_}", one, size)
        where = (example, *at) if output.dim() > 1 else ()
        values, weights = given[0][where], module.weight.detach()[unit]
        sources = [str(number_) for number_ in range(module.in_features)]
        reported = output.detach()[(*where, unit)]
    elif isinstance(module, nn.Conv2d) and module.padding_mode == "zeros" and not isinstance(module.padding, str):
        batch, result = (given[0], output) if output.dim() == 4 else (given[0][None], output[None])
        row, column = position or (result.shape[2] // 2, result.shape[3] // 2)
        at = (row, column)
        _check("example", example, len(result))
        _check("unit", unit, module.out_channels)
        _check("row", row, result.shape[2])
        _check("column", column, result.shape[3])
        values, sources = _window(module, batch[example], unit, row, column)
        weights = module.weight.detach()[unit].reshape(-1)
        reported = result.detach()[example, unit, row, column]
    else:
        raise DataError(
            f"{call.name or kind_of(call)} is a {kind_of(call)}, whose values are no sums of weighted inputs",
            fix="name a Linear or Conv2d layer; for attention use Trace.scores",
        )
    return _summed(calls, index, unit, example, at, values, weights, sources, module.bias, unit, reported)


def _window(module: nn.Conv2d, image: Tensor, unit: int, row: int, column: int) -> tuple[Tensor, list[str]]:
    """Return the values under the window of one output position, and where they are."""
    padding = module.padding
    assert isinstance(padding, tuple)
    up, left = padding
    height, width = module.kernel_size
    group = unit // (module.out_channels // module.groups)
    size = module.in_channels // module.groups
    channels = range(group * size, (group + 1) * size)
    padded = functional.pad(image, (left, left, up, up))
    rows = [row * module.stride[0] + step * module.dilation[0] for step in range(height)]
    columns = [column * module.stride[1] + step * module.dilation[1] for step in range(width)]
    values = padded[list(channels)][:, rows][:, :, columns].reshape(-1)
    sources = [f"channel {c}, row {r - up}, column {k - left}" for c in channels for r in rows for k in columns]
    return values, sources


def _summed(
    calls: Sequence[Call], index: int, unit: int, example: int, at: tuple[int, ...], values: Tensor, weights: Tensor,
    sources: list[str], bias: Tensor | None, place: int, reported: Tensor,
) -> Unit:  # fmt: skip
    wide, weight = values.detach().double().cpu(), weights.detach().double().cpu()
    products = wide * weight
    added = float(bias.detach()[place]) if bias is not None else 0.0
    total = float(products.sum()) + added
    size = float(products.abs().sum()) + abs(added)
    order = products.abs().argsort(descending=True, stable=True)[:LARGEST].tolist()
    terms = tuple(
        Term(sources[i], float(wide[i]), float(weight[i]), float(products[i]), abs(float(products[i])) / (size or 1))
        for i in order
    )
    activation, activated = _next(calls, index, float(reported))
    # Sums of n products in float32 are off by at most about n rounding steps of the sum of sizes; the root is usual.
    step = torch.finfo(values.dtype if values.is_floating_point() else torch.float32).eps
    return Unit(
        layer=calls[index].name, unit=unit, example=example, position=at, terms=terms, count=len(products),
        rest=float(products.sum()) - sum(term.product for term in terms), bias=added, total=total,
        reported=float(reported), tolerance=step * max(size, 1e-30) * max(4.0, math.sqrt(len(products))),
        activation=activation, activated=activated,
    )  # fmt: skip


def _next(calls: Sequence[Call], index: int, value: float) -> tuple[str | None, float | None]:
    """Return the layer that took this one's output, if it is a function of each value, and what it makes of one."""
    output = tensors_in(calls[index].output)[0]
    for call in calls[index + 1 :]:
        if any(one is output for one in tensors_in((call.arguments, call.keywords))) and not call.has_inner:
            kind = kind_of(call)
            result = tensors_in(call.output)
            if kind.lower().rstrip("_") in ELEMENTWISE and result and result[0].shape == output.shape:
                flat = (output == value).nonzero()
                if len(flat):
                    return kind, float(result[0][tuple(flat[0])])
            return None, None
    return None, None


ELEMENTWISE = frozenset(
    (
        "relu", "sigmoid", "tanh", "gelu", "silu", "elu", "selu", "celu", "leakyrelu", "leaky_relu", "softplus", "mish",
        "relu6", "hardtanh", "hardsigmoid", "hardswish", "binarystep", "identity",
    )
)  # fmt: skip


def scores_of(calls: Sequence[Call], index: int, example: int, target: int) -> Scores:
    """Return the attention weights of one target position, recomputed from the layer's inputs and weights.

    Raises:
        DataError: If the layer is no `nn.MultiheadAttention`.
        ShapeError: If there is no such example or position.
    """
    call = calls[index]
    module = call.module
    if not isinstance(module, nn.MultiheadAttention):
        raise DataError(f"{call.name or kind_of(call)} is a {kind_of(call)}", fix="name a MultiheadAttention layer")
    keywords = {**call.keywords, "need_weights": True, "average_attn_weights": False}
    with torch.no_grad():
        mode = module.training
        # Dropout on the weights would show something other than where it looks.
        module.training = False
        try:
            _, weights = module(*call.arguments[:3], **keywords)
        finally:
            module.training = mode
    weights = weights if weights.dim() == 4 else weights[None]
    _check("example", example, len(weights))
    _check("position", target, weights.shape[2])
    return Scores(call.name, example, target, tuple(tuple(head.tolist()) for head in weights[example, :, target]))


def _check(what: str, index: int, count: int) -> None:
    if not 0 <= index < count:
        raise ShapeError(f"there is no {what} {index}", fix=f"choose from 0 to {count - 1}")
