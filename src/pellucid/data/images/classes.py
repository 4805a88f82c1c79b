"""Which folders are splits, and which are classes."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pellucid.data.dataset import SPLITS
from pellucid.data.images.names import as_class_name, is_left_behind, natural_order, some_of
from pellucid.data.showing import is_fit_to_show, shown
from pellucid.errors import DataError

SPLIT_NAMES = {
    "train": "train", "training": "train",
    "val": "validation", "valid": "validation", "validation": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
# What is decoded, and what people take for images but is not: such a file is not passed over in silence.
READ_SUFFIXES = frozenset(
    (".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".webp", ".bmp", ".dib", ".tif", ".tiff")
)
UNREAD_SUFFIXES = frozenset((
    ".gif", ".heic", ".heif", ".avif", ".jp2", ".j2k", ".jxl", ".svg", ".psd", ".ico", ".tga", ".pbm", ".pgm", ".ppm",
    ".pnm", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raw", ".eps",
))  # fmt: skip
IMAGE_SUFFIXES = READ_SUFFIXES | UNREAD_SUFFIXES
# The first bytes of PNG, JPEG, BMP and TIFF; WebP has its mark behind a length.
MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"II*\x00", b"MM\x00*")
# A folder is looked into for its first image, no further than this.
MOST_ENTRIES = 20_000


@dataclass(frozen=True)
class ClassFolder:
    """A folder whose images are of one class.

    Attributes:
        split: "train", "validation" or "test"; "train" for all where no splits are given.
        name: Of the class.
        path: Below the folder of the dataset, as it stands on the disk.
    """

    split: str
    name: str
    path: str


@dataclass(frozen=True)
class Layout:
    """How a folder of images is laid out.

    Attributes:
        classes: The class folders: by split, then by name.
        has_splits: Whether the splits are given.
        notes: What lies beside, in sentences.
    """

    classes: tuple[ClassFolder, ...]
    has_splits: bool
    notes: tuple[str, ...]


def has_class_folders(path: Path) -> bool:
    """Return whether a folder has folders with images in them, by their suffix or their first bytes.

    Args:
        path: Of any folder; it is not read through, only looked into until the first image is found.
    """
    try:
        return any(_has_image(path / name) for name in _subfolders(path))
    except DataError:
        return False


def find_classes(folder: Path) -> Layout:
    """Find the class folders, and the splits they stand in.

    Args:
        folder: With a folder for each class, or with train/ and perhaps validation/ and test/ that have them.

    Raises:
        DataError: If there are none, or their names are not text, or two are the same.
    """
    names = _subfolders(folder)
    if not names:
        loose = sum(_is_loose_image(entry) for entry in _entries(folder))
        problem = f"{folder} has {loose:,} images but no folders" if loose else f"{folder} has no folders with images"
        raise DataError(problem, fix="put the images of each class into a folder of its own, named like the class")
    split_of = {name: SPLIT_NAMES[name.casefold()] for name in names if name.casefold() in SPLIT_NAMES}
    with_classes = {
        name for name in split_of if any(_has_image(folder / name / below) for below in _subfolders(folder / name))
    }
    if "train" in {split_of[name] for name in with_classes}:
        return _with_splits(folder, names, split_of)
    if with_classes and len(split_of) == len(names):
        raise DataError(
            f"{folder} has class folders in {some_of(sorted(with_classes))} but none in train",
            fix="add a folder train/ with the same class folders",
        )
    if len(split_of) == len(names) and any(_has_image(folder / name) for name in names):
        raise DataError(
            f"{folder} has images in {some_of(names)} but no class folders there",
            fix=f"put the images of each class into a folder of its own: {names[0]}/CLASS/",
        )
    classes = tuple(ClassFolder("train", as_class_name(name), name) for name in names)
    _check_names(folder, classes)
    return Layout(classes, has_splits=False, notes=_beside(folder, [], "class folders"))


def is_image_file(path: str, name: str) -> bool:
    """Return whether a regular file is an image, or is called one: by its suffix, else by its first bytes."""
    if os.path.splitext(name)[1].casefold() in IMAGE_SUFFIXES:  # noqa: PTH122 - for each of many files
        return True
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            start = file.read(12)
    except OSError:
        return False
    # Text may start with "BM"; a bitmap has its length and four zero bytes behind.
    if start.startswith(b"BM"):
        return len(start) >= 10 and start[6:10] == bytes(4)
    return start.startswith(MAGIC) or (start[:4] == b"RIFF" and start[8:] == b"WEBP")


def _with_splits(folder: Path, names: Sequence[str], split_of: Mapping[str, str]) -> Layout:
    classes: list[ClassFolder] = []
    notes: list[str] = []
    for split in SPLITS:
        of_split = [name for name in names if split_of.get(name) == split]
        if len(of_split) > 1:
            raise DataError(f"{folder} has two folders for {split}: {some_of(of_split)}", fix="keep one of them")
        for name in of_split:
            classes += [
                ClassFolder(split, as_class_name(below), f"{name}/{below}") for below in _subfolders(folder / name)
            ]
            notes += _beside(folder / name, [], "class folders")
    _check_names(folder, classes)
    others = [name for name in names if name not in split_of]
    return Layout(tuple(classes), has_splits=True, notes=(*_beside(folder, others, "splits"), *notes))


def _check_names(folder: Path, classes: Sequence[ClassFolder]) -> None:
    unfit = [entry.path for entry in classes if not (entry.name and is_fit_to_show(entry.name))]
    if unfit:
        raise DataError(
            f"{folder} has class folders whose names are empty, not UTF-8 or have control characters: {some_of(unfit)}",
            fix="rename them: each class is named like its folder",
        )
    seen: dict[tuple[str, str], list[str]] = {}
    for entry in classes:
        seen.setdefault((entry.split, entry.name), []).append(entry.path)
    twice = [" = ".join(repr(path) for path in paths) for paths in seen.values() if len(paths) > 1]
    if twice:
        raise DataError(
            f"{folder} has class folders with the same name, written in two ways: {some_of(twice)}",
            fix="rename or merge them",
        )


def _beside(folder: Path, others: list[str], what: str) -> tuple[str, ...]:
    """Return a note on what stands beside the class folders or the splits, and is not read."""
    loose = sorted((entry.name for entry in _entries(folder) if _is_loose_image(entry)), key=natural_order)
    notes = []
    if others:
        notes.append(f"beside the {what} in {shown(folder.name)}/, not read: {some_of(others)}")
    if loose:
        notes.append(f"images in {shown(folder.name)}/ itself, in no class folder, not read: {some_of(loose)}")
    return tuple(notes)


def _is_loose_image(entry: os.DirEntry[str]) -> bool:
    suffix = os.path.splitext(entry.name)[1].casefold()  # noqa: PTH122
    return suffix in IMAGE_SUFFIXES and not is_left_behind(entry.name) and entry.is_file()


def _subfolders(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, links to folders among them.

    Raises:
        DataError: If the folder cannot be listed.
    """
    names = [entry.name for entry in _entries(folder) if entry.is_dir() and not is_left_behind(entry.name)]
    return sorted(names, key=natural_order)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({error})", fix="check the path and who may read it") from error


def _has_image(folder: Path) -> bool:
    """Return whether there is an image in a folder, however deep; not followed through links below it."""
    waiting, seen = [os.fspath(folder)], 0
    while waiting and seen < MOST_ENTRIES:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    seen += 1
                    if is_left_behind(entry.name):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif entry.is_file() and is_image_file(entry.path, entry.name):
                        return True
        except OSError:
            continue
    return False
