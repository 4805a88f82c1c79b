"""The order of a stream: every example once, by seed and epoch alone, and the same after a resume."""

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.data.streaming.stream import Stream

from .conftest import Make, numbered_stream


def labels_of(stream: Stream, *, seed: int = 0, epoch: int = 0, size: int = 5, start: int = 0) -> list[int]:
    return [label for _, labels in stream.blocks(seed, epoch, size, start) for label in labels.tolist()]


STREAMS = st.builds(
    numbered_stream,
    st.lists(st.integers(0, 30), min_size=1, max_size=12),
    slice_size=st.integers(1, 9),
    lanes=st.integers(1, 5),
    buffered=st.integers(1, 60),
    chosen=st.sampled_from([None, lambda row: row % 3 != 0, lambda row: row < 4, lambda row: False]),
)


@settings(max_examples=150, deadline=None)
@given(STREAMS, st.integers(0, 2**40), st.integers(0, 3), st.integers(1, 40))
def test_every_example_comes_exactly_once_an_epoch(stream: Stream, seed: int, epoch: int, size: int) -> None:
    source: Any = stream.source
    masks = stream.masks
    expected = list(range(sum(source.sizes)))
    if masks is not None:
        lengths = [
            min(source.slice_size, size - start) for size in source.sizes for start in range(0, size, source.slice_size)
        ]
        bits = [np.unpackbits(mask, count=count) for mask, count in zip(masks, lengths, strict=True)]
        expected = np.flatnonzero(np.concatenate(bits)).tolist() if bits else []
    assert sorted(labels_of(stream, seed=seed, epoch=epoch, size=size)) == expected
    assert len(stream) == len(expected)


@settings(max_examples=150, deadline=None)
@given(STREAMS, st.integers(0, 400), st.integers(1, 40))
def test_what_is_left_after_a_resume_is_the_rest_of_the_same_order(stream: Stream, start: int, size: int) -> None:
    assert labels_of(stream, seed=3, epoch=1, start=start, size=size) == labels_of(stream, seed=3, epoch=1)[start:]


@settings(max_examples=30, deadline=None)
@given(STREAMS, st.integers(2, 4))
def test_more_readers_change_nothing(stream: Stream, readers: int) -> None:
    assert labels_of(replace(stream, readers=readers), seed=2) == labels_of(stream, seed=2)


@pytest.mark.parametrize("readers", [1, 3])
def test_an_error_of_a_reader_is_raised_and_the_files_are_closed(make: Make, readers: int) -> None:
    stream = make([8] * 40, fails_at=33, readers=readers)
    with pytest.raises(OSError, match="the disk is gone"):
        labels_of(stream)
    source: Any = stream.source
    assert source.closed == readers
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("pellucid reads")]


def test_inputs_stay_with_their_labels(make: Make) -> None:
    for inputs, labels in make([10, 7, 22], lanes=2).blocks(0, 0, 6):
        assert inputs[:, 0].tolist() == labels.tolist()
        assert inputs[:, 1].tolist() == np.searchsorted([10, 17], labels, side="right").tolist()


def test_blocks_are_full_but_for_the_last(make: Make) -> None:
    assert [len(labels) for _, labels in make([10, 7, 22]).blocks(0, 0, 6)] == [6, 6, 6, 6, 6, 6, 3]


def test_a_block_is_not_overwritten_by_a_later_one(make: Make) -> None:
    blocks = list(make([50, 50]).blocks(0, 0, 7))
    assert sorted(label for _, labels in blocks for label in labels.tolist()) == list(range(100))


def test_the_order_follows_from_seed_and_epoch(make: Make) -> None:
    orders = {
        (seed, epoch): labels_of(make([40] * 5, lanes=2), seed=seed, epoch=epoch) for seed in (0, 1) for epoch in (0, 1)
    }
    assert len({tuple(order) for order in orders.values()}) == 4
    assert labels_of(make([40] * 5, lanes=2), seed=1, epoch=1) == orders[1, 1]


def test_the_order_does_not_depend_on_the_size_of_the_blocks(make: Make) -> None:
    assert labels_of(make([40] * 5), size=3) == labels_of(make([40] * 5), size=64)


def test_a_resume_reads_only_what_is_left(make: Make) -> None:
    stream = make([40] * 50, slice_size=10, buffered=40)
    labels_of(stream, start=1_925)
    source: Any = stream.source
    # 75 of 2,000 examples are left: less than two buffers of 40, in slices of ten.
    assert 8 <= len(source.seen) <= 12


def test_a_buffer_mixes_examples_of_many_parts(make: Make) -> None:
    # The first windows hold 20, 50 and 100 examples.
    first = labels_of(make([100] * 20, slice_size=10, lanes=8, buffered=200))[170:370]
    assert len({label // 100 for label in first}) >= 8
    # Shuffled: neighbours in the file are no neighbours in the order.
    assert np.mean(np.abs(np.diff(first)) == 1) < 0.1


def test_the_first_windows_are_small_so_that_nobody_waits_for_a_whole_buffer(make: Make) -> None:
    stream = make([10] * 100, slice_size=10, buffered=240)
    next(stream.blocks(0, 0, 5))
    source: Any = stream.source
    assert len(source.seen) == 3


def test_more_parts_than_lanes_are_never_open_at_once(make: Make) -> None:
    stream = make([20] * 9, slice_size=5, lanes=3)
    labels_of(stream)
    source: Any = stream.source
    counts: dict[int, int] = {}
    most = 0
    for part, place in source.seen:
        counts[part] = place
        most = max(most, sum(place < 3 for place in counts.values()))
    assert most == 3


def test_the_files_are_closed_after_an_epoch_and_when_it_is_left(make: Make) -> None:
    stream = make([20] * 4)
    source: Any = stream.source
    labels_of(stream)
    assert source.closed == 1
    blocks = stream.blocks(0, 0, 5)
    next(blocks)
    blocks.close()  # type: ignore[attr-defined]
    assert source.closed == 2


@pytest.mark.parametrize("sizes", [[0], [0, 0], []])
def test_a_stream_of_nothing_gives_nothing(make: Make, sizes: list[int]) -> None:
    assert labels_of(make(sizes)) == []
