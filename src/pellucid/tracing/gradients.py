"""`trace_gradients`: what comes back through every layer and to every parameter, given a loss."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.errors import DataError
from pellucid.rendering.blocks import Block, Column, Note, Table, number
from pellucid.rendering.plotting import sparkline
from pellucid.rendering.result import Result, to_frame
from pellucid.tracing.capture import tensors_in
from pellucid.tracing.layers import layers_of
from pellucid.tracing.running import Inputs, capture
from pellucid.tracing.statistics import Statistics, statistics_of


@dataclass(frozen=True)
class Gradient:
    """The gradient of the loss by one output or one parameter.

    Attributes:
        name: Of the layer or the parameter.
        kind: Class of the layer, or "parameter".
        norm: Euclidean; None if no gradient comes here.
        relative: For a parameter, its norm over that of the parameter; None for an output.
        zeros: Share of the entries that are exactly zero.
        statistics: Of the entries.
    """

    name: str
    kind: str
    norm: float | None
    relative: float | None
    zeros: float | None
    statistics: Statistics | None


@dataclass(frozen=True)
class Gradients(Result):
    """What comes back from the loss.

    Attributes:
        loss: Its value.
        layers: By output, in executed order.
        parameters: By parameter.
    """

    loss: float
    layers: tuple[Gradient, ...]
    parameters: tuple[Gradient, ...]

    def to_frame(self) -> Any:
        """Return one row per output and parameter as a pandas DataFrame."""
        return to_frame([asdict(one) for one in (*self.layers, *self.parameters)])

    def to_dict(self) -> dict[str, Any]:
        """Return the facts."""

        def facts(one: Gradient) -> dict[str, Any]:
            return {
                "name": one.name, "kind": one.kind, "norm": one.norm, "relative": one.relative, "zeros": one.zeros,
                "statistics": one.statistics.to_dict() if one.statistics else None,
            }  # fmt: skip

        return {
            "loss": self.loss,
            "layers": [facts(one) for one in self.layers],
            "parameters": [facts(one) for one in self.parameters],
        }

    def blocks(self) -> Sequence[Block]:
        """Show norm, zeros and histogram for each output and each parameter."""
        columns = [
            Column("gradient by"),
            Column("kind"),
            number("norm", ".3g"),
            number("of its size", ".2%"),
            number("zeros", ".0%"),
            Column("histogram"),
        ]

        def table(title: str, gradients: Sequence[Gradient]) -> Table:
            rows = [
                (
                    one.name or one.kind,
                    one.kind,
                    one.norm,
                    one.relative,
                    one.zeros,
                    sparkline(one.statistics.counts) if one.statistics else "",
                )
                for one in gradients
            ]
            return Table(columns, rows, title=title)

        return [Note(f"loss {self.loss:.6g}"), table("outputs", self.layers), table("parameters", self.parameters)]


def trace_gradients(
    network: nn.Module,
    inputs: Inputs,
    loss: Callable[[Any], Tensor],
    *,
    keywords: Mapping[str, Any] | None = None,
    training: bool | None = False,
) -> Gradients:
    """Run a network forward and backward once; it, its gradients included, is left as it was.

    Args:
        network: Of any kind.
        inputs: A tensor; a tuple of arguments; or a dict of arguments by name.
        loss: Makes one number of the network's output: `lambda logits: cross_entropy(logits, labels)`.
        keywords: Further arguments by name.
        training: Whether to run in training mode; None leaves every module in the mode that it is in.

    Raises:
        DataError: If the loss is no single number, or does not depend on the network.
        PellucidError: If the forward raises: explained, with the original exception as its cause.
    """
    captured = capture(network, inputs, keywords=keywords, training=training, with_gradients=True)
    network = captured.network
    with torch.enable_grad():
        value = loss(captured.output)
    if not isinstance(value, Tensor) or value.numel() != 1:
        shape = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise DataError(f"the loss is {shape}, not one number", fix="return a mean or sum: loss.mean()")
    if not value.requires_grad:
        raise DataError(
            "the loss does not depend on the network's parameters",
            fix="compute it from the output, without detach or item",
        )
    layers, _ = layers_of(network, captured.calls)
    outputs = [next(iter(tensors_in(call.output)), None) for call in captured.calls]
    rows = [
        (layer, output)
        for layer, output in zip(layers, outputs, strict=True)
        if output is not None and output.requires_grad and not layer.is_container
    ]
    named = [(name, parameter) for name, parameter in network.named_parameters() if parameter.requires_grad]
    # Not `backward`, which would add to the parameters' own gradients.
    wanted = [*(output for _, output in rows), *(parameter for _, parameter in named)]
    found = torch.autograd.grad(value, wanted, allow_unused=True)
    there = [gradient for gradient in found if gradient is not None]
    facts = iter(statistics_of(there))
    results = []
    titles = [
        *((layer.name, layer.kind, None) for layer, _ in rows),
        *((name, "parameter", parameter) for name, parameter in named),
    ]
    for (name, kind, parameter), gradient in zip(titles, found, strict=True):
        if gradient is None:
            results.append(Gradient(name, kind, None, None, None, None))
            continue
        norm = float(gradient.norm())
        size = float(parameter.detach().norm()) if parameter is not None else 0.0
        one = next(facts)
        results.append(Gradient(name, kind, norm, norm / size if size else None, one.zeros, one))
    return Gradients(float(value.detach()), tuple(results[: len(rows)]), tuple(results[len(rows) :]))
