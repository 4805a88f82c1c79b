"""What a user is told of a dataset that is streamed."""

from collections.abc import Iterator

from pellucid.data.dataset import Dataset
from pellucid.data.memory import in_bytes
from pellucid.data.streaming.assigning import SHARE
from pellucid.data.streaming.stream import Stream


def stream_notes(dataset: Dataset, stream: Stream, *, is_cut: bool) -> Iterator[str]:
    """Give what was decided, in sentences.

    Args:
        dataset: With the samples as its splits.
        stream: Of its training examples.
        is_cut: Whether splits were cut from the training examples.
    """
    buffered = min(stream.buffer_size, len(stream))
    yield (
        f"{len(stream):,} training examples ({in_bytes(len(stream) * stream.example_bytes)}) are read from the files "
        f"while training, shuffled through a buffer of {buffered:,}"
    )
    shown = ", ".join(f"{len(split):,} for {name}" for name, split in dataset.splits.items())
    yield f"a sample from all over the files stands for them where anything is looked at or judged: {shown}"
    if is_cut:
        yield f"each row without a split of its own is of one by a hash: {SHARE:.0%} validation, {SHARE:.0%} test"
