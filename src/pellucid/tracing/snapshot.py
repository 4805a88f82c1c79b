"""A network as it was: what a look puts back."""

import contextlib
import ctypes
import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.devices import random_state_kept


@contextlib.contextmanager
def unmarked(modules: Sequence[nn.Module], device: torch.device) -> Iterator[None]:
    """Let a network run, and put back what that changed: bit for bit, also when it raises.

    Put back are the attributes, train and eval flags, hooks and buffers of every module, the gradients of its
    parameters, and the random generators of Python, NumPy and PyTorch on the CPU and on the device. (A tensor that an
    operation overwrites is put back by the capture, which sees the operation.)

    Args:
        modules: Of the network, each once, itself among them.
        device: That it runs on.
    """
    own = {
        name: [entry for module in modules for entry in module.__dict__[name].values() if entry is not None]
        for name in ("_buffers", "_parameters")
    }
    # PyTorch's own layers change their buffers and draw from PyTorch's generator, and touch nothing else of this.
    users = [module.__dict__ for module in modules if not is_plain(module)]
    kept = [_Table(entry) for attributes in users for entry in (attributes, *_tables(attributes))]
    flags = [module.training for module in modules]
    buffers = [(buffer, buffer.detach().clone()) for buffer in own["_buffers"]]
    gradients = [(parameter, parameter.grad) for parameter in own["_parameters"]]
    generators = _OtherGenerators() if users else None
    try:
        with random_state_kept(device):
            yield
    finally:
        if generators is not None:
            generators.put_back()
        for table in kept:
            table.put_back()
        for module, flag in zip(modules, flags, strict=True):
            if module.training is not flag:
                module.training = flag
        for buffer, value in buffers:
            # Compared first: writing would move the version counter of a buffer that nothing changed.
            if not same_bits(buffer, value):
                with torch.no_grad():
                    buffer.copy_(value)
        for parameter, gradient in gradients:
            if parameter.grad is not gradient:
                parameter.grad = gradient


def is_plain(module: nn.Module) -> bool:
    """Return whether a module is one of PyTorch's own that keeps its attributes as they are."""
    is_pytorchs = type(module).__module__.startswith("torch.nn.modules.")
    return is_pytorchs and not isinstance(module, nn.modules.lazy.LazyModuleMixin)


def same_bits(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors of one shape and type hold the same bits; waits for the device."""
    return bool(torch.equal(one.reshape(-1).view(torch.uint8), other.reshape(-1).view(torch.uint8)))


def _tables(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the tables of parameters, buffers, modules and hooks."""
    return [value for value in attributes.values() if isinstance(value, dict)]


class _Table:
    """A dict and what was in it."""

    def __init__(self, table: dict[str, Any]) -> None:
        self._table = table
        self._before = dict(table)
        self._identities = [*map(id, table.values())]

    def put_back(self) -> None:
        if [*map(id, self._table.values())] != self._identities or self._table.keys() != self._before.keys():
            self._table.clear()
            self._table.update(self._before)


class _OtherGenerators:
    """The random generators of Python and NumPy, as they were."""

    def __init__(self) -> None:
        self._python = random.getstate()
        self._numpy = np.random.get_state(legacy=False)  # noqa: NPY002
        self._memory = _memory_of_numpy_generator()

    def put_back(self) -> None:
        random.setstate(self._python)
        # Setting costs as much as a small network, so the generator's memory is compared first; the cached second half
        # of a pair of normal numbers is not in it.
        if self._numpy["has_gauss"] or self._memory is None or _memory_of_numpy_generator() != self._memory:
            np.random.set_state(self._numpy)  # noqa: NPY002


def _memory_of_numpy_generator() -> bytes | None:
    """Return the 624 words and the position of NumPy's MT19937; None if the user has put another generator there."""
    if type(_bit_generator()).__name__ != "MT19937":
        return None
    return ctypes.string_at(_bit_generator().ctypes.state_address, 625 * 4)


def _bit_generator() -> Any:
    found: Any = getattr(np.random, "get_bit_generator")()  # noqa: B009 missing in NumPy's own type hints
    return found
