"""Folders as Hugging Face `datasets` writes them (version 5.2 recorded), made here by pyarrow alone."""

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from pellucid.data.dataset import Dataset
from pellucid.data.huggingface.folder import read_hf_folder
from pellucid.data.huggingface.shards import is_hf_folder
from pellucid.data.options import ReadOptions
from pellucid.errors import DataError, PellucidError, UnknownNameError

FOUND_OUT = ReadOptions()
ANIMALS = {"_type": "ClassLabel", "names": ["cat", "dog", "eel"]}
IMAGE = {"_type": "Image"}
STORED_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
PIXELS = np.random.default_rng(0).integers(0, 256, (36, 6, 7, 3), dtype=np.uint8)
LABELS = [index % 3 for index in range(36)]


def value(dtype: str) -> dict[str, str]:
    return {"_type": "Value", "dtype": dtype}


def write(folder: Path, table: pa.Table, features: dict[str, Any] | None, shards: int = 1) -> Path:
    """Write one split as `Dataset.save_to_disk` does."""
    folder.mkdir(parents=True, exist_ok=True)
    size = -(-len(table) // shards)
    names: list[str] = []
    for place in range(shards):
        names.append(f"data-{place:05}-of-{shards:05}.arrow")
        part = table.slice(place * size, size)
        said = json.dumps({"info": {"features": features or {}}})
        part = part.replace_schema_metadata({"huggingface": said})
        with pa.OSFile(str(folder / names[-1]), "wb") as file, pa.ipc.new_stream(file, part.schema) as stream:
            stream.write_table(part, max_chunksize=10)
    state: dict[str, Any] = {
        "_data_files": [{"filename": name} for name in names], "_fingerprint": "0", "_format_columns": None,
        "_format_kwargs": {}, "_format_type": None, "_output_all_columns": False, "_split": None,
    }  # fmt: skip
    (folder / "state.json").write_text(json.dumps(state, indent=2))
    info = {"citation": "", "description": "", "features": features, "homepage": "", "license": ""}
    (folder / "dataset_info.json").write_text(json.dumps(info, indent=2))
    return folder


def write_dict(folder: Path, splits: dict[str, tuple[pa.Table, dict[str, Any]]]) -> Path:
    """Write several splits as `DatasetDict.save_to_disk` does."""
    for name, (table, features) in splits.items():
        write(folder / name, table, features)
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": list(splits)}))
    return folder


def png(pixels: Any, mode: str | None = None, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(buffer, kind, **options)
    return buffer.getvalue()


def of_images(contents: Sequence[bytes | None], labels: Sequence[int | None] | None = None) -> pa.Table:
    images = [{"bytes": content, "path": None} for content in contents]
    rows = pa.array(labels or LABELS[: len(contents)], pa.int64())
    return pa.table({"image": pa.array(images, STORED_IMAGE), "label": rows})


PNGS = [png(pixels) for pixels in PIXELS]
OF_IMAGES = {"image": IMAGE, "label": ANIMALS}


def sorted_pairs(dataset: Dataset) -> list[tuple[bytes, int]]:
    return sorted(
        (image.tobytes(), int(label))
        for split in dataset.splits.values()
        for image, label in zip(split.inputs, split.labels, strict=True)
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


TABLE = pa.table(
    {
        "age": pa.array([1.5, None, 3.25] * 12, pa.float64()),
        "ok": pa.array([True, False, None, True] * 9),
        "colour": pa.array(["red", "blue", None] * 12),
        "count": pa.array(range(36), pa.int32()),
        "day": pa.array([86_400_000 * day + 43_200_000 for day in range(36)], pa.timestamp("ms")),
        "size": pa.array([0, 1] * 18, pa.int64()),
        "label": pa.array(LABELS, pa.int64()),
    }
)
OF_TABLE = {
    "age": value("float64"), "ok": value("bool"), "colour": value("string"), "count": value("int32"),
    "day": value("timestamp[ms]"), "size": {"_type": "ClassLabel", "names": ["small", "large"]}, "label": ANIMALS,
}  # fmt: skip


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


def edit(name: str, change: Callable[[Any], Any]) -> Callable[[Path], None]:
    def edited(folder: Path) -> None:
        made = change(json.loads((folder / name).read_text()))
        (folder / name).write_text(json.dumps(made))

    return edited


def cut(folder: Path) -> None:
    path = folder / "data-00000-of-00001.arrow"
    path.write_bytes(path.read_bytes()[:-700])


def point_elsewhere(folder: Path) -> None:
    """The offsets of the images lead far out of the file."""
    path = folder / "data-00000-of-00001.arrow"
    content = path.read_bytes()
    offsets = np.cumsum([0, *map(len, PNGS[:10])]).astype("<i4")
    place = content.index(offsets[1:].tobytes())
    path.write_bytes(content[:place] + b"\xff\xff\xff\x7f" * 10 + content[place + 40 :])


ARROW = "data-00000-of-00001.arrow"
BROKEN: list[Any] = [
    ("no state", lambda folder: (folder / "state.json").unlink(), "there is no file .*state.json"),
    ("no shard", lambda folder: (folder / ARROW).unlink(), "there is no file .*arrow"),
    ("state is no JSON", lambda folder: (folder / "state.json").write_text("{"), "state.json is no JSON"),
    ("state is a list", lambda folder: (folder / "state.json").write_text("[]"), "state.json is no JSON object"),
    ("JSON too deep", lambda folder: (folder / "state.json").write_text("[" * 100_000), "state.json is no JSON"),
    ("state in another encoding", lambda folder: (folder / "state.json").write_bytes(b"\xff\xfe\xfa"), "is no JSON"),
    ("no files listed", edit("state.json", lambda state: {}), "lists no data files"),
    (
        "a path that leads out",
        edit("state.json", lambda state: {"_data_files": [{"filename": "../../x"}]}),
        "names '../../x', which is no file beside it",
    ),
    (
        "an absolute path",
        edit("state.json", lambda state: {"_data_files": [{"filename": "/etc/passwd"}]}),
        "names '/etc/passwd', which",
    ),
    ("a number for a path", edit("state.json", lambda state: {"_data_files": [3]}), "names None, which"),
    ("cut short", cut, "no stream of Arrow, damaged or cut short"),
    ("empty", lambda folder: (folder / ARROW).write_bytes(b""), "no stream of Arrow"),
    ("text", lambda folder: (folder / ARROW).write_text("a,b\n1,2\n"), "no stream of Arrow"),
    ("offsets out of the file", point_elsewhere, "no stream of Arrow, damaged"),
    (
        "other columns than said",
        edit("dataset_info.json", lambda info: {"features": {"a": IMAGE, "label": ANIMALS}}),
        "names the columns a, label, but the files have image, label",
    ),
    ("features are a list", edit("dataset_info.json", lambda info: {"features": [1]}), "says nothing of the columns"),
    (
        "an image that is none",
        edit("dataset_info.json", lambda info: {"features": {"image": ANIMALS, "label": IMAGE}}),
        "no column that is surely the label",
    ),
    (
        "names are numbers",
        edit(
            "dataset_info.json",
            lambda info: {"features": {"image": IMAGE, "label": {"_type": "ClassLabel", "names": [1]}}},
        ),
        "have no list of names",
    ),
    (
        "too few names",
        edit(
            "dataset_info.json",
            lambda info: {"features": {"image": IMAGE, "label": {"_type": "ClassLabel", "names": ["a", "b"]}}},
        ),
        "go from 0 to 2, but there are 2 class names",
    ),
    (
        "a name with an escape",
        edit(
            "dataset_info.json",
            lambda info: {
                "features": {"image": IMAGE, "label": {"_type": "ClassLabel", "names": ["a", "b", "\x1b[2J"]}}
            },
        ),
        "has control characters",
    ),
]


@pytest.mark.parametrize(("harm", "text"), [one[1:] for one in BROKEN], ids=[one[0] for one in BROKEN])
def test_a_broken_folder_is_refused(tmp_path: Path, harm: Callable[[Path], None], text: str) -> None:
    folder = write(tmp_path / "d", of_images(PNGS), OF_IMAGES)
    harm(folder)
    with pytest.raises(PellucidError, match=text):
        read_hf_folder(folder, FOUND_OUT)


def lists(rows: Any) -> pa.Table:
    return pa.table({"pix": pa.array(rows), "label": pa.array(LABELS[: len(rows)], pa.int64())})


UNFIT: list[Any] = [
    ("no rows", of_images([]), OF_IMAGES, "has no images"),
    (
        "only paths",
        pa.table({"image": pa.array([{"bytes": None, "path": "/etc/passwd"}] * 36, STORED_IMAGE), "label": LABELS}),
        OF_IMAGES,
        "row 0 of train only names a file that is not in the folder, '/etc/passwd'",
    ),
    (
        "labels missing",
        of_images(PNGS, [None, -1, *LABELS[2:]]),
        OF_IMAGES,
        "2 of 36 examples in .* have no label, such as row 0",
    ),
    (
        "free text",
        TABLE.set_column(2, "colour", pa.array([f"so {n} it is " * 20 for n in range(36)])),
        OF_TABLE,
        "column 'colour' of .* holds free text, such as 'so 0 it is",
    ),
    (
        "no label",
        TABLE.select(["age", "ok"]),
        {name: OF_TABLE[name] for name in ("age", "ok")},
        r"surely the label: age \(number\), ok \(boolean\)",
    ),
    ("no inputs", TABLE.select(["label"]), {"label": ANIMALS}, "surely the input: none is left"),
    (
        "two images",
        of_images(PNGS).append_column("second", of_images(PNGS).column("image")),
        {**OF_IMAGES, "second": IMAGE},
        r"surely the input: image \(image\), second \(image\)",
    ),
    (
        "lists of several lengths",
        lists([[1.0] * (1 + n % 2) for n in range(36)]),
        {"pix": {"_type": "List", "feature": value("float64")}, "label": ANIMALS},
        "has lists of several lengths: 1, 2",
    ),
    (
        "arrays of another shape",
        lists([[[1.0] * 5] * 4] * 36),
        {"pix": {"_type": "Array2D", "shape": [5, 4], "dtype": "float64"}, "label": ANIMALS},
        r"has arrays of shape \[4, 5\], not \[5, 4\]",
    ),
    (
        "infinite values",
        pa.table({"x": [np.inf] * 36, "label": LABELS}),
        {"x": value("float64"), "label": ANIMALS},
        "column 'x' of the train inputs of .* has infinite values",
    ),
]


@pytest.mark.parametrize(("table", "features", "text"), [one[1:] for one in UNFIT], ids=[one[0] for one in UNFIT])
def test_rows_that_cannot_be_learned_from_are_refused(
    tmp_path: Path, table: pa.Table, features: dict[str, Any], text: str
) -> None:
    with pytest.raises(PellucidError, match=text):
        read_hf_folder(write(tmp_path / "d", table, features), FOUND_OUT)


@pytest.mark.parametrize(
    ("splits", "text"),
    [
        (["train", "../train"], "names '../train', which is no file beside it"),
        (["test", "unsupervised"], "has no training split, but test, unsupervised"),
        (["train", "val", "validation"], "has two validation splits: val and validation"),
        ([], "lists no splits"),
        ([1], "lists no splits"),
    ],
)
def test_splits_that_cannot_be_told_are_refused(tmp_path: Path, splits: list[Any], text: str) -> None:
    (tmp_path / "dataset_dict.json").write_text(json.dumps({"splits": splits}))
    with pytest.raises(DataError, match=text):
        read_hf_folder(tmp_path, FOUND_OUT)


def test_a_split_with_other_columns_is_refused(tmp_path: Path) -> None:
    other = {"image": IMAGE, "label": {"_type": "ClassLabel", "names": ["dog", "cat", "eel"]}}
    splits = {"train": (of_images(PNGS), OF_IMAGES), "test": (of_images(PNGS), other)}
    with pytest.raises(DataError, match=r"column 'label' of .* is another in test than in train"):
        read_hf_folder(write_dict(tmp_path / "d", splits), FOUND_OUT)


def test_a_wrong_column_gets_the_right_one(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="has no column 'lable'\n  fix: write 'label'"):
        read_hf_folder(write(tmp_path / "d", of_images(PNGS), OF_IMAGES), ReadOptions(label=("lable",)))


def test_other_folders_are_none_of_these(tmp_path: Path) -> None:
    assert not is_hf_folder(tmp_path)
    assert not is_hf_folder(tmp_path / "none")
    assert not is_hf_folder(tmp_path / ("a" * 5000))
    (tmp_path / "state.json").write_text("{}")
    assert not is_hf_folder(tmp_path)
    with pytest.raises(DataError, match="lists no data files"):
        read_hf_folder(tmp_path, FOUND_OUT)
