"""Weights that others have trained, from a file."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor

from pellucid.errors import DataError, MissingFileError, UnknownNameError, did_you_mean

# Under these names training programs keep the weights beside other things.
WRAPPED = ("state_dict", "model")
# What PyTorch's module for several devices puts before each name.
PREFIX = "module."


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """Read weights by their names. Nothing in the file is executed.

    Args:
        path: A .safetensors file, or one of PyTorch (.pth, .pt, .bin), of which only tensors in plain containers
            are read.

    Raises:
        DataError: If it holds no weights, or anything that would have to be executed.
        MissingFileError: If there is no such file.
        UnknownNameError: If its ending is another one.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in (".safetensors", ".pth", ".pt", ".bin"):
        raise UnknownNameError(
            f"{path} has the ending {ending!r}", fix=did_you_mean(ending, (".safetensors", ".pth", ".pt", ".bin"))
        )
    if not path.is_file():
        raise MissingFileError(f"there is no file {path}", fix="check the path of the weights")
    content: Any
    try:
        if ending == ".safetensors":
            content = safetensors.load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise DataError(
            f"{path} is no file of weights, or holds more than tensors, which is not read",
            fix="save them again where they come from: safetensors.torch.save_file(network.state_dict(), path)",
        ) from error
    except (SafetensorError, OSError, RuntimeError, ValueError, KeyError, EOFError) as error:
        raise DataError(f"{path} is no file of weights, or is cut short ({error})", fix="get the file again") from error
    weights = next((content[name] for name in WRAPPED if _holds(content, name)), content)
    if not isinstance(weights, Mapping) or not weights or not all(isinstance(v, Tensor) for v in weights.values()):
        raise DataError(f"{path} holds no weights by name", fix="save a state_dict: network.state_dict()")
    if all(str(name).startswith(PREFIX) for name in weights):
        return {name.removeprefix(PREFIX): value for name, value in weights.items()}
    return dict(weights)


def _holds(content: Any, name: str) -> bool:
    return isinstance(content, Mapping) and isinstance(content.get(name), Mapping)
