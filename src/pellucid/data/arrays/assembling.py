"""`from_arrays`: a dataset from inputs and labels that are in memory."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pellucid.data.arrays.inputs import as_inputs
from pellucid.data.arrays.labels import as_labels
from pellucid.data.columns import InputColumn
from pellucid.data.dataset import SPLITS, Dataset, Split
from pellucid.data.memory import in_bytes, memory_left
from pellucid.data.splitting import split_indices
from pellucid.errors import DataError, ShapeError, UnknownNameError, did_you_mean
from pellucid.tasks import TASKS, Task

# Inputs and labels of one split.
Pair = tuple[NDArray[Any], NDArray[Any]]


def from_arrays(
    inputs: Any,
    labels: Any,
    *,
    test: tuple[Any, Any] | None = None,
    validation: tuple[Any, Any] | None = None,
    class_names: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    task: Task | None = None,
    groups: Any = None,
    channels_last: bool | None = None,
    name: str = "arrays",
) -> Dataset:
    """Make a dataset of arrays, tensors or lists.

    What is not said is found out, and stands in the notes of the dataset. Values are not copied where they can stay.

    Args:
        inputs: Images [n, height, width], [n, channels, height, width] or [n, height, width, channels]; or a table
            [n, columns] of numbers, in which NaN is missing.
        labels: [n] whole numbers, booleans or text for classes, other numbers for a regression; [n, labels] 0 and 1,
            [n, targets] numbers. Rows with exactly one 1 number one class.
        test: Inputs and labels of the test split; by default it is cut from the others.
        validation: Inputs and labels of the validation split; by default it is cut from the others.
        class_names: By class number; of the labels or targets.
        columns: Names of the columns of a table.
        task: What the labels ask for; None to find it out.
        groups: [n] values; examples of an equal one are kept in one split.
        channels_last: Whether the channels of images stand last; None to find it out.
        name: Of the dataset.

    Returns:
        The dataset, with the splits train, validation and test.

    Raises:
        DataError: If values are not what they should be.
        ShapeError: If inputs and labels do not belong together.
        UnknownNameError: If there is no such task.

    Example:
        >>> heights = [[1.5], [1.6], [1.7], [1.8]] * 6
        >>> dataset = from_arrays(heights, ["short", "short", "tall", "tall"] * 6)
        >>> dataset.task, dataset.class_names, len(dataset.train)
        ('binary', ('short', 'tall'), 17)
    """
    given = {"train": (inputs, labels), "validation": validation, "test": test}
    pairs: dict[str, Pair] = {}
    for split, pair in given.items():
        if pair is None:
            continue
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise ShapeError(f"{split} is no pair of inputs and labels", fix=f"write {split}=(inputs, labels)")
        pairs[split] = (as_array(pair[0], f"the {split} inputs"), as_array(pair[1], f"the {split} labels"))
    return assemble(
        pairs,
        name=name,
        source="arrays",
        class_names=class_names,
        columns=columns,
        task=task,
        groups=None if groups is None else as_array(groups, "the groups"),
        channels_last=channels_last,
    )


def assemble(
    pairs: Mapping[str, Pair],
    *,
    name: str,
    source: str,
    notes: Sequence[str] = (),
    class_names: Sequence[str] | None = None,
    columns: Sequence[str | InputColumn] | None = None,
    task: Task | None = None,
    groups: NDArray[Any] | None = None,
    channels_last: bool | None = None,
    target_name: str = "target",
) -> Dataset:
    """Make a dataset of the inputs and labels of each split; those that are not given are cut from "train".

    Args:
        pairs: Inputs and labels by split, "train" among them.
        name: Of the dataset.
        source: Where it comes from; also what it is called in an error.
        notes: What the reader found out before.
        class_names: See `from_arrays`.
        columns: Of a table, or their names.
        task: See `from_arrays`.
        groups: See `from_arrays`.
        channels_last: See `from_arrays`.
        target_name: Of a single target of a regression.

    Raises:
        DataError: If values are not what they should be.
        ShapeError: If inputs and labels do not belong together.
        UnknownNameError: If there is no such task.
    """
    if task is not None and task not in TASKS:
        raise UnknownNameError(f"there is no task {task!r}", fix=did_you_mean(task, TASKS))
    for split, (inputs, labels) in pairs.items():
        if inputs.shape[:1] != labels.shape[:1] or not inputs.ndim:
            raise ShapeError(
                f"the {split} inputs of {source} have shape {list(inputs.shape)} but the labels {list(labels.shape)}",
                fix="give one label for each input, the examples first",
            )
    inputs_of, columns_of, more = as_inputs(
        {split: pair[0] for split, pair in pairs.items()}, source=source, columns=columns, channels_last=channels_last
    )
    read = as_labels(
        {split: pair[1] for split, pair in pairs.items()},
        source=source,
        class_names=class_names,
        task=task,
        target_name=target_name,
    )
    splits = {split: Split(inputs_of[split], read.splits[split]) for split in SPLITS if split in pairs}
    said = [*notes, *more, *read.notes]
    splits = _with_all_splits(splits, read.task, groups, said, source)
    return Dataset(
        name=name,
        splits=splits,
        class_names=read.class_names,
        source=source,
        notes=tuple(said),
        task=read.task,
        columns=columns_of,
        cut=tuple(name for name in splits if name not in pairs),
    )


def _with_all_splits(
    splits: dict[str, Split], task: Task, groups: NDArray[Any] | None, notes: list[str], source: str
) -> dict[str, Split]:
    """Cut the splits that are not given from the training examples.

    Raises:
        DataError: If there are too few examples, or more than fit into memory.
        ShapeError: If there is not one group for each example.
    """
    missing = [name for name in ("validation", "test") if name not in splits]
    if not missing:
        return splits
    train = splits["train"]
    given = {name: split for name, split in splits.items() if name != "train"}
    if groups is not None and groups.shape != (len(train),):
        raise ShapeError(
            f"{source} has groups of shape {list(groups.shape)} for {len(train):,} training examples",
            fix="give one group for each training example",
        )
    needed, left = train.inputs.nbytes, memory_left()
    if needed > left:
        raise DataError(
            f"splits cut from {source} take {in_bytes(needed)}, but {in_bytes(left)} of memory are left",
            fix="save train, validation and test as arrays of their own, which are read where they stand",
        )
    cut = split_indices(train.labels, task, groups=groups, cut=missing)
    rest = cut.pop("train")
    counts = " and ".join(f"{len(part):,} for {name}" for name, part in cut.items())
    notes.append(f"of {len(train):,} examples without a split of their own, {counts} are kept apart")
    return {"train": _taken(train, rest), **given, **{name: _taken(train, part) for name, part in cut.items()}}


def _taken(split: Split, indices: NDArray[np.int64]) -> Split:
    # NumPy keeps the order that mapped images with their channels last have in the file.
    return Split(np.ascontiguousarray(split.inputs[indices]), split.labels[indices])


def as_array(values: Any, what: str) -> NDArray[Any]:
    """Return an array of an array, tensor or list; memory is shared where it can be.

    Args:
        values: Of one shape and type.
        what: What to call them in an error.

    Raises:
        DataError: If they are none of these, or ragged.
    """
    if isinstance(values, torch.Tensor):
        try:
            dense = values.detach().to("cpu")
            dense = dense.to(torch.float32) if dense.dtype == torch.bfloat16 else dense
            made: NDArray[Any] = dense.numpy()
        except (TypeError, RuntimeError) as error:
            raise DataError(f"{what}: a tensor that is no array ({error})", fix="give a dense tensor") from error
        return made
    if isinstance(values, str | bytes | Mapping) or values is None:
        raise DataError(
            f"{what}: {type(values).__name__} where an array is wanted",
            fix="give an array, a tensor or a list of numbers",
        )
    try:
        if isinstance(values, list | tuple) and values and all(isinstance(value, torch.Tensor) for value in values):
            values = [as_array(value, what) for value in values]
        return np.asarray(values)
    except ValueError as error:
        raise DataError(
            f"{what}: values of several shapes ({error})", fix="give every example the same shape, or pad them"
        ) from error
