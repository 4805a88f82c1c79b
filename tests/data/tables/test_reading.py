"""Real and made tables against scikit-learn's arrays and pandas' own reading."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn import datasets

from pellucid.data.columns import UNKNOWN
from pellucid.data.dataset import Dataset
from pellucid.data.options import ReadOptions
from pellucid.data.splitting import split_indices
from pellucid.data.tables.reading import read_table
from pellucid.errors import DataError, MissingFileError, UnknownNameError

from .conftest import Write

FORMATS = ["csv", "csv.gz", "tsv", "parquet", "feather", "jsonl"]
CLASSES = {"iris": 3, "wine": 3, "breast_cancer": 2, "digits": 10}


def as_is(path: Path, **options: Any) -> Dataset:
    return read_table(path, ReadOptions(**options))


def together(dataset: Dataset, order: dict[str, NDArray[np.int64]], what: str) -> NDArray[Any]:
    """The inputs or labels of all splits, back in the order of the file."""
    first = getattr(dataset.train, what)
    found = np.empty((sum(map(len, order.values())), *first.shape[1:]), first.dtype)
    for split, rows in order.items():
        found[rows] = getattr(dataset.split(split), what)
    return found


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("name", CLASSES)
def test_real_tables_give_exactly_the_arrays_of_scikit_learn(
    tmp_path: Path, write: Write, name: str, ending: str
) -> None:
    theirs = getattr(datasets, f"load_{name}")(as_frame=True)
    dataset = as_is(write(tmp_path / f"{name}.{ending}", theirs.frame))
    labels = theirs.target.to_numpy(np.int64)
    order = split_indices(labels, "multiclass")
    assert dataset.task == ("binary" if CLASSES[name] == 2 else "multiclass")
    assert dataset.class_names == tuple(str(number) for number in range(CLASSES[name]))
    assert (together(dataset, order, "labels") == labels).all()
    assert dataset.columns is not None
    left_out = [column for column in theirs.data if column not in [one.name for one in dataset.columns]]
    assert all(theirs.data[column].iloc[order["train"]].nunique() == 1 for column in left_out)
    kept = theirs.data.drop(columns=left_out)
    assert [column.name for column in dataset.columns] == list(kept)
    assert {column.kind for column in dataset.columns} == {"number"}
    assert (together(dataset, order, "inputs") == kept.to_numpy(np.float32)).all()


@pytest.mark.parametrize("ending", FORMATS)
def test_a_real_regression_gives_exactly_the_arrays_of_scikit_learn(tmp_path: Path, write: Write, ending: str) -> None:
    theirs = datasets.load_diabetes(as_frame=True)
    dataset = as_is(write(tmp_path / f"diabetes.{ending}", theirs.frame))
    labels = theirs.target.to_numpy(np.float32)[:, None]
    order = split_indices(labels, "regression")
    assert (dataset.task, dataset.class_names) == ("regression", ("target",))
    assert (together(dataset, order, "labels") == labels).all()
    assert (together(dataset, order, "inputs") == theirs.data.to_numpy(np.float32)).all()


def mixed(rows: int = 400) -> pd.DataFrame:
    """All kinds of columns; each tenth value or so is missing where values may be."""
    generator = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "PassengerId": np.arange(rows) + 1000,
            "age": generator.integers(1, 90, rows).astype(float),
            "fare": generator.gamma(2, 10, rows).round(2),
            "port": generator.choice(["Southampton", "Cherbourg", "Queenstown"], rows),
            "is_adult": generator.random(rows) < 0.7,
            "born": pd.Timestamp("1900-03-01") + pd.to_timedelta(generator.integers(0, 9_000, rows), unit="D"),
            "cabins": generator.integers(0, 5, rows),
            "empty": [None] * rows,
            "planet": "earth",
            "survived": generator.choice(["yes", "no"], rows),
        }
    )
    for column in ("age", "port", "born"):
        frame.loc[generator.random(rows) < 0.1, column] = None
    return frame


@pytest.mark.parametrize("ending", FORMATS)
def test_a_mixed_table_is_encoded_as_by_pandas(tmp_path: Path, write: Write, ending: str) -> None:
    frame = mixed()
    dates = frame["born"].dt.strftime("%Y-%m-%d")
    dataset = as_is(
        write(tmp_path / f"mixed.{ending}", frame.assign(born=dates) if ending == "jsonl" else frame),
        label=("survived",),
    )
    labels = (frame["survived"] == "yes").to_numpy(np.int64)
    order = split_indices(labels, "binary")
    assert dataset.class_names == ("no", "yes")
    assert dataset.columns is not None
    assert {one.name: one.kind for one in dataset.columns} == {
        "age": "number",
        "fare": "number",
        "port": "category",
        "is_adult": "boolean",
        "born": "date",
        "cabins": "number",
    }
    assert dataset.columns[2].categories == ("Cherbourg", "Queenstown", "Southampton")
    codes = pd.Categorical(frame["port"], ["Cherbourg", "Queenstown", "Southampton"]).codes.astype(float)
    expected = np.column_stack(
        [
            frame["age"],
            frame["fare"],
            np.where(codes < 0, np.nan, codes),
            frame["is_adult"],
            (frame["born"] - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1),
            frame["cabins"],
        ]
    ).astype(np.float32)
    assert np.array_equal(together(dataset, order, "inputs"), expected, equal_nan=True)
    assert (together(dataset, order, "labels") == labels).all()
    assert "left out, as values there only tell rows apart: column PassengerId" in dataset.notes
    assert "left out, as all values are missing: column empty" in dataset.notes
    assert "left out, as training has one value only: column planet" in dataset.notes


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_an_index_that_pandas_wrote_is_left_out_though_it_repeats(tmp_path: Path, name: str) -> None:
    frame = pd.DataFrame({name: [*range(20)] * 2, "x": np.arange(40) / 4, "y": ["a", "b"] * 20})
    frame.to_csv(tmp_path / "table.csv", index=False)
    dataset = as_is(tmp_path / "table.csv")
    assert dataset.columns is not None
    assert [column.name for column in dataset.columns] == ["x"]
    assert any(f"only tell rows apart: column {name or '1, which has no name'}" in note for note in dataset.notes)


def test_categories_are_those_of_training_and_others_are_unknown(tmp_path: Path) -> None:
    rows = {"colour": ["red", "blue", "green"] * 20, "size": range(60), "y": ["a", "b"] * 30}
    pd.DataFrame(rows).to_csv(tmp_path / "train.csv", index=False)
    later = pd.DataFrame({"y": ["a", "b", "a", "b"], "size": [1, 2, 3, 4], "colour": ["green", "violet", None, "blue"]})
    later.to_csv(tmp_path / "test.csv", index=False)
    dataset = as_is(tmp_path)
    assert dataset.columns is not None
    assert dataset.columns[0].categories == ("blue", "green", "red")
    assert np.array_equal(dataset.test.inputs[:, 0], [1, UNKNOWN, np.nan, 0], equal_nan=True)
    assert dataset.test.inputs[:, 1].tolist() == [1, 2, 3, 4]
    assert {name: len(split) for name, split in dataset.splits.items()} == {"train": 50, "test": 4, "validation": 10}


def test_given_splits_are_respected_row_by_row(tmp_path: Path) -> None:
    for split, start in (("train", 0), ("val", 100), ("test", 200)):
        frame = pd.DataFrame({"x": np.arange(start, start + 12), "y": ["a", "b", "c"] * 4})
        frame.to_parquet(tmp_path / f"{split}.parquet")
    (tmp_path / "sample_submission.csv").write_text("x,y\n1,a\n")
    dataset = as_is(tmp_path)
    for split, start in (("train", 0), ("validation", 100), ("test", 200)):
        assert dataset.split(split).inputs.ravel().tolist() == list(range(start, start + 12))
        assert dataset.split(split).labels.tolist() == [0, 1, 2] * 4
    assert "other tables in the folder are not read: sample_submission.csv" in dataset.notes


def test_a_test_split_is_cut_from_training_if_only_validation_is_given(tmp_path: Path) -> None:
    pd.DataFrame({"x": range(70), "y": ["a", "b"] * 35}).to_csv(tmp_path / "train.csv", index=False)
    pd.DataFrame({"x": [1000, 1001], "y": ["a", "b"]}).to_csv(tmp_path / "validation.csv", index=False)
    dataset = as_is(tmp_path)
    assert dataset.validation.inputs.ravel().tolist() == [1000, 1001]
    assert len(dataset.test) == 10
    both = np.concatenate([dataset.train.inputs, dataset.test.inputs]).ravel()
    assert sorted(both) == list(range(70))


def test_groups_stay_in_one_split_and_are_no_input(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "patient": [f"p{i % 30}" for i in range(300)],
            "x": generator.normal(size=300),
            "y": generator.choice(["a", "b"], 300),
        }
    )
    frame["number"] = frame["patient"].str[1:].astype(int)
    frame[["patient", "x", "number", "y"]].to_csv(tmp_path / "visits.csv", index=False)
    dataset = as_is(tmp_path / "visits.csv", group="patient")
    assert dataset.columns is not None
    assert [column.name for column in dataset.columns] == ["x", "number"]
    seen = [set(split.inputs[:, 1]) for split in dataset.splits.values()]
    assert sum(map(len, seen)) == len(set.union(*seen)) == 30


def test_groups_that_stand_in_two_given_splits_are_noted(tmp_path: Path) -> None:
    frame = pd.DataFrame({"patient": [f"p{i % 12}" for i in range(48)], "x": range(48), "y": ["a", "b"] * 24})
    frame.to_csv(tmp_path / "train.csv", index=False)
    frame.query("patient in ('p1', 'p3')").to_csv(tmp_path / "test.csv", index=False)
    dataset = as_is(tmp_path, group="patient")
    assert "2 groups stand in the given test split and in training: p1 and p3" in dataset.notes


def test_double_precision_is_kept_where_single_would_lose_it(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"time": 1.7e9 + generator.normal(0, 1, 60), "x": generator.normal(size=60), "y": ["a", "b"] * 30}
    )
    frame.to_csv(tmp_path / "times.csv", index=False)
    dataset = as_is(tmp_path / "times.csv")
    rows = together(dataset, split_indices(np.array([0, 1] * 30), "binary"), "inputs")
    assert rows.dtype == np.float64
    assert (rows == frame[["time", "x"]].to_numpy()).all()
    frame["time"] -= 1.7e9
    frame.to_csv(tmp_path / "times.csv", index=False)
    assert as_is(tmp_path / "times.csv").train.inputs.dtype == np.float32


@pytest.mark.parametrize(
    ("columns", "label", "why"),
    [
        (("label", "x", "y"), "label", "guessed by its name"),
        (("y", "x", "z"), "y", "guessed by its name"),
        (("Species", "x", "z"), "Species", "guessed by its name"),
        (("x", "z", "mood"), "mood", "guessed: the last column"),
    ],
)
def test_a_label_that_is_not_named_is_guessed_and_said(
    tmp_path: Path, columns: tuple[str, ...], label: str, why: str
) -> None:
    values = {name: (["a", "b"] * 20 if name == label else range(40)) for name in columns}
    pd.DataFrame(values).to_csv(tmp_path / "table.csv", index=False)
    dataset = as_is(tmp_path / "table.csv")
    assert f"label column: {label} ({why})" in dataset.notes
    assert dataset.class_names == ("a", "b")


def test_wrong_names_are_answered_with_near_ones(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path / "mixed.csv", mixed())
    for options in ({"label": ("survivd",)}, {"ignore": ("survivd",)}, {"group": "Survived"}):
        with pytest.raises(UnknownNameError, match=r"no column 'survivd'|no column 'Survived'") as caught:
            as_is(path, **options)
        assert caught.value.fix.startswith("write 'survived'")
    with pytest.raises(UnknownNameError, match=r"there is no task 'regresion'\n.*write 'regression'"):
        as_is(path, task="regresion")
    with pytest.raises(DataError, match="column 'survived' is named twice"):
        as_is(path, label=("survived",), ignore=("survived",))


def test_ignored_columns_are_no_inputs_even_if_they_are_free_text(tmp_path: Path, write: Write) -> None:
    frame = mixed().assign(story=[f"story number {i}" for i in range(400)], name=[f"Mr {i}" for i in range(400)])
    path = write(tmp_path / "mixed.csv", frame)
    with pytest.raises(DataError, match=r"free text in columns story \(400 .*\) and name \(400") as caught:
        as_is(path, label=("survived",))
    assert caught.value.fix == "leave it out: --ignore story --ignore name"
    dataset = as_is(path, label=("survived",), ignore=("story", "name", "age"))
    assert dataset.columns is not None
    assert not {"story", "name", "age"} & {column.name for column in dataset.columns}


def test_a_folder_with_only_a_test_file_lacks_one_for_training(tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text("x,y\n1,a\n")
    with pytest.raises(MissingFileError, match=r"no train file beside test\.csv"):
        as_is(tmp_path)


def test_two_files_for_one_split_are_refused(tmp_path: Path) -> None:
    for name in ("train.csv", "train.tsv"):
        (tmp_path / name).write_text("x,y\n1,a\n")
    with pytest.raises(DataError, match=r"two train files: train\.csv and train\.tsv"):
        as_is(tmp_path)


def test_a_test_table_without_a_column_of_training_is_refused_with_its_near_match(tmp_path: Path) -> None:
    pd.DataFrame({"petal length": range(40), "w": range(40), "y": ["a", "b"] * 20}).to_csv(
        tmp_path / "train.csv", index=False
    )
    pd.DataFrame({"petal lenght": range(4), "y": ["a", "b"] * 2}).to_csv(tmp_path / "test.csv", index=False)
    with pytest.raises(
        DataError, match=r"lacks columns 'petal length' \(but has 'petal lenght'\) and 'w' of the training"
    ):
        as_is(tmp_path)


def test_text_where_training_has_numbers_is_refused_with_its_row(tmp_path: Path) -> None:
    pd.DataFrame({"x": range(40), "y": ["a", "b"] * 20}).to_csv(tmp_path / "train.csv", index=False)
    (tmp_path / "test.csv").write_text("x,y\n1,a\nmany,b\n3,a\n")
    with pytest.raises(DataError, match=r"test\.csv has 'many', which is no number, in column 'x' in row 2"):
        as_is(tmp_path)
    assert as_is(tmp_path, skip_bad=True).test.inputs.ravel().tolist() == [1, 3]


def test_a_class_that_only_the_test_split_has_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"x": range(40), "y": ["a", "b"] * 20}).to_csv(tmp_path / "train.csv", index=False)
    pd.DataFrame({"x": range(4), "y": ["a", "c", "c", "b"]}).to_csv(tmp_path / "test.csv", index=False)
    with pytest.raises(DataError, match=r"test split has examples of class 'c' \(2\), and training has none"):
        as_is(tmp_path)


def test_numbers_with_decimal_commas_are_read_where_semicolons_separate(tmp_path: Path) -> None:
    frame = datasets.load_iris(as_frame=True).frame
    frame.to_csv(tmp_path / "dots.csv", index=False)
    frame.to_csv(tmp_path / "commas.csv", index=False, sep=";", decimal=",")
    plain, european = as_is(tmp_path / "dots.csv"), as_is(tmp_path / "commas.csv")
    assert plain.fingerprint == european.fingerprint
    assert "columns are separated by semicolons" in european.notes


def test_every_mark_of_a_missing_value_is_one(tmp_path: Path) -> None:
    marks = ["", "NA", "NaN", "null", "?", "-", "N/A", "None", "nan", "#N/A"]
    lines = [
        "x,kind,y",
        *(
            f"{marks[i % 20] if i % 20 < 10 else i}.,{marks[i % 20] if i % 20 < 10 else 'u'},{'ab'[i % 2]}"
            for i in range(60)
        ),
    ]
    (tmp_path / "marks.csv").write_text("\n".join(lines).replace(".,", ","))
    dataset = as_is(tmp_path / "marks.csv")
    rows = together(dataset, split_indices(np.array([0, 1] * 30), "binary"), "inputs")
    is_missing = np.arange(60) % 20 < 10
    assert (np.isnan(rows) == is_missing[:, None]).all()
    assert (rows[~is_missing, 0] == np.arange(60)[~is_missing]).all()


WITHOUT_PANDAS = """
import sys
from pathlib import Path

class NoPandas:
    def find_spec(self, name, *_):
        if name.partition(".")[0] == "pandas":
            raise ImportError("pandas is not installed")

sys.meta_path.insert(0, NoPandas())
from pellucid.data.options import ReadOptions
from pellucid.data.tables.files import is_table
from pellucid.data.tables.reading import read_table

folder = Path(sys.argv[1])
assert is_table(folder) and "pyarrow" not in sys.modules and "torch" not in sys.modules
print(*read_table(folder, ReadOptions()).class_names)
assert "pyarrow" in sys.modules and "pandas" not in sys.modules
"""


def test_pyarrow_is_loaded_only_when_a_table_is_read_and_pandas_never_needed(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("x,y\n" + "1,a\n2,b\n3,a\n4,b\n" * 5)
    command = [sys.executable, "-c", WITHOUT_PANDAS, str(tmp_path)]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "a b\n"
    assert [file.name for file in tmp_path.iterdir()] == ["train.csv"]
