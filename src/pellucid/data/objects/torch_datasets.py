"""`from_torch`: a dataset from any PyTorch dataset or loader."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import (
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
    default_collate,
)

from pellucid.data.arrays.assembling import Pair, as_array, assemble
from pellucid.data.arrays.inputs import USUAL_CHANNELS
from pellucid.data.dataset import Dataset
from pellucid.data.memory import in_bytes, memory_left
from pellucid.data.objects.items import blamed, input_of, label_of, pair_of
from pellucid.data.objects.known import class_names_of, length_of, whole_of
from pellucid.devices import random_state_kept
from pellucid.errors import DataError, ShapeError
from pellucid.tasks import Task

# Items that are put together at once, so that memory grows by their values and not by their wrappings.
CHUNK = 1024
# The share of the memory left that a dataset may take when nobody says how much; cutting splits takes it twice.
MEMORY_SHARE = 0.4


def from_torch(
    data: Any,
    *,
    name: str = "dataset",
    validation: Any = None,
    test: Any = None,
    class_names: Sequence[str] | None = None,
    task: Task | None = None,
    limit_bytes: int | None = None,
) -> Dataset:
    """Make a dataset of a PyTorch dataset: each item is asked for once and kept in memory.

    PyTorch's, NumPy's and Python's own random generators are left as they were. Items are pairs (input, label) or dicts
    with keys such as "image" and "label"; an input is a Pillow image, a tensor [channels, height, width] or an array.

    Args:
        data: A map-style or iterable dataset, or a `DataLoader`, whose batches are taken apart.
        name: Of the dataset made.
        validation: Of the same kinds; by default it is cut from the data.
        test: Of the same kinds; by default it is cut from the data.
        class_names: By class number; by default the dataset's attribute `classes`, if it has one.
        task: What the labels ask for; None to find it out.
        limit_bytes: What may be kept in memory of one split; None for two fifths of the memory that is left.

    Returns:
        The dataset, with the splits train, validation and test.

    Raises:
        UserCodeError: If the dataset's own code raises; the original exception is the cause.
        DataError: If its items are not what they should be, or more than the limit.
        ShapeError: If its inputs are of several shapes.

    Example:
        >>> images, labels = torch.zeros(30, 1, 8, 8), torch.arange(30) % 3
        >>> from_torch(TensorDataset(images, labels)).class_names
        ('0', '1', '2')
    """
    given = {"train": data, "validation": validation, "test": test}
    limit = int(memory_left() * MEMORY_SHARE) if limit_bytes is None else limit_bytes
    pairs: dict[str, Pair] = {}
    notes: list[str] = []
    for split, one in given.items():
        if one is not None:
            with _generators_kept(one):
                pairs[split] = _read(one, name if split == "train" else f"{name}.{split}", limit, notes)
    return assemble(
        pairs,
        name=name,
        source=f"a PyTorch {type(data).__name__}",
        notes=tuple(dict.fromkeys(notes)),
        class_names=class_names if class_names is not None else class_names_of(data),
        task=task,
        channels_last=False if pairs["train"][0].ndim == 4 else None,
    )


def _read(data: Any, name: str, limit: int, notes: list[str]) -> Pair:
    """Return inputs, images as [examples, channels, height, width], and labels.

    Raises:
        DataError: If there are no items.
    """
    if isinstance(data, DataLoader):
        if not _is_plain(data):
            notes.append(f"the batches of {name} are taken apart, in the order the loader gives them")
            return _stacked(_items_of_batches(data, name), name, limit, notes)
        if not isinstance(data.sampler, SequentialSampler) and not isinstance(data.dataset, IterableDataset):
            notes.append(
                f"examples of {name} stand in the order of the loader's dataset, not shuffled as it gives them"
            )
        data = data.dataset
    if type(data) is TensorDataset and len(data.tensors) == 2:
        inputs, labels = (as_array(tensor, f"a tensor of {name}") for tensor in data.tensors)
        return _first(inputs, "tensor", name, notes), labels
    whole = whole_of(data, name)
    if whole is not None:
        notes.append(f"{name} has no transform: its data and targets are taken as they stand")
        return whole
    if not isinstance(data, IterableDataset) and hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        _say_if_random(data, name, notes)
        return _stacked(_items(data, name), name, limit, notes)
    if not hasattr(data, "__iter__"):
        raise DataError(
            f"{name} is of type {type(data).__name__}, which has neither __getitem__ and __len__ nor __iter__",
            fix="give a PyTorch dataset or loader",
        )
    return _stacked(_items_in_turn(data, name), name, limit, notes)


def _is_plain(loader: Any) -> bool:
    """Return whether a loader gives each item of its dataset once, and as it is."""
    if loader.collate_fn is not default_collate or loader.batch_size is None:
        return False
    if isinstance(loader.dataset, IterableDataset):
        return not loader.num_workers
    sampler = loader.sampler
    is_whole = type(sampler) is SequentialSampler or (
        type(sampler) is RandomSampler and not sampler.replacement and sampler.num_samples == len(loader.dataset)
    )
    return is_whole and type(loader.batch_sampler) is torch.utils.data.BatchSampler


def _items(data: Any, name: str) -> Iterator[tuple[Any, str]]:
    for index in range(length_of(data, name)):
        where = f"{name}[{index}]"
        with blamed(where):
            item = data[index]
        yield item, where


def _items_in_turn(data: Any, name: str, what: str = "item") -> Iterator[tuple[Any, str]]:
    with blamed(f"iter({name})"):
        iterator = iter(data)
    index = 0
    while True:
        where = f"{what} {index} of {name}"
        with blamed(where):
            try:
                item = next(iterator)
            except StopIteration:
                return
        yield item, where
        index += 1


def _items_of_batches(loader: Any, name: str) -> Iterator[tuple[Any, str]]:
    """Take batches apart; a loader without batches gives items.

    Raises:
        DataError: If a batch has another number of labels than of inputs.
    """
    if loader.batch_size is None and loader.batch_sampler is None:
        yield from _items_in_turn(loader, name)
        return
    for batch, place in _items_in_turn(loader, name, "batch"):
        inputs, labels = pair_of(batch, place)
        try:
            sizes = len(inputs), len(labels)
        except TypeError as error:
            raise DataError(f"{place} is no batch ({error})", fix="let the loader give inputs and labels") from error
        if sizes[0] != sizes[1]:
            raise DataError(
                f"{place} has {sizes[0]} inputs but {sizes[1]} labels", fix="correct the loader's collate_fn"
            )
        for index in range(sizes[0]):
            yield (inputs[index], labels[index]), f"example {index} of {place}"


def _stacked(items: Iterator[tuple[Any, str]], name: str, limit: int, notes: list[str]) -> Pair:
    """Put items together.

    Raises:
        DataError: If there are none, or more than the limit.
        ShapeError: If they are of several shapes.
    """
    first: tuple[NDArray[Any], str, str] | None = None
    label_shape: tuple[tuple[int, ...] | None, str] | None = None
    blocks: list[NDArray[Any]] = []
    chunk: list[NDArray[Any]] = []
    labels: list[Any] = []
    size = 0
    for item, where in items:
        raw, raw_label = pair_of(item, where)
        values, kind = input_of(raw, where)
        label = label_of(raw_label, where)
        if first is None:
            first = values, kind, where
        if values.shape != first[0].shape or (values.dtype == np.uint8) != (first[0].dtype == np.uint8):
            raise ShapeError(
                f"the inputs of {name} are not alike: {first[2]} is {first[0].dtype} {list(first[0].shape)}, "
                f"{where} is {values.dtype} {list(values.shape)}",
                fix="resize them to one size in the dataset's transform",
            )
        shape = np.shape(label) if not isinstance(label, str) else None
        label_shape = label_shape or (shape, where)
        if shape != label_shape[0]:
            raise ShapeError(
                f"the labels of {name} are not alike: {label_shape[1]} has {_in_words(label_shape[0])}, "
                f"{where} {_in_words(shape)}",
                fix="give every example a label of the same kind",
            )
        # A label of its own is a Python object of about 100 bytes until all are put together.
        size += values.nbytes + 100 + (label.nbytes if isinstance(label, np.ndarray) else 0)
        if size > limit:
            raise DataError(
                f"{name} gives more than {in_bytes(limit)}: stopped after {len(labels):,} examples",
                fix="let it end, give a Subset of it, or raise limit_bytes",
            )
        # A dataset may give the same memory, newly filled, each time; an item of a batch would keep all of it.
        chunk.append(values.copy())
        labels.append(label.copy() if isinstance(label, np.ndarray) else label)
        if len(chunk) == CHUNK:
            blocks.append(np.stack(chunk))
            chunk.clear()
    if first is None:
        raise DataError(f"{name} has no examples", fix="give a dataset with at least a few examples of each class")
    inputs = np.concatenate([*blocks, np.stack(chunk)] if chunk else blocks)
    made = np.array(labels) if isinstance(labels[0], str) else np.stack(labels)
    return _first(inputs, first[1], name, notes), made


def _in_words(shape: tuple[int, ...] | None) -> str:
    return "text" if shape is None else f"numbers {list(shape)}" if shape else "a number"


def _first(images: NDArray[Any], kind: str, name: str, notes: list[str]) -> NDArray[Any]:
    """Return images with their channels first; a tensor has them there by PyTorch's custom, a Pillow image last.

    Grey images without channels, and inputs that are no images, stay as they are.

    Raises:
        ShapeError: If an array may have them first or last.
    """
    if images.ndim != 4:
        return images
    shape = images.shape[1:]
    could_be_first, could_be_last = shape[0] in USUAL_CHANNELS, shape[2] in USUAL_CHANNELS
    if kind == "array" and could_be_first and could_be_last:
        raise ShapeError(
            f"the arrays of {name} have shape {list(shape)}: their channels may stand first or last",
            fix="let the dataset give tensors [channels, height, width]",
        )
    is_last = kind == "image" or (could_be_last and not could_be_first)
    order = "height, width, channels" if is_last else "channels, height, width"
    notes.append(f"images of shape {' x '.join(map(str, shape))} taken as {order}")
    return images.transpose(0, 3, 1, 2) if is_last else images


def _say_if_random(data: Any, name: str, notes: list[str]) -> None:
    if not length_of(data, name):
        return
    twice = []
    for _ in range(2):
        with blamed(f"{name}[0]"):
            item = data[0]
        twice.append(input_of(pair_of(item, f"{name}[0]")[0], f"{name}[0]")[0])
    if twice[0].tobytes() != twice[1].tobytes():
        notes.append(f"{name} gives other values each time it is asked (random transforms): one reading is kept")


@contextmanager
def _generators_kept(data: Any) -> Iterator[None]:
    """Leave the global random generators as they were, and those of a loader."""
    # Python's and NumPy's old global ones are what transforms draw from.
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    own = {id(one): one for part in (data, getattr(data, "sampler", None)) if (one := getattr(part, "generator", None))}
    states = {key: one.get_state() for key, one in own.items() if isinstance(one, torch.Generator)}
    try:
        with random_state_kept(torch.device("cpu")):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        for key, state in states.items():
            own[key].set_state(state)
