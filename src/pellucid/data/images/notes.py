"""What a user is told of a folder of images."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from pellucid.data.dataset import SPLITS, Split
from pellucid.data.images.cache import Decoded
from pellucid.data.images.classes import Layout
from pellucid.data.images.decoding import BACKGROUND, FRAMES, MISNAMED, RESIZED
from pellucid.data.images.files import DEEP, TRANSPARENT
from pellucid.data.images.listing import ImageFile
from pellucid.data.images.names import SHOWN, counted, natural_order, some_of
from pellucid.data.showing import shown

ESCAPED = "names that are not UTF-8 or have control characters, written with escapes"


def notes_on_classes(
    layout: Layout, given: Collection[str], splits: Mapping[str, Split], class_names: tuple[str, ...]
) -> tuple[str, ...]:
    """Say which splits were cut, and which classes are empty or nearly.

    Args:
        layout: With the class folders that were found.
        given: The splits that have images.
        splits: As they are.
        class_names: As they are.
    """
    notes = [f"classes are the folders: {some_of(list(class_names))}"]
    cut = [f"{len(splits[name]):,} for {name}" for name in SPLITS[1:] if name in splits and name not in given]
    if cut:
        notes.append(f"cut from the training images, by class: {' and '.join(cut)}")
    empty = sorted({entry.name for entry in layout.classes} - set(class_names), key=natural_order)
    if empty:
        notes.append(f"class folders without an image, left out: {some_of(empty)}")
    labels = splits["train"].labels if "train" in splits else np.zeros(0, np.int64)
    counts = np.bincount(labels, minlength=len(class_names))
    single = [name for name, count in zip(class_names, counts, strict=True) if count == 1]
    if single:
        notes.append(f"classes with a single training image: {some_of(single)}")
    escaped = [source for split in splits.values() for source in split.sources if "\\" in source]
    if escaped:
        notes.append(f"{counted(len(escaped), 'file')} with {ESCAPED}: {some_of(escaped)}")
    return tuple(notes)


def notes_on_images(decoded: Decoded, is_kept: bool, *, is_size_given: bool) -> tuple[str, ...]:
    """Say what was done to the images.

    Args:
        decoded: The images and what was noted.
        is_kept: Whether they are in the cache.
        is_size_given: Whether their size is the user's choice.
    """
    traits = Counter[str](decoded.facts["traits"])
    channels, height, width = decoded.images.shape[1:]
    colours = "grey, one channel" if channels == 1 else "colour, three channels"
    smallest, largest = (f"{width}x{height}" for width, height in decoded.facts["sizes"])
    size = f"images of {smallest}" if smallest == largest else f"images from {smallest} to {largest}"
    size += f", {colours}"
    if not traits[RESIZED]:
        notes = [f"{size}: kept as they are"]
    else:
        chosen = "as asked for" if is_size_given else "chosen by the median of their sides"
        notes = [
            f"{size}: {counted(traits[RESIZED], 'image')} resized to {width}x{height} ({chosen}); aspect kept, what is "
            "left over filled with an even border or the background"
        ]
    if traits[BACKGROUND]:
        notes.append(f"the background that fills images is {decoded.facts['background']} of 255, like their borders")
    for trait, text in (
        (TRANSPARENT, "with transparent parts, filled with the background"),
        (DEEP, "with 16 or 32 bits a value, scaled to 8"),
        (FRAMES, "with several frames, of which the first is used"),
        (MISNAMED, "with a name that says another format than the content has; the content counts"),
    ):
        if traits[trait]:
            notes.append(f"{counted(traits[trait], 'image')} {text}")
    if not is_kept:
        notes.append("decoded images are not kept in the cache: they are decoded at every reading")
    return tuple(notes)


def unreadable_files(path: Path, unreadable: Mapping[str, str], listed: Sequence[ImageFile]) -> str:
    """Say which files cannot be read, and why: the first, and how many.

    Args:
        path: Of the folder.
        unreadable: Path to reason.
        listed: The image files, without those that could not even be listed.
    """
    names = sorted(unreadable, key=natural_order)
    first = "; ".join(f"{shown(name)} {shown(unreadable[name])}" for name in names[:SHOWN])
    more = f"; and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    total = len({file.path for file in listed} | unreadable.keys())
    files = f"{len(names):,} of {total:,} image files"
    return f"{files} in {shown(str(path))} cannot be read: {first}{more}"
