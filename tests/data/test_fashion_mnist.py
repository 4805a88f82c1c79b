"""The embedded Fashion-MNIST against the published files."""

import gzip
import hashlib
import lzma
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from pellucid.data import fashion_mnist as module
from pellucid.data.cache import Arrays
from pellucid.data.dataset import Dataset
from pellucid.data.fashion_mnist import CLASS_NAMES, PACKED, TRAIN_IMAGES_SHA256, load_fashion_mnist, unpack
from pellucid.errors import DataError

# Where Debian's package dataset-fashion-mnist puts the original files.
ORIGINALS = Path("/usr/share/datasets/fashion-mnist")
FILES = {
    "train-images": "train-images-idx3-ubyte.gz",
    "train-labels": "train-labels-idx1-ubyte.gz",
    "test-images": "t10k-images-idx3-ubyte.gz",
    "test-labels": "t10k-labels-idx1-ubyte.gz",
}


@pytest.mark.slow
def test_has_the_published_sizes(unpacked: Arrays) -> None:
    assert {part: array.shape for part, array in unpacked.items()} == {
        "train-images": (60_000, 28, 28),
        "train-labels": (60_000,),
        "test-images": (10_000, 28, 28),
        "test-labels": (10_000,),
    }


@pytest.mark.slow
def test_has_as_many_of_each_class_as_published(unpacked: Arrays) -> None:
    assert np.bincount(unpacked["train-labels"]).tolist() == [6_000] * 10
    assert np.bincount(unpacked["test-labels"]).tolist() == [1_000] * 10


@pytest.mark.slow
@pytest.mark.skipif(not ORIGINALS.is_dir(), reason="the original files are not installed")
@pytest.mark.parametrize("part", FILES)
def test_each_part_has_the_bytes_of_the_original(unpacked: Arrays, part: str) -> None:
    original = gzip.decompress((ORIGINALS / FILES[part]).read_bytes())
    header = 4 + 4 * unpacked[part].ndim
    assert hashlib.sha256(unpacked[part].tobytes()).digest() == hashlib.sha256(original[header:]).digest()


@pytest.mark.skipif(not ORIGINALS.is_dir(), reason="the original files are not installed")
def test_the_fingerprint_of_the_training_images_is_that_of_the_original() -> None:
    original = gzip.decompress((ORIGINALS / FILES["train-images"]).read_bytes())
    assert hashlib.sha256(original[16:]).hexdigest() == TRAIN_IMAGES_SHA256


def test_the_packed_file_is_small_enough_to_be_in_a_package() -> None:
    packed = resources.files("pellucid.data").joinpath("packed", PACKED)
    assert len(packed.read_bytes()) <= 27_000_000


def test_its_licence_is_beside_it() -> None:
    licence = resources.files("pellucid.data").joinpath("packed", "LICENSE-fashion-mnist").read_text("utf-8")
    assert "Copyright" in licence and "Zalando" in licence


def test_five_hundred_of_each_class_are_kept_for_validation(fashion_mnist: Dataset) -> None:
    counts = {name: np.bincount(split.labels).tolist() for name, split in fashion_mnist.splits.items()}
    assert counts == {"train": [5_500] * 10, "validation": [500] * 10, "test": [1_000] * 10}


def test_the_splits_are_always_the_same(fashion_mnist: Dataset) -> None:
    # Of the arrays as they are today: whoever changes the cut changes every accuracy that was ever compared.
    digest = hashlib.sha256(fashion_mnist.validation.inputs.tobytes() + fashion_mnist.validation.labels.tobytes())
    assert digest.hexdigest() == "0c58d8ce7d5b49bb855ffc79d322b42baa315525c764ea94d39a107a421705a3"


@pytest.mark.slow
def test_training_and_validation_examples_are_the_published_training_examples(
    unpacked: Arrays, fashion_mnist: Dataset
) -> None:
    def counted(*pairs: tuple[np.ndarray, np.ndarray]) -> list[bytes]:
        return sorted(
            image.tobytes() + bytes([label])
            for images, labels in pairs
            for image, label in zip(images, labels, strict=True)
        )

    train, validation = fashion_mnist.train, fashion_mnist.validation
    cut = counted((train.inputs, train.labels), (validation.inputs, validation.labels))
    assert cut == counted((unpacked["train-images"], unpacked["train-labels"]))


@pytest.mark.slow
def test_the_test_split_is_the_published_one_in_its_order(unpacked: Arrays, fashion_mnist: Dataset) -> None:
    assert np.array_equal(fashion_mnist.test.inputs[:, 0], unpacked["test-images"])
    assert np.array_equal(fashion_mnist.test.labels, unpacked["test-labels"])


def test_class_names_are_the_published_ones_in_their_order() -> None:
    # The table in the README of the dataset.
    published = "T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot"
    assert ", ".join(CLASS_NAMES) == published


class Installed:
    """A package whose packed file holds other bytes, or is not there."""

    def __init__(self, content: bytes | None) -> None:
        self.content = content

    def files(self, _package: str) -> "Installed":
        return self

    def joinpath(self, *_parts: str) -> "Installed":
        return self

    def read_bytes(self) -> bytes:
        if self.content is None:
            raise FileNotFoundError("no such file")
        return self.content


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(None, "is missing or damaged .*no such file", id="missing"),
        pytest.param(b"", "no IDX file|missing or damaged", id="empty"),
        pytest.param(b"no xz at all", "is missing or damaged", id="not xz"),
        pytest.param(lzma.compress(b"\0" * 1000)[:-20], "is missing or damaged", id="cut short"),
        pytest.param(lzma.compress(b"other content"), r"\(train-images\) is no IDX file", id="other content"),
    ],
)
def test_a_damaged_installation_says_so(monkeypatch: pytest.MonkeyPatch, content: bytes | None, problem: str) -> None:
    monkeypatch.setattr(module, "resources", Installed(content))
    with pytest.raises(DataError, match=problem):
        unpack()


def test_a_flipped_byte_in_the_packed_file_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    # Random bytes are stored as they are, so that no decoder stumbles over the flip: only the checksum can tell.
    packed = bytearray(lzma.compress(np.random.default_rng(0).bytes(10_000)))
    packed[5_000] ^= 1
    monkeypatch.setattr(module, "resources", Installed(bytes(packed)))
    with pytest.raises(DataError, match=r"missing or damaged .*\n  fix: install pellucid again"):
        unpack()


def test_the_cached_dataset_is_loaded_without_a_note(fashion_mnist: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(fashion_mnist.train) == 55_000  # the fixture has filled the cache
    monkeypatch.setattr(module, "resources", Installed(None))
    splits, notes = load_fashion_mnist()
    assert (len(splits["train"]), notes) == (55_000, ())
