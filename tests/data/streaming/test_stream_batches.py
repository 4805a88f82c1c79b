"""Batches of a stream against its blocks, after a resume, and when something goes wrong."""

import threading
from typing import Any

import pytest
import torch
from torch import Tensor

from pellucid.data.augmentation import Augmentation
from pellucid.data.dataset import Split
from pellucid.data.streaming.batches import StreamBatches
from pellucid.data.streaming.stream import Stream

from .conftest import Make

CPU = torch.device("cpu")


def batches_of(stream: Stream, batch_size: int = 8, **more: Any) -> StreamBatches:
    return StreamBatches(stream, lambda raw: raw * 2, batch_size=batch_size, device=CPU, seed=5, **more)


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "pellucid reads ahead"]


def equal(one: list[tuple[Tensor, Tensor]], other: list[tuple[Tensor, Tensor]]) -> bool:
    pairs = zip(one, other, strict=True)
    return all(torch.equal(a, b) for first, second in pairs for a, b in zip(first, second, strict=True))


def test_batches_are_the_prepared_blocks_of_the_stream(make: Make) -> None:
    stream = make([50, 33, 20])
    expected = [label for _, labels in stream.blocks(5, 0, 103) for label in labels.tolist()]
    batches = list(batches_of(stream))
    assert [label for _, labels in batches for label in labels.tolist()] == expected
    assert all(torch.equal(inputs[:, 0], labels * 2.0) for inputs, labels in batches)
    assert [len(labels) for _, labels in batches] == [8] * 12 + [7]
    assert len(batches_of(stream)) == 13


def test_each_pass_has_an_order_of_its_own(make: Make) -> None:
    batches = batches_of(make([50, 33, 20]))
    passes = [[label for _, labels in batches for label in labels.tolist()] for _ in range(3)]
    assert len({tuple(one) for one in passes}) == 3
    assert all(sorted(one) == list(range(103)) for one in passes)


@pytest.mark.parametrize(("epoch", "step"), [(0, 0), (0, 3), (1, 0), (1, 16), (2, 47), (2, 50), (1, 51)])
def test_a_resume_gives_the_same_batches_as_the_run_that_ended(make: Make, epoch: int, step: int) -> None:
    whole = batches_of(make([100, 202, 100], lanes=2, buffered=90))
    passes = [list(whole) for _ in range(4)]
    resumed = batches_of(make([100, 202, 100], lanes=2, buffered=90))
    resumed.resume(epoch, step)
    assert equal(list(resumed), passes[epoch][step:])
    assert equal(list(resumed), passes[epoch + 1])


def images_of(batches: StreamBatches) -> StreamBatches:
    """Make each example an image, dark on the left and light on the right."""
    batches._tensors = lambda examples: (  # type: ignore[method-assign]
        torch.linspace(0, 1, 6).repeat(len(examples[1]), 3, 4, 1),
        torch.from_numpy(examples[1]),
    )
    return batches


def test_a_resume_augments_and_mirrors_the_same_images(make: Make) -> None:
    def made() -> StreamBatches:
        augmentation = Augmentation.parse("shift,brightness")
        stream = make([100, 202, 100])
        return images_of(
            StreamBatches(stream, torch.clone, batch_size=8, device=CPU, is_flipping=True, augmentation=augmentation)
        )

    whole, resumed = made(), made()
    first = list(whole)
    resumed.resume(1, 21)
    second = list(whole)
    assert equal(list(resumed), second[21:])
    assert len({image.numpy().tobytes() for inputs, _ in second for image in inputs}) > 300
    assert not torch.equal(first[0][0], second[0][0])


@pytest.mark.parametrize(("examples", "batch_size", "expected"), [(17, 8, 16), (129, 8, 128), (1, 8, 1), (3, 1, 3)])
def test_a_last_single_example_is_left_out(make: Make, examples: int, batch_size: int, expected: int) -> None:
    batches = batches_of(make([examples]), batch_size)
    assert sum(len(labels) for _, labels in batches) == batches.examples == expected


def test_targets_are_made_while_reading(make: Make) -> None:
    def learnable(split: Split) -> Split:
        return Split(split.inputs, split.labels[:, None].astype("float32") / 10)

    inputs, labels = next(iter(batches_of(make([20]), learnable=learnable)))
    assert torch.equal(labels[:, 0], (inputs[:, 0] / 2) / 10)


def test_half_of_the_images_are_mirrored_and_others_in_another_pass(make: Make) -> None:
    batches = images_of(
        StreamBatches(make([400]), torch.clone, batch_size=50, device=CPU, is_flipping=True, is_channels_last=True)
    )
    passes = []
    for _ in range(2):
        mirrored: dict[int, bool] = {}
        for inputs, labels in batches:
            assert inputs.is_contiguous(memory_format=torch.channels_last)
            mirrored.update(zip(labels.tolist(), (inputs[:, 0, 0, 0] == 1).tolist(), strict=True))
        passes.append([mirrored[label] for label in range(400)])
    assert all(150 < sum(one) < 250 for one in passes)
    assert passes[0] != passes[1]


def test_the_thread_ends_with_the_pass(make: Make) -> None:
    list(batches_of(make([50])))
    assert readers() == []


def test_the_thread_ends_when_a_loop_is_left(make: Make) -> None:
    stream = make([400] * 5, buffered=10)
    for _ in batches_of(stream):
        break
    assert readers() == []
    source: Any = stream.source
    assert source.closed == 1


def test_the_thread_ends_when_a_step_fails(make: Make) -> None:
    def train() -> None:
        for _ in batches_of(make([400] * 5)):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        train()
    del caught
    assert readers() == []


def test_an_error_of_the_reader_is_raised_in_the_loop_after_what_was_read(make: Make) -> None:
    stream = make([4] * 200, buffered=16, fails_at=100)
    seen: list[int] = []
    with pytest.raises(OSError, match="the disk is gone"):
        seen.extend(len(labels) for _, labels in batches_of(stream))
    assert 0 < sum(seen) <= 400
    assert readers() == []


def test_what_the_loop_waited_is_counted(make: Make) -> None:
    batches = batches_of(make([50]))
    assert batches.waited_seconds == 0
    list(batches)
    after_one = batches.waited_seconds
    list(batches)
    assert 0 < after_one < batches.waited_seconds
