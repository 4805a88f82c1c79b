"""Streamed arrays against the arrays themselves, and against reading them into memory."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

import pellucid
from pellucid.data.dataset import Dataset
from pellucid.data.streaming import sampling, sources
from pellucid.data.streaming.assigning import row_keys, split_numbers, text_key
from pellucid.errors import DataError, ShapeError

SPLITS = ("train", "validation", "test")


def streamed(dataset: Dataset) -> tuple[NDArray[Any], NDArray[Any]]:
    """All training examples of a stream, sorted by their first input."""
    assert dataset.stream is not None
    inputs, labels = zip(*dataset.stream.blocks(0, 0, 64), strict=True)
    order = np.argsort(np.concatenate(inputs).reshape(len(dataset.stream), -1)[:, 0], kind="stable")
    return np.concatenate(inputs)[order], np.concatenate(labels)[order]


def table(rows: int = 500) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The first input is the number of the row."""
    inputs = np.random.default_rng(0).standard_normal((rows, 3)).astype(np.float32)
    inputs[:, 0] = np.arange(rows)
    return inputs, np.arange(rows) % 3


def test_rows_are_split_by_the_hash_of_their_place(tmp_path: Path) -> None:
    inputs, labels = table()
    np.savez(tmp_path / "a.npz", x=inputs, y=labels)
    dataset = pellucid.read(tmp_path / "a.npz", stream=True)
    numbers = split_numbers(row_keys("", 0, 500))
    found, found_labels = streamed(dataset)
    assert np.array_equal(found, inputs[numbers == 0])
    assert np.array_equal(found_labels, labels[numbers == 0])
    for place, name in enumerate(SPLITS):
        split = dataset.splits[name]
        assert np.array_equal(split.inputs, inputs[numbers == place])
        assert np.array_equal(split.labels, labels[numbers == place])


@pytest.mark.parametrize("name", ["a.npz", "a.safetensors", "a"])
def test_given_splits_are_those_that_are_read_into_memory(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    inputs, labels = table(90)
    parts = {"train": slice(0, 60), "val": slice(60, 70), "test": slice(70, 90)}
    arrays: dict[str, NDArray[Any]] = {f"x_{split}": inputs[part] for split, part in parts.items()}
    arrays |= {f"y_{split}": labels[part] + 5 for split, part in parts.items()}
    np.savez(tmp_path / "whole.npz", **arrays)  # type: ignore[arg-type]
    if name == "a.safetensors":
        save_file(arrays, path)
    elif name == "a.npz":
        np.savez(path, **arrays)  # type: ignore[arg-type]
    else:
        path.mkdir()
        for key, array in arrays.items():
            np.save(path / f"{key}.npy", array)
    in_memory, dataset = pellucid.read(tmp_path / "whole.npz"), pellucid.read(path, stream=True)
    assert dataset.class_names == in_memory.class_names == ("5", "6", "7")
    for split in SPLITS:
        assert np.array_equal(dataset.splits[split].inputs, in_memory.splits[split].inputs)
        assert np.array_equal(dataset.splits[split].labels, in_memory.splits[split].labels)
    found, found_labels = streamed(dataset)
    assert np.array_equal(found, in_memory.train.inputs)
    assert np.array_equal(found_labels, in_memory.train.labels)


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ((8, 6), np.uint8), ((8, 6, 3), np.uint8), ((3, 8, 6), np.uint8), ((8, 6, 3), np.float32), ((8, 6), np.int64),
        ((8, 6), np.bool_), ((8, 6, 1), np.float64), ((8, 6), np.float16),
    ],
)  # fmt: skip
def test_images_are_streamed_as_they_are_read_into_memory(tmp_path: Path, shape: tuple[int, ...], kind: type) -> None:
    images: NDArray[Any] = np.random.default_rng(0).integers(0, 256, (60, *shape)).astype(kind)
    if kind != np.bool_:
        images.reshape(60, -1)[:, 0] = np.arange(60)
    arrays = {"x_train": images, "y_train": np.arange(60) % 2, "x_test": images[:9], "y_test": np.arange(9) % 2}
    np.savez(tmp_path / "a.npz", **arrays, x_val=images[:9], y_val=np.arange(9) % 2)  # type: ignore[arg-type]
    in_memory, dataset = pellucid.read(tmp_path / "a.npz"), pellucid.read(tmp_path / "a.npz", stream=True)
    assert dataset.stream is not None
    found = np.concatenate([inputs for inputs, _ in dataset.stream.blocks(0, 0, 7)])
    assert found.dtype == in_memory.train.inputs.dtype
    assert found.shape == in_memory.train.inputs.shape
    assert np.array_equal(np.sort(found.reshape(60, -1), 0), np.sort(in_memory.train.inputs.reshape(60, -1), 0))
    assert np.array_equal(dataset.train.inputs, in_memory.train.inputs)
    assert dataset.stream.example_bytes == in_memory.train.inputs[0].nbytes


LABELS = {
    "words": np.array(["b", "a", "c"])[np.arange(500) % 3],
    "flags": np.arange(500) % 2 == 0,
    "numbers": np.linspace(0, 1, 500),
    "several": np.stack([np.arange(500) % 2, np.arange(500) % 3 == 0], axis=1).astype(np.int64),
    "targets": np.random.default_rng(1).standard_normal((500, 2)),
    "one hot": np.eye(3)[np.arange(500) % 3],
    "a column": (np.arange(500) % 3)[:, None],
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_are_those_that_are_read_into_memory(tmp_path: Path, kind: str) -> None:
    inputs, labels = table()[0], LABELS[kind]
    arrays: dict[str, NDArray[Any]] = {"x_train": inputs[:300], "x_val": inputs[300:400], "x_test": inputs[400:]}
    arrays |= {"y_train": labels[:300], "y_val": labels[300:400], "y_test": labels[400:]}
    np.savez(tmp_path / "a.npz", **arrays)  # type: ignore[arg-type]
    in_memory, dataset = pellucid.read(tmp_path / "a.npz"), pellucid.read(tmp_path / "a.npz", stream=True)
    assert (dataset.task, dataset.class_names) == (in_memory.task, in_memory.class_names)
    assert np.array_equal(streamed(dataset)[1], in_memory.train.labels)
    assert np.array_equal(dataset.test.labels, in_memory.test.labels)


def test_several_label_arrays_stand_side_by_side(tmp_path: Path) -> None:
    inputs = table()[0]
    rng = np.random.default_rng(2)
    np.savez(tmp_path / "a.npz", x=inputs, red=rng.integers(0, 2, 500), round=rng.integers(0, 2, 500))
    options: dict[str, Any] = {"label": ("red", "round")}
    dataset = pellucid.read(tmp_path / "a.npz", stream=True, **options)
    in_memory = pellucid.read(tmp_path / "a.npz", **options)
    assert dataset.class_names == in_memory.class_names == ("red", "round")
    assert dataset.task == "multilabel"
    everything = np.load(tmp_path / "a.npz")
    rows = streamed(dataset)[0][:, 0].astype(int)
    assert np.array_equal(streamed(dataset)[1], np.stack([everything["red"], everything["round"]], 1)[rows])


def test_groups_stay_in_one_split(tmp_path: Path) -> None:
    inputs, labels = table()
    patients = np.arange(500) // 5
    np.savez(tmp_path / "a.npz", x=inputs, y=labels, patient=patients)
    dataset = pellucid.read(tmp_path / "a.npz", stream=True, group="patient")
    expected = split_numbers(np.array([text_key(str(patient)) for patient in patients.tolist()], np.uint64))
    for place, name in enumerate(SPLITS):
        rows = dataset.splits[name].inputs[:, 0].astype(int)
        assert np.array_equal(rows, np.flatnonzero(expected == place))


@pytest.fixture
def small_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample of 100 training and 20 other examples, from a part of the slices of 50 rows."""
    monkeypatch.setattr(sampling, "MOST_EXAMPLES", {"train": 100, "validation": 20, "test": 20})
    monkeypatch.setattr(sampling, "READ_BYTES", 12 * 500)
    monkeypatch.setattr(sampling, "FEWEST_PARTS", 2)
    monkeypatch.setattr(sources, "SLICE_BYTES", 12 * 50)


@pytest.mark.usefixtures("small_samples")
def test_a_sample_comes_from_all_over_the_file(tmp_path: Path) -> None:
    inputs, labels = table(5_000)
    np.savez(tmp_path / "a.npz", x=inputs, y=labels)
    dataset = pellucid.read(tmp_path / "a.npz", stream=True)
    numbers = split_numbers(row_keys("", 0, 5_000))
    rows = dataset.train.inputs[:, 0].astype(int)
    assert len(rows) == 100 == len(set(rows.tolist()))
    assert (numbers[rows] == 0).all()
    assert len(set((rows // 500).tolist())) == 10
    assert np.array_equal(dataset.train.labels, labels[rows])
    assert len(dataset.validation) == len(dataset.test) == 20
    assert dataset.training_examples == (numbers == 0).sum()
    assert f"{dataset.training_examples:,} training examples" in " ".join(dataset.notes)


@pytest.mark.usefixtures("small_samples")
def test_a_class_of_one_example_is_not_forgotten(tmp_path: Path) -> None:
    inputs, labels = table(5_000)
    rare = int(np.flatnonzero(split_numbers(row_keys("", 0, 5_000)) == 0)[1_234])
    labels[rare] = 77
    np.savez(tmp_path / "a.npz", x=inputs, y=labels)
    dataset = pellucid.read(tmp_path / "a.npz", stream=True)
    assert dataset.class_names == ("0", "1", "2", "77")
    found, numbers = streamed(dataset)
    assert found[numbers == 3][:, 0].tolist() == [rare]


def test_infinite_values_are_refused_where_they_are_read(tmp_path: Path) -> None:
    inputs, labels = table()
    row = int(np.flatnonzero(split_numbers(row_keys("", 0, 500)) == 0)[100])
    np.save(tmp_path / "x.npy", inputs)
    np.save(tmp_path / "y.npy", labels)
    dataset = pellucid.read(tmp_path, stream=True)
    inputs[row, 1] = np.inf
    np.save(tmp_path / "x.npy", inputs)
    with pytest.raises(DataError, match=r"x\.npy: x, rows 0 to 499, hold infinite values"):
        streamed(dataset)


def test_a_label_that_comes_later_is_refused(tmp_path: Path) -> None:
    inputs, labels = table()
    np.save(tmp_path / "x.npy", inputs)
    np.save(tmp_path / "y.npy", labels)
    dataset = pellucid.read(tmp_path, stream=True)
    labels[100] = 9
    np.save(tmp_path / "y.npy", labels)
    with pytest.raises(DataError, match="the label 9, which names no class"):
        streamed(dataset)


def test_inputs_and_labels_of_other_lengths_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((10, 2)))
    np.save(tmp_path / "y.npy", np.arange(9))
    with pytest.raises(ShapeError, match=r"has 10 rows but .* 9"):
        pellucid.read(tmp_path)


def test_what_cannot_be_streamed_is_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros((10, 2)), y=np.arange(10) % 2)
    with pytest.raises(DataError, match="no array that is called like"):
        pellucid.read(tmp_path / "a.npz", stream=True)
    (tmp_path / "a.csv").write_text("a,label\n1,2\n")
    with pytest.raises(DataError, match="cannot be streamed"):
        pellucid.read(tmp_path / "a.csv", stream=True)


@pytest.mark.parametrize("source", ["fashion-mnist", (np.zeros((10, 2)), np.arange(10) % 2)])
def test_what_is_in_memory_is_not_streamed(source: Any) -> None:
    with pytest.raises(DataError, match="is not streamed"):
        pellucid.read(source, stream=True)


def test_large_files_are_streamed_and_small_ones_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, labels = table()
    np.savez(tmp_path / "a.npz", x=inputs, y=labels)
    assert pellucid.read(tmp_path / "a.npz").stream is None
    monkeypatch.setattr("pellucid.data.streaming.opening.memory_left", lambda: 12_000)
    assert pellucid.read(tmp_path / "a.npz", stream=False).stream is None
    assert pellucid.read(tmp_path / "a.npz").stream is not None
