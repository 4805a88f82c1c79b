"""The inputs that a network takes, where its first layer tells them."""

import copy
from typing import Any

import torch
from torch import nn

from pellucid.networks.modes import device_of

# Image sizes to try, the commonest first; one that does not fit raises within the network.
SIZES = (28, 32, 64, 224, 8, 16, 96, 128, 256, 299)


def infer_inputs(network: nn.Module) -> tuple[Any, tuple[str, ...]] | None:
    """Return inputs that a network can be run with, and a note that says so; None where nothing tells.

    The first layer with weights, in the order of declaration, gives the width (Linear), channels (convolutions) or
    vocabulary (Embedding). What it leaves open, as the size of an image, is tried out on a copy without memory.

    Args:
        network: Of any kind; it is not run.
    """
    device = device_of(network)
    for module in network.modules():
        if isinstance(module, nn.modules.lazy.LazyModuleMixin):
            return None  # it takes any width
        candidates = _candidates(module)
        for shape, dtype in candidates:
            if _fits(network, shape, dtype):
                inputs = torch.zeros(1, *shape, dtype=dtype, device=device)
                text = " x ".join(map(str, shape))
                return inputs, (f"input shape {text} inferred from {type(module).__name__}: give --shape for another",)
        if candidates:
            return None
    return None


def _candidates(module: nn.Module) -> list[tuple[tuple[int, ...], torch.dtype]]:
    floats = torch.float32
    if isinstance(module, nn.Linear):
        return [((module.in_features,), floats)]
    if isinstance(module, nn.Conv1d):
        return [((module.in_channels, size), floats) for size in (128, 1024)]
    if isinstance(module, nn.Conv2d):
        return [((module.in_channels, size, size), floats) for size in SIZES]
    if isinstance(module, nn.Conv3d):
        return [((module.in_channels, size, size, size), floats) for size in (16, 32)]
    if isinstance(module, nn.RNNBase):
        return [((16, module.input_size), floats)]
    if isinstance(module, nn.Embedding):
        return [((16,), torch.int64)]
    return []


def _fits(network: nn.Module, shape: tuple[int, ...], dtype: torch.dtype) -> bool:
    """Return whether a network takes such inputs, found out with shapes alone."""
    from torch.func import functional_call

    if any(nn.parameter.is_lazy(parameter) for parameter in network.parameters()):
        # A layer that learns its width has no shape yet: tried out on a copy, which is thrown away.
        try:
            with torch.no_grad():
                copy.deepcopy(network).eval()(torch.zeros(1, *shape, dtype=dtype))
        except Exception:  # noqa: BLE001 a network that cannot take a shape may raise anything
            return False
        return True
    state = {name: value.detach().to("meta") for name, value in (*network.named_parameters(), *network.named_buffers())}
    try:
        with torch.no_grad():
            functional_call(network, state, (torch.empty(1, *shape, dtype=dtype, device="meta"),))
    except Exception:  # noqa: BLE001 a network that cannot take a shape may raise anything
        return False
    return True
