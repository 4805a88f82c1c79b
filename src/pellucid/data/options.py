"""What a user may say about the data that is read."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from pellucid.tasks import TASKS, Task


@dataclass(frozen=True)
class ReadOptions:
    """What a user says about the data; what is left out is found out and said.

    Attributes:
        label: Names of the label columns, or of the array of labels; () to find it.
        task: What the labels ask for; None to infer it.
        group: Column whose equal values are kept in one split (a patient, a user, a video).
        ignore: Columns that the network is not to see.
        image_size: Height and width that images are brought to; None to choose them.
        channels: 1 or 3, that images are brought to; None to choose it.
        background: Level from 0 to 255 that is filled in where images are transparent or too narrow; None to choose it.
        whole: Whether all of it is to be judged: nothing is cut, and images of a single class are enough.
        skip_bad: Whether files and rows that cannot be read are left out, and counted, instead of refused.
        stream: Whether to read training examples from the files while training, instead of all into memory; None for
            what memory has no room for.
    """

    label: tuple[str, ...] = ()
    task: Task | None = None
    group: str | None = None
    ignore: tuple[str, ...] = ()
    image_size: tuple[int, int] | None = None
    channels: int | None = None
    background: int | None = None
    whole: bool = False
    skip_bad: bool = False
    stream: bool | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what decides which examples there are and in which split: the rest follows from the data."""
        said: dict[str, Any] = {"label": list(self.label), "task": self.task, "group": self.group}
        said |= {"ignore": list(self.ignore), "image_size": list(self.image_size) if self.image_size else None}
        # A stream is split in another way.
        return said if self.stream is None else {**said, "stream": self.stream}

    @classmethod
    def of_card(cls, facts: object) -> "ReadOptions":
        """Return the options that `to_dict` wrote; what a card holds otherwise, whoever wrote it, is passed over."""
        said = facts if isinstance(facts, Mapping) else {}

        def names(key: str) -> tuple[str, ...]:
            found = said.get(key)
            return tuple(name for name in found if isinstance(name, str)) if isinstance(found, list) else ()

        task, group = said.get("task"), said.get("group")
        return cls(
            label=names("label"),
            task=task if task in TASKS else None,
            group=group if isinstance(group, str) else None,
            ignore=names("ignore"),
            image_size=_size(said.get("image_size")),
            stream=said.get("stream") if isinstance(said.get("stream"), bool) else None,
        )

    def completed(self, other: "ReadOptions") -> "ReadOptions":
        """Return these options, and the others where nothing is said here."""
        nothing = ReadOptions()
        said = {
            entry.name: getattr(self, entry.name)
            for entry in fields(self)
            if getattr(self, entry.name) != getattr(nothing, entry.name)
        }
        return replace(other, **said)


def _size(value: object) -> tuple[int, int] | None:
    if isinstance(value, list) and len(value) == 2 and all(type(side) is int and 0 < side < 10_000 for side in value):
        return value[0], value[1]
    return None
