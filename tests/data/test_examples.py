"""Examples as PNG files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pellucid.data.dataset import Dataset, Split
from pellucid.data.examples import write_examples
from pellucid.errors import OverwriteError, UnknownNameError, UnwritableError


def dataset_of(*class_names: str, channels: int = 1) -> Dataset:
    """The third example of each class is the first that is asked for: the labels go 0, 1, 2 … from the end."""
    count = len(class_names)
    inputs = np.random.default_rng(0).integers(0, 256, (2 * count, channels, 5, 4), dtype=np.uint8)
    split = Split(inputs, np.arange(2 * count, dtype=np.int64)[::-1].copy() % count)
    return Dataset("pictures", {"train": split, "test": split}, class_names)


def first_of(dataset: Dataset, label: int) -> np.ndarray:
    inputs: np.ndarray = dataset.test.inputs[dataset.test.labels.tolist().index(label)]
    return inputs


@pytest.mark.parametrize("channels", [1, 3])
def test_each_file_holds_the_first_example_of_its_class(tmp_path: Path, channels: int) -> None:
    dataset = dataset_of("cat", "dog", "eel", channels=channels)
    for label, path in enumerate(write_examples(dataset, tmp_path)):
        pixels = np.asarray(Image.open(path)).reshape(5, 4, channels).transpose(2, 0, 1)
        assert np.array_equal(pixels, first_of(dataset, label))


def test_files_are_named_after_their_classes_and_stand_in_their_order(tmp_path: Path) -> None:
    paths = write_examples(dataset_of("T-shirt/top", "Ankle boot", "Ünïcode!"), tmp_path / "made" / "here")
    assert [path.name for path in paths] == ["t-shirt-top.png", "ankle-boot.png", "n-code.png"]
    assert sorted(paths) == sorted((tmp_path / "made" / "here").iterdir())


def test_classes_that_would_share_a_file_name_get_their_numbers(tmp_path: Path) -> None:
    paths = write_examples(dataset_of("C", "C++", "猫", "犬", "java"), tmp_path)
    assert [path.name for path in paths] == ["class-0-c.png", "class-1-c.png", "class-2.png", "class-3.png", "java.png"]
    assert all(path.is_file() for path in paths)


@pytest.mark.parametrize("name", ["../../outside", "/etc/passwd", "a\\b", ".."])
def test_no_class_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    (path,) = write_examples(dataset_of(name), tmp_path / "inside")
    assert path.resolve().parent == (tmp_path / "inside").resolve()


def test_a_class_without_examples_gets_no_file(tmp_path: Path) -> None:
    dataset = dataset_of("cat", "dog")
    only_cats = dataset.test.take(np.flatnonzero(dataset.test.labels == 0))
    dataset = Dataset("cats", {"train": dataset.train, "test": only_cats}, ("cat", "dog"))
    assert [path.name for path in write_examples(dataset, tmp_path)] == ["cat.png"]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "dog.png").write_text("mine")
    with pytest.raises(OverwriteError, match=r"dog.png is there already"):
        write_examples(dataset_of("cat", "dog"), tmp_path)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("dog.png", "mine")]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnwritableError, match=r"nothing can be written in .*file"):
        write_examples(dataset_of("cat"), tmp_path / "file" / "below")


def test_a_split_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="there is no split 'validation'"):
        write_examples(dataset_of("cat"), tmp_path, split="validation")
