"""Pictures that nearly stand in two splits, planted into real ones, and the columns of a table."""

import io

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

import pellucid
from pellucid.data.columns import InputColumn
from pellucid.data.dataset import Dataset, Split
from pellucid.data.duplicates import keys_of, near_pairs
from pellucid.data.summary import summarize

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def parts() -> tuple[Split, Split]:
    """Two disjoint parts of the training pictures, none nearly equal to another."""
    train = pellucid.read().train
    first, second = train.take(np.arange(800)), train.take(np.arange(1000, 1200))
    near = {pair.second for pair in near_pairs(first, second)}
    return first, second.take(np.array([place for place in range(200) if place not in near]))


def again(picture: Pixels, quality: int = 92) -> Pixels:
    """The picture saved as JPEG and read again."""
    file = io.BytesIO()
    Image.fromarray(picture[0]).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))[None]


@pytest.mark.parametrize("change", ["jpeg", "darker", "noise"])
def test_a_changed_copy_is_found_with_its_original(change: str, parts: tuple[Split, Split]) -> None:
    first, second = parts
    picture = first.inputs[123]
    if change == "jpeg":
        copy = again(picture)
    elif change == "darker":
        copy = np.rint(picture * 0.7).astype(np.uint8)
    else:
        copy = np.clip(picture + np.random.default_rng(0).normal(0, 3, picture.shape), 0, 255).astype(np.uint8)
    inputs = second.inputs.copy()
    inputs[7] = copy
    (pair,) = near_pairs(first, Split(inputs, second.labels))
    assert (pair.first, pair.second) == (123, 7)
    expected = np.corrcoef(picture.ravel().astype(float), copy.ravel().astype(float))[0, 1]
    assert pair.correlation == pytest.approx(expected, abs=1e-5)


def test_other_pictures_and_equal_ones_are_no_near_pairs(parts: tuple[Split, Split]) -> None:
    first, second = parts
    assert near_pairs(first, second) == ()
    inputs = second.inputs.copy()
    inputs[3] = first.inputs[5]
    assert near_pairs(first, Split(inputs, second.labels)) == ()


def test_pictures_of_one_colour_are_like_nothing() -> None:
    flat = Split(np.full((2, 1, 8, 8), 9, np.uint8), np.zeros(2, np.int64))
    other = Split(np.full((2, 1, 8, 8), 200, np.uint8), np.zeros(2, np.int64))
    assert near_pairs(flat, other) == ()


def test_the_summary_warns_of_near_pairs_and_shows_them(parts: tuple[Split, Split]) -> None:
    first, second = parts
    inputs = second.inputs.copy()
    inputs[7] = again(first.inputs[123])
    names = tuple("abcdefghij")
    summary = summarize(Dataset("planted", {"train": first, "test": Split(inputs, second.labels)}, names))
    assert "1 inputs of train and test are nearly the same picture (overlapping-splits)" in " ".join(
        str(summary).split()
    )
    assert np.array_equal(summary.near_pictures[0], np.concatenate([first.inputs[123, 0], inputs[7, 0]], axis=1))


def test_equal_inputs_have_equal_keys(parts: tuple[Split, Split]) -> None:
    first, _ = parts
    twice = first.take(np.array([4, 9, 4]))
    keys = keys_of(twice)
    assert keys[0] == keys[2] != keys[1]


def test_columns_are_summed_up_as_pandas_does() -> None:
    ages = np.array([30.0, np.nan, 50.0, 41.0], np.float32)
    colours = np.array([0, 1, 1, -1], np.float32)
    inputs = np.stack([ages, colours], axis=1)
    columns = (InputColumn("age", "number"), InputColumn("colour", "category", ("red", "green")))
    labels = np.array([[1.0], [2.0], [4.0], [9.0]], np.float32)
    dataset = Dataset("people", {"train": Split(inputs, labels)}, ("price",), task="regression", columns=columns)
    age, colour, price = summarize(dataset).columns
    expected = pd.Series(ages)
    assert (age.low, age.high, age.missing) == (expected.min(), expected.max(), expected.isna().mean())
    assert age.mean == pytest.approx(expected.mean())
    assert age.std == pytest.approx(expected.std(ddof=0))
    assert (colour.categories, colour.commonest) == (2, "green (50%)")
    assert (price.kind, price.low, price.high, price.mean) == ("target", 1.0, 9.0, 4.0)


def test_several_labels_are_counted_each() -> None:
    inputs = np.zeros((3, 1), np.float32)
    labels = np.array([[1, 0], [1, 1], [0, 0]], np.float32)
    columns = (InputColumn("value", "number"),)
    dataset = Dataset("tags", {"train": Split(inputs, labels)}, ("x", "y"), task="multilabel", columns=columns)
    assert summarize(dataset).splits[0].class_counts == (2, 1)
