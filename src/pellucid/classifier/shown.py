"""What a classifier takes and was taught with, as sections of a page: preparation, dataset, examples of each class."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.classifier.classifier import Classifier
from pellucid.classifier.told import shown_value
from pellucid.data.dataset import Dataset, Split
from pellucid.data.preparing_images import ImagePreparation
from pellucid.data.preparing_tables import TablePreparation
from pellucid.data.summary import as_pixels
from pellucid.rendering.blocks import Block, Cell, Column, Facts, Gallery, Heading, Image, Note, Table, number
from pellucid.tracing.architecture import Architecture
from pellucid.tracing.weights import parameters

# Pictures of all classes together, and of one class.
MOST_PICTURES, MOST_OF_A_CLASS = 60, 5


def network_section(classifier: Classifier, architecture: Architecture) -> list[Block]:
    """Return the layers, the preparation before them, and the first weights as pictures where they are."""
    facts = parameters(classifier.network, shape=classifier.preparation.shape)
    images = [Gallery(facts.images, title="the first weights as pictures: dark is low")] if facts.images else []
    return [Heading("Network"), *architecture.blocks(), *_preparation(classifier), *images]


def data_section(classifier: Classifier, dataset: Dataset | None) -> list[Block]:
    """Return what the classifier was trained on, and the dataset itself where it is at hand."""
    facts = classifier.dataset.items()
    # The dataset at hand says its notes itself.
    told = [(name, shown_value(value)) for name, value in facts if name != "notes" or dataset is None]
    blocks: list[Block] = [Facts(told, title="trained on")] if told else []
    if dataset is not None:
        sizes = [(name, f"{len(split):,} examples") for name, split in dataset.splits.items()]
        shape = " x ".join(map(str, dataset.input_shape))
        blocks.append(
            Facts([("source", dataset.source), ("task", dataset.task), ("input", shape), *sizes], title="read")
        )
        blocks += [Note(note) for note in dataset.notes]
        pictures = _examples(dataset)
        blocks += _balance(dataset)
        blocks += [Heading("Training examples", 3), *pictures] if pictures else []
    return [Heading("Data"), *blocks] if blocks else []


def _preparation(classifier: Classifier) -> list[Block]:
    preparation = classifier.preparation
    if isinstance(preparation, ImagePreparation):
        channels, height, width = preparation.shape
        numbers = [", ".join(f"{value:.4g}" for value in values) for values in (preparation.mean, preparation.std)]
        entries = [
            ("takes", f"images of {width} x {height} pixels, {'grey' if channels == 1 else f'{channels} channels'}"),
            ("scaled", f"divided by {preparation.divisor:g}"),
            ("normalised", f"minus {numbers[0]}, divided by {numbers[1]}"),
        ]
        return [Facts(entries, title="preparation of an input")]
    if isinstance(preparation, TablePreparation):
        rows = [
            (column.name, column.kind, mean, std, len(column.categories) or None, "yes" if may_miss else "")
            for column, mean, std, may_miss in zip(
                preparation.columns, preparation.mean, preparation.std, preparation.has_missing, strict=True
            )
        ]
        columns = [
            Column("column"), Column("kind"), number("mean", ".4g"), number("std", ".4g"), number("categories"),
            Column("missing values"),
        ]  # fmt: skip
        return [Table(columns, rows, title="preparation of an input")]
    return [Facts([(name, shown_value(value)) for name, value in preparation.to_dict().items()], title="preparation")]


def _balance(dataset: Dataset) -> list[Block]:
    """Return how many examples of each class, or with each label, every split has; nothing for a regression."""
    if dataset.task == "regression":
        return []
    counts: Mapping[str, Any] = {name: _counts(split, dataset) for name, split in dataset.splits.items()}
    name_of_first, first = next(iter(dataset.splits.items()))
    rows: list[Sequence[Cell]] = [
        (name, *(int(of[place]) for of in counts.values()), int(counts[name_of_first][place]) / max(len(first), 1))
        for place, name in enumerate(dataset.class_names)
    ]
    columns = [Column("class"), *(number(name) for name in counts), number(f"share of {name_of_first}", ".1%")]
    return [Table(columns, rows, title="examples of each class")]


def _counts(split: Split, dataset: Dataset) -> Any:
    if split.labels.ndim == 2:
        return split.labels.sum(axis=0)
    return np.bincount(split.labels, minlength=len(dataset.class_names))


def _examples(dataset: Dataset) -> list[Block]:
    """Return the first examples of each class, or with each label, as pictures; nothing for a table."""
    # What a classifier is judged on may have no training examples.
    first = next(iter(dataset.splits.values()))
    inputs, labels = first.inputs, first.labels
    if inputs.ndim != 4 or inputs.shape[1] not in (1, 3) or dataset.task == "regression":
        return []
    each = max(1, min(MOST_OF_A_CLASS, MOST_PICTURES // len(dataset.class_names)))
    rows = []
    for place, name in enumerate(dataset.class_names[:MOST_PICTURES]):
        members = np.flatnonzero(labels[:, place] == 1 if labels.ndim == 2 else labels == place)[:each]
        rows.append((name, [as_pixels(inputs[member]) for member in members]))
    if each > 1:
        return [
            Gallery([Image(one, description=name) for one in pictures], name, each)
            for name, pictures in rows
            if pictures
        ]
    some = f" of the first {MOST_PICTURES} classes" if len(dataset.class_names) > MOST_PICTURES else ""
    images = [Image(one, name) for name, pictures in rows for one in pictures]
    return [Gallery(images, title=f"the first training example{some}")]
