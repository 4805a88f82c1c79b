"""Running a network under the capture: its arguments, its mode, and what it keeps for a backward pass."""

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
from pellucid.tracing.capture import Call, Capture, tensors_in
from pellucid.tracing.failure import explained
from pellucid.tracing.layers import layers_of, shapes_shown
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
            "  " * layer.depth + layer.short_name,
            layer.kind,
            shapes_shown(layer.input_shapes),
            shapes_shown(layer.output_shapes) or "raised",
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
