"""`describe`: the layers of a network as they were executed, their output shapes and parameters."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor, nn

from pellucid.devices import random_state_kept
from pellucid.networks.modes import evaluating
from pellucid.rendering.blocks import Block, Column, Note, Table, number
from pellucid.rendering.result import Result, to_frame


@dataclass(frozen=True)
class LayerRow:
    """One layer as it was executed.

    Attributes:
        name: Its path in the network.
        kind: Its class.
        output_shape: Of one example, without the batch dimension; empty if it gave no tensor.
        parameters: Weights and biases of its own; 0 where they were counted in an earlier row.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int


@dataclass(frozen=True)
class Architecture(Result):
    """A network as it was executed.

    Attributes:
        kind: The network's class.
        layers: In executed order.
        parameters: All parameters of the network, each counted once.
        trainable: Those that training moves.
    """

    kind: str
    layers: tuple[LayerRow, ...]
    parameters: int
    trainable: int

    def to_frame(self) -> Any:
        """Return the layers as a pandas DataFrame."""
        return to_frame([asdict(layer) for layer in self.layers])

    def to_dict(self) -> dict[str, Any]:
        """Return the facts."""
        return {
            "kind": self.kind,
            "layers": [{**asdict(layer), "output_shape": list(layer.output_shape)} for layer in self.layers],
            "parameters": self.parameters,
            "trainable": self.trainable,
        }

    def blocks(self) -> Sequence[Block]:
        """Show a table with one row for each layer."""
        frozen = self.parameters - self.trainable
        table = Table(
            [Column("layer"), Column("kind"), Column("output shape"), number("parameters")],
            [
                (layer.name, layer.kind, " x ".join(map(str, layer.output_shape)), layer.parameters)
                for layer in self.layers
            ],
            footer=[("total", self.kind, "", self.parameters)],
        )
        return [table, Note(f"{frozen:,} parameters are frozen")] if frozen else [table]


def describe(network: nn.Module, inputs: Tensor) -> Architecture:
    """Run a network once and list its layers; it is left as it was.

    Args:
        network: Any module that takes one tensor.
        inputs: A batch of prepared inputs [examples, …].

    Returns:
        One row for each leaf module each time that it ran.

    Example:
        >>> import torch
        >>> network = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
        >>> [layer.output_shape for layer in describe(network, torch.zeros(1, 3)).layers]
        [(2,), (2,)]
    """
    rows: list[LayerRow] = []
    names = {module: name for name, module in network.named_modules()}
    counted: set[Tensor] = set()

    def record(module: nn.Module, _arguments: Any, output: Any) -> None:
        own = [parameter for parameter in module.parameters(recurse=False) if parameter not in counted]
        counted.update(own)
        shape = tuple(output.shape[1:]) if isinstance(output, Tensor) else ()
        rows.append(LayerRow(names[module], type(module).__name__, shape, sum(p.numel() for p in own)))

    leaves = [module for module in network.modules() if not next(module.children(), None)]
    hooks = [module.register_forward_hook(record) for module in leaves]
    try:
        with evaluating(network), random_state_kept(inputs.device):
            network(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    parameters = list(network.parameters())
    return Architecture(
        kind=type(network).__name__,
        layers=tuple(rows),
        parameters=sum(parameter.numel() for parameter in parameters),
        trainable=sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
    )
