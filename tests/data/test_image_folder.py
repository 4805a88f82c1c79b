"""Folders of images against the arrays they were written from, Pillow by hand, and the reading of single files."""

import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from pellucid.data.dataset import Dataset
from pellucid.data.images import cache as image_cache
from pellucid.data.images import folder as image_folder
from pellucid.data.images.fitting import fit_file
from pellucid.data.images.folder import read_image_folder
from pellucid.data.options import ReadOptions
from pellucid.data.preparing import fit_preparation
from pellucid.data.preparing_images import ImagePreparation
from pellucid.errors import DataError
from tests.data.hostile_images import colour, encoded, exif_of, grey

Pixels = NDArray[np.uint8]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("PELLUCID_CACHE", str(folder))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """20 grey images of each of two classes, 28x28."""
    folder = tmp_path / "pictures"
    for place, name in enumerate(("cat", "dog")):
        (folder / name).mkdir(parents=True)
        for number in range(20):
            Image.fromarray(grey(100 * place + number)).save(folder / name / f"{number}.png")
    return folder


def read(folder: Path, **options: bool | tuple[int, int]) -> Dataset:
    return read_image_folder(folder, ReadOptions(**options))  # type: ignore[arg-type]


def by_source(dataset: Dataset) -> dict[str, tuple[Pixels, str]]:
    return {
        source: (inputs, dataset.class_names[label])
        for split in dataset.splits.values()
        for source, inputs, label in zip(split.sources, split.inputs, split.labels, strict=True)
    }


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> Image.Image:
    shape = (height, width) if channels == 1 else (height, width, channels)
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def refuse_to_decode(*_: object, **__: object) -> None:
    raise AssertionError("decoded")


def test_small_images_of_one_size_are_kept_as_they_are(folder: Path) -> None:
    dataset = read(folder)
    found = by_source(dataset)
    assert len(found) == 40
    for place, name in enumerate(("cat", "dog")):
        for number in range(20):
            pixels, label = found[f"{name}/{number}.png"]
            assert np.array_equal(pixels[0], grey(100 * place + number))
            assert label == name
    assert (dataset.name, dataset.class_names, dataset.source) == ("pictures", ("cat", "dog"), str(folder))
    assert (str(dataset.train.inputs.dtype), dataset.background) == ("uint8", None)
    assert "images of 28x28, grey, one channel: kept as they are" in dataset.notes


def test_splits_are_cut_by_class_and_always_alike(folder: Path, tmp_path: Path) -> None:
    first = read(folder)
    # A seventh of 20 is 3, and a sixth of the other 17 is 3.
    assert {name: np.bincount(split.labels).tolist() for name, split in first.splits.items()} == {
        "train": [14, 14],
        "validation": [3, 3],
        "test": [3, 3],
    }
    assert "cut from the training images, by class: 6 for validation and 6 for test" in first.notes
    shutil.copytree(folder, tmp_path / "elsewhere")
    assert read(tmp_path / "elsewhere").fingerprint == first.fingerprint


def test_every_training_image_is_what_prediction_makes_of_its_file(folder: Path) -> None:
    glass = np.dstack([np.asarray(noise(30, 40)), np.asarray(noise(30, 40, 1))])
    strange: list[tuple[str, bytes]] = [
        ("photo.jpg", encoded(noise(90, 120), "JPEG")),
        ("high.png", encoded(noise(120, 40), "PNG")),
        ("turned.jpg", encoded(noise(60, 100), "JPEG", exif=exif_of(6))),
        ("glass.png", encoded(Image.fromarray(glass), "PNG")),
        ("grey glass.png", encoded(Image.fromarray(glass[..., 2:]), "PNG")),
        ("palette.png", encoded(noise(50, 50).convert("P"), "PNG", transparency=3)),
        ("deep.png", encoded(Image.fromarray(np.arange(900, dtype=np.uint16).reshape(30, 30) * 70), "PNG")),
        ("inks.jpg", encoded(noise(33, 44).convert("CMYK"), "JPEG")),
        ("small.webp", encoded(noise(5, 3), "WEBP")),
        ("wide.bmp", encoded(noise(10, 90, 1), "BMP")),
        ("thin.tif", encoded(noise(1, 700), "TIFF")),
    ]
    for name, content in strange:
        (folder / "dog" / name).write_bytes(content)
    dataset = read(folder)
    preparation = fit_preparation(dataset)
    assert isinstance(preparation, ImagePreparation)
    assert dataset.background is not None and preparation.border == dataset.background / 255
    found = by_source(dataset)
    assert len(found) == 40 + len(strange)
    for source, (pixels, _) in found.items():
        (predicted,) = fit_file(folder / source, preparation)
        assert np.array_equal(pixels, predicted.pixels), source


def test_the_background_is_like_the_borders_it_stands_beside(tmp_path: Path) -> None:
    # Wide pictures whose border goes from 100 to 200, so that no even border can go on: the level between is 150.
    ramp = np.repeat(np.linspace(100, 200, 60).astype(np.uint8)[None], 30, axis=0)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(10):
            pixels = ramp.copy()
            pixels[0, ::2], pixels[-1, ::2], pixels[5:20, 5:20] = 50, 250, number
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    dataset = read(tmp_path, image_size=(32, 32))
    border = ImagePreparation.fit(dataset.train).border * 255
    assert dataset.background is not None
    assert abs(dataset.background - border) < 1


def test_images_that_are_transparent_all_around_stand_on_white(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(10):
            glass = np.zeros((28, 28, 4), np.uint8)
            glass[8:20, 8:20] = (number, 90, 30, 255)
            Image.fromarray(glass).save(tmp_path / name / f"{number}.png")
    dataset = read(tmp_path)
    assert dataset.background == 255
    assert dataset.train.inputs[:, :, 0, 0].min() == 255


def test_coloured_files_that_show_only_grey_have_one_channel(folder: Path) -> None:
    for path in folder.glob("dog/*.png"):
        Image.open(path).convert("RGB").save(path)
    dataset = read(folder)
    assert dataset.input_shape == (1, 28, 28)
    assert np.array_equal(by_source(dataset)["dog/3.png"][0][0], grey(103))


def test_one_coloured_image_that_was_not_looked_at_gives_all_three_channels(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pellucid.data.images.form.DECODED", 2)
    Image.fromarray(colour(3)).save(folder / "cat" / "7.png")
    dataset = read(folder)
    assert dataset.input_shape == (3, 28, 28)
    found = by_source(dataset)
    assert np.array_equal(found["cat/7.png"][0], colour(3).transpose(2, 0, 1))
    assert np.array_equal(found["dog/3.png"][0], np.stack([grey(103)] * 3))
    assert "images of 28x28, colour, three channels: kept as they are" in dataset.notes


def test_the_size_that_is_asked_for_is_taken(folder: Path) -> None:
    dataset = read(folder, image_size=(14, 42))
    assert dataset.input_shape == (1, 14, 42)
    assert any("40 images resized to 42x14 (as asked for); aspect kept" in note for note in dataset.notes)
    # Halved, and in the middle.
    halves = grey(103).reshape(14, 2, 14, 2).mean(axis=(1, 3))
    assert np.abs(by_source(dataset)["dog/3.png"][0][0, :, 14:28] - halves).max() <= 1


@pytest.mark.parametrize("size", [(0, 5), (5000, 5), (-1, -1)])
def test_sizes_that_cannot_be_are_refused(folder: Path, size: tuple[int, int]) -> None:
    with pytest.raises(
        DataError, match=rf"images cannot be made {size[1]:,} x {size[0]:,} pixels\n  fix: give sides from 1"
    ):
        read(folder, image_size=size)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (ReadOptions(label=("x",)), "it has no columns\n  fix: leave out --label"),
        (ReadOptions(group="x"), "it has no columns"),
        (ReadOptions(task="regression"), "which is no regression task"),
        (ReadOptions(task="multilabel"), "which is no multilabel task"),
    ],
)
def test_options_of_tables_are_refused(folder: Path, options: ReadOptions, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        read_image_folder(folder, options)


def test_two_classes_can_be_a_binary_task(folder: Path) -> None:
    assert read_image_folder(folder, ReadOptions(task="binary")).outputs == 1


# The cache.


def test_a_second_reading_decodes_nothing_and_is_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "cat" / "broken.png").write_bytes(b"no")
    first = read(folder, skip_bad=True)
    monkeypatch.setattr(image_folder, "decode_files", refuse_to_decode)
    monkeypatch.setattr(image_folder, "choose_form", refuse_to_decode)
    second = read(folder, skip_bad=True)
    assert second.fingerprint == first.fingerprint
    assert (second.notes, second.train.sources, second.background) == (
        first.notes,
        first.train.sources,
        first.background,
    )
    with pytest.raises(DataError, match=r"1 of 41 image files .*: cat/broken\.png is no image"):
        read(folder)  # known without decoding as well


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda path: Image.fromarray(grey(9)).save(path / "cat/3.png"), id="changed"),
        pytest.param(lambda path: Image.fromarray(grey(9)).save(path / "cat/new.png"), id="added"),
        pytest.param(lambda path: (path / "cat/3.png").unlink(), id="removed"),
        pytest.param(lambda path: (path / "cat/3.png").rename(path / "cat/x.png"), id="renamed"),
    ],
)
def test_a_change_in_the_folder_is_seen_and_what_was_kept_before_is_removed(
    folder: Path, cache: Path, change: Callable[[Path], object]
) -> None:
    before = read(folder)
    (kept,) = (cache / "images").iterdir()
    change(folder)
    after = read(folder)
    assert set(by_source(after)) == {str(path.relative_to(folder)) for path in folder.glob("*/*")}
    for source, (pixels, _) in by_source(after).items():
        assert np.array_equal(pixels[0], np.asarray(Image.open(folder / source)))
    (now,) = (cache / "images").iterdir()
    assert now != kept
    assert after.fingerprint != before.fingerprint or set(by_source(after)) != set(by_source(before))


def test_each_folder_has_a_place_of_its_own(folder: Path, tmp_path: Path, cache: Path) -> None:
    shutil.copytree(folder, tmp_path / "other")
    read(folder)
    read(tmp_path / "other")
    assert len(list((cache / "images").iterdir())) == 2


def test_a_damaged_cache_is_made_again(folder: Path, cache: Path) -> None:
    first = read(folder)
    (kept,) = (cache / "images").glob("*/images.npy")
    kept.write_bytes(kept.read_bytes()[:-50] + bytes(50))
    assert read(folder).fingerprint == first.fingerprint


def test_without_a_cache_images_are_decoded_each_time_and_that_is_said(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = read(folder)
    (cache / "file").write_bytes(b"")
    monkeypatch.setenv("PELLUCID_CACHE", str(cache / "file"))
    dataset = read(folder)
    assert dataset.fingerprint == expected.fingerprint
    assert "decoded images are not kept in the cache: they are decoded at every reading" in dataset.notes


# More images than memory.


@pytest.fixture
def no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_cache, "memory_left", lambda: 100)


@pytest.mark.usefixtures("no_memory")
def test_images_that_do_not_fit_into_memory_are_mapped_from_the_disk(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "cat" / "broken.png").write_bytes(b"no")
    dataset = read(folder, skip_bad=True)
    assert isinstance(dataset.train.inputs.base, np.memmap)
    assert np.array_equal(by_source(dataset)["dog/3.png"][0][0], grey(103))
    monkeypatch.setattr(image_folder, "decode_files", refuse_to_decode)
    assert read(folder, skip_bad=True).fingerprint == dataset.fingerprint
    monkeypatch.undo()
    monkeypatch.setenv("PELLUCID_CACHE", str(cache / "of its own"))
    assert read(folder, skip_bad=True).fingerprint == dataset.fingerprint
    assert [path.name for path in (cache / "images").iterdir() if path.name.startswith(".")] == []


@pytest.mark.usefixtures("no_memory")
def test_writing_to_mapped_images_does_not_change_what_is_kept(folder: Path) -> None:
    dataset = read(folder)
    expected = dataset.fingerprint
    read(folder).train.inputs[:] = 0
    assert read(folder).fingerprint == expected


@pytest.mark.usefixtures("no_memory")
def test_images_that_fit_nowhere_are_refused(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_cache, "SPARE_BYTES", 2**62)
    with pytest.raises(
        DataError,
        match=r"the images of .* take 0.0 GB decoded, more than the free memory, and cannot be kept in .*disk",
    ):
        read(folder)
    assert list((cache / "images").iterdir()) == []


def test_a_reading_that_is_interrupted_leaves_nothing_behind(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(image_cache, "memory_left", lambda: 100)
    monkeypatch.setattr(image_folder, "decode_files", interrupt)
    with pytest.raises(KeyboardInterrupt):
        read(folder)
    assert list((cache / "images").iterdir()) == []


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(gaps=st.sets(st.integers(0, 19), max_size=19))
def test_rows_of_unreadable_files_are_closed_up(gaps: set[int]) -> None:
    rows = np.arange(20, dtype=np.uint8).reshape(20, 1, 1, 1).copy()
    image_folder._close_gaps(rows, sorted(gaps))
    assert rows[: 20 - len(gaps)].ravel().tolist() == [row for row in range(20) if row not in gaps]


def test_images_that_are_left_out_change_no_other(folder: Path) -> None:
    chosen = random.Random(3).sample(sorted(str(path.relative_to(folder)) for path in folder.glob("*/*")), 6)
    before = by_source(read(folder))
    for source in chosen:
        (folder / source).write_bytes(b"no longer")
    dataset = read(folder, skip_bad=True)
    after = by_source(dataset)
    assert set(after) == set(before) - set(chosen)
    for source, (pixels, label) in after.items():
        assert np.array_equal(pixels, before[source][0]) and label == before[source][1]
    assert any(re.match(r"left out: 6 of 40 image files in .* cannot be read: ", note) for note in dataset.notes)


# Fashion-MNIST.


def write_as_files(dataset: Dataset, folder: Path, examples: int) -> dict[str, tuple[Pixels, str]]:
    names = {"train": "train", "validation": "Val", "test": "TEST"}
    written = {}
    for split_name, split in dataset.splits.items():
        for number in range(min(examples, len(split))):
            name = dataset.class_names[split.labels[number]]
            source = f"{names[split_name]}/{name.replace('/', '-')}/{number}.png"
            (folder / source).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(split.inputs[number, 0]).save(folder / source, compress_level=0)
            written[source] = (split.inputs[number], name.replace("/", "-"))
    return written


@pytest.mark.parametrize("examples", [1000, pytest.param(55_000, marks=pytest.mark.slow)])
def test_fashion_mnist_as_files_gives_the_same_pixels_labels_and_splits(
    tmp_path: Path, fashion_mnist: Dataset, examples: int
) -> None:
    written = write_as_files(fashion_mnist, tmp_path, examples)
    dataset = read(tmp_path)
    assert {name: len(split) for name, split in dataset.splits.items()} == {
        name: min(examples, len(split)) for name, split in fashion_mnist.splits.items()
    }
    found = by_source(dataset)
    assert set(found) == set(written)
    assert all(np.array_equal(pixels, written[source][0]) for source, (pixels, _) in found.items())
    assert all(label == written[source][1] for source, (_, label) in found.items())
    if examples == len(fashion_mnist.train):
        # The border is measured on the first images, and those are others here.
        facts, expected = fit_preparation(dataset).to_dict(), fit_preparation(fashion_mnist).to_dict()
        assert [facts[name] for name in ("shape", "mean", "std")] == [
            expected[name] for name in ("shape", "mean", "std")
        ]
