"""A network read as a stack of Linear layers: a snapshot of it that takes raw inputs, and whether it is still true."""

import copy
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.data.preparing_images import ImagePreparation
from pellucid.networks.activations import activations

# What may stand after a Linear layer, beside the batch normalisation that is folded into it.
ELEMENTWISE = frozenset(type(entry.make()) for entry in activations() if entry.is_elementwise)
BENDS = ELEMENTWISE | {nn.Softmax, nn.LayerNorm}
# What changes nothing when predicting.
IDLE = (nn.Identity, nn.Dropout)


@dataclass(frozen=True, eq=False)
class Layer:
    """A Linear layer of a stack, and what comes after it.

    Attributes:
        weight: Float32 [outputs, inputs], a copy.
        bias: Float32 [outputs], a copy.
        bends: The activation, mostly; copies in evaluation mode.
    """

    weight: Tensor
    bias: Tensor
    bends: tuple[nn.Module, ...]


class Snapshot:
    """A network of Linear layers and activations as it was at one moment.

    Attributes:
        layers: The first takes prepared inputs, flattened. Dropout is left out and batch normalisation folded in.
    """

    def __init__(self, network: nn.Module, run: Sequence[nn.Module]) -> None:
        self._network = network
        self._modules = list(network.modules())
        self._settings = [_settings(module) for module in run]
        self._run = run
        kept = {tensor: tensor.detach().clone() for tensor in _tensors(network)}
        self._tensors = list(kept.values())
        self.layers = _layers(run, kept)

    def is_true(self) -> bool:
        """Return whether the network is still the same: every layer, setting and weight (0.1 ms a million weights).

        Compared value by value: a version counter does not see `weight.data -= step`, as loops by hand have it.
        """
        modules = list(self._network.modules())
        tensors = _tensors(self._network)
        return (
            len(modules) == len(self._modules)
            and all(map(operator.is_, modules, self._modules))
            and not any(map(_is_watched, modules))
            and [_settings(module) for module in self._run] == self._settings
            and len(tensors) == len(self._tensors)
            and all(map(_are_equal, tensors, self._tensors))
        )


def take_snapshot(network: nn.Module, inputs: int, classes: int) -> Snapshot | None:
    """Return a snapshot of a stack on the CPU in float32; None of any other network.

    Args:
        network: Of any kind; nothing of it is changed.
        inputs: How many values one input has.
        classes: How many logits the network gives.
    """
    run = _run(network)
    if run is None:
        return None
    linear = [module for module in run if isinstance(module, nn.Linear)]
    given = [inputs, *(layer.out_features for layer in linear)]
    wanted = [*(layer.in_features for layer in linear), classes]
    return Snapshot(network, run) if given == wanted else None


def folded(layer: Layer, preparation: ImagePreparation, dtype: torch.dtype) -> Layer:
    """Fold the preparation of inputs into the first layer, which then takes raw inputs.

    W·(x / divisor - mean) / std + b is W'·x + b' with W' = W / (divisor·std) and b' = b - W'·(mean·divisor).

    Args:
        layer: The first of a stack.
        preparation: Whose place it takes.
        dtype: Of the weight; b' is computed with the rounded W', so that the rounding sees centred inputs as before.
    """
    channels, height, width = preparation.shape
    mean, std = (
        torch.tensor(values, dtype=torch.float64).view(channels, 1).expand(channels, height * width).reshape(-1)
        for values in (preparation.mean, preparation.std)
    )
    weight = (layer.weight.double() / (std * preparation.divisor)).to(dtype)
    bias = layer.bias.double() - weight.double() @ (mean * preparation.divisor)
    return Layer(weight, bias.float(), layer.bends)


def _run(network: nn.Module) -> list[nn.Module] | None:
    """Return what a stack runs, in order; None if it is no stack, or somebody watches it through a hook."""
    found: list[nn.Module] = []
    for module in network.modules():
        if _is_watched(module):
            return None
        if type(module) is not nn.Sequential:
            found.append(module)
    # `modules` gives a module once that is run twice.
    if len(found) != _count(network) or not all(map(_fits, [None, *found], found)):
        return None
    kinds = [type(module) for module in found if type(module) not in IDLE]
    is_plain = all(t.device.type == "cpu" and t.dtype in (torch.float32, torch.int64) for t in _tensors(network))
    is_stack = kinds[:2] == [nn.Flatten, nn.Linear] and kinds.count(nn.Flatten) == 1
    return found if is_stack and is_plain else None


def _is_watched(module: nn.Module) -> bool:
    """Return whether a hook, or a forward of its own, makes a module more than its class."""
    return bool(module._forward_hooks or module._forward_pre_hooks) or "forward" in vars(module)  # noqa: SLF001


def _fits(before: nn.Module | None, module: nn.Module) -> bool:
    """Return whether a module is one that a stack may have there."""
    kind = type(module)
    if isinstance(module, nn.BatchNorm1d):
        return kind is nn.BatchNorm1d and type(before) is nn.Linear and module.running_var is not None
    if isinstance(module, nn.Flatten):
        return kind is nn.Flatten and (module.start_dim, module.end_dim) == (1, -1)
    if isinstance(module, nn.Softmax):
        return kind is nn.Softmax and module.dim in (1, -1)
    return kind is nn.Linear or kind in IDLE or kind in BENDS


def _count(module: nn.Module) -> int:
    return sum(map(_count, module.children())) if isinstance(module, nn.Sequential) else 1


def _layers(run: Sequence[nn.Module], kept: Mapping[Tensor, Tensor]) -> tuple[Layer, ...]:
    layers: list[Layer] = []
    for module in run:
        if isinstance(module, nn.Linear):
            bias = torch.zeros(module.out_features) if module.bias is None else kept[module.bias]
            layers.append(Layer(kept[module.weight], bias, ()))
        elif isinstance(module, nn.BatchNorm1d):
            layers[-1] = _normalised(layers[-1], module)
        elif type(module) in BENDS and type(module) not in IDLE:
            last = layers[-1]
            bend = copy.deepcopy(module).eval().requires_grad_(requires_grad=False)
            layers[-1] = Layer(last.weight, last.bias, (*last.bends, bend))
    return tuple(layers)


def _normalised(layer: Layer, norm: nn.BatchNorm1d) -> Layer:
    """Fold a batch normalisation in evaluation mode into the layer before it."""
    assert norm.running_mean is not None and norm.running_var is not None
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    shift = -norm.running_mean.double() * scale
    if norm.affine:
        gain = norm.weight.detach().double()
        scale, shift = scale * gain, shift * gain + norm.bias.detach().double()
    weight = layer.weight.double() * scale[:, None]
    return Layer(weight.float(), (layer.bias.double() * scale + shift).float(), ())


def _settings(module: nn.Module) -> dict[str, Any]:
    """Return the arguments that a module keeps: slope, eps and the like; those of a Linear are its weight's shape."""
    if isinstance(module, nn.Linear):
        return {}
    kept = {name: value for name, value in vars(module).items() if isinstance(value, int | float | str | tuple)}
    return {name: value for name, value in kept.items() if name != "training"}


def _tensors(network: nn.Module) -> list[Tensor]:
    return [*network.parameters(), *network.buffers()]


def _are_equal(now: Tensor, then: Tensor) -> bool:
    if now.dtype != then.dtype or now.device != then.device:
        return False
    # NumPy compares five times as fast as torch.equal.
    return np.array_equal(now.detach().numpy(), then.numpy())
