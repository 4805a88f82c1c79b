"""`describe`: the verb that lists a network's layers."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from pellucid.networks.modes import device_of
from pellucid.tracing.architecture import Architecture, sizes_of
from pellucid.tracing.capture import Call
from pellucid.tracing.inferring import infer_inputs
from pellucid.tracing.layers import layers_of
from pellucid.tracing.running import Inputs, capture


def describe(
    network: nn.Module,
    inputs: Inputs = None,
    *,
    keywords: Mapping[str, Any] | None = None,
    shape: Sequence[int] | None = None,
    training: bool | None = False,
) -> Architecture:
    """List a network's layers as they were executed; it is left as it was.

    Args:
        network: Of any kind.
        inputs: A batch: a tensor, a tuple of arguments, or a dict of arguments by name. Without any, and without a
            shape, the shape is inferred where the first layer tells it; else the layers are listed as declared.
        keywords: Further arguments by name.
        shape: Of one input, without the batch: a batch of one with zeros is made of it.
        training: Whether to run in training mode; None leaves every module in the mode that it is in.

    Raises:
        PellucidError: If the forward raises: explained, with the original exception as its cause.

    Example:
        >>> network = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
        >>> [layer.output_shapes for layer in describe(network, torch.zeros(1, 3)).layers]
        [((1, 2),), ((1, 2),), ((1, 2),)]
    """
    notes: tuple[str, ...] = ()
    if inputs is None and not keywords:
        if shape is not None:
            inputs = torch.zeros(1, *shape, device=device_of(network))
        else:
            inferred = infer_inputs(network)
            if inferred is None:
                return _declared(network)
            inputs, notes = inferred
    given = () if inputs is None else inputs
    captured = capture(network, given, keywords=keywords, training=training, with_gradients=_can_learn(network))
    network = captured.network
    layers, uncalled = layers_of(network, captured.calls)
    unknown = sorted({layer.kind for layer in layers if layer.macs is None})
    parameters = list(network.parameters())
    return Architecture(
        kind=type(network).__name__,
        layers=layers,
        uncalled=uncalled,
        parameters=sum(layer.parameters for layer in layers) + sum(one.parameters for one in uncalled),
        trainable=sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        parameter_bytes=sizes_of(layers),
        buffers=sum(layer.buffers for layer in layers),
        macs=sum(layer.macs or 0 for layer in layers),
        flops=sum(layer.flops or 0 for layer in layers),
        unknown_cost=tuple(unknown),
        kept_bytes=captured.kept_bytes,
        seconds=captured.calls[0].seconds if captured.calls else None,
        is_executed=True,
        notes=notes,
    )


def _can_learn(network: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in network.parameters())


def _declared(network: nn.Module) -> Architecture:
    """Return the layers as they were declared: no shapes, no order of execution."""
    calls = []
    parents: dict[str, Call] = {}
    for name, module in network.named_modules():
        call = Call(name, parents.get(name.rpartition(".")[0]) if name else None, (), {})
        call.module = module
        call.has_inner = any(True for _ in module.children())
        calls.append(call)
        parents[name] = call
    layers, _ = layers_of(network, calls)
    parameters = [one for one in network.parameters() if not isinstance(one, nn.UninitializedParameter)]
    return Architecture(
        kind=type(network).__name__,
        layers=layers,
        uncalled=(),
        parameters=sum(layer.parameters for layer in layers),
        trainable=sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        parameter_bytes=sizes_of(layers),
        buffers=sum(layer.buffers for layer in layers),
        macs=0,
        flops=0,
        unknown_cost=(),
        kept_bytes=None,
        seconds=None,
        is_executed=False,
        notes=("as declared, not as executed: give inputs or a shape to see shapes, order and cost",),
    )
