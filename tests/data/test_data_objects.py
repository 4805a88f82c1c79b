"""Objects of a program that `read` takes."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn import datasets
from torch.utils.data import DataLoader, TensorDataset

from pellucid.data.arrays.assembling import from_arrays
from pellucid.data.objects.reading import read_object
from pellucid.data.options import ReadOptions
from pellucid.errors import DataError

FOUND_OUT = ReadOptions()
TABLE = np.random.default_rng(0).normal(size=(36, 3))
LABELS = np.arange(36) % 3


@pytest.mark.parametrize(
    ("load", "task"),
    [
        (datasets.load_iris, "multiclass"),
        (datasets.load_wine, "multiclass"),
        (datasets.load_breast_cancer, "binary"),
        (datasets.load_diabetes, "regression"),
    ],
)
def test_bunches_of_scikit_learn_are_tables(load: Any, task: str) -> None:
    bunch = load()
    dataset = read_object(bunch, FOUND_OUT)
    rows = {row.tobytes(): label for row, label in zip(bunch.data, bunch.target, strict=True)}
    assert dataset.task == task
    assert sum(map(len, dataset.splits.values())) == len(bunch.data)
    assert dataset.columns is not None
    assert [column.name for column in dataset.columns] == list(bunch.feature_names)
    for split in dataset.splits.values():
        expected = np.array([rows[row.tobytes()] for row in split.inputs])
        assert np.array_equal(split.labels.reshape(-1), expected.astype(split.labels.dtype))
    if task != "regression":
        assert dataset.class_names == tuple(bunch.target_names)


def test_digits_are_images() -> None:
    bunch = datasets.load_digits()
    dataset = read_object(bunch, FOUND_OUT)
    found = sorted(image.tobytes() for split in dataset.splits.values() for image in split.inputs)
    assert dataset.input_shape == (1, 8, 8)
    assert found == sorted(image.tobytes() for image in bunch.images.astype(np.float32))
    assert dataset.class_names == tuple("0123456789")


@pytest.mark.parametrize(
    "data",
    [
        (TABLE, LABELS),
        (torch.from_numpy(TABLE), torch.from_numpy(LABELS)),
        (TABLE.tolist(), LABELS.tolist()),
        {"x": TABLE, "y": LABELS},
        {"features": torch.from_numpy(TABLE), "target": LABELS.tolist(), "about": "a text", "size": 3},
        TensorDataset(torch.from_numpy(TABLE), torch.from_numpy(LABELS)),
        DataLoader(TensorDataset(torch.from_numpy(TABLE), torch.from_numpy(LABELS)), batch_size=5),
        [(TABLE[index], LABELS[index]) for index in range(36)],
    ],
    ids=["arrays", "tensors", "lists", "dict", "dict of many things", "TensorDataset", "DataLoader", "list of pairs"],
)
def test_every_object_gives_the_same_dataset(data: Any) -> None:
    assert read_object(data, FOUND_OUT).fingerprint == from_arrays(TABLE, LABELS).fingerprint


def test_what_the_user_says_holds_for_objects() -> None:
    data = {"x": TABLE, "kind": LABELS, "other": LABELS[::-1]}
    dataset = read_object(data, ReadOptions(label=("other",), task="regression"))
    assert (dataset.task, dataset.class_names) == ("regression", ("other",))


def test_a_dataset_is_returned_as_it_is() -> None:
    dataset = from_arrays(TABLE, LABELS)
    assert read_object(dataset, FOUND_OUT) is dataset


@pytest.mark.parametrize("data", [3, None, "a.csv", TABLE, torch.zeros(3)], ids=lambda data: type(data).__name__)
def test_what_is_no_dataset_is_refused(data: Any) -> None:
    with pytest.raises(DataError, match=f"{type(data).__name__} is no dataset\n  fix: give a name, a path, a pair"):
        read_object(data, FOUND_OUT)
