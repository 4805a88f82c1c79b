"""Looking at a network without leaving a mark on it."""

import contextlib
from collections.abc import Iterator

import torch
from torch import nn


@contextlib.contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Run a network in evaluation mode, without gradients, and leave it as it was.

    Args:
        network: Of any kind; afterwards each of its modules is in the mode it was in before.
    """
    # One flag per module: a frozen BatchNorm inside a training network must stay frozen.
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def device_of(network: nn.Module) -> torch.device:
    """Return the device that a network's parameters or buffers live on; the CPU if it has none."""
    # Module by module: the first layer with weights ends the search.
    for module in network.modules():
        for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
            return tensor.device
    return torch.device("cpu")
