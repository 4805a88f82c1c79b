"""What PyTorch datasets of known kinds say of themselves: their length, class names, and whole content."""

from typing import Any

import numpy as np
import torch

from pellucid.data.arrays.assembling import Pair, as_array
from pellucid.data.huggingface.pictures import pixels_of
from pellucid.data.objects.items import blamed, pair_of

MISSING = object()
KNOWN_PACKAGE = "torchvision."
# A subset of a subset of a dataset in a loader …
MOST_WRAPPERS = 8


def length_of(data: Any, name: str) -> int:
    """Return how many items a dataset says it has.

    Args:
        data: The dataset.
        name: What to call it in an error.
    """
    with blamed(f"len({name})"):
        return len(data)


def whole_of(data: Any, name: str) -> Pair | None:
    """Return what a dataset of torchvision holds, if its items are that and nothing else.

    Args:
        data: With `data`, `targets` or `labels`, and no transform.
        name: What to call it in an error.

    Returns:
        Images and class numbers, not copied; None if the items have to be asked for one by one.
    """
    if not type(data).__module__.startswith(KNOWN_PACKAGE):
        # Somebody's own class, or one made from torchvision's, may do anything with its data.
        return None
    if any(getattr(data, transform, MISSING) is not None for transform in ("transform", "target_transform")):
        return None
    values, labels = getattr(data, "data", None), getattr(data, "targets", getattr(data, "labels", None))
    if not isinstance(values, np.ndarray | torch.Tensor) or not isinstance(labels, np.ndarray | torch.Tensor | list):
        return None
    inputs = as_array(values, f"the data of {name}")
    if inputs.ndim not in (3, 4) or inputs.dtype != np.uint8 or len(inputs) != length_of(data, name) or not len(inputs):
        return None
    numbers = as_array(labels, f"the targets of {name}")
    if numbers.shape != (len(inputs),) or numbers.dtype.kind not in "iu":
        return None
    images = inputs
    for index in (0, len(inputs) // 2, len(inputs) - 1):
        # What `__getitem__` gives counts: another version may turn or scale what it holds.
        with blamed(f"{name}[{index}]"):
            item = data[index]
        image, label = pair_of(item, f"{name}[{index}]")
        if not hasattr(image, "mode") or isinstance(label, str) or np.ndim(label) or int(label) != numbers[index]:
            return None
        pixels = pixels_of(image)
        if images.ndim == 4 and pixels.ndim == 3:
            pixels = pixels.transpose(2, 0, 1)
            if images is inputs and inputs.shape[1:] != pixels.shape:
                images = inputs.transpose(0, 3, 1, 2)
        if not np.array_equal(images[index], pixels):
            return None
    return images, numbers


def class_names_of(data: Any) -> tuple[str, ...] | None:
    """Return the class names that a dataset has, or the one inside it.

    Args:
        data: A dataset, a loader of one, or one made of others.
    """
    for _ in range(MOST_WRAPPERS):
        features = getattr(data, "features", None)
        label = features.get("label") if isinstance(features, dict) else None
        for names in (getattr(data, "classes", None), getattr(label, "names", None)):
            listed = names.tolist() if isinstance(names, np.ndarray) else names
            if isinstance(listed, list | tuple) and listed and all(isinstance(one, str) for one in listed):
                return tuple(listed)
        parts = getattr(data, "datasets", None)
        data = parts[0] if isinstance(parts, list | tuple) and parts else getattr(data, "dataset", None)
    return None
