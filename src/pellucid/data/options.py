"""What a user may say about the data that is read."""

from dataclasses import dataclass

from pellucid.tasks import Task


@dataclass(frozen=True)
class ReadOptions:
    """What a user says about the data; what is left out is found out and said.

    Attributes:
        label: Names of the label columns, or of the array of labels; () to find it.
        task: What the labels ask for; None to infer it.
        group: Column whose equal values are kept in one split (a patient, a user, a video).
        ignore: Columns that the network is not to see.
        image_size: Height and width that images are brought to; None to choose them.
        skip_bad: Whether files and rows that cannot be read are left out, and counted, instead of refused.
    """

    label: tuple[str, ...] = ()
    task: Task | None = None
    group: str | None = None
    ignore: tuple[str, ...] = ()
    image_size: tuple[int, int] | None = None
    skip_bad: bool = False
