"""Rows to predict and tables to judge on, with the columns of a classifier."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from pellucid.data.columns import InputColumn
from pellucid.data.dataset import Dataset
from pellucid.data.options import ReadOptions
from pellucid.data.preparing_tables import TablePreparation
from pellucid.data.tables.judging import read_like
from pellucid.data.tables.reading import read_table
from pellucid.data.tables.rows import is_rows, rows_for
from pellucid.errors import DataError, UnknownNameError

from .conftest import Write

COLUMNS = (
    InputColumn("size", "number"),
    InputColumn("colour", "category", ("blue", "green", "red")),
    InputColumn("is_new", "boolean"),
    InputColumn("sold", "date"),
)
PREPARATION = TablePreparation(COLUMNS, (5.0, 0.0, 0.5, 19_000.0), (2.0, 1.0, 0.5, 300.0), (False, False, True, False))
ROWS: list[dict[str, Any]] = [
    {"size": 3.5, "colour": "red", "is_new": True, "sold": "2020-01-01"},
    {"size": 7, "colour": "blue", "is_new": False, "sold": "2020-01-02"},
    {"size": -1, "colour": "green", "is_new": None, "sold": "1970-01-01"},
]
EXPECTED: list[list[float]] = [[3.5, 2, 1, 18262], [7, 0, 0, 18263], [-1, 1, math.nan, 0]]


def changed(place: int, **values: Any) -> list[dict[str, Any]]:
    return [{**row, **values} if number == place else row for number, row in enumerate(ROWS)]


def without(name: str) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != name} for row in ROWS]


@pytest.mark.parametrize("ending", ["csv", "tsv", "csv.gz", "parquet", "feather", "jsonl"])
def test_rows_of_a_file_are_encoded_as_in_training(tmp_path: Path, write: Write, ending: str) -> None:
    rows = rows_for(write(tmp_path / f"new.{ending}", pd.DataFrame(ROWS)), PREPARATION)
    assert np.array_equal(rows.inputs, EXPECTED, equal_nan=True)
    assert rows.names == tuple(f"new.{ending} row {number}" for number in (1, 2, 3))
    assert rows.notes == ()


@pytest.mark.parametrize("make", [list, pd.DataFrame, lambda rows: pd.DataFrame(rows).convert_dtypes()])
def test_rows_of_python_are_encoded_as_in_training(make: Any) -> None:
    source = make(ROWS)
    assert is_rows(source)
    rows = rows_for(source, PREPARATION)
    assert np.array_equal(rows.inputs, EXPECTED, equal_nan=True)
    assert rows.names == ("row 1", "row 2", "row 3")


def test_a_frame_with_real_dates_and_categories_is_read_as_well() -> None:
    frame = pd.DataFrame(ROWS).assign(sold=lambda one: pd.to_datetime(one["sold"]), extra=1)
    frame["colour"] = pd.Categorical(frame["colour"])
    rows = rows_for(frame[["extra", "sold", "is_new", "colour", "size"]], PREPARATION)
    assert np.array_equal(rows.inputs, EXPECTED, equal_nan=True)
    assert rows.notes == ("not looked at: column extra",)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (without("size"), "the list of rows lacks column 'size' of the classifier"),
        (
            [{("Size" if key == "size" else key): row[key] for key in row} for row in ROWS],
            r"lacks column 'size' \(but has 'Size'\)",
        ),
        ([{}], "lacks columns 'size', 'colour', 'is_new' and 'sold'"),
        (changed(1, size="large"), "column 'size' holds 'large' in row 2, which is no number"),
        (changed(1, size=[1]), r"column 'size' holds .* which is no number"),
        (changed(2, size=math.inf), "column 'size' holds 'inf' in row 3, which is infinite"),
        (changed(0, sold="soon"), "column 'sold' holds 'soon' in row 1, which is no date"),
        (changed(0, sold=5), "column 'sold' holds '5' in row 1, which is no date"),
        (changed(0, is_new=2), "column 'is_new' holds .* in row 1, which is no boolean"),
        (changed(0, colour={"a": 1}), "column 'colour' holds a list or object in row 1, which is no category"),
        ([], "there are no rows"),
        ([1, 2], "row 1 is int, not a dict"),
        (7, "rows cannot be read from int"),
        (pd.DataFrame(ROWS).iloc[:0], "the DataFrame has no rows"),
        (pd.DataFrame(ROWS).set_axis(["size", "size", "is_new", "sold"], axis=1), "two columns named 'size'"),
    ],
)
def test_rows_that_do_not_fit_are_refused_with_their_place(source: Any, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        rows_for(source, PREPARATION)


def test_what_training_had_not_is_noted() -> None:
    source: list[dict[str, Any]] = [
        {"size": None, "colour": "violet", "is_new": None, "sold": None},
        {"size": "?", "colour": "violet", "is_new": True, "sold": "2020-01-01", "seller": "me"},
        {"size": 1, "colour": "grey", "is_new": True, "sold": "2020-01-01"},
    ]
    rows = rows_for(source, PREPARATION)
    assert np.array_equal(rows.inputs[:, :2], np.array([[math.nan, -1], [math.nan, -1], [1, -1]]), equal_nan=True)
    assert rows.notes == (
        "column 'size' lacks 2 values, and in training none: taken as the mean",
        "column 'colour' has 3 values that training had not: 'violet' and 'grey'",
        "column 'sold' lacks 1 value, and in training none: taken as the mean",
        "not looked at: column seller",
    )


def test_inputs_to_predict_are_bit_by_bit_those_of_training(tmp_path: Path, write: Write) -> None:
    frame = datasets.load_wine(as_frame=True).frame
    path = write(tmp_path / "wine.csv", frame)
    dataset = read_table(path, ReadOptions())
    assert dataset.columns is not None
    preparation = TablePreparation.fit(dataset.train, dataset.columns)
    rows = rows_for(path, preparation)
    assert rows.inputs.dtype == dataset.train.inputs.dtype
    assert (rows.inputs == frame.drop(columns="target").to_numpy(np.float32)).all()
    judged = read_like(path, preparation, dataset.class_names, dataset.task, (), ReadOptions())
    assert list(judged.splits) == ["test"]
    assert (judged.test.inputs == rows.inputs).all()
    assert (judged.test.labels == frame["target"]).all()
    assert judged.columns == dataset.columns


def labelled(rows: int = 6, **more: Any) -> pd.DataFrame:
    return pd.DataFrame([ROWS[place % 3] for place in range(rows)]).assign(**more)


def like(
    path: Path, names: tuple[str, ...], task: Any, trained: tuple[str, ...] = (), options: ReadOptions | None = None
) -> Dataset:
    return read_like(path, PREPARATION, names, task, trained, options or ReadOptions())


def test_classes_keep_the_numbers_of_the_classifier(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path / "new.csv", labelled(mood=["good", "bad"] * 3))
    assert like(path, ("awful", "bad", "good"), "multiclass").test.labels.tolist() == [2, 1] * 3
    one_class = write(tmp_path / "one.csv", labelled(mood="good"))
    assert like(one_class, ("bad", "good"), "binary").test.labels.tolist() == [1] * 6


def test_a_class_that_the_classifier_does_not_know_is_refused(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path / "new.csv", labelled(mood=["good", "godo", "bad"] * 2))
    with pytest.raises(DataError, match=r"column 'mood' .* does not know: 'godo' \(2\)\n.*write 'good'"):
        like(path, ("bad", "good"), "binary")


def test_the_label_column_is_the_named_one_or_the_one_that_is_no_input(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path / "new.csv", labelled(first=["a", "b"] * 3, last=["b", "a"] * 3))
    assert like(path, ("a", "b"), "binary").test.labels.tolist() == [1, 0] * 3
    assert like(path, ("a", "b"), "binary", ("first",)).test.labels.tolist() == [0, 1] * 3
    assert like(path, ("a", "b"), "binary", ("last",), ReadOptions(label=("first",))).test.labels.tolist() == [0, 1] * 3
    with pytest.raises(UnknownNameError, match=r"no column 'frist'\n.*write 'first'"):
        like(path, ("a", "b"), "binary", options=ReadOptions(label=("frist",)))
    with pytest.raises(DataError, match="no column that can be the label"):
        like(write(tmp_path / "bare.csv", labelled()), ("a", "b"), "binary")


def test_targets_and_several_labels_are_found_by_their_names(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path / "new.csv", labelled(wet=[0, 1] * 3, price=np.arange(6) / 4))
    assert like(path, ("price",), "regression").test.labels.ravel().tolist() == (np.arange(6) / 4).tolist()
    assert like(path, ("wet",), "multilabel").test.labels.ravel().tolist() == [0, 1] * 3
    with pytest.raises(DataError, match="has 1 label columns, but the classifier answers 2: price and weight"):
        like(path, ("price", "weight"), "regression", ("price",))


def test_lists_of_labels_keep_the_places_of_the_classifier(tmp_path: Path) -> None:
    lines = [json.dumps({**row, "tags": tags}) for row, tags in zip(ROWS, (["b"], [], ["c", "b"]), strict=True)]
    (tmp_path / "new.jsonl").write_text("\n".join(lines))
    found = like(tmp_path / "new.jsonl", ("a", "b", "c"), "multilabel").test.labels
    assert found.tolist() == [[0, 1, 0], [0, 0, 0], [0, 1, 1]]
    with pytest.raises(DataError, match=r"has labels that the classifier does not know: 'c' \(1\)"):
        like(tmp_path / "new.jsonl", ("a", "b"), "multilabel")


def test_given_splits_of_a_folder_are_kept(tmp_path: Path, write: Write) -> None:
    for split, count in (("train", 9), ("test", 3)):
        write(tmp_path / f"{split}.csv", labelled(count, mood="good"))
    assert {name: len(split) for name, split in like(tmp_path, ("bad", "good"), "binary").splits.items()} == {
        "train": 9,
        "test": 3,
    }


def test_rows_without_a_label_are_refused_or_left_out(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path / "new.csv", labelled(mood=["good", None, "bad"] * 2))
    with pytest.raises(DataError, match="no label in column 'mood' in rows 2 and 5"):
        like(path, ("bad", "good"), "binary")
    assert like(path, ("bad", "good"), "binary", options=ReadOptions(skip_bad=True)).test.labels.tolist() == [
        1,
        0,
        1,
        0,
    ]
