"""What is in a dataset: sizes, ranges, class balance, duplicates, one example of each class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import SPLITS, Dataset, Split
from pellucid.rendering.blocks import Block, Column, Gallery, Image, Note, Table, number
from pellucid.rendering.result import Result, to_frame


@dataclass(frozen=True)
class SplitSummary:
    """The facts of one split.

    Attributes:
        name: Of the split.
        examples: How many.
        shape: Channels, height and width of an input.
        dtype: Type of the raw values.
        low: Smallest raw value.
        high: Largest raw value.
        mean: Of all raw values.
        class_counts: Examples by class number.
        duplicates: Examples whose input already stands earlier in the same split.
    """

    name: str
    examples: int
    shape: tuple[int, ...]
    dtype: str
    low: float
    high: float
    mean: float
    class_counts: tuple[int, ...]
    duplicates: int


@dataclass(frozen=True, eq=False)
class DatasetSummary(Result):
    """The facts of a dataset, for reading before training.

    Attributes:
        name: Of the dataset.
        source: Where it was read from.
        class_names: By class number.
        splits: In the order train, validation, test.
        shared: How many inputs of the later split also stand in the earlier one, by "train and test".
        conflicting: Inputs that stand more than once with different labels.
        pictures: One example of each class, uint8.
        notes: What the reader decided.
    """

    name: str
    source: str
    class_names: tuple[str, ...]
    splits: tuple[SplitSummary, ...]
    shared: dict[str, int]
    conflicting: int
    pictures: tuple[NDArray[np.uint8], ...]
    notes: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per class: its name and its examples in each split."""
        return [
            {"class": name, **{split.name: split.class_counts[index] for split in self.splits}}
            for index, name in enumerate(self.class_names)
        ]

    def to_frame(self) -> Any:
        """Return `rows()` as a pandas DataFrame."""
        return to_frame(self.rows())

    def to_dict(self) -> dict[str, Any]:
        """Return the facts; pictures are left out."""
        return {
            "name": self.name,
            "source": self.source,
            "class_names": list(self.class_names),
            "splits": {
                split.name: {
                    "examples": split.examples,
                    "shape": list(split.shape),
                    "dtype": split.dtype,
                    "low": split.low,
                    "high": split.high,
                    "mean": split.mean,
                    "class_counts": list(split.class_counts),
                    "duplicates": split.duplicates,
                }
                for split in self.splits
            },
            "shared": self.shared,
            "conflicting": self.conflicting,
            "notes": list(self.notes),
        }

    def blocks(self) -> Sequence[Block]:
        """Show sizes, balance, duplicates and a picture of each class."""
        splits = Table(
            [
                Column("split"), number("examples"), Column("input shape"), Column("type"),
                number("lowest", "g"), number("highest", "g"), number("mean", ".1f"), number("duplicates"),
            ],
            [
                (s.name, s.examples, " x ".join(map(str, s.shape)), s.dtype, s.low, s.high, s.mean, s.duplicates)
                for s in self.splits
            ],
            title=f"{self.name}: {self.source}",
        )  # fmt: skip
        balance = Table(
            [
                Column("class"),
                *(number(split.name) for split in self.splits),
                number("share of train", ".1%"),
            ],
            [
                (
                    name,
                    *(s.class_counts[i] for s in self.splits),
                    self.splits[0].class_counts[i] / self.splits[0].examples,
                )
                for i, name in enumerate(self.class_names)
            ],
            title="class balance",
        )
        shared = [
            Note(
                f"{count:,} of the inputs stand in both {where}: the later split judges what was learnt by heart",
                is_warning=True,
            )
            for where, count in self.shared.items()
            if count
        ]
        conflicting = [Note(f"{self.conflicting:,} inputs stand more than once with different labels", is_warning=True)]
        images = [
            Image(picture, name) for picture, name in zip(self.pictures, self.class_names, strict=True) if picture.size
        ]
        return [
            splits,
            balance,
            *shared,
            *(conflicting if self.conflicting else []),
            Gallery(images, title="the first training example of each class"),
            *(Note(note) for note in self.notes),
        ]


def summarize(dataset: Dataset) -> DatasetSummary:
    """Look a dataset through.

    Args:
        dataset: With any splits.

    Returns:
        Sizes, ranges, class balance, exact duplicates within and between splits, and one picture of each class.
    """
    splits = {name: dataset.splits[name] for name in SPLITS if name in dataset.splits}
    seen = {name: _first_labels(split) for name, split in splits.items()}
    names = list(seen)
    shared = {
        f"{names[i]} and {names[j]}": len(seen[names[i]].keys() & seen[names[j]].keys())
        for i in range(len(names))
        for j in range(i + 1, len(names))
    }
    labels_of: dict[bytes, set[int]] = {}
    for inputs in seen.values():
        for key, labels in inputs.items():
            labels_of.setdefault(key, set()).update(labels)
    return DatasetSummary(
        name=dataset.name,
        source=dataset.source,
        class_names=dataset.class_names,
        splits=tuple(_summary(name, split, dataset, len(seen[name])) for name, split in splits.items()),
        shared=shared,
        conflicting=sum(len(labels) > 1 for labels in labels_of.values()),
        pictures=tuple(_picture(dataset.train, index) for index in range(len(dataset.class_names))),
        notes=dataset.notes,
    )


def _first_labels(split: Split) -> dict[bytes, set[int]]:
    """Return the labels of each distinct input, by its bytes."""
    found: dict[bytes, set[int]] = {}
    for values, label in zip(np.ascontiguousarray(split.inputs), split.labels.tolist(), strict=True):
        found.setdefault(values.tobytes(), set()).add(label)
    return found


def _summary(name: str, split: Split, dataset: Dataset, distinct: int) -> SplitSummary:
    inputs = split.inputs
    has_any = len(split) > 0
    return SplitSummary(
        name=name,
        examples=len(split),
        shape=tuple(inputs.shape[1:]),
        dtype=str(inputs.dtype),
        low=float(inputs.min()) if has_any else 0.0,
        high=float(inputs.max()) if has_any else 0.0,
        mean=float(inputs.mean(dtype=np.float64)) if has_any else 0.0,
        class_counts=tuple(np.bincount(split.labels, minlength=len(dataset.class_names)).tolist()),
        duplicates=len(split) - distinct,
    )


def _picture(split: Split, label: int) -> NDArray[np.uint8]:
    members = np.flatnonzero(split.labels == label)
    return as_pixels(split.inputs[members[0]]) if len(members) else np.zeros((0, 0), np.uint8)


def as_pixels(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return one input [channels, height, width] as a picture; floats are stretched to their range."""
    if values.dtype != np.uint8:
        values = np.where(np.isfinite(values), values, 0)
        low, high = float(values.min()), float(values.max())
        values = np.clip((values - low) / ((high - low) or 1) * 255, 0, 255).astype(np.uint8)
    return values.transpose(1, 2, 0) if len(values) == 3 else values[0]
