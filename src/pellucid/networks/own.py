"""A network of the user's own: the class they name in a Python file of theirs."""

import importlib.util
import inspect
import sys
from pathlib import Path

from torch import nn

from pellucid.errors import MissingFileError, UnknownNameError, UserCodeError, did_you_mean
from pellucid.networks.stacks import seeded


def names_a_class(text: str) -> bool:
    """Return whether a text has the form file.py:ClassName."""
    path, colon, name = text.rpartition(":")
    return bool(colon) and path.endswith(".py") and name.isidentifier()


def own_class(place: str) -> type[nn.Module]:
    """Return a network's class from a file. The file is executed, as `python file.py` would.

    Args:
        place: "file.py:ClassName".

    Raises:
        MissingFileError: If the file does not exist.
        UnknownNameError: If it has no such network class.
        UserCodeError: If the place is not of this form, or the file raises; the original exception is the cause.
    """
    if not names_a_class(place):
        raise UserCodeError(f"{place!r} names no class in a file", fix="write file.py:ClassName")
    file, _, name = place.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise MissingFileError(f"there is no file {path}", fix="check the path before the colon")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # The file's own folder, so that it can import its neighbours, as when it is run as a script.
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UserCodeError(
            f"{path} raises {type(error).__name__}: {error}", fix=f"make `python {path}` run without an error"
        ) from error
    finally:
        sys.path.remove(str(path.resolve().parent))
    networks = {
        key: value
        for key, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, nn.Module) and not value.__module__.startswith("torch")
    }
    if name not in networks:
        raise UnknownNameError(
            f"{path} has no network class {name!r}",
            fix=did_you_mean(name, networks or ["(none: derive one from torch.nn.Module)"]),
        )
    return networks[name]


def made(kind: type[nn.Module], seed: int | None = None) -> nn.Module:
    """Return a network of a user's class, made without arguments.

    Args:
        kind: The class.
        seed: For its starting weights; None draws from PyTorch's generator.

    Raises:
        UserCodeError: If its `__init__` raises or wants arguments; the original exception is the cause.
    """
    try:
        with seeded(seed):
            return kind()
    except Exception as error:
        raise UserCodeError(
            f"{kind.__name__}() raises {type(error).__name__}: {error}",
            fix=f"let {kind.__name__} be made without arguments: give each one a default",
        ) from error
