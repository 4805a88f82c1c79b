"""Three datasets beside Fashion-MNIST, as folders of arrays: a long table, scikit-learn's digits, coloured shapes."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits, make_classification

# Of all examples.
VALIDATION_SHARE, TEST_SHARE = 0.1, 0.15
SIDE = 32
CHUNK = 1000


def write_splits(folder: Path, splits: dict[str, tuple[NDArray[Any], NDArray[np.int64]]]) -> None:
    """Write inputs [examples, channels, height, width] and labels of each split."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (inputs, labels) in splits.items():
        np.save(folder / f"{name}-inputs.npy", inputs)
        np.save(folder / f"{name}-labels.npy", labels)


def cut(inputs: NDArray[Any], labels: NDArray[Any]) -> dict[str, tuple[NDArray[Any], NDArray[np.int64]]]:
    """Cut examples into the three splits, in an order drawn once."""
    order = np.random.default_rng(0).permutation(len(labels))
    test, validation = round(len(labels) * TEST_SHARE), round(len(labels) * VALIDATION_SHARE)
    parts = {
        "test": order[:test],
        "validation": order[test : test + validation],
        "train": order[test + validation :],
    }
    return {name: (inputs[part], labels[part].astype(np.int64)) for name, part in parts.items()}


def long_table(examples: int) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Return a table shaped like covtype: 54 columns, seven classes of three clusters each."""
    inputs, labels = make_classification(
        examples, 54, n_informative=30, n_redundant=10, n_classes=7, n_clusters_per_class=3, random_state=0
    )  # fmt: skip
    scaled = ((inputs - inputs.mean(axis=0)) / inputs.std(axis=0)).astype(np.float32)
    return scaled.reshape(examples, 1, 1, 54), labels


def digits() -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Return the 1,797 digits of 8 x 8 that come with scikit-learn, between 0 and 1."""
    inputs, labels = load_digits(return_X_y=True)
    return (inputs / 16).astype(np.float32).reshape(-1, 1, 8, 8), labels


def coloured_shapes(examples: int) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Return 32 x 32 colour pictures of ten classes: five shapes, each striped or chequered.

    Place, size, direction and colours are drawn anew for each picture; the background is another colour, with noise.
    """
    random = np.random.default_rng(0)
    labels = random.integers(0, 10, examples)
    parts = [_pictures(labels[start : start + CHUNK], random) for start in range(0, examples, CHUNK)]
    return np.concatenate(parts), labels


def _pictures(labels: NDArray[Any], random: np.random.Generator) -> NDArray[np.uint8]:
    many = len(labels)
    down, across = np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij")
    centre = random.uniform(13, 19, (2, many, 1, 1))
    y, x = down - centre[0], across - centre[1]
    size = random.uniform(8, 12, (many, 1, 1))
    distance, square = np.hypot(x, y), np.maximum(abs(x), abs(y))
    shapes = np.stack(
        [
            distance < size,
            square < 0.85 * size,
            (y > -size) & (y < 0.8 * size) & (abs(x) < 0.6 * (y + size)),
            (square < size) & (np.minimum(abs(x), abs(y)) < size / 3),
            (distance < size) & (distance > 0.55 * size),
        ]
    )
    inside = shapes[labels % 5, np.arange(many)]
    angle, wave = random.uniform(0, np.pi, (many, 1, 1)), random.uniform(1.2, 1.8, (many, 1, 1))
    along, beside = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    stripes = np.sin(wave * along)
    is_chequered = (labels >= 5)[:, None, None]
    pattern = np.where(is_chequered, stripes * np.sin(wave * beside), stripes) > 0
    bright, dark, ground = (
        random.uniform(low, high, (many, 3, 1, 1)) for low, high in ((150, 255), (60, 150), (0, 90))
    )
    figure = np.where(pattern[:, None], bright, dark)
    picture = np.where(inside[:, None], figure, ground) + random.normal(0, 12, (many, 3, SIDE, SIDE))
    return picture.clip(0, 255).astype(np.uint8)
