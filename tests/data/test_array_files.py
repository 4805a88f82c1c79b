"""`.npz` and `.safetensors` files, written by NumPy and safetensors, read again."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pellucid.data.arrays.files import read_arrays
from pellucid.data.arrays.npz import open_npz
from pellucid.data.options import ReadOptions
from pellucid.errors import DataError, MissingFileError, ShapeError, UnknownNameError

IMAGES = np.random.default_rng(0).integers(0, 256, (36, 6, 7), dtype=np.uint8)
LABELS = np.arange(36) % 3
FOUND_OUT = ReadOptions()


def save(path: Path, arrays: Mapping[str, Any]) -> Path:
    if path.suffix == ".npz":
        np.savez(path, allow_pickle=False, **arrays)
    else:
        safetensors.numpy.save_file(dict(arrays), path)
    return path


def in_splits(x: str, y: str, splits: tuple[str, str, str], order: str) -> dict[str, np.ndarray[Any, Any]]:
    arrays = {}
    for place, split in enumerate(splits):
        arrays[order.format(split=split, what=x)] = np.roll(IMAGES, place, axis=0)
        arrays[order.format(split=split, what=y)] = np.roll(LABELS, place)
    return arrays


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@pytest.mark.parametrize(
    ("x", "y", "splits", "order"),
    [
        ("x", "y", ("train", "val", "test"), "{what}_{split}"),
        ("X", "Y", ("train", "valid", "test"), "{what}_{split}"),
        ("images", "labels", ("train", "val", "test"), "{split}_{what}"),
        ("images", "labels", ("training", "validation", "testing"), "{split}-{what}"),
        ("inputs", "targets", ("train", "dev", "t10k"), "{split}.{what}"),
        ("data", "label", ("train", "validation", "test"), "{split}/{what}"),
        ("Features", "Target", ("train", "val", "test"), "{split}{what}"),
        ("x", "y", ("train", "val", "test"), "{what}{split}"),
    ],
)
def test_knows_the_usual_names(
    tmp_path: Path, suffix: str, x: str, y: str, splits: tuple[str, str, str], order: str
) -> None:
    dataset = read_arrays(save(tmp_path / f"d{suffix}", in_splits(x, y, splits, order)), FOUND_OUT)
    for place, split in enumerate(("train", "validation", "test")):
        assert np.array_equal(dataset.splits[split].inputs[:, 0], np.roll(IMAGES, place, axis=0))
        assert np.array_equal(dataset.splits[split].labels, np.roll(LABELS, place))
    assert (dataset.name, dataset.source) == ("d", str(tmp_path / f"d{suffix}"))
    assert dataset.notes[0].startswith("inputs and labels found by their names: train ")


def test_names_of_classes_and_columns_are_read(tmp_path: Path) -> None:
    names = {"class_names": np.array(["a", "b", "c"]), "feature_names": np.array(["p", "q"])}
    path = save(tmp_path / "d.npz", {"x": np.zeros((36, 2)), "y": LABELS, "id": LABELS, **names})
    dataset = read_arrays(path, FOUND_OUT)
    assert dataset.class_names == ("a", "b", "c")
    assert dataset.columns is not None and [column.name for column in dataset.columns] == ["p", "q"]
    assert "arrays not used: id" in dataset.notes


def test_names_stand_in_the_metadata_of_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "d.safetensors"
    metadata = {"class_names": '["a", "b", "ü"]', "feature_names": '["p", "q"]'}
    safetensors.numpy.save_file({"x": np.zeros((36, 2)), "y": LABELS}, path, metadata=metadata)
    dataset = read_arrays(path, FOUND_OUT)
    assert dataset.class_names == ("a", "b", "ü")
    assert dataset.columns is not None and [column.name for column in dataset.columns] == ["p", "q"]


NAMED = {"x_train": IMAGES, "kind_train": LABELS, "y_train": LABELS[::-1], "x_test": IMAGES, "kind_test": LABELS}


@pytest.mark.parametrize("label", ["kind", "KIND"])
def test_the_user_names_the_labels(tmp_path: Path, label: str) -> None:
    dataset = read_arrays(save(tmp_path / "d.npz", NAMED), ReadOptions(label=(label,)))
    assert np.array_equal(dataset.test.labels, LABELS)
    assert "arrays not used: y_train" in dataset.notes


def test_labels_named_in_full_are_those_of_one_split(tmp_path: Path) -> None:
    dataset = read_arrays(save(tmp_path / "d.npz", NAMED), ReadOptions(label=("kind_train",)))
    assert "test split left out, since it has no labels: x_test" in dataset.notes


def test_several_label_arrays_stand_side_by_side(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {"x": IMAGES, "height": rng.normal(size=36), "width": rng.normal(size=36)}
    arrays |= {f"{name}_{split}": value for name, value in arrays.items() for split in ("val", "test")}
    dataset = read_arrays(save(tmp_path / "d.npz", arrays), ReadOptions(label=("width", "height")))
    assert (dataset.task, dataset.class_names) == ("regression", ("width", "height"))
    expected = np.stack([arrays["width"], arrays["height"]], axis=1).astype(np.float32)
    assert np.array_equal(dataset.train.labels, expected)


def test_arrays_of_any_name_are_guessed_by_their_shapes(tmp_path: Path) -> None:
    path = save(tmp_path / "d.npz", {"a": LABELS, "b": IMAGES})
    dataset = read_arrays(path, FOUND_OUT)
    assert dataset.notes[0] == "inputs and labels guessed, since names do not say it: train b and a"
    assert dataset.input_shape == (1, 6, 7)


def test_a_test_split_without_labels_is_left_out(tmp_path: Path) -> None:
    dataset = read_arrays(save(tmp_path / "d.npz", {"x": IMAGES, "y": LABELS, "x_test": IMAGES + 1}), FOUND_OUT)
    assert "test split left out, since it has no labels: x_test" in dataset.notes
    assert sum(map(len, dataset.splits.values())) == 36


def test_a_group_array_keeps_examples_together(tmp_path: Path) -> None:
    groups = np.repeat(np.array(["p", "q", "r", "s", "t", "u"]), 6)
    table = np.arange(36.0)[:, None]
    path = save(tmp_path / "d.npz", {"x": table, "y": LABELS, "who": groups})
    dataset = read_arrays(path, ReadOptions(group="who"))
    found = [{groups[int(row)] for row in split.inputs[:, 0]} for split in dataset.splits.values()]
    assert sum(map(len, found)) == 6


def test_group_and_ignored_arrays_may_be_named_without_their_split(tmp_path: Path) -> None:
    groups = np.repeat(np.arange(6), 6)
    arrays = {"x_train": groups[:, None], "y_train": LABELS, "who_train": groups, "images_train": IMAGES}
    path = save(tmp_path / "d.npz", arrays)
    dataset = read_arrays(path, ReadOptions(group="who", ignore=("images",)))
    found = [set(split.inputs[:, 0].tolist()) for split in dataset.splits.values()]
    assert sum(map(len, found)) == 6


def test_a_large_array_is_mapped_and_the_file_never_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.data.arrays.npz.MAPPED_FROM_BYTES", 1000)
    monkeypatch.setattr("pellucid.data.arrays.safetensors_file.MAPPED_FROM_BYTES", 1000)
    arrays = in_splits("x", "y", ("train", "val", "test"), "{what}_{split}")
    for suffix in (".npz", ".safetensors"):
        path = save(tmp_path / f"d{suffix}", arrays)
        before = path.read_bytes()
        dataset = read_arrays(path, FOUND_OUT)
        assert isinstance(dataset.train.inputs, np.memmap)
        assert np.array_equal(dataset.train.inputs[:, 0], IMAGES)
        dataset.train.inputs[:] = 0
        assert path.read_bytes() == before


def test_column_major_arrays_are_mapped_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.asfortranarray(np.random.default_rng(0).normal(size=(7, 5)))
    np.savez(tmp_path / "d.npz", values=values)
    in_memory = open_npz(tmp_path / "d.npz")[0]["values"].read()
    monkeypatch.setattr("pellucid.data.arrays.npz.MAPPED_FROM_BYTES", 1)
    mapped = open_npz(tmp_path / "d.npz")[0]["values"].read()
    assert isinstance(mapped, np.memmap)
    assert np.array_equal(in_memory, values) and np.array_equal(mapped, values)


def test_bfloat16_is_read_as_pytorch_reads_it(tmp_path: Path) -> None:
    values = torch.randn(36, 3, generator=torch.Generator().manual_seed(0)).bfloat16()
    path = tmp_path / "d.safetensors"
    tensors = {
        f"{name}{split}": value
        for name, value in (("x", values), ("y", torch.tensor(LABELS)))
        for split in ("train", "val", "test")
    }
    safetensors.torch.save_file({name: tensor.clone() for name, tensor in tensors.items()}, path)
    assert np.array_equal(read_arrays(path, FOUND_OUT).train.inputs, values.float().numpy())


NUMBERS = st.sampled_from(["?", "u1", "i1", "<i2", ">i4", "<i8", "<u8", "<f2", ">f4", "<f8", ">f8", "<U3", "S2"])


@settings(max_examples=60, deadline=None)
@given(
    array=NUMBERS.flatmap(
        lambda kind: hnp.arrays(np.dtype(kind), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
    ),
    is_compressed=st.booleans(),
    is_column_major=st.booleans(),
)
def test_what_numpy_saves_is_read_back(array: np.ndarray[Any, Any], is_compressed: bool, is_column_major: bool) -> None:
    array = np.asfortranarray(array) if is_column_major else array
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.npz"
        (np.savez_compressed if is_compressed else np.savez)(path, some=array, other=np.arange(3))
        members, _ = open_npz(path)
        found = members["some"].read()
        assert (members["some"].shape, found.dtype, found.shape) == (array.shape, array.dtype, array.shape)
        assert found.tobytes() == array.tobytes()
        assert np.array_equal(members["other"].read(), np.arange(3))


@settings(max_examples=30, deadline=None)
@given(
    images=hnp.arrays(np.uint8, st.tuples(st.integers(12, 30), st.integers(5, 8), st.integers(5, 8), st.just(3))),
    suffix=st.sampled_from([".npz", ".safetensors"]),
)
def test_a_dataset_keeps_every_image_with_its_label(images: np.ndarray[Any, Any], suffix: str) -> None:
    labels = np.arange(len(images)) % 2
    with tempfile.TemporaryDirectory() as folder:
        path = save(Path(folder) / f"a{suffix}", {"x": images, "y": labels})
        dataset = read_arrays(path, FOUND_OUT)
        found = sorted(
            (image.tobytes(), int(label))
            for split in dataset.splits.values()
            for image, label in zip(split.inputs, split.labels, strict=True)
        )
    expected = sorted(
        (image.transpose(2, 0, 1).tobytes(), int(label)) for image, label in zip(images, labels, strict=True)
    )
    assert found == expected


@pytest.mark.parametrize(
    ("arrays", "options", "text"),
    [
        ({"x": IMAGES}, {}, r"no array that is called like labels; it has x \[36, 6, 7\]\n  fix: call them x and y"),
        ({"y": LABELS}, {}, "no array that is called like inputs"),
        ({"a": IMAGES, "b": IMAGES}, {}, "no array that is called like inputs"),
        ({"x_test": IMAGES, "y_test": LABELS}, {}, "no array that is called like inputs"),
        ({"x": IMAGES, "images": IMAGES, "y": LABELS}, {}, "several arrays that may be the train inputs: x, images"),
        ({"x": IMAGES, "x_train": IMAGES, "y": LABELS}, {}, "may be the train inputs: x, x_train"),
        ({"x": IMAGES, "y": LABELS, "labels": LABELS}, {}, "may be the train labels: y, labels\n  fix: name the label"),
        ({"x": IMAGES, "y": LABELS[:5]}, {}, r"shape \[36, 6, 7\] but the labels \[5\]"),
        ({"x": IMAGES[:0], "y": LABELS[:0]}, {}, "nothing"),
        ({"x": IMAGES, "y": LABELS, "class_names": np.zeros((2, 2))}, {}, "class_names is of type float64, shape"),
        ({"x": IMAGES, "a": LABELS, "b": np.eye(36)}, {"label": ("a", "b")}, "do not stand side by side"),
    ],
)
def test_arrays_that_cannot_be_told_are_refused(
    tmp_path: Path, arrays: dict[str, Any], options: dict[str, Any], text: str
) -> None:
    with pytest.raises((DataError, ShapeError), match=text):
        read_arrays(save(tmp_path / "d.npz", arrays), ReadOptions(**options))


@pytest.mark.parametrize("options", [{"label": ("yy",)}, {"ignore": ("yy",)}, {"group": "yy"}])
def test_a_wrong_name_gets_the_right_one(tmp_path: Path, options: dict[str, Any]) -> None:
    path = save(tmp_path / "d.npz", {"x": IMAGES, "y": LABELS})
    with pytest.raises(UnknownNameError, match="has no array 'yy'\n  fix: write 'y'"):
        read_arrays(path, ReadOptions(**options))


def test_an_array_to_ignore_is_not_used(tmp_path: Path) -> None:
    path = save(tmp_path / "d.npz", {"x": IMAGES, "images": IMAGES, "y": LABELS})
    assert read_arrays(path, ReadOptions(ignore=("x",))).input_shape == (1, 6, 7)


def test_a_missing_file_and_another_kind_of_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"there is no file .*none.npz"):
        read_arrays(tmp_path / "none.npz", FOUND_OUT)
    (tmp_path / "a.csv").write_text("a,b\n")
    with pytest.raises(DataError, match=r"a.csv is no file of arrays\n  fix: give one of: .npz, .safetensors"):
        read_arrays(tmp_path / "a.csv", FOUND_OUT)
