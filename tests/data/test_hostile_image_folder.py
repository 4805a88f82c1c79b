"""A folder of broken, strange and malicious image files: each is used and right, or named."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFile

from pellucid.data.dataset import Dataset
from pellucid.data.images.folder import read_image_folder
from pellucid.data.options import ReadOptions
from pellucid.data.showing import shown
from pellucid.errors import DataError
from tests.data.hostile_images import Hostile, encoded, exif_of, grey, hostile_files

CASES = hostile_files()
SIZE = (28, 28)
# What a process prints that reads a folder: how many images, and the most memory beyond what its imports take, in MB.
READER = """
import resource, sys
from pathlib import Path
from pellucid.data.images.folder import read_image_folder
from pellucid.data.options import ReadOptions
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
dataset = read_image_folder(Path(sys.argv[1]), ReadOptions(image_size=(28, 28), skip_bad=True))
most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(sum(len(split) for split in dataset.splits.values()), (most - before) // 1024)
"""


def good_images(folder: Path, count: int = 60) -> None:
    for place, name in enumerate(("a", "b")):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            (folder / name / f"{number}.png").write_bytes(encoded(grey(1000 * place + number), "PNG"))


@dataclass(frozen=True)
class Read:
    folder: Path
    dataset: Dataset
    reasons: str
    pixels: dict[str, NDArray[np.uint8]]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    folder = tmp_path_factory.mktemp("hostile")
    good_images(folder)
    for case in CASES:
        case.make(folder / "a" / case.name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PELLUCID_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr("pellucid.data.images.notes.SHOWN", 1000)
        dataset = read_image_folder(folder, ReadOptions(skip_bad=True))
    pixels = {
        source: inputs
        for split in dataset.splits.values()
        for source, inputs in zip(split.sources, split.inputs, strict=True)
    }
    return Read(folder, dataset, next(note for note in dataset.notes if note.startswith("left out")), pixels)


def test_there_are_enough_cases_and_each_has_a_name_of_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 60


@pytest.mark.parametrize("case", [pytest.param(case, id=repr(case.name)[:40]) for case in CASES])
def test_a_hostile_file_is_used_and_right_or_named_with_the_reason(read: Read, case: Hostile) -> None:
    source = f"a/{shown(case.name)}"
    if case.reason is not None:
        assert source not in read.pixels
        assert re.search(f"[:;] {re.escape(source)} ({case.reason})", read.reasons)
        return
    assert source not in read.reasons
    found = read.pixels[source].transpose(1, 2, 0)
    if case.pixels is not None:
        expected = case.pixels if case.pixels.ndim == 3 else np.dstack([case.pixels] * 3)
        assert np.abs(found.astype(float) - expected).max() <= case.tolerance


def test_without_skip_bad_all_are_named_in_one_error(read: Read) -> None:
    bad = sum(case.reason is not None for case in CASES)
    with pytest.raises(
        DataError, match=rf"^{bad} of {len(CASES) + 120} image files in .* cannot be read: a/.*"
    ) as caught:
        read_image_folder(read.folder, ReadOptions())
    assert str(caught.value).count(";") == 10  # ten with their reasons, and the number of the others
    assert f"and {bad - 10} more\n  fix: repair or remove them, or leave them out with --skip-bad" in str(caught.value)


def test_nothing_of_a_name_can_rewrite_the_screen(read: Read) -> None:
    texts = [*read.dataset.notes, *(source for split in read.dataset.splits.values() for source in split.sources)]
    assert not any(character in text for text in texts for character in "\n\x1b")
    for text in texts:
        assert text.encode()  # also as UTF-8


@pytest.mark.parametrize(
    "note",
    [
        "3 images with several frames, of which the first is used",
        "1 image with a name that says another format than the content has; the content counts",
        "2 images with transparent parts, filled with the background",
        "2 images with 16 or 32 bits a value, scaled to 8",
        r"3 files with names that are not UTF-8 or have control characters, written with escapes: "
        r"a/\x1b[31mred.png, a/caf\xe9.png, a/two\nlines.png",
    ],
)
def test_what_is_strange_is_noted_with_its_number(read: Read, note: str) -> None:
    assert note in read.dataset.notes


def test_nothing_is_written_into_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "images"
    good_images(folder, 10)
    before = {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}
    read_image_folder(folder, ReadOptions())
    assert {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]} == before


def test_a_file_that_nobody_may_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "cache"))
    good_images(tmp_path / "images", 10)
    really_open = Image.open

    def refuse(path: Path, **options: tuple[str, ...]) -> ImageFile.ImageFile:
        # Tests may run as root, whom no file mode stops.
        if path.name == "3.png" and path.parent.name == "b":
            raise PermissionError(13, "Permission denied")
        return really_open(path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Image, "open", refuse)
    with pytest.raises(DataError, match=r"1 of 20 image files .*: b/3.png may not be read \(Permission denied\)\n"):
        read_image_folder(tmp_path / "images", ReadOptions())


def images_and_memory(folder: Path, cache: Path) -> tuple[int, int]:
    reading = subprocess.run(
        [sys.executable, "-c", READER, str(folder)],
        env={**os.environ, "PELLUCID_CACHE": str(cache)},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    images, megabytes = map(int, reading.stdout.split())
    return images, megabytes


def test_hostile_files_take_no_memory_to_speak_of(read: Read, tmp_path: Path) -> None:
    images, megabytes = images_and_memory(read.folder, tmp_path)
    assert images == len(read.pixels)
    assert megabytes < 250


@pytest.mark.slow
def test_the_largest_images_that_are_read_take_less_than_a_gigabyte(tmp_path: Path) -> None:
    good_images(tmp_path / "images", 10)
    side = (9_990, 9_990)
    # Small files, all turned; several threads would like to decode them at once.
    kinds: list[tuple[str, float | tuple[int, ...]]] = [("RGBA", (1, 2, 3, 99)), ("I;16", 3000), ("RGB", (1, 2, 3))]
    for number, (mode, level) in enumerate([*kinds, ("P", 3)]):
        Image.new(mode, side, level).save(tmp_path / f"images/a/large{number}.png", exif=exif_of(6))
    Image.new("CMYK", side, (1, 2, 3, 4)).save(tmp_path / "images/a/large.tif", compression="tiff_lzw")
    Image.new("RGBA", (6_300, 6_300), (1, 2, 3, 99)).save(tmp_path / "images/a/large.webp", quality=1, method=0)
    images, megabytes = images_and_memory(tmp_path / "images", tmp_path / "cache")
    assert images == 20 + 6
    assert megabytes < 1000
