"""The files of a folder of images: every one once, whatever links lead to it."""

import os
import stat
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from pellucid.data.dataset import SPLITS
from pellucid.data.images.classes import IMAGE_SUFFIXES, ClassFolder, is_image_file
from pellucid.data.images.names import counted, is_left_behind, natural_order, some_of

# Device and number of a file or folder: the same for all names and links that lead to it.
Identity = tuple[int, int]


@dataclass(frozen=True)
class ImageFile:
    """A file that is an image, or is called one.

    Attributes:
        path: Below the folder of the dataset, with "/" between the parts, as it stands on the disk.
        split: That its class folder stands in.
        class_name: Of its class folder.
        stamp: Size in bytes, time of change in nanoseconds, and who may read it: another stamp, another content.
    """

    path: str
    split: str
    class_name: str
    stamp: tuple[int, int, int]


@dataclass(frozen=True)
class Listing:
    """What stands in the class folders of a dataset.

    Attributes:
        files: By split, class and name, in natural order.
        unreadable: Path to reason, of what is called an image but is no file that could be opened.
        notes: What was passed over, in sentences.
    """

    files: tuple[ImageFile, ...]
    unreadable: dict[str, str]
    notes: tuple[str, ...]


def list_images(folder: Path, classes: Sequence[ClassFolder]) -> Listing:
    """List the images in class folders, at any depth.

    What stands there itself goes before what a link leads to, and a link that leads to something that is listed
    already, or up and out of the folder, is not followed: no file is read twice, and no loop is entered.

    Args:
        folder: Of the dataset.
        classes: Its class folders.
    """
    walk = _Walk(folder)
    for entry in classes:
        walk.start(entry)
    walk.follow_links()
    return walk.listing()


class _Walk:
    """A way through all class folders, which remembers where it has been."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.real = os.path.realpath(folder)
        self.files: list[ImageFile] = []
        self.unreadable: dict[str, str] = {}
        self.others: list[str] = []
        self.repeated: list[str] = []
        self.called_images: list[str] = []
        self.links: deque[tuple[str, ClassFolder]] = deque()
        self.folders_seen: set[Identity] = set()
        self.files_seen: set[Identity] = set()

    def start(self, entry: ClassFolder) -> None:
        path = self._absolute(entry.path)
        if os.path.islink(path):  # noqa: PTH114
            self.links.append((entry.path, entry))
        else:
            self._descend(entry.path, entry)

    def follow_links(self) -> None:
        while self.links:
            relative, entry = self.links.popleft()
            path = self._absolute(relative)
            try:
                status = os.stat(path)  # noqa: PTH116
            except OSError as error:
                self._add_unopenable(relative, f"is a link that leads nowhere ({error.strerror})")
                continue
            identity = (status.st_dev, status.st_ino)
            if stat.S_ISDIR(status.st_mode):
                real = os.path.realpath(path)
                leads_up = os.path.commonpath([real, self.real]) == real
                if leads_up or identity in self.folders_seen:
                    self.repeated.append(relative)
                else:
                    self._descend(relative, entry, is_linked=True)
            elif not stat.S_ISREG(status.st_mode):
                self._add_unopenable(relative, "is no regular file")
            elif identity in self.files_seen:
                self.repeated.append(relative)
            else:
                self._add_file(path, relative, entry, status)

    def listing(self) -> Listing:
        # Stable: by name within a class, by class within a split.
        self.files.sort(key=lambda file: natural_order(file.path))
        places = {
            name: place for place, name in enumerate(sorted({f.class_name for f in self.files}, key=natural_order))
        }
        self.files.sort(key=lambda file: (SPLITS.index(file.split), places[file.class_name]))
        notes = []
        if self.others:
            others = sorted(self.others, key=natural_order)
            notes.append(f"{counted(len(others), 'file')} in the class folders, no images, not read: {some_of(others)}")
        if self.repeated:
            notes.append(
                f"{counted(len(self.repeated), 'link')} to what is read already, or out of the folder and up, "
                f"not followed: {some_of(self.repeated)}"
            )
        if self.called_images:
            notes.append(f"folders that are called like an image, read as folders: {some_of(self.called_images)}")
        return Listing(tuple(self.files), self.unreadable, tuple(notes))

    def _absolute(self, relative: str) -> str:
        return os.path.join(self.folder, relative)  # noqa: PTH118 - quick, and keeps names that are not UTF-8

    def _descend(self, start: str, entry: ClassFolder, *, is_linked: bool = False) -> None:
        waiting = [start]
        while waiting:
            relative = waiting.pop()
            try:
                status = os.stat(self._absolute(relative))  # noqa: PTH116
                with os.scandir(self._absolute(relative)) as entries:
                    # In order, so that of several links to a file the same one counts every time.
                    found = sorted((one for one in entries if not is_left_behind(one.name)), key=attrgetter("name"))
            except OSError as error:
                self.unreadable[relative] = f"is a folder that cannot be listed ({error.strerror})"
                continue
            identity = (status.st_dev, status.st_ino)
            if identity in self.folders_seen:
                self.repeated.append(relative)
                continue
            self.folders_seen.add(identity)
            if relative != start and _is_called_image(relative):
                self.called_images.append(relative)
            for one in found:
                if one.is_dir(follow_symlinks=False):
                    waiting.append(f"{relative}/{one.name}")
                else:
                    self._meet(one, f"{relative}/{one.name}", entry, is_linked)

    def _meet(self, one: os.DirEntry[str], relative: str, entry: ClassFolder, is_linked: bool) -> None:
        if one.is_symlink():
            self.links.append((relative, entry))
            return
        try:
            status = one.stat(follow_symlinks=False)
        except OSError as error:
            self._add_unopenable(relative, f"cannot be read ({error.strerror})")
            return
        if not stat.S_ISREG(status.st_mode):
            self._add_unopenable(relative, "is no regular file")
        elif is_linked and (status.st_dev, status.st_ino) in self.files_seen:
            self.repeated.append(relative)
        else:
            self._add_file(one.path, relative, entry, status)

    def _add_file(self, path: str, relative: str, entry: ClassFolder, status: os.stat_result) -> None:
        self.files_seen.add((status.st_dev, status.st_ino))
        if is_image_file(path, path):
            stamp = (status.st_size, status.st_mtime_ns, status.st_mode)
            self.files.append(ImageFile(relative, entry.split, entry.name, stamp))
        else:
            self.others.append(relative)

    def _add_unopenable(self, relative: str, reason: str) -> None:
        if _is_called_image(relative):
            self.unreadable[relative] = reason
        else:
            self.others.append(relative)


def _is_called_image(path: str) -> bool:
    return os.path.splitext(path)[1].casefold() in IMAGE_SUFFIXES  # noqa: PTH122
