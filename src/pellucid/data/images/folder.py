"""Folders of images: a folder for each class, with or without splits."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL
from numpy.typing import NDArray

from pellucid.data.dataset import SPLITS, Dataset, Split
from pellucid.data.images.cache import Decoded, Place, entry_for, load
from pellucid.data.images.classes import find_classes, has_class_folders
from pellucid.data.images.decoding import BACKGROUND, Decoding, decode_files
from pellucid.data.images.form import ImageForm, choose_form
from pellucid.data.images.listing import ImageFile, list_images
from pellucid.data.images.names import as_class_name, natural_order, some_of
from pellucid.data.images.notes import notes_on_classes, notes_on_images, unreadable_files
from pellucid.data.options import ReadOptions
from pellucid.data.showing import shown
from pellucid.data.splitting import split_indices
from pellucid.errors import DataError

__all__ = ["has_class_folders", "read_image_folder"]

# Counts changes of how images are decoded: what an earlier version kept is decoded again.
VERSION = 1
LARGEST_GIVEN_SIDE = 4096
# Rows that are moved at once when those of unreadable files are closed up.
MOVED = 256


def read_image_folder(path: Path, options: ReadOptions) -> Dataset:
    """Read the images of a folder that has a folder for each class, or train/, validation/ and test/ with them.

    Images are decoded once and kept in the user's cache. They are brought to one size exactly as `fit_file` brings a
    file that is predicted.

    Args:
        path: Of the folder. Splits that are not given are cut from the training images, by class.
        options: `image_size` and `skip_bad`; and `task`, which can only be that of one class for each image.

    Returns:
        The dataset; sources are paths below the folder.

    Raises:
        DataError: If there are no class folders, fewer than two classes, or images that cannot be read.
    """
    _check_options(path, options)
    layout = find_classes(path)
    listing = list_images(path, layout.classes)
    if options.whole and all(file.split == "train" for file in listing.files):
        listing = replace(listing, files=tuple(replace(file, split="test") for file in listing.files))
    try:
        planned = _with_all_splits(listing.files, _class_names(path, listing.files, options), options)
    except DataError:
        # That some cannot be read is the better thing to say of few images; many are never too few.
        _check_readable(path, listing.files, listing.unreadable | _tried(path, listing.files), options)
        raise
    decoded, is_kept = _decoded(path, planned, options)
    unreadable = listing.unreadable | decoded.facts["unreadable"]
    _check_readable(path, planned, unreadable, options)
    readable = [file for file in planned if file.path not in unreadable]
    class_names = _class_names(path, readable, options)
    splits = _splits(path, decoded.images, readable, class_names, options)
    return Dataset(
        name=shown(path.resolve().name) or "dataset",
        splits=splits,
        class_names=class_names,
        source=shown(str(path)),
        notes=(
            *layout.notes,
            *notes_on_classes(layout, {file.split for file in listing.files}, splits, class_names),
            *notes_on_images(decoded, is_kept, is_size_given=options.image_size is not None),
            *listing.notes,
            *((f"left out: {unreadable_files(path, unreadable, planned)}",) if unreadable else ()),
        ),
        task=options.task or ("binary" if len(class_names) == 2 and not options.whole else "multiclass"),
        cut=tuple(split for split in splits if split not in {file.split for file in listing.files}),
        background=decoded.facts["background"],
    )


def _check_options(path: Path, options: ReadOptions) -> None:
    if options.label or options.group or options.ignore:
        raise DataError(
            f"{path} is a folder of images: it has no columns",
            fix="leave out --label, --group and --ignore: the class of an image is the folder it stands in",
        )
    if options.task in ("multilabel", "regression"):
        raise DataError(
            f"{path} is a folder of images with one class each, which is no {options.task} task",
            fix="leave out --task, or give a table",
        )
    if options.image_size and not all(1 <= side <= LARGEST_GIVEN_SIDE for side in options.image_size):
        height, width = options.image_size
        raise DataError(
            f"images cannot be made {width:,} x {height:,} pixels", fix=f"give sides from 1 to {LARGEST_GIVEN_SIDE:,}"
        )


def _class_names(path: Path, files: Sequence[ImageFile], options: ReadOptions) -> tuple[str, ...]:
    """Return the classes that can be learnt.

    Raises:
        DataError: If there are fewer than two, or one that only stands in another split.
    """
    if options.whole and files:
        return tuple(sorted({file.class_name for file in files}, key=natural_order))
    names = sorted({file.class_name for file in files if file.split == "train"}, key=natural_order)
    elsewhere = sorted({file.class_name for file in files} - set(names), key=natural_order)
    if elsewhere:
        raise DataError(
            f"{path} has classes without a training image, but with images to judge by: {some_of(elsewhere)}",
            fix="add training images of them, or take them out of the other splits",
        )
    if not names:
        raise DataError(f"{path} has no images in its class folders", fix="put images of each class into its folder")
    if len(names) == 1:
        outer = files[0].path.split("/")[0]
        inner = {file.path.split("/")[1] for file in files if file.path.count("/") > 1}
        is_wrapped = as_class_name(outer) == names[0] and len(inner) > 1
        hint = f"give the folder {path / outer}" if is_wrapped else "add a folder with images of another class"
        raise DataError(f"{path} has images of one class only: {shown(names[0])}", fix=hint)
    return tuple(names)


def _with_all_splits(files: Sequence[ImageFile], class_names: tuple[str, ...], options: ReadOptions) -> list[ImageFile]:
    """Cut the splits that are not given from the training images; split after split, each in its order.

    Raises:
        DataError: If there are too few to cut from.
    """
    given = {file.split for file in files}
    if options.whole:
        return sorted(files, key=lambda file: SPLITS.index(file.split))
    train = [file for file in files if file.split == "train"]
    split_of = ["train"] * len(train)
    if not {"validation", "test"} <= given:
        number = {name: place for place, name in enumerate(class_names)}
        labels = np.array([number[file.class_name] for file in train], np.int64)
        missing = [split for split in ("validation", "test") if split not in given]
        for split, places in split_indices(labels, "multiclass", cut=missing).items():
            for place in places.tolist():
                split_of[place] = split
    cut = [
        file if split == "train" else replace(file, split=split) for file, split in zip(train, split_of, strict=True)
    ]
    return sorted([*cut, *(file for file in files if file.split != "train")], key=lambda file: SPLITS.index(file.split))


def _tried(path: Path, files: Sequence[ImageFile]) -> dict[str, str]:
    """Return which files cannot be read, and why."""
    decoding = decode_files([path / file.path for file in files], np.empty((len(files), 3, 8, 8), np.uint8), 0)
    return _by_path(files, decoding)


def _by_path(files: Sequence[ImageFile], decoding: Decoding) -> dict[str, str]:
    return {files[place].path: reason for place, reason in sorted(decoding.unreadable.items())}


def _check_readable(
    path: Path, files: Sequence[ImageFile], unreadable: Mapping[str, str], options: ReadOptions
) -> None:
    if not unreadable:
        return
    is_all = all(file.path in unreadable for file in files)
    if is_all or not options.skip_bad:
        remedy = "repair them" if is_all else "repair or remove them, or leave them out with --skip-bad"
        raise DataError(unreadable_files(path, unreadable, files), fix=remedy)


def _decoded(path: Path, planned: Sequence[ImageFile], options: ReadOptions) -> tuple[Decoded, bool]:
    """Return the images that can be read, in the order of the files, and whether they are kept in the cache."""
    entry = entry_for(path, _digest(planned, options))
    kept = load(entry)
    if kept is not None:
        return kept, True
    form = choose_form([path / file.path for file in planned if file.split == "train"], options)
    paths = [path / file.path for file in planned]
    place = Place(entry, (len(paths), *form.shape), str(path))
    try:
        decoding = decode_files(paths, place.images, form.background)
        if decoding.has_colour and options.channels is None:
            place.discard()
            form = replace(form, shape=(3, *form.shape[1:]))
            place = Place(entry, (len(paths), *form.shape), str(path))
            decoding = decode_files(paths, place.images, form.background)
        facts = _facts(form, planned, decoding)
        if len(decoding.unreadable) == len(paths):
            place.discard()
            return Decoded(place.images[:0], facts), False
        _close_gaps(place.images, sorted(decoding.unreadable))
        return place.keep(len(paths) - len(decoding.unreadable), facts)
    except BaseException:
        place.discard()
        raise


def _digest(planned: Sequence[ImageFile], options: ReadOptions) -> str:
    # Another Pillow may decode to other pixels, and then a prediction would see others than the training did.
    digest = hashlib.sha256(
        repr((VERSION, PIL.__version__, options.image_size, options.channels, options.background)).encode()
    )
    for file in planned:
        digest.update(repr((file.path, file.split, file.stamp)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _facts(form: ImageForm, planned: Sequence[ImageFile], decoding: Decoding) -> dict[str, object]:
    return {
        "sizes": [decoding.smallest[1:], decoding.largest[1:]],
        "background": form.background if decoding.traits[BACKGROUND] else None,
        "traits": dict(decoding.traits),
        "unreadable": _by_path(planned, decoding),
    }


def _close_gaps(images: NDArray[np.uint8], gaps: Sequence[int]) -> None:
    """Move rows up over those of unreadable files, without a second array."""
    for before, (gap, following) in enumerate(zip(gaps, [*gaps, len(images)][1:], strict=True)):
        for start in range(gap + 1, following, MOVED):
            rows = images[start : min(start + MOVED, following)].copy()
            images[start - before - 1 : start - before - 1 + len(rows)] = rows


def _splits(
    path: Path,
    images: NDArray[np.uint8],
    files: Sequence[ImageFile],
    class_names: tuple[str, ...],
    options: ReadOptions,
) -> dict[str, Split]:
    """Return the splits as views of the images, which stand in the order of the files.

    Raises:
        DataError: If none of the images of a split can be read.
    """
    number = {name: place for place, name in enumerate(class_names)}
    splits: dict[str, Split] = {}
    start = 0
    for name in SPLITS:
        of_split = [file for file in files if file.split == name]
        if not of_split and options.whole:
            continue
        if not of_split:
            raise DataError(f"none of the {name} images of {path} can be read", fix="repair them, or add others")
        labels = np.array([number[file.class_name] for file in of_split], np.int64)
        sources = tuple(shown(file.path) for file in of_split)
        splits[name] = Split(images[start : start + len(of_split)], labels, sources)
        start += len(of_split)
    return splits
