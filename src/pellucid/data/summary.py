"""What is in a dataset: sizes, ranges, balance, columns, duplicates, one example of each class."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.column_summary import ColumnSummary, column_summaries, target_summaries
from pellucid.data.dataset import SPLITS, Dataset, Split
from pellucid.data.duplicates import NearPair, labels_by_key, near_pairs, shared_inputs
from pellucid.rendering.blocks import Block, Column, Gallery, Image, Note, Table, number
from pellucid.rendering.result import Result, to_frame
from pellucid.tasks import Task

PAIRS_SHOWN = 5


@dataclass(frozen=True)
class SplitSummary:
    """The facts of one split.

    Attributes:
        name: Of the split.
        examples: How many.
        shape: Channels, height and width of an image, or the number of columns.
        dtype: Type of the raw values.
        low: Smallest raw value that is not missing.
        high: Largest raw value that is not missing.
        mean: Of all raw values that are not missing.
        class_counts: Examples by class number, or by label; () of a regression.
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
        task: What the labels ask for.
        class_names: By class number; of the labels, or of the targets of a regression.
        splits: In the order train, validation, test.
        shared: How many inputs of the later split also stand in the earlier one, by "train and test".
        conflicting: Inputs that stand more than once with different labels.
        near: Pictures of a later split that nearly stand in an earlier one, by "train and test", the most similar
            first.
        near_pictures: The most similar ones of all, the earlier beside the later, uint8.
        columns: Of a table, and the targets of a regression.
        pictures: One example of each class, uint8; () of a table.
        notes: What the reader decided.
    """

    name: str
    source: str
    task: Task
    class_names: tuple[str, ...]
    splits: tuple[SplitSummary, ...]
    shared: dict[str, int]
    conflicting: int
    near: dict[str, tuple[NearPair, ...]]
    near_pictures: tuple[NDArray[np.uint8], ...]
    columns: tuple[ColumnSummary, ...]
    pictures: tuple[NDArray[np.uint8], ...]
    notes: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per class, its name and its examples in each split; of a regression one row per column."""
        if self.task == "regression":
            return [asdict(column) for column in self.columns]
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
            "task": self.task,
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
            "near": {where: [asdict(pair) for pair in pairs] for where, pairs in self.near.items()},
            "columns": [asdict(column) for column in self.columns],
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
        images = [
            Image(picture, name) for picture, name in zip(self.pictures, self.class_names, strict=False) if picture.size
        ]
        return [
            splits,
            *([self._balance()] if self.task != "regression" else []),
            *([self._columns()] if self.columns else []),
            *self._warnings(),
            *([Gallery(images, title="the first training example of each class")] if images else []),
            *(Note(note) for note in self.notes),
        ]

    def _balance(self) -> Table:
        return Table(
            [
                Column("label" if self.task == "multilabel" else "class"),
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
            title="labels: the examples that have each" if self.task == "multilabel" else "class balance",
        )

    def _columns(self) -> Table:
        return Table(
            [
                Column("column"), Column("kind"), number("missing", ".1%"), number("lowest", ".4g"),
                number("highest", ".4g"), number("mean", ".4g"), number("std", ".3g"), number("categories"),
                Column("commonest"),
            ],
            [
                (c.name, c.kind, c.missing, c.low, c.high, c.mean, c.std, c.categories, c.commonest or "")
                for c in self.columns
            ],
            title="columns, among the training examples",
        )  # fmt: skip

    def _warnings(self) -> list[Block]:
        blocks: list[Block] = [
            Note(
                f"{count:,} of the inputs stand in both {where}: the later split judges what was learnt by heart",
                is_warning=True,
            )
            for where, count in self.shared.items()
            if count
        ]
        blocks += [
            Note(
                f"{len(pairs):,} inputs of {where} are nearly the same picture (overlapping-splits): "
                "put each with its like, or take them out",
                is_warning=True,
            )
            for where, pairs in self.near.items()
            if pairs
        ]
        if self.near_pictures:
            images = [Image(picture) for picture in self.near_pictures]
            blocks.append(Gallery(images, title="nearly the same in two splits"))
        if self.conflicting:
            note = f"{self.conflicting:,} inputs stand more than once with different labels"
            blocks.append(Note(note, is_warning=True))
        return blocks


def summarize(dataset: Dataset) -> DatasetSummary:
    """Look a dataset through.

    Args:
        dataset: With any splits.

    Returns:
        Sizes, ranges, class balance, columns, exact duplicates within and between splits, nearly equal pictures between
        splits, and one picture of each class.
    """
    splits = {name: dataset.splits[name] for name in SPLITS if name in dataset.splits}
    seen = {name: labels_by_key(split) for name, split in splits.items()}
    labels_of: dict[bytes, set[tuple[float, ...]]] = {}
    for inputs in seen.values():
        for key, labels in inputs.items():
            labels_of.setdefault(key, set()).update(labels)
    near = {
        f"{first} and {second}": near_pairs(splits[first], splits[second])
        for first, second in itertools.combinations(splits, 2)
    }
    has_pictures = dataset.columns is None and dataset.task in ("multiclass", "binary")
    classes = range(len(dataset.class_names)) if has_pictures else ()
    return DatasetSummary(
        name=dataset.name,
        source=dataset.source,
        task=dataset.task,
        class_names=dataset.class_names,
        splits=tuple(_summary(name, split, dataset, len(seen[name])) for name, split in splits.items()),
        shared=shared_inputs(seen),
        conflicting=sum(len(labels) > 1 for labels in labels_of.values()),
        near=near,
        near_pictures=_near_pictures(splits, near),
        columns=(*column_summaries(dataset), *target_summaries(dataset)),
        pictures=tuple(_picture(dataset.train, index) for index in classes),
        notes=dataset.notes,
    )


def _summary(name: str, split: Split, dataset: Dataset, distinct: int) -> SplitSummary:
    inputs = split.inputs
    low, high, mean = _range(inputs)
    counts: tuple[int, ...] = ()
    if dataset.task == "multilabel":
        counts = tuple(int(count) for count in split.labels.sum(axis=0))
    elif dataset.task != "regression":
        counts = tuple(np.bincount(split.labels, minlength=len(dataset.class_names)).tolist())
    return SplitSummary(
        name=name,
        examples=len(split),
        shape=tuple(inputs.shape[1:]),
        dtype=str(inputs.dtype),
        low=low,
        high=high,
        mean=mean,
        class_counts=counts,
        duplicates=len(split) - distinct,
    )


def _range(values: NDArray[Any]) -> tuple[float, float, float]:
    """Return the smallest, the largest and the mean of all values that are not missing; zeros without any."""
    if values.dtype != np.uint8:
        values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 0.0, 0.0
    return float(values.min()), float(values.max()), float(values.mean(dtype=np.float64))


def _near_pictures(
    splits: Mapping[str, Split], near: Mapping[str, Sequence[NearPair]]
) -> tuple[NDArray[np.uint8], ...]:
    """Return the most similar pairs of all, the earlier beside the later."""
    found = []
    for where, pairs in near.items():
        first, second = where.split(" and ")
        found += [
            (pair.correlation, splits[first].inputs[pair.first], splits[second].inputs[pair.second]) for pair in pairs
        ]
    found.sort(key=lambda pair: -pair[0])
    return tuple(np.concatenate([as_pixels(one), as_pixels(other)], axis=1) for _, one, other in found[:PAIRS_SHOWN])


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
