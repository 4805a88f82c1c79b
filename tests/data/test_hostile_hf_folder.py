"""Folders of Hugging Face `datasets` that are broken, or that nothing can be learned from."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pellucid.data.huggingface.folder import read_hf_folder
from pellucid.data.huggingface.shards import is_hf_folder
from pellucid.data.options import ReadOptions
from pellucid.errors import DataError, PellucidError, UnknownNameError

from .hf_folders import (
    ANIMALS,
    FOUND_OUT,
    IMAGE,
    LABELS,
    OF_IMAGES,
    OF_TABLE,
    PNGS,
    STORED_IMAGE,
    TABLE,
    of_images,
    value,
    write,
    write_dict,
)


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
