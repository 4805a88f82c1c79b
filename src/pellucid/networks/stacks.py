"""What the builders share: settings checked, and the layers between two affine ones."""

import contextlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

from pellucid.devices import random_state_kept
from pellucid.errors import SettingError, UnknownNameError, did_you_mean
from pellucid.networks.activations import activation

Norm = Literal["batch", "layer"]
NORMS = ("batch", "layer")


def check_sizes(**sizes: int | Sequence[int]) -> None:
    """Check that every size is a whole number of at least 1.

    Raises:
        SettingError: Naming the first that is not.
    """
    for name, given in sizes.items():
        for size in [given] if isinstance(given, int) else given:
            if not isinstance(size, int) or isinstance(size, bool) or size < 1:
                raise SettingError(f"{name} is {given!r}", fix=f"give {name} as whole numbers of at least 1")


def check_rates(dropout: float, norm: str | None) -> None:
    """Check dropout and the kind of normalisation.

    Raises:
        SettingError: If dropout is not in [0, 1).
        UnknownNameError: If the normalisation is not known.
    """
    if not 0 <= dropout < 1:
        raise SettingError(f"dropout is {dropout}", fix="give a share from 0 up to, but not including, 1")
    if norm is not None and norm not in NORMS:
        raise UnknownNameError(f"there is no norm {norm!r}", fix=did_you_mean(norm, NORMS))


def linear_stack(
    inputs: int,
    hidden: Sequence[int],
    outputs: int,
    *,
    activation_name: str,
    dropout: float,
    norm: Norm | None,
) -> nn.Sequential:
    """Return Linear layers with norm, activation and dropout between them, and none after the last."""
    layers: list[nn.Module] = []
    width = inputs
    for units in hidden:
        # A batch normalisation subtracts the mean, so a bias before it does nothing.
        layers.append(nn.Linear(width, units, bias=norm != "batch"))
        if norm is not None:
            layers.append(nn.BatchNorm1d(units) if norm == "batch" else nn.LayerNorm(units))
        layers.append(activation(activation_name).make())
        if dropout:
            layers.append(nn.Dropout(dropout))
        width = units
    layers.append(nn.Linear(width, outputs))
    return nn.Sequential(*layers)


def named(layers: Sequence[tuple[str, nn.Module]]) -> nn.Sequential:
    """Return a Sequential whose layers have these names."""
    return nn.Sequential(OrderedDict(layers))


def seeded(seed: int | None) -> contextlib.AbstractContextManager[None]:
    """Draw from this seed inside, and leave PyTorch's generator as it was; None draws from the generator itself."""
    return contextlib.nullcontext() if seed is None else random_state_kept(torch.device("cpu"), seed=seed)
