"""Datasets from objects of a program: pairs of arrays, scikit-learn's bunches, PyTorch's datasets."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pellucid.data.arrays.assembling import as_array, assemble
from pellucid.data.arrays.names import CLASS_NAMES, COLUMN_NAMES, NamedArray, dataset_of, role_of
from pellucid.data.dataset import Dataset
from pellucid.data.objects.torch_datasets import from_torch
from pellucid.data.options import ReadOptions
from pellucid.errors import DataError


def read_object(data: Any, options: ReadOptions) -> Dataset:
    """Make a dataset of an object.

    Args:
        data: A pair of inputs and labels; a dict of named arrays, as `numpy.load` or scikit-learn's `load_iris` gives
            it; a PyTorch dataset or loader, or anything with its methods.
        options: What the user says about the data.

    Returns:
        The dataset; one that is a `Dataset` already is returned as it is.

    Raises:
        DataError: If it is none of these, or its content is not what it should be.
    """
    if isinstance(data, Dataset):
        return data
    if isinstance(data, Mapping):
        return _of_mapping(data, options)
    if isinstance(data, tuple) and len(data) == 2 and all(_is_array(part) for part in data):
        pair = as_array(data[0], "the inputs"), as_array(data[1], "the labels")
        return assemble({"train": pair}, name="arrays", source="arrays", task=options.task)
    if isinstance(data, str | bytes | np.ndarray | torch.Tensor) or not (
        hasattr(data, "__getitem__") or hasattr(data, "__iter__")
    ):
        raise DataError(
            f"{type(data).__name__} is no dataset",
            fix="give a name, a path, a pair (inputs, labels), a dict of arrays, or a PyTorch dataset",
        )
    return from_torch(data, task=options.task)


def _of_mapping(data: Mapping[Any, Any], options: ReadOptions) -> Dataset:
    """Make a dataset of named arrays; what is no array is passed over, as the description of a bunch is."""
    kept = {str(name): value for name, value in data.items() if _is_array(value) and len(value)}
    if "images" in kept and "data" in kept and len(kept["images"]) == len(kept["data"]):
        # scikit-learn gives the same pixels twice, once flat.
        del kept["data"]
    arrays = {name: NamedArray(np.shape(value), partial(_read, name, value)) for name, value in kept.items()}
    return dataset_of(arrays, options, name="arrays", source=f"a {type(data).__name__}")


def _read(name: str, value: Any) -> NDArray[Any]:
    made = as_array(value, name)
    if role_of(name) in (*CLASS_NAMES, *COLUMN_NAMES):
        return np.array([str(one) for one in made.tolist()]) if made.ndim == 1 else made
    return made


def _is_array(value: Any) -> bool:
    if isinstance(value, np.ndarray | torch.Tensor):
        return value.ndim > 0
    return isinstance(value, list) or (hasattr(value, "__array__") and hasattr(value, "__len__"))
