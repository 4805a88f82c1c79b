"""Streamed tables against pandas, and against reading them into memory."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import pellucid
from pellucid.data.columns import UNKNOWN
from pellucid.data.dataset import Dataset
from pellucid.data.streaming import sampling, sources
from pellucid.data.streaming.assigning import row_keys, split_numbers, text_key
from pellucid.errors import DataError, UnknownNameError

SPLITS = ("train", "validation", "test")


def frame_of(rows: int = 600, seed: int = 0) -> pd.DataFrame:
    """Columns of every kind; "row" numbers them, with a fraction so that it is no identifier."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "row": np.arange(rows) + 0.5,
            "size": rng.standard_normal(rows).astype(np.float32),
            "count": pd.Series(rng.integers(0, 99, rows), dtype="Int16").mask(rng.random(rows) < 0.1),
            "is_old": rng.random(rows) < 0.5,
            "when": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 10**6, rows), "s"),
            "colour": pd.Series(np.array(["red", "green", "blue "])[rng.integers(0, 3, rows)]).mask(
                rng.random(rows) < 0.1
            ),
            "shape": pd.Categorical.from_codes(rng.integers(-1, 2, rows), ["round", "flat"]),
            "label": np.array(["cat", "dog", "owl"])[rng.integers(0, 3, rows)],
        }
    )


def write_parquet(path: Path, frame: pd.DataFrame, rows: int = 70) -> Path:
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path, row_group_size=rows)
    return path


def write_ipc(path: Path, frame: pd.DataFrame, rows: int = 70) -> Path:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=rows)
    return path


def write_ipc_stream(path: Path, frame: pd.DataFrame, rows: int = 70) -> Path:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=rows)
    return path


WRITERS = {"a.parquet": write_parquet, "a.arrow": write_ipc, "a.ipc": write_ipc_stream}


def streamed(dataset: Dataset, *, seed: int = 0) -> tuple[NDArray[Any], NDArray[Any]]:
    """All training examples of a stream, sorted by their first input."""
    assert dataset.stream is not None
    inputs, labels = zip(*dataset.stream.blocks(seed, 0, 64), strict=True)
    order = np.argsort(np.concatenate(inputs)[:, 0], kind="stable")
    return np.concatenate(inputs)[order], np.concatenate(labels)[order]


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices of a dozen rows, so that a row group has several."""
    monkeypatch.setattr(sources, "SLICE_BYTES", 600)


@pytest.mark.usefixtures("small_slices")
@pytest.mark.parametrize("name", WRITERS)
def test_rows_are_those_of_pandas(tmp_path: Path, name: str) -> None:
    frame = frame_of()
    dataset = pellucid.read(WRITERS[name](tmp_path / name, frame), stream=True)
    numbers = split_numbers(row_keys("", 0, 600))
    columns = {column.name: place for place, column in enumerate(dataset.columns or ())}
    for place, split in enumerate(SPLITS):
        expected = frame[numbers == place]
        inputs, labels = streamed(dataset) if split == "train" else (dataset.splits[split].inputs, None)
        assert np.array_equal(inputs[:, columns["row"]], expected["row"])
        assert np.array_equal(inputs[:, columns["size"]], expected["size"])
        assert np.array_equal(inputs[:, columns["count"]], expected["count"].to_numpy(float, np.nan), equal_nan=True)
        assert np.array_equal(inputs[:, columns["is_old"]], expected["is_old"])
        days = (expected["when"] - pd.Timestamp(0)) / pd.Timedelta(days=1)
        assert np.allclose(inputs[:, columns["when"]], days, rtol=1e-7 if inputs.dtype == np.float32 else 1e-12)
        for column, words in (("colour", ["blue", "green", "red"]), ("shape", ["flat", "round"])):
            text = expected[column].astype(object).where(expected[column].notna(), None)
            wanted = [np.nan if word is None else words.index(word.strip()) for word in text]
            assert np.array_equal(inputs[:, columns[column]], wanted, equal_nan=True)
        if labels is not None:
            assert [dataset.class_names[label] for label in labels] == expected["label"].tolist()


@pytest.mark.usefixtures("small_slices")
def test_the_stream_is_the_sample_where_that_has_all_rows(tmp_path: Path) -> None:
    dataset = pellucid.read(write_parquet(tmp_path / "a.parquet", frame_of()), stream=True)
    inputs, labels = streamed(dataset)
    assert inputs.dtype == dataset.train.inputs.dtype
    assert np.array_equal(inputs, dataset.train.inputs, equal_nan=True)
    assert np.array_equal(labels, dataset.train.labels)


def test_given_splits_are_those_that_are_read_into_memory(tmp_path: Path) -> None:
    for place, name in enumerate(("train", "val", "test")):
        write_parquet(tmp_path / f"{name}.parquet", frame_of(200, seed=place))
    in_memory, dataset = pellucid.read(tmp_path), pellucid.read(tmp_path, stream=True)
    assert in_memory.stream is None
    assert dataset.columns == in_memory.columns
    assert dataset.class_names == in_memory.class_names
    for split in SPLITS:
        assert np.array_equal(dataset.splits[split].inputs, in_memory.splits[split].inputs, equal_nan=True)
        assert np.array_equal(dataset.splits[split].labels, in_memory.splits[split].labels)
    inputs, labels = streamed(dataset)
    assert np.array_equal(inputs, in_memory.train.inputs, equal_nan=True)
    assert np.array_equal(labels, in_memory.train.labels)


@pytest.mark.parametrize("form", ["part-{}.parquet", "train-{}-of-4.parquet", "train/{}.parquet"])
def test_a_folder_of_shards_is_one_table(tmp_path: Path, form: str) -> None:
    frame = frame_of(400)
    (tmp_path / "train").mkdir()
    for place in range(4):
        write_parquet(tmp_path / form.format(place), frame[place * 100 : (place + 1) * 100])
    dataset = pellucid.read(tmp_path)
    assert dataset.stream is not None
    rows = np.concatenate([dataset.splits[split].inputs[:, 0] for split in SPLITS])
    assert sorted(rows.tolist()) == frame["row"].tolist()


def test_a_shard_more_moves_no_row_to_another_split(tmp_path: Path) -> None:
    frame = frame_of(600)
    for place, name in enumerate(("b", "c")):
        write_parquet(tmp_path / f"{name}.parquet", frame[place * 200 : (place + 1) * 200])
    before = pellucid.read(tmp_path)
    write_parquet(tmp_path / "a.parquet", frame[400:])
    after = pellucid.read(tmp_path)
    for split in SPLITS:
        kept = after.splits[split].inputs[:, 0]
        assert set(before.splits[split].inputs[:, 0].tolist()) == set(kept[kept < 400].tolist())


def test_groups_stay_in_one_split_whatever_shard_they_are_in(tmp_path: Path) -> None:
    frame = frame_of(400).assign(patient=[f"p{row % 60}" for row in range(400)])
    for place in range(4):
        write_parquet(tmp_path / f"{place}.parquet", frame[place * 100 : (place + 1) * 100])
    dataset = pellucid.read(tmp_path, group="patient")
    keys = np.array([text_key(patient) for patient in frame["patient"]], np.uint64)
    for place, split in enumerate(SPLITS):
        expected = frame["row"][split_numbers(keys) == place]
        assert sorted(dataset.splits[split].inputs[:, 0].tolist()) == expected.tolist()
    assert "patient" not in [column.name for column in dataset.columns or ()]


@pytest.mark.usefixtures("small_slices")
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 200), st.integers(1, 9_000), st.sampled_from(sorted(WRITERS)), st.integers(0, 99))
def test_every_row_comes_once_whatever_the_row_groups_and_slices(
    tmp_path: Path, rows: int, slice_bytes: int, name: str, seed: int
) -> None:
    sources.SLICE_BYTES = slice_bytes  # set back by the fixture
    dataset = pellucid.read(WRITERS[name](tmp_path / name, frame_of(200), rows), stream=True)
    expected = np.flatnonzero(split_numbers(row_keys("", 0, 200)) == 0) + 0.5
    assert streamed(dataset, seed=seed)[0][:, 0].tolist() == expected.tolist()
    assert dataset.stream is not None
    whole = [labels.tolist() for _, labels in dataset.stream.blocks(seed, 2, 1)]
    rest = [labels.tolist() for _, labels in dataset.stream.blocks(seed, 2, 1, start=77)]
    assert rest == whole[77:]


TASKS: dict[str, tuple[Any, dict[str, Any]]] = {
    "numbers of classes": (np.arange(600) % 4 + 3, {}),
    "two classes": (np.arange(600) % 2 == 0, {}),
    "measured": (np.linspace(0, 9, 600), {}),
    "whole numbers as classes": (np.arange(600) % 30, {"task": "multiclass"}),
    "lists": ([["red", "round"], ["red"], []] * 200, {}),
    "text with several": (["red;round", "red", ""] * 200, {"task": "multilabel"}),
    "dictionary": (pd.Categorical(["cat", "dog", "owl"] * 200), {}),
}


@pytest.mark.usefixtures("small_slices")
@pytest.mark.parametrize("kind", TASKS)
def test_labels_of_every_task_are_those_that_are_read_into_memory(tmp_path: Path, kind: str) -> None:
    labels, options = TASKS[kind]
    for place, name in enumerate(("train", "val", "test")):
        write_parquet(tmp_path / f"{name}.parquet", frame_of(600, place).assign(label=labels))
    in_memory, dataset = pellucid.read(tmp_path, **options), pellucid.read(tmp_path, stream=True, **options)
    assert (dataset.task, dataset.class_names) == (in_memory.task, in_memory.class_names)
    assert np.array_equal(streamed(dataset)[1], in_memory.train.labels)
    assert np.array_equal(dataset.test.labels, in_memory.test.labels)


def test_several_label_columns(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = frame_of().assign(red=rng.integers(0, 2, 600), round=rng.integers(0, 2, 600) == 1).drop(columns="label")
    options: dict[str, Any] = {"label": ("red", "round")}
    dataset = pellucid.read(write_parquet(tmp_path / "a.parquet", frame), stream=True, **options)
    assert (dataset.task, dataset.class_names) == ("multilabel", ("red", "round"))
    inputs, labels = streamed(dataset)
    expected = frame[["red", "round"]].to_numpy(np.float32)[(inputs[:, 0] - 0.5).astype(int)]
    assert np.array_equal(labels, expected)


@pytest.fixture
def small_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample of at most 100 training and 20 other examples, from a few row groups."""
    monkeypatch.setattr(sampling, "MOST_EXAMPLES", {"train": 100, "validation": 20, "test": 20})
    monkeypatch.setattr(sampling, "READ_BYTES", 1)
    monkeypatch.setattr(sampling, "FEWEST_PARTS", 4)


@pytest.mark.usefixtures("small_samples")
def test_a_class_outside_of_the_sample_is_known(tmp_path: Path) -> None:
    frame = frame_of(2_000)
    rare = int(np.flatnonzero(split_numbers(row_keys("", 0, 2_000)) == 0)[321])
    frame.loc[rare, "label"] = "yak"
    dataset = pellucid.read(write_parquet(tmp_path / "a.parquet", frame), stream=True)
    assert len(dataset.train) == 100
    assert dataset.class_names == ("cat", "dog", "owl", "yak")
    inputs, labels = streamed(dataset)
    assert len(inputs) == dataset.training_examples == (split_numbers(row_keys("", 0, 2_000)) == 0).sum()
    assert inputs[labels == 3][:, 0].tolist() == [rare + 0.5]


@pytest.mark.usefixtures("small_samples")
def test_a_category_outside_of_the_sample_is_unknown(tmp_path: Path) -> None:
    frame = frame_of(2_000)
    dataset = pellucid.read(write_parquet(tmp_path / "a.parquet", frame), stream=True)
    seen = set(dataset.train.inputs[:, 0].tolist())
    outside = next(row for row in (streamed(dataset)[0][:, 0] - 0.5).astype(int).tolist() if row + 0.5 not in seen)
    frame.loc[outside, "colour"] = "mauve"
    dataset = pellucid.read(write_parquet(tmp_path / "a.parquet", frame), stream=True)
    place = [column.name for column in dataset.columns or ()].index("colour")
    inputs = streamed(dataset)[0]
    assert inputs[inputs[:, place] == UNKNOWN][:, 0].tolist() == [outside + 0.5]


def test_rows_without_a_label_are_refused_or_left_out(tmp_path: Path) -> None:
    frame = frame_of()
    frame.loc[[5, 99], "label"] = [None, "NA"]
    path = write_parquet(tmp_path / "a.parquet", frame)
    with pytest.raises(DataError, match="2 rows without a label"):
        pellucid.read(path, stream=True)
    dataset = pellucid.read(path, stream=True, skip_bad=True)
    rows = np.concatenate([dataset.splits[split].inputs[:, 0] for split in SPLITS])
    assert sorted(set(frame["row"]) - set(rows.tolist())) == [5.5, 99.5]
    assert "left out: 2 rows without a label" in dataset.notes
    assert len(streamed(dataset)[0]) == len(dataset.train)


@pytest.mark.usefixtures("small_samples")
def test_infinite_values_outside_of_the_sample_are_refused_or_taken_for_missing(tmp_path: Path) -> None:
    frame = frame_of(2_000)
    path = write_parquet(tmp_path / "a.parquet", frame)
    seen = set(pellucid.read(path, stream=True).train.inputs[:, 0].tolist())
    train = np.flatnonzero(split_numbers(row_keys("", 0, 2_000)) == 0)
    row = next(row for row in train.tolist() if row + 0.5 not in seen)
    frame.loc[row, "size"] = np.inf
    dataset = pellucid.read(write_parquet(path, frame), stream=True)
    with pytest.raises(DataError, match=r"a\.parquet, rows \d.* hold infinite values"):
        streamed(dataset)
    inputs = streamed(pellucid.read(path, stream=True, skip_bad=True))[0]
    assert np.isnan(inputs[inputs[:, 0] == row + 0.5][:, 1]).all()
    assert np.isnan(inputs[:, 1]).sum() == 1


@pytest.mark.parametrize("seen", [True, False])
def test_a_minus_is_a_label_beside_a_plus_only(tmp_path: Path, seen: bool) -> None:
    path = write_parquet(tmp_path / "a.parquet", frame_of().assign(label=["-", "+" if seen else "0", "a"] * 200))
    if seen:
        assert pellucid.read(path, stream=True).class_names == ("+", "-", "a")
    else:
        with pytest.raises(DataError, match=r"no label in column|the label '-', which names no class"):
            pellucid.read(path, stream=True)


def test_labels_that_only_a_given_split_has_are_refused(tmp_path: Path) -> None:
    write_parquet(tmp_path / "train.parquet", frame_of())
    write_parquet(tmp_path / "test.parquet", frame_of().assign(label="yak"))
    with pytest.raises(DataError, match="the test split has labels that training has not: 'yak'"):
        pellucid.read(tmp_path, stream=True)


def test_shards_with_other_columns_are_refused(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", frame_of(100))
    write_parquet(tmp_path / "b.parquet", frame_of(100).rename(columns={"size": "length"}))
    with pytest.raises(DataError, match=r"has other columns than a\.parquet: length and size"):
        pellucid.read(tmp_path)
    write_parquet(tmp_path / "b.parquet", frame_of(100).assign(size="large"))
    with pytest.raises(DataError, match=r"column 'size' is .*string in .* but float"):
        pellucid.read(tmp_path)


def test_a_column_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", frame_of(100))
    with pytest.raises(UnknownNameError, match="has no column 'labl'"):
        pellucid.read(tmp_path, label="labl")


def test_free_text_is_refused(tmp_path: Path) -> None:
    frame = frame_of().assign(remark=[f"remark {row}" for row in range(600)])
    path = write_parquet(tmp_path / "a.parquet", frame)
    with pytest.raises(DataError, match="free text in column remark"):
        pellucid.read(path, stream=True)
    assert pellucid.read(path, stream=True, ignore="remark").stream is not None


@pytest.mark.parametrize("name", WRITERS)
def test_every_cut_of_a_file_is_damage(tmp_path: Path, name: str) -> None:
    path = WRITERS[name](tmp_path / name, frame_of(60))
    content = path.read_bytes()
    for length in range(0, len(content) - 16, max(len(content) // 23, 1)):
        path.write_bytes(content[:length])
        with pytest.raises(DataError, match=r"damaged|no rows|changed|other rows|no training examples"):
            streamed(pellucid.read(path, stream=True))


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_is_replaced_while_it_is_streamed_is_noticed(tmp_path: Path, name: str) -> None:
    path = WRITERS[name](tmp_path / name, frame_of())
    dataset = pellucid.read(path, stream=True)
    WRITERS[name](path, frame_of(300), 35)
    with pytest.raises(DataError, match=r"changed while it was read|other rows|damaged"):
        streamed(dataset)


def test_pages_read_by_several_lanes_are_those_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "SLICE_BYTES", 400)
    frame = frame_of(3_000)
    for place in range(3):
        write_parquet(tmp_path / f"{place}.parquet", frame[place * 1_000 : (place + 1) * 1_000], 250)
    dataset = pellucid.read(tmp_path)
    stream = dataset.stream
    assert stream is not None and stream.source.lanes == 16
    inputs = np.concatenate([inputs for inputs, _ in replace(stream.with_buffer(4_000), readers=3).blocks(1, 0, 50)])
    rows = (inputs[:, 0] - 0.5).astype(int)
    assert np.array_equal(inputs[:, 1], frame["size"].to_numpy()[rows])
    # From every file in the first two hundred.
    assert len(set((rows[:200] // 1_000).tolist())) == 3
