"""Small datasets of every task, and networks that learn them in a moment."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import datasets
from torch import nn

import pellucid
from pellucid.data.columns import InputColumn
from pellucid.data.dataset import Dataset, Split
from pellucid.data.splitting import split_indices
from pellucid.tasks import Task
from pellucid.training.judging.trainings import MakeNetwork
from pellucid.training.settings import Settings

# So many steps learn these datasets; epochs are not left to choose, so that tests are quick.
QUICK = Settings(epochs=12, threads=1)


def table(inputs: NDArray[np.float64], labels: NDArray[np.generic], names: tuple[str, ...], task: Task) -> Dataset:
    """Return a dataset of number columns, cut into all three splits."""
    columns = tuple(InputColumn(f"column {place}", "number") for place in range(inputs.shape[1]))
    splits = {
        name: Split(inputs[places].astype(np.float32), labels[places])
        for name, places in split_indices(labels, task).items()
    }
    return Dataset("table", splits, names, task=task, columns=columns)


@pytest.fixture(scope="session")
def iris() -> Dataset:
    inputs, labels = datasets.load_iris(return_X_y=True)
    return table(inputs, labels.astype(np.int64), ("setosa", "versicolor", "virginica"), "multiclass")


@pytest.fixture(scope="session")
def cancer() -> Dataset:
    inputs, labels = datasets.load_breast_cancer(return_X_y=True)
    return table(inputs, labels.astype(np.int64), ("malignant", "benign"), "binary")


@pytest.fixture(scope="session")
def diabetes() -> Dataset:
    inputs, labels = datasets.load_diabetes(return_X_y=True)
    return table(inputs, labels.astype(np.float32)[:, None], ("progression",), "regression")


@pytest.fixture(scope="session")
def quadrants() -> Dataset:
    """Two labels at once: whether a point is right of, and above, the origin."""
    inputs = np.random.default_rng(0).normal(size=(400, 2))
    return table(inputs, (inputs > 0).astype(np.float32), ("right", "above"), "multilabel")


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """Pictures with sources, and no split but those for training and validation."""
    inputs, labels = datasets.load_digits(return_X_y=True)
    images = (inputs * 15).astype(np.uint8).reshape(-1, 1, 8, 8)[:1000]
    numbers = labels.astype(np.int64)[:1000]
    sources = tuple(f"pictures/{place}.png" for place in range(1000))
    cut = split_indices(numbers, "multiclass", cut=("validation",))
    whole = Split(images, numbers, sources)
    return Dataset("digits", {name: whole.take(places) for name, places in cut.items()}, tuple("0123456789"))


def small(dataset: Dataset) -> MakeNetwork:
    """Return what builds an mlp of one hidden layer for a dataset."""

    def make(seed: int) -> nn.Module:
        return pellucid.mlp(dataset.input_shape, (32,), dataset.outputs, seed=seed)

    return make
