"""What `read` makes of names, folders and mistakes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pellucid.data.dataset import Dataset
from pellucid.data.reading import read
from pellucid.errors import DataError, MissingFileError, UnknownNameError


def test_reads_fashion_mnist_unless_told_otherwise(fashion_mnist: Dataset) -> None:
    dataset = read()
    assert (dataset.name, dataset.fingerprint) == ("fashion-mnist", fashion_mnist.fingerprint)


@pytest.mark.parametrize("kind", [str, Path])
def test_reads_a_folder(tmp_path: Path, write_idx: Callable[[Path, NDArray[Any]], None], kind: type) -> None:
    images = np.random.default_rng(0).integers(0, 256, (84, 3, 3), dtype=np.uint8)
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", images)
    write_idx(tmp_path / "train-labels-idx1-ubyte.gz", np.repeat(np.arange(3, dtype=np.uint8), 28))
    read_inputs = np.concatenate([split.inputs for split in read(kind(tmp_path)).splits.values()])
    assert sorted(one.tobytes() for one in read_inputs) == sorted(image.tobytes() for image in images)


@pytest.mark.parametrize("name", ["fashion-mnst", "Fashion-MNIST", "fashionmnist", "fashion_mnist"])
def test_a_name_nearly_right_gets_the_right_one(name: str) -> None:
    with pytest.raises(
        UnknownNameError, match=f"no dataset or folder '{name}'\n  fix: write 'fashion-mnist' .did you mean that"
    ):
        read(name)


def test_a_name_of_nothing_gets_all_names() -> None:
    with pytest.raises(UnknownNameError, match="no dataset or folder 'xyz'\n  fix: choose one of: fashion-mnist"):
        read("xyz")


@pytest.mark.parametrize("kind", [str, Path])
def test_a_missing_folder_is_named(tmp_path: Path, kind: type) -> None:
    with pytest.raises(MissingFileError, match=f"there is no file or folder {tmp_path}/absent"):
        read(kind(tmp_path / "absent"))


@pytest.mark.parametrize("name", ["x" * 300, "/" + "x" * 300])
def test_a_name_longer_than_any_file_may_have_is_refused(name: str) -> None:
    with pytest.raises(MissingFileError, match="xxx cannot be read"):
        read(name)


def test_a_file_is_refused_for_its_folder(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"")
    with pytest.raises(DataError, match="is one file of a dataset\n  fix: give the folder that it is in"):
        read(tmp_path / "train-images-idx3-ubyte")


def test_a_folder_of_nothing_known_says_what_is(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(b"")
    with pytest.raises(
        DataError, match="holds no data that is known\n  fix: give a folder with a folder of images for"
    ):
        read(tmp_path)
