"""Names of files and folders as they stand on a disk, and as they can be shown."""

import re
import unicodedata

from pellucid.data.showing import shown

# Of what file managers, archives and cameras leave beside the images.
LEFT_BEHIND = frozenset(("__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin"))
SHOWN = 10
NUMBER = re.compile(r"([0-9]+)")


def is_left_behind(name: str) -> bool:
    """Return whether a file or folder is passed over without a word."""
    return name.startswith(".") or name.casefold() in LEFT_BEHIND


def natural_order(name: str) -> tuple[tuple[str | int, ...], str]:
    """Return a key that sorts names as people do: 2 before 10, whatever the case.

    Example:
        >>> sorted(["b", "a10", "A2"], key=natural_order)
        ['A2', 'a10', 'b']
    """
    parts = NUMBER.split(name.casefold())
    # Text and digits take turns, so that no number is ever compared with a text.
    return tuple(int(part) if place % 2 else part for place, part in enumerate(parts)), name


def as_class_name(folder: str) -> str:
    """Return a class name: some systems write é as one character, others as two."""
    return unicodedata.normalize("NFC", folder).strip(" ")


def some_of(names: list[str]) -> str:
    """Return the first names, to be read, and how many more there are."""
    listed = ", ".join(shown(name) for name in names[:SHOWN])
    return listed if len(names) <= SHOWN else f"{listed} and {len(names) - SHOWN:,} more"


def counted(count: int, one: str, many: str = "") -> str:
    """Return a number and its noun.

    Example:
        >>> counted(1, "file"), counted(2000, "file")
        ('1 file', '2,000 files')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"
