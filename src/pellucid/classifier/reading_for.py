"""A dataset read to judge a classifier on: with its columns, classes and image size, and nothing left out."""

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.classifier.classifier import Classifier
from pellucid.data.dataset import SPLITS, Dataset, Split
from pellucid.data.options import ReadOptions
from pellucid.data.preparing_images import ImagePreparation
from pellucid.data.preparing_tables import TablePreparation
from pellucid.data.reading import read_with
from pellucid.data.tables.files import is_table
from pellucid.data.tables.judging import read_like
from pellucid.errors import DataError, PellucidError


def read_for(classifier: Classifier, source: Any, options: ReadOptions | None = None) -> Dataset:
    """Read what a classifier is to be judged on.

    What the classifier was trained on keeps its splits, so that its test examples alone are judged. Of anything else
    all examples are new: splits that the source has are kept, and where it has none, all of it is the test split.

    Args:
        classifier: Says which columns, classes and image size are wanted.
        source: As for `read`.
        options: What the user says about the data.

    Raises:
        DataError: If the data are of another kind than the classifier was trained on.
        MissingFileError: If there is no such file.
        UnknownNameError: If the source is neither a dataset's name nor a path that exists.
    """
    options = options or ReadOptions()
    preparation = classifier.preparation
    trained_with = replace(ReadOptions.of_card(classifier.dataset.get("options")), skip_bad=options.skip_bad)
    with contextlib.suppress(PellucidError):
        # Perhaps it is what the classifier was trained on: then what it has seen is not to be judged.
        dataset = read_with(source, trained_with)
        if dataset.fingerprint == classifier.dataset.get("fingerprint"):
            return dataset
    options = replace(options, label=options.label or trained_with.label, task=options.task or classifier.task)
    if isinstance(preparation, ImagePreparation):
        form = options.image_size or (preparation.shape[1], preparation.shape[2])
        background = round(min(max(preparation.border, 0), 1) * 255)
        options = replace(options, image_size=form, channels=preparation.shape[0], background=background)
    is_path = isinstance(source, str | Path)
    if isinstance(preparation, TablePreparation) and is_path and is_table(Path(source)):
        return read_like(Path(source), preparation, classifier.class_names, classifier.task, options.label, options)
    try:
        return as_new(read_with(source, options))
    except DataError:
        # Too little to learn from may be enough to judge on; if not, the first error says more.
        with contextlib.suppress(PellucidError):
            return read_with(source, replace(options, task=None, whole=True))
        raise


def as_new(dataset: Dataset) -> Dataset:
    """Return a dataset whose splits that a reader cut are put together again: all of it is the test split."""
    if not dataset.cut:
        return dataset
    parts = [dataset.splits[name] for name in SPLITS if name in dataset.cut or name == "train"]
    whole = Split(
        np.concatenate([part.inputs for part in parts]),
        np.concatenate([part.labels for part in parts]),
        tuple(source for part in parts for source in part.sources),
    )
    kept = {name: split for name, split in dataset.splits.items() if name not in dataset.cut and name != "train"}
    where = "train" if "test" in kept else "test"
    return replace(dataset, splits={**kept, where: whole}, cut=(), stream=None)
