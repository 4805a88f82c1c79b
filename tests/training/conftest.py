"""Small datasets to train on."""

import numpy as np
import pytest

from pellucid.data.dataset import Dataset, Split


def blobs(examples: int, classes: int = 3, size: int = 6, seed: int = 0) -> Split:
    """Images that are brightest in a corner of their class, with noise: any network can learn them."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, examples)
    inputs = generator.integers(0, 90, (examples, 1, size, size))
    for index, label in enumerate(labels):
        inputs[index, 0, label, label] += 160
    return Split(inputs.astype(np.uint8), labels.astype(np.int64))


@pytest.fixture
def dataset() -> Dataset:
    """130 training, 40 validation and 50 test examples of three classes."""
    splits = {"train": blobs(130, seed=1), "validation": blobs(40, seed=2), "test": blobs(50, seed=3)}
    return Dataset("blobs", splits, ("left", "middle", "right"))
