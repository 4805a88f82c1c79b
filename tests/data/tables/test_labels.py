"""What task labels are of, and the numbers they become."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.preprocessing import MultiLabelBinarizer

from pellucid.data.dataset import Dataset
from pellucid.data.options import ReadOptions
from pellucid.data.splitting import split_indices
from pellucid.data.tables.reading import read_table
from pellucid.errors import DataError

ROWS = 60
GENERATOR = np.random.default_rng(2)
MEASURED = GENERATOR.normal(size=ROWS).round(3)


def read(folder: Path, labels: dict[str, Any], **options: Any) -> Dataset:
    """A table of these label columns, with a row number for its input: labels can be told apart by it."""
    frame = pd.DataFrame({"row": np.arange(ROWS) / 2, **labels})
    frame.to_parquet(folder / "table.parquet")
    return read_table(folder / "table.parquet", ReadOptions(label=tuple(labels), **options))


def labels_of(dataset: Dataset) -> np.ndarray:
    """The labels of all splits in the order of the rows."""
    first = dataset.train.labels
    found = np.empty((ROWS, *first.shape[1:]), first.dtype)
    for split in dataset.splits.values():
        found[(split.inputs[:, 0] * 2).astype(int)] = split.labels
    return found


@pytest.mark.parametrize(
    ("values", "task", "names"),
    [
        pytest.param(["b", "a", "c"] * 20, "multiclass", ("a", "b", "c"), id="text"),
        pytest.param(["b", "a"] * 30, "binary", ("a", "b"), id="two texts"),
        pytest.param([True, False] * 30, "binary", ("false", "true"), id="booleans"),
        pytest.param(["True", "False"] * 30, "binary", ("false", "true"), id="booleans as text"),
        pytest.param([10, 9, 2] * 20, "multiclass", ("2", "9", "10"), id="whole numbers"),
        pytest.param(["10", "9", "2"] * 20, "multiclass", ("2", "9", "10"), id="whole numbers as text"),
        pytest.param([1.0, 0.0] * 30, "binary", ("0", "1"), id="whole numbers with a point"),
        pytest.param(["+", "-"] * 30, "binary", ("+", "-"), id="signs"),
        pytest.param(pd.Categorical([3, 1, 2] * 20), "multiclass", ("1", "2", "3"), id="declared categories"),
        pytest.param(MEASURED, "regression", ("y",), id="numbers"),
        pytest.param([0.5, 1.5] * 30, "regression", ("y",), id="two numbers that are not whole"),
        pytest.param(range(ROWS), "regression", ("y",), id="many whole numbers"),
    ],
)
def test_the_task_is_inferred_and_said(tmp_path: Path, values: Any, task: str, names: tuple[str, ...]) -> None:
    dataset = read(tmp_path, {"y": values})
    assert (dataset.task, dataset.class_names) == (task, names)
    assert any(note.startswith(f"task: {task} (inferred") for note in dataset.notes)
    raw = list(values)
    if task == "regression":
        assert labels_of(dataset).tolist() == [[np.float32(value)] for value in raw]
    else:
        written = [
            str(int(value)) if isinstance(value, float) else str(value).replace("T", "t").replace("F", "f")
            for value in raw
        ]
        assert [names[label] for label in labels_of(dataset)] == written


@pytest.mark.parametrize(
    ("values", "task", "names"),
    [
        ([1, 2, 3] * 20, "regression", ("y",)),
        ([0.5, 1.5, 2.5] * 20, "multiclass", ("0.5", "1.5", "2.5")),
        (["a", "b"] * 30, "multiclass", ("a", "b")),
        ([0, 1] * 30, "multilabel", ("y",)),
    ],
)
def test_the_task_can_be_named(tmp_path: Path, values: Any, task: Any, names: tuple[str, ...]) -> None:
    dataset = read(tmp_path, {"y": values}, task=task)
    assert (dataset.task, dataset.class_names) == (task, names)
    assert not any("inferred" in note for note in dataset.notes)


def test_several_columns_of_flags_are_several_labels(tmp_path: Path) -> None:
    flags = GENERATOR.random((ROWS, 3)) < 0.4
    dataset = read(tmp_path, {"wet": flags[:, 0], "old": flags[:, 1].astype(int), "big": flags[:, 2].astype(float)})
    assert (dataset.task, dataset.class_names) == ("multilabel", ("wet", "old", "big"))
    assert (labels_of(dataset) == flags).all()


def test_several_columns_of_numbers_are_several_targets(tmp_path: Path) -> None:
    targets = GENERATOR.normal(size=(ROWS, 2))
    dataset = read(tmp_path, {"u": targets[:, 0], "v": targets[:, 1]})
    assert (dataset.task, dataset.class_names) == ("regression", ("u", "v"))
    assert (labels_of(dataset) == targets.astype(np.float32)).all()


TAGS = [["wet", "old"], [], ["big"], ["old", "big", "wet"], ["old"]] * (ROWS // 5)


def test_a_column_of_lists_is_several_labels_as_by_scikit_learn(tmp_path: Path) -> None:
    table = pa.table({"row": np.arange(ROWS) / 2, "tags": TAGS})
    pq.write_table(table, tmp_path / "table.parquet")
    (tmp_path / "table.jsonl").write_text(
        "\n".join(json.dumps({"row": row / 2, "tags": tags}) for row, tags in enumerate(TAGS))
    )
    theirs = MultiLabelBinarizer()
    expected = theirs.fit_transform(TAGS)
    for name in ("table.parquet", "table.jsonl"):
        dataset = read_table(tmp_path / name, ReadOptions())
        assert (dataset.task, dataset.class_names) == ("multilabel", tuple(theirs.classes_))
        assert (labels_of(dataset) == expected).all()


@pytest.mark.parametrize("separator", [";", "|", " ; "])
def test_text_is_cut_into_several_labels_if_told(tmp_path: Path, separator: str) -> None:
    lines = ["row,tags", *(f"{row / 2},{separator.join(tags)}" for row, tags in enumerate(TAGS))]
    (tmp_path / "table.csv").write_text("\n".join(lines))
    dataset = read_table(tmp_path / "table.csv", ReadOptions(task="multilabel"))
    theirs = MultiLabelBinarizer()
    expected = theirs.fit_transform(TAGS)
    assert dataset.class_names == tuple(theirs.classes_)
    assert (labels_of(dataset) == expected).all()


@pytest.mark.parametrize(
    ("labels", "task", "problem"),
    [
        ({"y": ["a"] * ROWS}, None, "holds one class only: 'a'"),
        ({"y": [5.5] * ROWS}, None, "'y' .* is 5.5 in every row"),
        ({"y": ["a", "b", "c"] * 20}, "binary", "has 3 classes, not two"),
        ({"y": ["a", "b", "c"] * 20}, "regression", "'a', which is no number, in column 'y' in rows 1, 2"),
        ({"y": [f"text {i}" for i in range(ROWS)]}, None, "60 different values in 60 rows, too many for classes"),
        ({"u": [1, 2] * 30, "v": ["a", "b"] * 30}, None, "column v among them holds neither 0 and 1 nor numbers"),
        ({"u": [0, 1] * 30, "v": [0, 1] * 30}, "multiclass", "one label column, not columns 'u' and 'v'"),
        ({"u": [0, 1] * 30, "v": [0, 2] * 30}, "multilabel", "holds neither lists nor 0 and 1"),
        ({"u": [0, 1] * 30, "v": [["a"], []] * 30}, "multilabel", "holds neither lists nor 0 and 1"),
        ({"y": [{"a": 1}] * ROWS}, None, "holds lists, objects or bytes"),
        ({"y": [None] * ROWS}, None, "no label in column 'y' in rows 1, 2, 3.*60 in all"),
        ({"y": 1e9 + MEASURED}, None, "varies by .* around 1e.09, which float32 cannot hold|around 100000"),
        ({"y": np.where(MEASURED > 1, np.inf, MEASURED)}, None, "infinite values in column 'y' in row"),
        ({"y": pd.date_range("2020", periods=ROWS)}, None, "label column 'y' .* holds dates"),
    ],
)
def test_labels_that_cannot_be_learned_are_refused(
    tmp_path: Path, labels: dict[str, Any], task: Any, problem: str
) -> None:
    with pytest.raises(DataError, match=f"(?s){problem}"):
        read(tmp_path, labels, task=task)


def test_rows_without_a_label_are_counted_or_left_out(tmp_path: Path) -> None:
    values = ["a", "b", None, "a", "b", "a"] * 10
    with pytest.raises(DataError, match=r"no label in column 'y' in rows 3, 9, 15.* 51 and 57"):
        read(tmp_path, {"y": values})
    dataset = read(tmp_path, {"y": values}, skip_bad=True)
    kept = sorted(row * 2 for split in dataset.splits.values() for row in split.inputs[:, 0])
    assert kept == [row for row in range(ROWS) if row % 6 != 2]
    assert any("10 rows with no label in column 'y' (10)" in note for note in dataset.notes)


def test_a_label_so_rare_that_only_the_test_has_it_is_noted(tmp_path: Path) -> None:
    tags = [["wet"], ["old"]] * (ROWS // 2)
    for row in split_indices(np.zeros((ROWS, 1), np.float32), "multilabel")["test"]:
        tags[row] = [*tags[row], "rare"]
    (tmp_path / "table.jsonl").write_text(
        "\n".join(json.dumps({"row": row / 2, "tags": of_row}) for row, of_row in enumerate(tags))
    )
    dataset = read_table(tmp_path / "table.jsonl", ReadOptions())
    rare = dataset.class_names.index("rare")
    counts = {name: int(split.labels[:, rare].sum()) for name, split in dataset.splits.items()}
    is_noted = any("examples of label 'rare'" in note for note in dataset.notes)
    assert is_noted == (counts["train"] == 0)


def test_splits_are_those_of_the_one_way_to_cut(tmp_path: Path) -> None:
    dataset = read(tmp_path, {"y": MEASURED})
    for name, rows in split_indices(MEASURED.astype(np.float32)[:, None], "regression").items():
        assert (dataset.split(name).inputs[:, 0] * 2).astype(int).tolist() == rows.tolist()
