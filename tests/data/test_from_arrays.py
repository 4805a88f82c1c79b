"""Datasets from arrays, tensors and lists: what is found out, what is said, what is refused."""

import re
from typing import Any

import numpy as np
import pytest
import torch

from pellucid.data.arrays.assembling import from_arrays
from pellucid.data.dataset import Dataset
from pellucid.errors import DataError, PellucidError, ShapeError, UnknownNameError

GREY = np.random.default_rng(0).integers(0, 256, (36, 6, 7), dtype=np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (36, 6, 7, 3), dtype=np.uint8)
TABLE = np.random.default_rng(2).normal(size=(36, 4))
CLASSES = np.arange(36) % 3


def all_pairs(dataset: Dataset) -> set[tuple[bytes, bytes]]:
    return {
        (inputs.tobytes(), labels.tobytes())
        for split in dataset.splits.values()
        for inputs, labels in zip(split.inputs, split.labels, strict=True)
    }


def whole(inputs: Any, labels: Any, **options: Any) -> Dataset:
    """The dataset whose splits are all the given examples, so that no order is lost."""
    return from_arrays(inputs, labels, test=(inputs, labels), validation=(inputs, labels), **options)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(GREY, GREY[:, None], id="grey"),
        pytest.param(COLOUR, COLOUR.transpose(0, 3, 1, 2), id="channels last"),
        pytest.param(COLOUR.transpose(0, 3, 1, 2), COLOUR.transpose(0, 3, 1, 2), id="channels first"),
        pytest.param(COLOUR[..., :1], COLOUR[..., :1].transpose(0, 3, 1, 2), id="one channel last"),
        pytest.param(np.zeros((36, 13, 8, 8), np.uint8), np.zeros((36, 13, 8, 8), np.uint8), id="13 bands first"),
        pytest.param(np.zeros((36, 8, 8, 13), np.uint8), np.zeros((36, 13, 8, 8), np.uint8), id="13 bands last"),
        pytest.param(GREY > 99, np.where(GREY > 99, 255, 0).astype(np.uint8)[:, None], id="booleans"),
        pytest.param(GREY.astype(np.int64), GREY[:, None], id="integers of a byte"),
        pytest.param(GREY.astype(np.int16) - 9, (GREY.astype(np.float32) - 9)[:, None], id="other integers"),
        pytest.param(GREY / 255, (GREY / 255).astype(np.float32)[:, None], id="float64"),
        pytest.param((GREY / 255).astype(">f4"), (GREY / 255).astype(np.float32)[:, None], id="big-endian"),
        pytest.param(torch.from_numpy(GREY), GREY[:, None], id="tensor"),
        pytest.param(GREY[::-1, ::-1], np.ascontiguousarray(GREY[::-1, ::-1])[:, None], id="backwards"),
    ],
)
def test_images_get_their_channels_first(given: Any, expected: np.ndarray[Any, Any]) -> None:
    train = whole(given, CLASSES).train
    assert train.inputs.dtype == expected.dtype
    assert np.array_equal(train.inputs, expected)
    assert torch.equal(torch.from_numpy(train.inputs), torch.from_numpy(expected))


def test_says_how_it_took_the_images() -> None:
    assert "images of shape 6 x 7 x 3 taken as height, width, channels" in whole(COLOUR, CLASSES).notes
    assert "images of shape 6 x 7 taken as grey: height, width" in whole(GREY, CLASSES).notes


def test_channels_that_may_stand_first_or_last_are_asked_for() -> None:
    images = np.random.default_rng(0).integers(0, 256, (36, 3, 5, 3), dtype=np.uint8)
    with pytest.raises(ShapeError, match=r"shape \[3, 5, 3\]: their channels may stand first or last\n  fix: leave"):
        whole(images, CLASSES)
    assert np.array_equal(whole(images, CLASSES, channels_last=False).train.inputs, images)
    assert np.array_equal(whole(images, CLASSES, channels_last=True).train.inputs, images.transpose(0, 3, 1, 2))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(TABLE, TABLE, id="float64"),
        pytest.param(TABLE.astype(np.float32), TABLE.astype(np.float32), id="float32"),
        pytest.param(TABLE.astype(np.float16), TABLE.astype(np.float16).astype(np.float32), id="float16"),
        pytest.param(np.arange(144).reshape(36, 4), np.arange(144, dtype=np.float32).reshape(36, 4), id="integers"),
        pytest.param(
            np.arange(144).reshape(36, 4) + 2**24, np.arange(144.0).reshape(36, 4) + 2**24, id="large integers"
        ),
        pytest.param(np.arange(36.0), np.arange(36.0)[:, None], id="one column"),
        pytest.param(torch.ones(36, 2, dtype=torch.bfloat16), np.ones((36, 2), np.float32), id="bfloat16"),
    ],
)
def test_rows_of_numbers_are_a_table(given: Any, expected: np.ndarray[Any, Any]) -> None:
    dataset = whole(given, CLASSES)
    assert dataset.train.inputs.dtype == expected.dtype
    assert np.array_equal(dataset.train.inputs, expected)
    assert dataset.columns is not None
    assert [(column.name, column.kind) for column in dataset.columns] == [
        (str(number), "number") for number in range(expected.shape[1])
    ]


def test_columns_have_names_and_missing_values_are_counted() -> None:
    table = TABLE.copy()
    table[3, 1] = table[4, 1] = table[5, 2] = np.nan
    dataset = whole(table, CLASSES, columns=["a", "b", "c", "d"])
    assert dataset.columns is not None
    assert [column.name for column in dataset.columns] == ["a", "b", "c", "d"]
    # Of three splits, which are all the same here.
    assert "9 values are missing, in 2 columns" in dataset.notes


def test_a_table_of_booleans_has_boolean_columns() -> None:
    dataset = whole(TABLE > 0, CLASSES)
    assert dataset.columns is not None and {column.kind for column in dataset.columns} == {"boolean"}
    assert np.array_equal(dataset.train.inputs, TABLE > 0)


@pytest.mark.parametrize(
    ("labels", "numbers", "names", "task"),
    [
        pytest.param(CLASSES, CLASSES, ("0", "1", "2"), "multiclass", id="numbered"),
        pytest.param(CLASSES * 10 - 5, CLASSES, ("-5", "5", "15"), "multiclass", id="any whole numbers"),
        pytest.param(CLASSES.astype(np.uint64) + 2**63, CLASSES, None, "multiclass", id="beyond int64"),
        pytest.param(CLASSES[:, None], CLASSES, ("0", "1", "2"), "multiclass", id="a column"),
        pytest.param(CLASSES % 2, CLASSES % 2, ("0", "1"), "binary", id="two classes"),
        pytest.param(CLASSES == 1, (CLASSES == 1).astype(int), ("False", "True"), "binary", id="booleans"),
        pytest.param(
            np.array(["b", "a", "ü"])[CLASSES], np.array([1, 0, 2])[CLASSES], ("a", "b", "ü"), "multiclass", id="text"
        ),
        pytest.param(np.array([b"b", b"a"])[CLASSES % 2], 1 - CLASSES % 2, ("a", "b"), "binary", id="bytes"),
        pytest.param(np.array(["b", "a"], object)[CLASSES % 2], 1 - CLASSES % 2, ("a", "b"), "binary", id="objects"),
        pytest.param(np.eye(3)[CLASSES], CLASSES, ("0", "1", "2"), "multiclass", id="one-hot"),
        pytest.param(torch.tensor(CLASSES), CLASSES, ("0", "1", "2"), "multiclass", id="tensor"),
        pytest.param(CLASSES.tolist(), CLASSES, ("0", "1", "2"), "multiclass", id="list"),
    ],
)
def test_labels_of_classes_are_numbered(labels: Any, numbers: Any, names: tuple[str, ...] | None, task: str) -> None:
    dataset = whole(TABLE, labels)
    assert (str(dataset.train.labels.dtype), str(dataset.task)) == ("int64", task)
    assert np.array_equal(dataset.train.labels, numbers)
    assert names is None or dataset.class_names == names


@pytest.mark.parametrize(
    ("labels", "names", "task"),
    [
        pytest.param(np.linspace(0, 1, 36), ("target",), "regression", id="floats"),
        pytest.param(np.arange(36) * 1000 + np.arange(36) ** 2, None, None, id="few whole numbers are classes"),
        pytest.param(TABLE[:, :2], ("0", "1"), "regression", id="several targets"),
        pytest.param((TABLE > 0).astype(int), ("0", "1", "2", "3"), "multilabel", id="several labels"),
    ],
)
def test_the_task_is_found_out(labels: Any, names: tuple[str, ...] | None, task: str | None) -> None:
    dataset = whole(TABLE, labels)
    if task is None:
        assert (dataset.task, len(dataset.class_names)) == ("multiclass", 36)
        return
    assert (dataset.task, dataset.class_names) == (task, names)
    assert np.array_equal(dataset.train.labels, labels.reshape(36, -1).astype(np.float32))


def test_many_different_whole_numbers_are_a_regression_and_that_is_said() -> None:
    labels = np.random.default_rng(0).permutation(1000)[:120]
    dataset = whole(np.zeros((120, 2)), labels)
    assert dataset.task == "regression"
    # Of three splits, which are all the same here.
    assert any("120 different labels of 360 examples taken as numbers" in note for note in dataset.notes)
    assert len(whole(np.zeros((120, 2)), labels, task="multiclass").class_names) == 120


@pytest.mark.parametrize(
    ("labels", "task", "expected"),
    [
        pytest.param(CLASSES.astype(float), "multiclass", CLASSES, id="whole floats as classes"),
        pytest.param(CLASSES % 2, "multiclass", CLASSES % 2, id="two classes with an output each"),
        pytest.param(CLASSES, "regression", CLASSES[:, None].astype(np.float32), id="integers as numbers"),
        pytest.param(np.eye(3)[CLASSES], "multilabel", np.eye(3)[CLASSES], id="one-hot as several labels"),
        pytest.param(np.eye(3)[CLASSES], "regression", np.eye(3)[CLASSES], id="one-hot as targets"),
    ],
)
def test_the_user_names_the_task(labels: Any, task: Any, expected: Any) -> None:
    dataset = whole(TABLE, labels, task=task)
    assert dataset.task == task
    assert np.array_equal(dataset.train.labels, expected)


def test_class_names_are_respected() -> None:
    assert whole(TABLE, CLASSES, class_names=["x", "y", "z"]).class_names == ("x", "y", "z")
    text = whole(TABLE, np.array(["x", "z"])[CLASSES % 2], class_names=["z", "x", "y"])
    assert np.array_equal(text.train.labels, 1 - CLASSES % 2)
    assert "no example is of the class y" in text.notes
    from_one = whole(TABLE, CLASSES + 1, class_names=["x", "y", "z"])
    assert np.array_equal(from_one.train.labels, CLASSES)
    assert "labels from 1 to 3 taken as places among the 3 class names, counted from 1" in from_one.notes
    any_numbers = whole(TABLE, CLASSES * 7, class_names=["x", "y", "z"])
    assert np.array_equal(any_numbers.train.labels, CLASSES)
    assert "class names given to the labels in their order: 0 is x, 7 is y, 14 is z" in any_numbers.notes
    floats = whole(TABLE, CLASSES.astype(float), class_names=["x", "y", "z"])
    assert (floats.task, floats.train.labels.tolist()) == ("multiclass", CLASSES.tolist())
    assert whole(TABLE, TABLE[:, :2], class_names=["width", "height"]).class_names == ("width", "height")


def test_nothing_is_lost_or_mixed_up_when_splits_are_cut() -> None:
    dataset = from_arrays(COLOUR, CLASSES)
    assert {name: len(split) for name, split in dataset.splits.items()} == {"train": 26, "validation": 5, "test": 5}
    expected = {
        (image.transpose(2, 0, 1).tobytes(), np.int64(label).tobytes())
        for image, label in zip(COLOUR, CLASSES, strict=True)
    }
    assert all_pairs(dataset) == expected
    assert (
        "of 36 examples without a split of their own, 5 for validation and 5 for test are kept apart" in dataset.notes
    )


@pytest.mark.parametrize(("given", "cut"), [("test", "validation"), ("validation", "test")])
def test_a_split_that_is_given_is_respected(given: str, cut: str) -> None:
    other = COLOUR[::-1][:9], CLASSES[:9]
    dataset = from_arrays(COLOUR, CLASSES, **{given: other})  # type: ignore[arg-type]
    assert np.array_equal(dataset.splits[given].inputs, other[0].transpose(0, 3, 1, 2))
    assert np.array_equal(dataset.splits[given].labels, other[1])
    assert len(dataset.train) + len(dataset.splits[cut]) == 36
    assert 0 < len(dataset.splits[cut]) < 12


def test_examples_of_a_group_stay_in_one_split() -> None:
    groups = np.repeat(np.arange(12), 3)
    dataset = from_arrays(np.stack([groups, CLASSES], axis=1), CLASSES, groups=groups)
    found = [set(split.inputs[:, 0].tolist()) for split in dataset.splits.values()]
    assert sum(map(len, found)) == 12 == len(set.union(*found))


def test_arrays_of_given_splits_are_not_copied_and_not_changed() -> None:
    images = GREY.copy()
    dataset = whole(images, CLASSES)
    assert np.shares_memory(dataset.train.inputs, images)
    from_arrays(images, CLASSES)
    assert np.array_equal(images, GREY)


REFUSED: list[Any] = [
    (
        (TABLE, CLASSES[:9]),
        {},
        ShapeError,
        r"shape \[36, 4\] but the labels \[9\]\n  fix: give one label for each input",
    ),
    ((TABLE[:0], CLASSES[:0]), {}, DataError, r"shape \[0, 4\]: nothing\n  fix: give at least one example"),
    ((np.zeros((36, 2, 2, 2, 2)), CLASSES), {}, ShapeError, "5 dimensions"),
    ((np.full((36, 5, 5), np.nan), CLASSES), {}, DataError, "train images of arrays have NaN or infinite values"),
    ((np.full((36, 5, 5), 1e300), CLASSES), {}, DataError, "NaN or infinite values"),
    ((np.full((36, 2), np.inf), CLASSES), {}, DataError, "column '0' of the train inputs of arrays has infinite"),
    ((np.zeros((36, 2), complex), CLASSES), {}, DataError, "of type complex128"),
    ((np.full((36, 2), "a"), CLASSES), {}, DataError, "of type <U1"),
    (([[1, 2], [3]], [0, 1]), {}, DataError, "the train inputs: values of several shapes"),
    (([[1.0], [2.0]], {"a": 1}), {}, DataError, "the train labels: dict where an array is wanted"),
    ((TABLE, None), {}, DataError, "the train labels: NoneType where an array"),
    ((torch.eye(36).to_sparse(), CLASSES), {}, DataError, "the train inputs: a tensor that is no array"),
    ((TABLE, CLASSES), {"columns": ["a", "b"]}, DataError, "4 columns but 2 different names"),
    ((TABLE, CLASSES), {"columns": ["a", "b", "c", "a"]}, DataError, "4 columns but 3 different names"),
    ((GREY, CLASSES), {"columns": ["a"]}, ShapeError, "are images, which have no columns"),
    (
        (TABLE, CLASSES * 0),
        {},
        DataError,
        "all training labels of arrays are '0'\n  fix: add examples of another class",
    ),
    ((TABLE, np.full(36, np.nan)), {}, DataError, "36 of the train labels of arrays are NaN or infinite"),
    ((TABLE, np.full(36, "")), {}, DataError, "36 of the train labels of arrays are empty"),
    ((TABLE, np.full(36, None)), {}, DataError, r"are objects \(NoneType\)"),
    ((TABLE, np.full(36, b"\xff")), {}, DataError, "no UTF-8 text"),
    ((TABLE, np.zeros((36, 2, 2))), {}, ShapeError, r"labels of arrays have shape \[36, 2, 2\]"),
    ((TABLE, np.zeros(36, "M8[s]")), {}, DataError, r"of type datetime64\[s\]"),
    ((TABLE, CLASSES), {"task": "multilabl"}, UnknownNameError, "no task 'multilabl'\n  fix: write 'multilabel'"),
    ((TABLE, CLASSES), {"task": "multilabel"}, DataError, "are one for each example\n  fix: give rows of 0 and 1"),
    ((TABLE, CLASSES), {"task": "binary"}, DataError, "name 3 classes, not two"),
    ((TABLE, TABLE[:, 0]), {"task": "multiclass"}, DataError, "are no class numbers: 0.189053 is among them"),
    ((TABLE, TABLE), {"task": "multilabel"}, DataError, "rows of 4 numbers, but not of 0 and 1\n"),
    ((TABLE, TABLE), {"task": "multiclass"}, DataError, "not of 0 and 1, exactly one 1 in each"),
    ((TABLE, np.array(["a", "b"])[CLASSES % 2]), {"task": "regression"}, DataError, "are text, such as 'a'"),
    ((TABLE, np.full(36, 1e300)), {"task": "regression"}, DataError, "larger than float32 can hold"),
    ((TABLE, CLASSES), {"class_names": ["a", "b"]}, DataError, "go from 0 to 2, but there are 2 class names"),
    ((TABLE, CLASSES), {"class_names": ["a", "a", "b"]}, DataError, "two classes are named 'a'"),
    (
        (TABLE, np.array(["cat", "dgo"])[CLASSES % 2]),
        {"class_names": ["cat", "dog"]},
        DataError,
        "'dgo' of arrays is no class name\n  fix: write 'dog'",
    ),
    ((TABLE, TABLE), {"class_names": ["a"]}, DataError, "labels of 4 numbers, but 1 names for them"),
    ((TABLE, np.eye(3)[CLASSES]), {"class_names": ["a"]}, DataError, "labels of 3 classes, but 1 names"),
    ((TABLE, TABLE[:, 0]), {"class_names": ["a", "b"]}, DataError, "one number for each example, but 2 names"),
    (
        (TABLE, CLASSES),
        {"test": (TABLE[:, :3], CLASSES)},
        ShapeError,
        r"test inputs of arrays have shape \[36, 3\] but",
    ),
    ((GREY, CLASSES), {"test": (GREY / 255, CLASSES)}, DataError, "of several types: train uint8, test float64"),
    (
        (TABLE, CLASSES),
        {"test": (TABLE, CLASSES + 1)},
        DataError,
        "class '3' stands in the test labels of arrays but not",
    ),
    (
        (TABLE, CLASSES),
        {"test": (TABLE, np.full(36, "a"))},
        ShapeError,
        "labels of arrays are of several kinds: train int64",
    ),
    (
        (TABLE, CLASSES),
        {"test": TABLE},
        ShapeError,
        r"test is no pair of inputs and labels\n  fix: write test=\(inputs, labels\)",
    ),
    ((TABLE, CLASSES), {"groups": [1, 2]}, ShapeError, r"groups of shape \[2\] for 36 training examples"),
    ((TABLE[:3], CLASSES[:3]), {}, DataError, "3 examples are too few to cut a test split"),
]


@pytest.mark.parametrize(("arrays", "options", "kind", "text"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_wrong_is_said_with_a_fix(
    arrays: tuple[Any, Any], options: Any, kind: type[PellucidError], text: str
) -> None:
    with pytest.raises(kind, match=text) as caught:
        from_arrays(*arrays, **options)
    assert re.match("[a-z]", caught.value.fix) and not caught.value.problem.endswith(".")


def test_splits_that_do_not_fit_into_memory_are_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.data.arrays.assembling.memory_left", lambda: 100)
    with pytest.raises(DataError, match=r"splits cut from arrays take 1.5 KiB, but 100 bytes of memory are left"):
        from_arrays(GREY, CLASSES)
    assert len(whole(GREY, CLASSES).train) == 36
