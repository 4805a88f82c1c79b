"""Datasets: inputs, labels, class names and their splits."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.columns import InputColumn
from pellucid.data.options import ReadOptions
from pellucid.data.showing import is_fit_to_show
from pellucid.data.streaming.stream import Stream
from pellucid.errors import DataError, ShapeError, UnknownNameError, did_you_mean
from pellucid.tasks import TASKS, Task

SPLITS = ("train", "validation", "test")
# Class names that a dataset shows of itself.
SHOWN = 10


@dataclass(frozen=True, eq=False)
class Split:
    """Examples that are used for one purpose.

    Attributes:
        inputs: Images [examples, channels, height, width], uint8 or float32; or rows of a table [examples, columns],
            float32 or float64, see `InputColumn`. May be mapped from a file.
        labels: Int64 [examples] with values 0..classes-1, for one class of several; float32 [examples, labels] with 0
            and 1, for several at once; float32 [examples, targets], for a regression.
        sources: Where each example comes from, as the path of its file; empty if nobody knows.
    """

    inputs: NDArray[Any]
    labels: NDArray[Any]
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.inputs) != len(self.labels):
            raise ShapeError(
                f"there are {len(self.inputs):,} inputs but {len(self.labels):,} labels",
                fix="give one label for each input",
            )
        if self.inputs.ndim not in (2, 4):
            raise ShapeError(
                f"inputs have shape {list(self.inputs.shape)}",
                fix="give images as [examples, channels, height, width], or a table as [examples, columns]",
            )
        if (self.labels.ndim, str(self.labels.dtype)) not in ((1, "int64"), (2, "float32")):
            raise DataError(
                f"labels have shape {list(self.labels.shape)} and type {self.labels.dtype}",
                fix="give class numbers as int64 [examples], or several numbers as float32 [examples, numbers]",
            )
        if self.sources and len(self.sources) != len(self.labels):
            raise ShapeError(
                f"there are {len(self.labels):,} labels but {len(self.sources):,} sources",
                fix="name the source of every example, or of none",
            )
        for name in ("inputs", "labels"):
            array = getattr(self, name)
            if not array.flags.writeable:
                # PyTorch shares memory with arrays, and has no notion of one that is only to be read.
                object.__setattr__(self, name, array.copy())

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"<{len(self):,} examples of {' x '.join(map(str, self.inputs.shape[1:]))}, {self.inputs.dtype}>"

    def take(self, indices: NDArray[np.int64]) -> "Split":
        """Return the examples at these positions, copied, in this order."""
        sources = tuple(self.sources[index] for index in indices) if self.sources else ()
        return Split(self.inputs[indices], self.labels[indices], sources)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Inputs, labels, class names and the splits they stand in.

    Attributes:
        name: Short name, used for the file a classifier is saved in.
        splits: "train"; "validation" and "test" where there are any; or "test" alone, to judge a classifier on.
        class_names: The name of each class, by its number; of each label, or of each target of a regression.
        source: Where it was read from.
        notes: What a reader decided or had to work around, in sentences.
        task: "multiclass", "binary" (two classes, one output), "multilabel" or "regression".
        columns: Of a table, one for each column of the inputs; None for images.
        options: What the user said about the data, with the label columns that were found.
        cut: The splits that the source did not have, and a reader cut from its training examples.
        background: Of images, the level from 0 to 255 that was filled in where they are transparent or too narrow; None
            if nothing was.
        stream: Of all training examples, where they are more than memory holds: then the splits are samples.
    """

    name: str
    splits: Mapping[str, Split]
    class_names: tuple[str, ...]
    source: str = "arrays"
    notes: tuple[str, ...] = field(default=())
    task: Task = "multiclass"
    columns: tuple[InputColumn, ...] | None = None
    options: ReadOptions = field(default_factory=ReadOptions)
    cut: tuple[str, ...] = ()
    background: int | None = None
    stream: Stream | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "splits", MappingProxyType(dict(self.splits)))
        for name in self.splits:
            if name not in SPLITS:
                raise UnknownNameError(f"there is no split {name!r}", fix=did_you_mean(name, SPLITS))
        # A table or folder that a classifier is judged on is a test split and nothing else.
        needed, what = ("test", "test") if set(self.splits) == {"test"} else ("train", "training")
        if not len(self.splits.get(needed, ())):
            raise DataError(f"{self.source} has no {what} examples", fix="give at least one example per class")
        if len(set(self.class_names)) < len(self.class_names):
            twice = next(name for name in self.class_names if self.class_names.count(name) > 1)
            raise DataError(f"two classes are named {twice!r}", fix="give each class a name of its own")
        for name in self.class_names:
            if not is_fit_to_show(name):
                # They could rewrite the screen of whoever prints the name.
                raise DataError(f"the class name {name!r} has control characters", fix="write it with letters")
        for column in self.columns or ():
            for name in (column.name, *column.categories):
                if not is_fit_to_show(name):
                    raise DataError(
                        f"column {column.name!r} has control characters or line ends in {name!r:.100}",
                        fix="write it in one line, or leave the column out with --ignore",
                    )
        if self.task not in TASKS:
            raise UnknownNameError(f"there is no task {self.task!r}", fix=did_you_mean(self.task, TASKS))
        if self.task == "binary" and len(self.class_names) != 2:
            raise DataError(f"a binary task has two classes, not {len(self.class_names)}", fix="call it multiclass")
        shape = self.input_shape
        if len(shape) == 1 and len(self.columns or ()) != shape[0]:
            raise ShapeError(f"{shape[0]} inputs have {len(self.columns or ())} columns", fix="name every column")
        for name, split in self.splits.items():
            if split.inputs.shape[1:] != shape:
                raise ShapeError(
                    f"the {name} inputs are {list(split.inputs.shape[1:])} but the training inputs are {list(shape)}",
                    fix="give every split inputs of the same shape",
                )
            self._check_labels(name, split)

    def __repr__(self) -> str:
        # Arrays of pixels would fill screens.
        known = ", ".join(self.class_names[:SHOWN]) + (", ..." if len(self.class_names) > SHOWN else "")
        what = {"regression": "targets", "multilabel": "labels"}.get(self.task, "classes")
        parts = "".join(f"\n  {name}: {split!r}" for name, split in self.splits.items())
        return f"Dataset {self.name!r}, {self.task}, {len(self.class_names)} {what}: {known}{parts}"

    def _check_labels(self, name: str, split: Split) -> None:
        classes = len(self.class_names)
        if self.task in ("multilabel", "regression"):
            if split.labels.ndim != 2 or split.labels.shape[1] != classes:
                raise ShapeError(
                    f"the {name} labels have shape {list(split.labels.shape)}, but there are {classes} names",
                    fix=f"give labels as float32 [examples, {classes}]",
                )
            if not np.isfinite(split.labels).all():
                raise DataError(f"the {name} labels have NaN or infinite values", fix="leave those examples out")
            if self.task == "multilabel" and not np.isin(split.labels, (0, 1)).all():
                raise DataError(
                    f"the {name} labels hold other numbers than 0 and 1", fix="give 1 for each label that holds"
                )
            return
        if split.labels.ndim != 1:
            raise ShapeError(
                f"the {name} labels have shape {list(split.labels.shape)}", fix="give one class number for each example"
            )
        if len(split) and not (split.labels.min() >= 0 and split.labels.max() < classes):
            raise DataError(
                f"the {name} labels go from {split.labels.min()} to {split.labels.max()}, "
                f"but there are {classes} class names",
                fix=f"number the classes 0 to {classes - 1}, or name every class",
            )

    @property
    def train(self) -> Split:
        """The examples that weights are fitted on.

        Raises:
            UnknownNameError: If the dataset has none: it is one to judge a classifier on.
        """
        return self.split("train")

    @property
    def validation(self) -> Split:
        """The examples that choices are made on.

        Raises:
            UnknownNameError: If the dataset has none.
        """
        return self.split("validation")

    @property
    def test(self) -> Split:
        """The examples that only the final judgement sees.

        Raises:
            UnknownNameError: If the dataset has none.
        """
        return self.split("test")

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one input: channels, height and width of an image, or the number of columns."""
        return next(iter(self.splits.values())).inputs.shape[1:]

    @property
    def training_examples(self) -> int:
        """How many there are, in memory or streamed."""
        return len(self.train) if self.stream is None else len(self.stream)

    @property
    def outputs(self) -> int:
        """How many outputs a network needs: one of a binary task, else one for each name."""
        return 1 if self.task == "binary" else len(self.class_names)

    def split(self, name: str) -> Split:
        """Return a split by its name.

        Raises:
            UnknownNameError: If the dataset has no such split.
        """
        if name not in self.splits:
            raise UnknownNameError(f"there is no split {name!r}", fix=did_you_mean(name, self.splits))
        return self.splits[name]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over class names, columns, shapes, types and all values: equal for equal datasets."""
        digest = hashlib.sha256("\n".join(self.class_names).encode())
        for column in self.columns or ():
            digest.update(repr(column).encode())
        for name in SPLITS:
            if name in self.splits:
                for array in (self.splits[name].inputs, self.splits[name].labels):
                    digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
                    digest.update(np.ascontiguousarray(array).data)
        if self.stream is not None:
            digest.update(f"a sample of {len(self.stream)}".encode())
        return digest.hexdigest()
