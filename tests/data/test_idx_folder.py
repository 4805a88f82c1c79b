"""Folders of IDX files, written by hand."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pellucid.data.cache import Arrays
from pellucid.data.dataset import Dataset
from pellucid.data.fashion_mnist import CLASS_NAMES
from pellucid.data.idx_folder import has_idx_files, read_idx_folder
from pellucid.errors import DataError, MissingFileError, PellucidError, ShapeError

WriteIdx = Callable[[Path, NDArray[Any]], None]
NAMES = {
    "train-images": "train-images-idx3-ubyte",
    "train-labels": "train-labels-idx1-ubyte",
    "test-images": "t10k-images-idx3-ubyte",
    "test-labels": "t10k-labels-idx1-ubyte",
}


def small(examples: int = 36, classes: int = 3, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    images = np.random.default_rng(seed).integers(0, 256, (examples, 4, 5), dtype=np.uint8)
    return images, (np.arange(examples) % classes).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path, write_idx: WriteIdx) -> Path:
    """36 training and 9 test examples of three classes."""
    folder = tmp_path / "shapes"
    folder.mkdir()
    for split, examples, seed in (("train", 36, 1), ("test", 9, 2)):
        images, labels = small(examples, seed=seed)
        write_idx(folder / NAMES[f"{split}-images"], images)
        write_idx(folder / NAMES[f"{split}-labels"], labels)
    return folder


def training_inputs(dataset: Dataset) -> set[bytes]:
    """The training examples before validation examples were cut from them."""
    return {one.tobytes() for name in ("train", "validation") for one in dataset.splits[name].inputs}


def test_reads_images_labels_name_and_class_numbers(folder: Path) -> None:
    dataset = read_idx_folder(folder)
    images, labels = small(9, seed=2)
    assert np.array_equal(dataset.test.inputs, images[:, None])
    assert np.array_equal(dataset.test.labels, labels)
    assert (dataset.name, dataset.class_names, dataset.notes) == ("shapes", ("0", "1", "2"), ())
    assert training_inputs(dataset) == {image.tobytes() for image in small(36, seed=1)[0]}


@pytest.mark.parametrize(
    "renamed",
    [
        pytest.param(lambda name: name.replace("-idx", ".idx"), id="dots"),
        pytest.param(lambda name: "emnist-letters-" + name, id="prefix"),
        pytest.param(str.upper, id="capitals"),
        pytest.param(lambda name: name.replace("t10k", "test"), id="test"),
        pytest.param(lambda name: name + ".gz", id="gz that is not compressed"),
    ],
)
def test_knows_the_names_that_such_files_have(folder: Path, renamed: Callable[[str], str]) -> None:
    expected = read_idx_folder(folder).fingerprint
    for path in list(folder.iterdir()):
        path.rename(folder / renamed(path.name))
    assert read_idx_folder(folder).fingerprint == expected


def test_compressed_files_give_the_same_dataset(folder: Path) -> None:
    expected = read_idx_folder(folder).fingerprint
    for path in list(folder.iterdir()):
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert read_idx_folder(folder).fingerprint == expected


def test_a_plain_file_goes_before_its_compressed_twin(folder: Path, write_idx: WriteIdx) -> None:
    expected = read_idx_folder(folder).fingerprint
    for name in NAMES.values():
        write_idx(folder / f"{name}.gz", np.zeros((1,), np.uint8))
    assert read_idx_folder(folder).fingerprint == expected


@pytest.mark.parametrize("first", ["images", "labels"])
def test_of_two_datasets_in_one_folder_images_and_labels_of_the_first_are_taken(
    tmp_path: Path, write_idx: WriteIdx, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, labels = small()
    for prefix, shift in (("digits", 0), ("letters", 1)):
        write_idx(tmp_path / f"{prefix}-train-images-idx3-ubyte", images + shift)
        write_idx(tmp_path / f"{prefix}-train-labels-idx1-ubyte", labels + shift)
    listed = sorted(tmp_path.iterdir())
    # A folder is listed in any order; this one would pair the images of one with the labels of the other.
    mixed = sorted(listed, key=lambda path: (first in path.name) == ("letters" in path.name))
    monkeypatch.setattr(Path, "iterdir", lambda _: iter(mixed))
    assert read_idx_folder(tmp_path).train.labels.min() == 0
    assert training_inputs(read_idx_folder(tmp_path)) <= {image.tobytes() for image in images}


def test_without_test_files_a_seventh_is_cut_for_the_test_and_noted(tmp_path: Path, write_idx: WriteIdx) -> None:
    images, labels = small(84)
    write_idx(tmp_path / NAMES["train-images"], images)
    write_idx(tmp_path / NAMES["train-labels"], labels)
    dataset = read_idx_folder(tmp_path)
    # 28 of each class: a seventh is 4, and a twelfth of the other 24 is 2.
    assert {name: np.bincount(split.labels).tolist() for name, split in dataset.splits.items()} == {
        "train": [22, 22, 22],
        "validation": [2, 2, 2],
        "test": [4, 4, 4],
    }
    assert dataset.notes == (f"{tmp_path} has no test files: 12 training examples are kept for the test",)


@pytest.mark.parametrize("part", NAMES)
def test_a_missing_file_is_named_with_what_to_add(folder: Path, part: str) -> None:
    (folder / NAMES[part]).unlink()
    with pytest.raises(
        MissingFileError, match=f"has no {part.replace('-', ' ')} beside .*\n  fix: add the file {NAMES[part]}"
    ):
        read_idx_folder(folder)


def test_different_numbers_of_images_and_labels_are_refused(folder: Path, write_idx: WriteIdx) -> None:
    write_idx(folder / NAMES["train-labels"], np.zeros(35, np.uint8))
    with pytest.raises(ShapeError, match=r"\(train\) has 36 images but 35 labels"):
        read_idx_folder(folder)


@pytest.mark.parametrize(
    ("images", "labels", "kind", "problem"),
    [
        pytest.param(np.zeros((0, 4, 5), np.uint8), np.zeros(0, np.uint8), DataError, "has no images", id="empty"),
        pytest.param(np.zeros((9, 0, 5), np.uint8), np.zeros(9, np.uint8), DataError, "has no images", id="no pixel"),
        pytest.param(np.zeros((9, 4, 5), np.uint8), np.zeros(9), DataError, "labels of type float64", id="float label"),
        pytest.param(
            np.zeros((9, 4, 5), np.uint8), np.zeros((9, 2), np.uint8), ShapeError, "labels of shape", id="two labels"
        ),
        pytest.param(np.zeros((9, 4), np.uint8), np.zeros(9, np.uint8), ShapeError, "images of shape", id="rows"),
        pytest.param(np.full((9, 4, 5), np.nan), np.zeros(9, np.uint8), DataError, "NaN or infinite", id="NaN"),
        pytest.param(np.full((9, 4, 5), 1e300), np.zeros(9, np.uint8), DataError, "NaN or infinite", id="beyond float"),
        pytest.param(
            np.zeros((36, 4, 5), np.uint8), np.full(36, -1, np.int8), DataError, "labels go from -1", id="negative"
        ),
        pytest.param(
            np.zeros((36, 4, 5), np.uint8),
            np.full(36, 2_000_000_000, np.int32),
            DataError,
            "reach 2,000,000,000",
            id="label of two billion",
        ),
        pytest.param(np.zeros((36, 5, 5), np.uint8), np.zeros(36, np.uint8), ShapeError, "the test inputs", id="size"),
        pytest.param(np.zeros((3, 4, 5), np.uint8), np.zeros(3, np.uint8), DataError, "too few", id="too few"),
    ],
)
def test_training_files_that_are_no_images_with_labels_are_refused(
    folder: Path,
    write_idx: WriteIdx,
    images: NDArray[Any],
    labels: NDArray[Any],
    kind: type[PellucidError],
    problem: str,
) -> None:
    write_idx(folder / NAMES["train-images"], images)
    write_idx(folder / NAMES["train-labels"], labels)
    with pytest.raises(kind, match=problem):
        read_idx_folder(folder)


def test_float_images_become_float32_as_they_are(folder: Path, write_idx: WriteIdx) -> None:
    images = np.random.default_rng(3).normal(size=(9, 4, 5))
    write_idx(folder / NAMES["test-images"], images)
    assert np.array_equal(read_idx_folder(folder).test.inputs, images.astype(np.float32)[:, None])


def test_images_with_channels_keep_them(folder: Path, write_idx: WriteIdx) -> None:
    colour = np.random.default_rng(3).integers(0, 256, (36, 3, 4, 5), dtype=np.uint8)
    for part, images in (("train-images", colour), ("test-images", colour[:9])):
        write_idx(folder / NAMES[part], images)
    assert np.array_equal(read_idx_folder(folder).test.inputs, colour[:9])


def test_class_names_come_from_a_file_beside_the_data(folder: Path) -> None:
    (folder / "classes.txt").write_text("circle\n square \n\nétoile\n", encoding="utf-8")
    assert read_idx_folder(folder).class_names == ("circle", "square", "étoile")


def test_the_mark_that_some_editors_put_first_is_no_part_of_a_class_name(folder: Path) -> None:
    (folder / "classes.txt").write_bytes(b"\xef\xbb\xbfcircle\r\nsquare\r\nstar\r\n")
    assert read_idx_folder(folder).class_names == ("circle", "square", "star")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(b"", "has no names, or one name twice", id="empty"),
        pytest.param(b"a\nb\na\n", "has no names, or one name twice", id="twice"),
        pytest.param(b"caf\xe9\nb\nc\n", "is no UTF-8 text", id="latin-1"),
        pytest.param(b"a\nb\n", "labels go from 0 to 2, but there are 2 class names", id="one is missing"),
    ],
)
def test_a_file_of_class_names_that_does_not_fit_is_refused(folder: Path, content: bytes, problem: str) -> None:
    (folder / "classes.txt").write_bytes(content)
    with pytest.raises(DataError, match=problem):
        read_idx_folder(folder)


def test_a_damaged_file_is_named(folder: Path) -> None:
    path = folder / NAMES["test-images"]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=f"{re.escape(str(path))} holds 179 bytes but its header promises 180"):
        read_idx_folder(folder)


def test_other_files_are_passed_over(tmp_path: Path) -> None:
    for name in ("train-images.png", "train-images-idx3-ubyte.zip", "notes.txt", "train-images-idx9-ubyte"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "train-images-idx3-ubyte").mkdir()
    assert not has_idx_files(tmp_path)


def test_a_folder_that_cannot_be_listed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    # Tests may run as root, whom no file mode stops.
    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(DataError, match=r"cannot be read .*Permission denied"):
        has_idx_files(tmp_path)


def test_nothing_is_written_into_the_folder(folder: Path) -> None:
    (folder / "classes.txt").write_text("circle\nsquare\nstar\n")
    before = {path.name: path.stat().st_mtime_ns for path in [folder, *folder.iterdir()]}
    assert len(read_idx_folder(folder).train) == 33
    assert {path.name: path.stat().st_mtime_ns for path in [folder, *folder.iterdir()]} == before


@pytest.mark.slow
def test_the_files_of_fashion_mnist_give_the_embedded_dataset(
    tmp_path: Path, unpacked: Arrays, fashion_mnist: Dataset
) -> None:
    for part, array in unpacked.items():
        # All of them are bytes, which stand in an IDX file as they stand in memory.
        header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
        (tmp_path / NAMES[part]).write_bytes(header + array.tobytes())
    dataset = read_idx_folder(tmp_path)
    assert dataset.class_names == CLASS_NAMES  # known by the content of the images
    assert dataset.fingerprint == fashion_mnist.fingerprint


@pytest.mark.slow
def test_one_changed_pixel_makes_the_class_names_unknown(tmp_path: Path, unpacked: Arrays) -> None:
    for part, array in unpacked.items():
        header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
        content = bytearray(array.tobytes())
        content[0] ^= part == "train-images"
        (tmp_path / NAMES[part]).write_bytes(header + content)
    assert read_idx_folder(tmp_path).class_names == tuple("0123456789")
