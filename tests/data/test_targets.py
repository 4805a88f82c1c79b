"""Targets against scikit-learn's scaler, and the way back."""

import numpy as np
import pytest
import torch
from sklearn.preprocessing import StandardScaler

from pellucid.data.dataset import Split
from pellucid.data.targets import TargetScale, learnable


def split_of(labels: np.ndarray) -> Split:
    return Split(np.zeros((len(labels), 1), np.float32), labels, tuple(f"row {place}" for place in range(len(labels))))


def test_targets_are_scaled_as_by_scikit_learn_and_restored(random_numbers: np.random.Generator) -> None:
    labels = random_numbers.normal([150, -3], [70, 0.2], (400, 2)).astype(np.float32)
    scale = TargetScale.fit(split_of(labels))
    theirs = StandardScaler().fit(labels.astype(np.float64))
    assert scale.mean == pytest.approx(theirs.mean_.tolist(), rel=1e-12)
    assert scale.std == pytest.approx(theirs.scale_.tolist(), rel=1e-12)
    scaled = learnable(split_of(labels), "regression", scale)
    assert scaled.labels.dtype == np.float32
    assert np.abs(scaled.labels - theirs.transform(labels.astype(np.float64))).max() < 1e-6
    assert scale.restore(torch.from_numpy(scaled.labels)).numpy() == pytest.approx(labels, abs=7e-5)


def test_equal_targets_are_divided_by_one() -> None:
    # The mean of seven tenths is not quite a tenth.
    scale = TargetScale.fit(split_of(np.full((7, 1), 0.1, np.float32)))
    assert scale.std == (1.0,)
    assert np.abs(learnable(split_of(np.full((7, 1), 0.1, np.float32)), "regression", scale).labels).max() < 1e-8


def test_two_classes_become_one_column_of_zeros_and_ones() -> None:
    split = learnable(split_of(np.array([1, 0, 1])), "binary")
    assert split.labels.dtype == np.float32
    assert split.labels.tolist() == [[1], [0], [1]]


@pytest.mark.parametrize("task", ["binary", "regression", "multiclass", "multilabel"])
def test_inputs_are_shared_and_sources_kept(task: str) -> None:
    labels = np.array([0, 1, 1]) if task in ("binary", "multiclass") else np.array([[0], [1], [1]], np.float32)
    split = split_of(labels)
    scale = TargetScale.fit(split) if task == "regression" else None
    found = learnable(split, task, scale)  # type: ignore[arg-type]
    assert found.inputs is split.inputs
    assert found.sources == split.sources


def test_classes_and_several_labels_stay_as_they_are() -> None:
    split = split_of(np.array([2, 0, 1]))
    assert learnable(split, "multiclass") is split
    several = split_of(np.array([[0, 1], [1, 1]], np.float32))
    assert learnable(several, "multilabel") is several
