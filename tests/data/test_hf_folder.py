"""Folders as Hugging Face `datasets` writes them: what is read of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from pellucid.data.huggingface.folder import read_hf_folder
from pellucid.data.huggingface.shards import is_hf_folder
from pellucid.data.options import ReadOptions
from pellucid.errors import DataError

from .hf_folders import (
    ANIMALS,
    FOUND_OUT,
    LABELS,
    OF_IMAGES,
    OF_TABLE,
    PIXELS,
    PNGS,
    TABLE,
    of_images,
    png,
    sorted_pairs,
    value,
    write,
    write_dict,
)


@pytest.mark.parametrize("shards", [1, 3])
def test_images_and_class_names_are_read(tmp_path: Path, shards: int) -> None:
    folder = write(tmp_path / "animals", of_images(PNGS), OF_IMAGES, shards)
    dataset = read_hf_folder(folder, FOUND_OUT)
    assert is_hf_folder(folder)
    assert (dataset.name, dataset.class_names, dataset.task) == ("animals", ("cat", "dog", "eel"), "multiclass")
    assert sorted_pairs(dataset) == sorted(
        (pixels.transpose(2, 0, 1).tobytes(), label) for pixels, label in zip(PIXELS, LABELS, strict=True)
    )
    assert "label column: label (the only column of classes)" in dataset.notes


def test_splits_are_respected(tmp_path: Path) -> None:
    splits = {
        name: (of_images(PNGS[start:stop], LABELS[start:stop]), OF_IMAGES)
        for name, start, stop in (("train", 0, 20), ("validation", 20, 28), ("test", 28, 36), ("unsupervised", 0, 3))
    }
    dataset = read_hf_folder(write_dict(tmp_path / "d", splits), FOUND_OUT)
    assert is_hf_folder(tmp_path / "d")
    for name, start, stop in (("train", 0, 20), ("validation", 20, 28), ("test", 28, 36)):
        assert np.array_equal(dataset.splits[name].inputs, PIXELS[start:stop].transpose(0, 3, 1, 2))
        assert dataset.splits[name].labels.tolist() == LABELS[start:stop]
    assert "splits not used: unsupervised" in dataset.notes


def test_a_test_split_whose_labels_are_kept_back_is_left_out(tmp_path: Path) -> None:
    splits = {"train": (of_images(PNGS), OF_IMAGES), "test": (of_images(PNGS[:5], [-1] * 5), OF_IMAGES)}
    dataset = read_hf_folder(write_dict(tmp_path / "d", splits), FOUND_OUT)
    assert sum(map(len, dataset.splits.values())) == 36
    assert "test split left out, since none of its 5 examples has a label" in dataset.notes


def test_images_of_every_mode_become_colour_or_grey(tmp_path: Path) -> None:
    grey = write(tmp_path / "grey", of_images([png(pixels, "L") for pixels in PIXELS]), OF_IMAGES)
    assert read_hf_folder(grey, FOUND_OUT).input_shape == (1, 6, 7)
    alpha = np.concatenate([PIXELS, np.full_like(PIXELS[..., :1], 255)], axis=3)
    alpha[0, :, :, 3] = 0
    contents = [png(alpha[0]), png(PIXELS[1], "L"), png(PIXELS[2], "P"), *PNGS[3:]]
    mixed = write_dict(
        tmp_path / "mixed", {name: (of_images(contents), OF_IMAGES) for name in ("train", "val", "test")}
    )
    train = read_hf_folder(mixed, FOUND_OUT).train.inputs
    assert train.shape == (36, 3, 6, 7)
    assert not train[0].any()
    assert np.array_equal(train[1], np.stack([np.asarray(Image.fromarray(PIXELS[1]).convert("L"))] * 3))
    assert np.array_equal(
        train[2], np.asarray(Image.fromarray(PIXELS[2]).convert("P").convert("RGB")).transpose(2, 0, 1)
    )
    assert np.array_equal(train[3:], PIXELS[3:].transpose(0, 3, 1, 2))


def test_images_are_turned_and_brought_to_one_size(tmp_path: Path) -> None:
    on_its_side = Image.Exif()
    on_its_side[0x0112] = 6
    contents = [*PNGS[:34], png(np.rot90(PIXELS[34]), exif=on_its_side), png(np.full((12, 12, 3), 200, np.uint8))]
    splits = {name: (of_images(contents), OF_IMAGES) for name in ("train", "val", "test")}
    dataset = read_hf_folder(write_dict(tmp_path / "d", splits), FOUND_OUT)
    assert np.array_equal(dataset.train.inputs[34], PIXELS[34].transpose(2, 0, 1))
    expected = np.zeros((3, 6, 7), np.uint8)
    expected[:, :, :6] = 200
    assert np.array_equal(dataset.train.inputs[35], expected)
    assert any("3 images of another size brought to 6 x 7" in note for note in dataset.notes)
    asked = read_hf_folder(tmp_path / "d", ReadOptions(image_size=(12, 14)))
    assert asked.input_shape == (3, 12, 14)


def test_images_that_cannot_be_read_are_named_all_at_once_or_left_out(tmp_path: Path) -> None:
    contents = [*PNGS[:30], None, b"text", PNGS[32][:60], png(np.zeros((1, 16_500), np.uint8)), *PNGS[34:]]
    folder = write(tmp_path / "d", of_images(contents), OF_IMAGES)
    with pytest.raises(
        DataError,
        match=r"row 30 of train has no image; row 31 .* row 32 of train is damaged .* row 33 of train is 16,500 x",
    ):
        read_hf_folder(folder, FOUND_OUT)
    dataset = read_hf_folder(folder, ReadOptions(skip_bad=True))
    kept = [index for index in range(36) if index not in (30, 31, 32, 33)]
    assert sorted_pairs(dataset) == sorted((PIXELS[i].transpose(2, 0, 1).tobytes(), LABELS[i]) for i in kept)
    assert any(note.startswith("4 images that cannot be read are left out: row 30") for note in dataset.notes)


def test_columns_of_values_are_a_table(tmp_path: Path) -> None:
    folder = write_dict(tmp_path / "d", dict.fromkeys(("train", "val", "test"), (TABLE, OF_TABLE)))
    dataset = read_hf_folder(folder, FOUND_OUT)
    assert dataset.columns is not None
    assert [(column.name, column.kind, column.categories) for column in dataset.columns] == [
        ("age", "number", ()), ("ok", "boolean", ()), ("colour", "category", ("blue", "red")),
        ("count", "number", ()), ("day", "date", ()), ("size", "category", ("small", "large")),
    ]  # fmt: skip
    nan = np.nan
    expected = np.stack(
        [[1.5, nan, 3.25] * 12, [1, 0, nan, 1] * 9, [1, 0, nan] * 12, range(36), np.arange(36) + 0.5, [0, 1] * 18],
        axis=1,
    )
    assert np.array_equal(dataset.train.inputs, expected, equal_nan=True)
    assert dataset.train.labels.tolist() == LABELS
    assert "label column: label (by its name)" in dataset.notes


def test_categories_are_those_of_the_training_rows(tmp_path: Path) -> None:
    colours = ["red"] * 18 + ["blue"] * 18
    colours[5] = "only here"
    table = pa.table({"colour": colours, "number": range(36), "label": pa.array(LABELS, pa.int64())})
    features = {"colour": value("string"), "number": value("int64"), "label": ANIMALS}
    dataset = read_hf_folder(write(tmp_path / "d", table, features), FOUND_OUT)
    assert dataset.columns is not None
    kept_in = next(name for name, split in dataset.splits.items() if 5 in split.inputs[:, 1])
    categories = dataset.columns[0].categories
    assert ("only here" in categories) == (kept_in == "train")
    for split in dataset.splits.values():
        for code, number in split.inputs[:, :2]:
            colour = colours[int(number)]
            assert categories.index(colour) == code if colour in categories else code == -1


def test_a_category_of_the_test_split_alone_is_unknown(tmp_path: Path) -> None:
    other = TABLE.set_column(2, "colour", pa.array(["red", "green", None] * 12))
    splits = {"train": (TABLE, OF_TABLE), "val": (TABLE, OF_TABLE), "test": (other, OF_TABLE)}
    dataset = read_hf_folder(write_dict(tmp_path / "d", splits), FOUND_OUT)
    assert np.array_equal(dataset.test.inputs[:3, 2], [1, -1, np.nan], equal_nan=True)


@pytest.mark.parametrize(
    "feature",
    [
        {"_type": "List", "feature": ANIMALS},
        {"_type": "Sequence", "feature": ANIMALS, "length": -1},
        [ANIMALS],
    ],
    ids=["List", "Sequence", "as it was once written"],
)
def test_lists_of_classes_are_several_labels(tmp_path: Path, feature: Any) -> None:
    table = pa.table({"x": np.arange(36.0), "tags": pa.array([[0, 2], [1], []] * 12, pa.list_(pa.int64()))})
    folder = write(tmp_path / "d", table, {"x": value("float64"), "tags": feature})
    dataset = read_hf_folder(folder, FOUND_OUT)
    assert (dataset.task, dataset.class_names) == ("multilabel", ("cat", "dog", "eel"))
    for split in dataset.splits.values():
        expected = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 0]], np.float32)[split.inputs[:, 0].astype(int) % 3]
        assert np.array_equal(split.labels, expected)


def test_arrays_are_images(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).random((36, 4, 5)).astype(np.float32)
    table = pa.table({"pix": pa.array(pixels.tolist(), pa.list_(pa.list_(pa.float32()))), "y": np.arange(36) / 7})
    features = {"pix": {"_type": "Array2D", "shape": [4, 5], "dtype": "float32"}, "y": value("float64")}
    folder = write_dict(tmp_path / "d", dict.fromkeys(("train", "val", "test"), (table, features)))
    dataset = read_hf_folder(folder, FOUND_OUT)
    assert (dataset.task, dataset.class_names) == ("regression", ("y",))
    assert np.array_equal(dataset.train.inputs[:, 0], pixels)
    assert np.allclose(dataset.train.labels[:, 0], np.arange(36) / 7)


@pytest.mark.parametrize("features", [None, OF_IMAGES])
def test_what_the_files_say_themselves_is_enough(tmp_path: Path, features: dict[str, Any] | None) -> None:
    folder = write(tmp_path / "d", of_images(PNGS), OF_IMAGES)
    info = json.loads((folder / "dataset_info.json").read_text())
    (folder / "dataset_info.json").write_text(json.dumps(info | {"features": features}))
    assert read_hf_folder(folder, FOUND_OUT).class_names == ("cat", "dog", "eel")


def test_the_user_names_label_group_and_what_to_ignore(tmp_path: Path) -> None:
    folder = write(tmp_path / "d", TABLE, OF_TABLE)
    options = ReadOptions(label=("age",), ignore=("label", "day"), group="count", skip_bad=True)
    dataset = read_hf_folder(folder, options)
    assert (dataset.task, dataset.class_names) == ("regression", ("age",))
    assert dataset.columns is not None and [column.name for column in dataset.columns] == ["ok", "colour", "size"]
    assert "12 train examples without a label are left out" in dataset.notes
    large = write(tmp_path / "large", pa.concat_tables([TABLE] * 3), OF_TABLE)
    both = read_hf_folder(large, ReadOptions(label=("count", "ok"), ignore=("age",), skip_bad=True))
    assert both.class_names == ("count", "ok")


def test_nothing_in_the_folder_is_run_or_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = write(tmp_path / "d", of_images(PNGS), OF_IMAGES)
    (folder / "d.py").write_text("open('harm', 'w').close()")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    dataset = read_hf_folder(folder, FOUND_OUT)
    assert "programs in the folder are not run: d.py" in dataset.notes
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["d"]
