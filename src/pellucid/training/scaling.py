"""A better start for deep networks: each hidden Linear is scaled to pass on as much signal as the first one does.

PyTorch draws the weights of a Linear with a variance of 1 / (3 inputs), which leaves about a third of a signal's power,
and a ReLU leaves half of that: behind six layers there is nothing left to learn from. One batch is sent through, and
the weights of each hidden layer are scaled on the way, so that its outputs vary as much as those of the first (after
Mishkin and Matas 2016, All you need is a good init, who scale every layer's variance to 1; the variance that the first
layer has was better on images and tables, with two hidden layers and with more, see benchmarks/candidates.py).

Only weights as PyTorch draws them are scaled: those that have learned something are never touched.
"""

from collections.abc import Callable
from contextlib import ExitStack

from torch import Tensor, nn

from pellucid.devices import random_state_kept
from pellucid.networks.modes import evaluating
from pellucid.tracing.architecture import Architecture

# The batch that is sent through.
EXAMPLES = 512
# What may stand between the Linears of a stack: nothing that adds, joins or normalises.
ACTIVATIONS = ("relu", "leaky_relu", "gelu", "silu", "elu", "tanh")
MODULES = {"Flatten", "Dropout", "Identity", "ReLU", "LeakyReLU", "GELU", "SiLU", "ELU", "Tanh"}
FUNCTIONS = {*ACTIVATIONS, "view", "reshape", "flatten", "dropout"}
# Drawn evenly between plus and minus the bound, so many weights have this standard deviation, but for chance.
FEWEST_WEIGHTS, CHANCE = 256, 0.1


def scale_layers(network: nn.Module, architecture: Architecture, inputs: Tensor) -> dict[str, float]:
    """Scale the hidden Linears of a stack of fresh ones, in place.

    Args:
        network: Left as it was if it is no plain stack of Linears and activations, or if one has learned.
        architecture: Of the network, as it was executed.
        inputs: A batch of training examples, as the network takes them now.

    Returns:
        What weights and bias of each scaled layer were multiplied with, by path; nothing if nothing was changed.
    """
    linears = _stack(network, architecture)
    # The first is the measure, and the last gives the answers.
    hidden = linears[1:-1]
    if not hidden or not all(is_fresh(network.get_submodule(path)) for path in hidden):
        return {}
    factors: dict[str, float] = {}
    strength = 0.0

    def measure(_layer: nn.Module, _inputs: object, outputs: Tensor) -> None:
        nonlocal strength
        strength = float(outputs.std())

    def scaled(path: str) -> Callable[[nn.Module, object, Tensor], Tensor]:
        def scale(layer: nn.Module, _inputs: object, outputs: Tensor) -> Tensor:
            found = float(outputs.std())
            if not (0 < found < float("inf") and 0 < strength < float("inf")):
                return outputs
            factors[path] = strength / found
            for parameter in layer.parameters():
                parameter.mul_(factors[path])
            return outputs * factors[path]

        return scale

    with ExitStack() as hooks, evaluating(network), random_state_kept(inputs.device):
        hooks.callback(network.get_submodule(linears[0]).register_forward_hook(measure).remove)
        for path in hidden:
            hooks.callback(network.get_submodule(path).register_forward_hook(scaled(path)).remove)
        network(inputs[:EXAMPLES])
    return factors


def is_fresh(layer: nn.Module) -> bool:
    """Return whether a Linear has the weights that PyTorch draws for a new one: nothing was learned or loaded.

    Example:
        >>> layer = nn.Linear(64, 64)
        >>> is_fresh(layer)
        True
        >>> _ = nn.init.orthogonal_(layer.weight)
        >>> is_fresh(layer)
        False
    """
    if type(layer) is not nn.Linear or type(layer.weight) is not nn.Parameter:
        return False
    weight, bound = layer.weight.detach(), layer.in_features**-0.5
    if not layer.weight.requires_grad or weight.numel() < FEWEST_WEIGHTS or float(weight.abs().max()) > bound * 1.0001:
        return False
    expected = bound / 3**0.5
    if abs(float(weight.std()) - expected) > CHANCE * expected:
        return False
    return layer.bias is None or bool(layer.bias.detach().abs().max() <= bound * 1.0001)


def _stack(network: nn.Module, architecture: Architecture) -> list[str]:
    """Return the paths of a plain stack's Linears in executed order; nothing of any other network."""
    paths: list[str] = []
    for layer in architecture.layers:
        if layer.is_container:
            continue
        if layer.kind == "Linear" and not layer.is_function:
            if layer.is_shared or layer.run > 1:
                return []
            paths.append(layer.name)
        elif layer.kind not in (FUNCTIONS if layer.is_function else MODULES):
            return []
    is_hooked = any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())  # noqa: SLF001
    return [] if is_hooked else paths
