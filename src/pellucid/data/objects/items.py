"""One item of somebody's PyTorch dataset, taken apart into an input and a label."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from numpy.typing import NDArray
from PIL import Image

from pellucid.data.arrays.assembling import as_array
from pellucid.data.arrays.names import INPUTS, LABELS
from pellucid.data.huggingface.pictures import pixels_of
from pellucid.errors import DataError, PellucidError, ShapeError, UserCodeError


def pair_of(item: Any, where: str) -> tuple[Any, Any]:
    """Return the input and the label of an item, or of a batch.

    Args:
        item: A pair, or a dict with the usual keys.
        where: What to call it in an error: "dataset[3]".

    Raises:
        DataError: If it is neither.
    """
    if isinstance(item, Mapping):
        found = []
        for what, names in (("input", (*INPUTS, "pixel_values")), ("label", LABELS)):
            keys = [key for key in item if isinstance(key, str) and key.casefold() in names]
            if len(keys) != 1:
                listed = ", ".join(map(repr, item))
                raise DataError(
                    f"{where} is a dict with {len(keys) or 'no'} {what}{'s' if len(keys) > 1 else ''}: {listed}",
                    fix="call them 'image' and 'label', or let the dataset give pairs (input, label)",
                )
            found.append(item[keys[0]])
        return found[0], found[1]
    if isinstance(item, tuple | list) and len(item) == 2:
        return item[0], item[1]
    what = f"a {type(item).__name__}"
    if isinstance(item, tuple | list):
        what += f" of {len(item)}"
    raise DataError(f"{where} is {what}", fix="let the dataset give pairs (input, label), or dicts with such keys")


def input_of(value: Any, where: str) -> tuple[NDArray[Any], str]:
    """Return an input as an array, and what it is: "image" for a Pillow image, "tensor", or "array".

    Args:
        value: A Pillow image, tensor, array, number or list of numbers.
        where: What to call it in an error.

    Raises:
        DataError: If it is none of these.
        ShapeError: If it is empty.
    """
    if isinstance(value, Image.Image):
        return pixels_of(value), "image"
    kind = "tensor" if isinstance(value, torch.Tensor) else "array"
    made = as_array(value, f"the input of {where}")
    if made.dtype.kind not in "biuf":
        raise DataError(
            f"the input of {where} is of type {type(value).__name__}: {made.dtype}",
            fix="let the dataset give images, tensors or arrays of numbers",
        )
    if 0 in made.shape:
        raise ShapeError(f"the input of {where} has shape {list(made.shape)}: nothing", fix="leave it out")
    return made, kind


def label_of(value: Any, where: str) -> Any:
    """Return a label as a number, text or an array.

    Args:
        value: A number, text, tensor, array or list of numbers.
        where: What to call it in an error.

    Raises:
        DataError: If it is none of these.
    """
    if isinstance(value, str):
        return value
    made = as_array(value, f"the label of {where}")
    if made.dtype.kind not in "biufU" or made.ndim > 1:
        raise DataError(
            f"the label of {where} is of type {type(value).__name__}: {made.dtype} {list(made.shape)}",
            fix="let the dataset give a number, text, or a row of numbers as the label",
        )
    return made


@contextmanager
def blamed(where: str) -> Iterator[None]:
    """Say where the user's own code raised.

    Args:
        where: What was asked for: "dataset[3]".

    Raises:
        PellucidError: If it raises one of ours.
        UserCodeError: If it raises anything else; the original exception is the cause.
    """
    try:
        yield
    except PellucidError:
        raise
    except Exception as error:
        raise UserCodeError(
            f"{where} raises {type(error).__name__}: {error}", fix=f"correct the dataset, so that {where} works"
        ) from error
