"""The summary of a dataset whose facts are planted by hand."""

import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pellucid.data.dataset import Dataset, Split
from pellucid.data.fashion_mnist import CLASS_NAMES
from pellucid.data.summary import as_pixels, summarize


def split_of(values: list[int], labels: list[int], dtype: type = np.uint8) -> Split:
    """Each input is a 2 x 2 image of one value."""
    inputs: NDArray[Any] = np.array(values, dtype).reshape(-1, 1, 1, 1) * np.ones((1, 1, 2, 2), dtype)
    return Split(inputs, np.array(labels, np.int64))


@pytest.fixture
def dataset() -> Dataset:
    """Planted: 10 stands three times in train, 20 in train and test, 30 in train and validation; 40 with two labels."""
    return Dataset(
        "planted",
        {
            "train": split_of([10, 10, 10, 20, 30, 40], [0, 0, 0, 1, 1, 0]),
            "validation": split_of([30, 50, 50], [1, 1, 1]),
            "test": split_of([20, 40, 60, 100], [1, 1, 0, 0]),
        },
        ("cat", "dog", "eel"),
        source="by hand",
        notes=("read with care",),
    )


def test_examples_and_classes_are_counted(dataset: Dataset) -> None:
    assert {split.name: split.class_counts for split in summarize(dataset).splits} == {
        "train": (4, 2, 0),
        "validation": (0, 3, 0),
        "test": (2, 2, 0),
    }


def test_range_and_mean_are_those_of_the_raw_values(dataset: Dataset) -> None:
    facts = {split.name: (split.low, split.high, split.mean) for split in summarize(dataset).splits}
    assert facts == {"train": (10, 40, 20), "validation": (30, 50, 130 / 3), "test": (20, 100, 55)}


def test_duplicates_within_a_split_are_counted_beyond_the_first(dataset: Dataset) -> None:
    assert {split.name: split.duplicates for split in summarize(dataset).splits} == {
        "train": 2,
        "validation": 1,
        "test": 0,
    }


def test_inputs_in_two_splits_are_counted(dataset: Dataset) -> None:
    assert summarize(dataset).shared == {"train and validation": 1, "train and test": 2, "validation and test": 0}


def test_inputs_with_different_labels_are_counted(dataset: Dataset) -> None:
    assert summarize(dataset).conflicting == 1


def test_inputs_that_differ_in_one_pixel_are_no_duplicates(dataset: Dataset) -> None:
    dataset.train.inputs[1, 0, 1, 1] += 1
    assert summarize(dataset).splits[0].duplicates == 1


def test_splits_stand_in_their_order_however_they_were_given(dataset: Dataset) -> None:
    turned = Dataset("turned", dict(reversed(list(dataset.splits.items()))), dataset.class_names, source="by hand")
    assert summarize(turned).to_dict() == {**summarize(dataset).to_dict(), "name": "turned", "notes": []}


def test_a_split_may_be_empty() -> None:
    empty = Split(np.zeros((0, 1, 2, 2), np.uint8), np.zeros(0, np.int64))
    summary = summarize(Dataset("half", {"train": split_of([1], [0]), "test": empty}, ("cat",)))
    assert [(split.examples, split.class_counts, split.duplicates) for split in summary.splits] == [
        (1, (1,), 0),
        (0, (0,), 0),
    ]


def test_the_text_contains_what_was_planted(dataset: Dataset) -> None:
    text = " ".join(str(summarize(dataset)).split())
    for sentence in (
        "planted: by hand",
        "1 of the inputs stand in both train and validation: the later split judges what was learnt by heart",
        "2 of the inputs stand in both train and test: the later split judges what was learnt by heart",
        "1 inputs stand more than once with different labels",
        "read with care",
    ):
        assert sentence in text
    assert "validation and test" not in text


def test_the_balance_shows_each_class_with_its_share(dataset: Dataset) -> None:
    rows = [line.split() for line in str(summarize(dataset)).splitlines()]
    for row in (["cat", "4", "0", "2", "66.7%"], ["dog", "2", "3", "2", "33.3%"], ["eel", "0", "0", "0", "0.0%"]):
        assert row in rows


def test_a_clean_dataset_has_no_warning() -> None:
    clean = Dataset("clean", {"train": split_of([1, 2], [0, 1]), "test": split_of([3, 4], [0, 1])}, ("a", "b"))
    assert "! " not in str(summarize(clean))


def test_the_same_numbers_stand_in_json(dataset: Dataset) -> None:
    facts = json.loads(summarize(dataset).to_json())
    assert facts["splits"]["train"] == {
        "examples": 6,
        "shape": [1, 2, 2],
        "dtype": "uint8",
        "low": 10,
        "high": 40,
        "mean": 20,
        "class_counts": [4, 2, 0],
        "duplicates": 2,
    }
    assert (facts["shared"]["train and test"], facts["conflicting"], facts["notes"]) == (2, 1, ["read with care"])


def test_each_class_is_shown_by_its_first_training_example(dataset: Dataset) -> None:
    pictures = summarize(dataset).pictures
    assert [picture.tolist() for picture in pictures] == [[[10, 10], [10, 10]], [[20, 20], [20, 20]], []]


def test_float_pictures_are_stretched_to_all_greys() -> None:
    assert as_pixels(np.array([[[-1.0, 0.0, 1.0]]], np.float32)).tolist() == [[0, 127, 255]]


def test_a_constant_float_picture_is_black() -> None:
    assert as_pixels(np.full((1, 2, 2), 0.7, np.float32)).tolist() == [[0, 0], [0, 0]]


def test_values_that_are_not_finite_are_shown_like_zero() -> None:
    assert as_pixels(np.array([[[np.nan, 1.0, np.inf]]], np.float32)).tolist() == [[0, 255, 0]]


def test_three_channels_are_shown_in_colour() -> None:
    planes = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    assert as_pixels(planes)[1, 0].tolist() == planes[:, 1, 0].tolist()


def test_fashion_mnist_is_balanced_and_its_known_duplicates_are_counted(fashion_mnist: Dataset) -> None:
    summary = summarize(fashion_mnist)
    assert summary.rows() == [{"class": name, "train": 5500, "validation": 500, "test": 1000} for name in CLASS_NAMES]
    # Counted another way: rows sorted by NumPy.
    distinct = np.unique(fashion_mnist.test.inputs.reshape(10_000, -1).view("V784")).size
    assert summary.splits[2].duplicates == 10_000 - distinct
