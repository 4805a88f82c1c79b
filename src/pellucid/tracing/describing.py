"""Running a network under the capture: what `describe` and `trace` share."""

import contextlib
import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin

from pellucid.errors import PellucidError
from pellucid.networks.modes import device_of
from pellucid.rendering.blocks import Column, Table
from pellucid.rendering.terminal import to_text
from pellucid.tracing.architecture import Architecture, sizes_of
from pellucid.tracing.capture import Call, Capture, tensors_in
from pellucid.tracing.failure import explained
from pellucid.tracing.inferring import infer_inputs
from pellucid.tracing.layers import layers_of
from pellucid.tracing.snapshot import unmarked

Inputs = Any


@dataclass(frozen=True, eq=False)
class Captured:
    """A network's run, in raw references.

    Attributes:
        network: That ran: the one given, or a copy of it, if it has layers that learn their width from the first batch.
        calls: In executed order.
        output: What the network returned.
        kept_bytes: What the backward pass would keep; None if that was not asked.
    """

    network: nn.Module
    calls: list[Call]
    output: Any
    kept_bytes: int | None


def capture(
    network: nn.Module,
    inputs: Inputs,
    *,
    keywords: Mapping[str, Any] | None = None,
    training: bool | None = False,
    with_gradients: bool = False,
) -> Captured:
    """Run a network once under the capture and leave it as it was.

    Args:
        network: Of any kind.
        inputs: A tensor; a tuple of arguments; or a dict of arguments by name.
        keywords: Further arguments by name.
        training: Whether in training mode; None leaves every module in the mode that it is in.
        with_gradients: Whether to record for a backward pass, and measure what it keeps.

    Raises:
        PellucidError: If the forward raises: explained, with the original exception as its cause.
    """
    arguments, named = as_arguments(inputs, keywords)
    watch = Capture(network)
    if any(isinstance(module, LazyModuleMixin) for module in watch.modules):
        # The first batch would turn a lazy layer into another class for good.
        network = copy.deepcopy(network)
        watch = Capture(network)
    device = device_of(network)
    kept = _Kept(network, [*tensors_in(arguments), *tensors_in(named)]) if with_gradients else None
    try:
        with unmarked(watch.modules, device), _attention_opened():
            if training is not None:
                _set_mode(watch.modules, training)
            if kept is not None:
                with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(kept.pack, lambda tensor: tensor):
                    output = watch.run(arguments, named)
            else:
                with torch.no_grad():
                    output = watch.run(arguments, named)
    except PellucidError:
        raise
    except Exception as error:
        problem: PellucidError = explained(network, watch.calls, error)
        problem.add_note(_rows_until(network, watch.calls))
        raise problem from error
    return Captured(network, watch.calls, output, kept.size if kept is not None else None)


def _rows_until(network: nn.Module, calls: Sequence[Call]) -> str:
    """Return the rows up to a failure as text; Python shows it under the error."""
    layers, _ = layers_of(network, calls)
    rows = [
        (
            "  " * layer.depth + (layer.name.rpartition(".")[2] or layer.kind),
            layer.kind,
            "; ".join(" x ".join(map(str, shape)) for shape in layer.input_shapes),
            "; ".join(" x ".join(map(str, shape)) for shape in layer.output_shapes) or "raised",
            layer.place or "",
        )
        for layer in layers
    ]
    columns = [Column(title) for title in ("layer", "kind", "was given", "gave", "called at")]
    return to_text([Table(columns, rows, title="what ran until then")])


def as_arguments(inputs: Inputs, keywords: Mapping[str, Any] | None) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments that a network is called with."""
    named = dict(keywords or {})
    if isinstance(inputs, tuple):
        return inputs, named
    if isinstance(inputs, Mapping):
        return (), {**inputs, **named}
    return (inputs,), named


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


class _Kept:
    """Counts what autograd keeps: storages that are neither weights nor inputs, each once."""

    def __init__(self, network: nn.Module, inputs: Sequence[Tensor]) -> None:
        tensors = [*network.parameters(), *network.buffers(), *inputs]
        self._known = {tensor.untyped_storage().data_ptr() for tensor in tensors if not nn.parameter.is_lazy(tensor)}
        self.size = 0

    def pack(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self._known:
            self._known.add(storage.data_ptr())
            self.size += storage.nbytes()
        return tensor


@contextlib.contextmanager
def _attention_opened() -> Iterator[None]:
    """Let transformer layers run their own steps in evaluation, and not one fused function that hides them."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def _set_mode(modules: Sequence[nn.Module], training: bool) -> None:
    """Set the mode of every module; `unmarked` puts each one's own back."""
    for module in modules:
        # Past nn.Module.train, which a user may have overridden, and its recursion.
        if module.training is not training:
            module.training = training
