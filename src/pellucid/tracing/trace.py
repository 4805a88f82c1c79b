"""`trace`: what every layer did to one batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor, nn

from pellucid.errors import UnknownNameError, did_you_mean
from pellucid.rendering.blocks import Bar, Bars, Block, Column, Histogram, Note, Table, number
from pellucid.rendering.plotting import sparkline
from pellucid.rendering.result import Result, to_frame
from pellucid.tracing.capture import Call, tensors_in, versions_of
from pellucid.tracing.layers import Layer, layers_of, shapes_shown
from pellucid.tracing.pictures import pictures_of
from pellucid.tracing.running import Inputs, capture
from pellucid.tracing.statistics import Statistics, statistics_of
from pellucid.tracing.units import Scores, Unit, scores_of, unit_of

FIRST_VALUES = 5
FIRST_EXAMPLES = 3
# A sigmoid or tanh counts as saturated this near to an end of its range, as a share of the range.
NEAR_END = 0.02
RECTIFIERS = ("ReLU", "ReLU6", "relu", "relu_", "relu6", "LeakyReLU", "BinaryStep", "threshold", "clamp_min")
SQUASHERS = {
    "Sigmoid": (0.0, 1.0),
    "sigmoid": (0.0, 1.0),
    "Tanh": (-1.0, 1.0),
    "tanh": (-1.0, 1.0),
    "Hardsigmoid": (0.0, 1.0),
}


@dataclass(frozen=True, eq=False)
class Trace(Result):
    """Every layer's output for one batch, by reference; statistics and pictures are made when asked for.

    Attributes:
        kind: The network's class.
        output: What the network returned.
    """

    kind: str
    output: Any
    _network: nn.Module
    calls: tuple[Call, ...]

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The rows, in executed order."""
        return layers_of(self._network, self.calls)[0]

    @cached_property
    def statistics(self) -> tuple[Statistics | None, ...]:
        """The statistics of each row's first output; None for a row without one. All in one pass."""
        outputs = [tensors_in(call.output)[:1] for call in self.calls]
        # A container gives what its last layer gave: computed once.
        distinct = {id(one): one for output in outputs for one in output}
        found = dict(zip(distinct, statistics_of(list(distinct.values())), strict=True))
        return tuple(found[id(output[0])] if output else None for output in outputs)

    def __len__(self) -> int:
        return len(self.calls)

    def values(self, layer: str) -> Tensor:
        """Return the first output of a layer, as it was when the layer gave it.

        Args:
            layer: Its name, or the end of it.

        Raises:
            UnknownNameError: If no row has this name.
        """
        return tensors_in(self.calls[self.index(layer)].output)[0]

    def index(self, layer: str) -> int:
        """Return the position of a row.

        Args:
            layer: Its name; the end of it is enough where only one row has it.

        Raises:
            UnknownNameError: If no row, or more than one, has this name.
        """
        names = [one.name for one in self.layers]
        if layer in names:
            return names.index(layer)
        ends = [index for index, name in enumerate(names) if name.endswith(f".{layer}")]
        if len(ends) == 1:
            return ends[0]
        raise UnknownNameError(
            f"there is no one layer {layer!r}", fix=did_you_mean(layer, [name for name in names if name])
        )

    def unit(self, layer: str, unit: int, *, example: int = 0, position: Sequence[int] | None = None) -> Unit:
        """Return the arithmetic of one unit: inputs times weights plus bias, and what the activation makes of it.

        Args:
            layer: Name of a Linear or Conv2d; for attention see `scores`.
            unit: Which of its outputs: a unit or a feature map.
            example: Which of the batch.
            position: For a convolution, where in the feature map; for a Linear on sequences, which position.

        Raises:
            DataError: If the layer's values are no sums of weighted inputs.
            ShapeError: If there is no such unit, example or position.
            UnknownNameError: If no row has this name.
        """
        return unit_of(self.calls, self.index(layer), unit, example, position)

    def scores(self, layer: str, *, example: int = 0, target: int = 0) -> Scores:
        """Return where one position of a `nn.MultiheadAttention` looks: a weight for each source, by head.

        Args:
            layer: Its name.
            example: Which of the batch.
            target: The position that looks.

        Raises:
            DataError: If the layer is no attention.
            ShapeError: If there is no such example or position.
            UnknownNameError: If no row has this name.
        """
        return scores_of(self.calls, self.index(layer), example, target)

    def dead_units(self, layer: str) -> int | None:
        """Return how many units of a ReLU-like layer are zero for every example; None for another kind of layer."""
        index = self.index(layer)
        return _dead(self.layers[index], self.calls[index])

    def to_frame(self) -> Any:
        """Return one row per layer with its statistics as a pandas DataFrame."""
        return to_frame(self._rows())

    def to_dict(self) -> dict[str, Any]:
        """Return the facts: each layer with its statistics and the first values of the first examples."""
        return {"kind": self.kind, "layers": self._rows()}

    def _rows(self) -> list[dict[str, Any]]:
        rows = []
        for layer, call, facts in zip(self.layers, self.calls, self.statistics, strict=True):
            row = {
                "name": layer.name, "kind": layer.kind, "depth": layer.depth, "place": layer.place,
                "output_shapes": [list(shape) for shape in layer.output_shapes], "dtype": layer.dtype,
                "seconds": layer.seconds, "first_values": _first(call), "is_copied": call.is_copied,
                "is_overwritten": is_overwritten(call), "dead_units": _dead(layer, call),
                "saturated": _saturated(layer, call), "statistics": facts.to_dict() if facts else None,
            }  # fmt: skip
            rows.append(row)
        return rows

    def blocks(self) -> Sequence[Block]:
        """Show the walk: a row for each layer with its shape, statistics, histogram and first values."""
        columns = [
            Column("layer"), Column("kind"), Column("output"), number("mean", ".3g"), number("std", ".3g"),
            number("min", ".3g"), number("max", ".3g"), number("zeros", ".0%"), Column("histogram"),
            Column("first values"),
        ]  # fmt: skip
        rows = []
        notes = []
        for layer, call, facts in zip(self.layers, self.calls, self.statistics, strict=True):
            values = ", ".join(f"{value:.3g}" for value in next(iter(_first(call)), [])[:3])
            numbers = (facts.mean, facts.std, facts.low, facts.high, facts.zeros) if facts else (None,) * 5
            name = "  " * layer.depth + layer.short_name
            shape = shapes_shown(layer.output_shapes[:1])
            rows.append((name, layer.kind, shape, *numbers, sparkline(_coarse(facts)) if facts else "", values))
            notes += _remarks(layer, call, facts)
        return [Table(columns, rows), *notes, *self._answer()]

    def _answer(self) -> list[Block]:
        """Show the last layer as bars where it is probabilities, which sum to 1."""
        outputs = tensors_in(self.output)
        if not outputs or outputs[0].dim() != 2 or outputs[0].shape[1] > 20 or not len(outputs[0]):
            return []
        first = outputs[0][0].detach().float().cpu()
        if bool((first >= 0).all()) and abs(float(first.sum()) - 1) < 1e-4:
            return [
                Bars(
                    [Bar(f"output {i}", share, f"{share:.1%}") for i, share in enumerate(first.tolist())],
                    title="example 0",
                )
            ]
        return []

    def layer_blocks(self, layer: str, *, example: int = 0) -> Sequence[Block]:
        """Show one layer: statistics, histogram and a picture of its output for one example.

        Raises:
            UnknownNameError: If no row has this name.
        """
        index = self.index(layer)
        facts = self.statistics[index]
        row = self.layers[index]
        shapes = shapes_shown(row.output_shapes)
        blocks: list[Block] = [Note(f"{row.name or self.kind}: {row.kind}({row.arguments}) gives {shapes} {row.dtype}")]
        if facts is None:
            return blocks
        quantiles = [(f"{share:.0%}", value) for share, value in facts.quantiles.items()]
        blocks.append(Table([Column("quantile"), number("value", ".4g")], quantiles))
        if facts.counts:
            blocks.append(Histogram(facts.edges, facts.counts, title="histogram"))
        blocks += [
            *_remarks(row, self.calls[index], facts),
            *pictures_of(tensors_in(self.calls[index].output)[0], example),
        ]
        return blocks


def trace(
    network: nn.Module,
    inputs: Inputs,
    *,
    keywords: Mapping[str, Any] | None = None,
    training: bool | None = False,
) -> Trace:
    """Run a network once on a batch and keep what every layer gave; it is left as it was.

    Args:
        network: Of any kind.
        inputs: A tensor; a tuple of arguments; or a dict of arguments by name.
        keywords: Further arguments by name.
        training: Whether to run in training mode; None leaves every module in the mode that it is in.

    Raises:
        PellucidError: If the forward raises: explained, with the original exception as its cause.

    Example:
        >>> import torch
        >>> network = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
        >>> trace(network, torch.zeros(4, 3)).values("1").shape
        torch.Size([4, 2])
    """
    captured = capture(network, inputs, keywords=keywords, training=training)
    return Trace(type(network).__name__, captured.output, captured.network, tuple(captured.calls))


def is_overwritten(call: Call) -> bool:
    """Return whether a row's output was changed by something that the capture did not see."""
    return versions_of(call.output) != call.versions


def _first(call: Call) -> list[list[float]]:
    """Return the first values of the first examples."""
    outputs = tensors_in(call.output)
    if not outputs or not outputs[0].numel() or outputs[0].is_complex():
        return []
    examples = outputs[0][:FIRST_EXAMPLES] if outputs[0].dim() > 1 else outputs[0][None]
    flat = examples.detach().reshape(len(examples), -1)[:, :FIRST_VALUES]
    return [[float(value) for value in example] for example in flat.tolist()]


def _coarse(facts: Statistics) -> list[int]:
    """Return the histogram in half as many bins, for a cell of a table."""
    return [sum(facts.counts[index : index + 2]) for index in range(0, len(facts.counts), 2)]


def _dead(layer: Layer, call: Call) -> int | None:
    outputs = tensors_in(call.output)
    if layer.kind not in RECTIFIERS or not outputs or outputs[0].dim() < 2:
        return None
    values = outputs[0]
    # A unit is a column of [examples, units], a map of [examples, maps, height, width], the last of [.., steps, units].
    unit = 2 if values.dim() == 3 else 1
    return int((values == 0).transpose(0, unit).reshape(values.shape[unit], -1).all(dim=1).sum())


def _saturated(layer: Layer, call: Call) -> float | None:
    outputs = tensors_in(call.output)
    if layer.kind not in SQUASHERS or not outputs or not outputs[0].numel():
        return None
    low, high = SQUASHERS[layer.kind]
    margin = (high - low) * NEAR_END
    values = outputs[0].detach()
    return float(((values < low + margin) | (values > high - margin)).float().mean())


def _remarks(layer: Layer, call: Call, facts: Statistics | None) -> list[Note]:
    notes = []
    name = layer.name or layer.kind
    dead, saturated = _dead(layer, call), _saturated(layer, call)
    if dead and len(tensors_in(call.output)[0]) > 1:
        notes.append(Note(f"{name}: {dead} units are zero for every example of this batch"))
    if saturated is not None and saturated > 0.5:
        notes.append(Note(f"{name}: {saturated:.0%} of the values are at the ends of the range", is_warning=True))
    if facts and (facts.nans or facts.infinities):
        notes.append(Note(f"{name}: {facts.nans:,} NaN and {facts.infinities:,} infinite values", is_warning=True))
    if is_overwritten(call):
        notes.append(
            Note(
                f"{name}: its output was overwritten later, unseen; the values shown are the later ones",
                is_warning=True,
            )
        )
    return notes
