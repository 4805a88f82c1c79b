"""Batches of a stream: read and shuffled ahead by a thread, prepared on the device."""

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from pellucid.data.augmentation import Augmentation
from pellucid.data.augmenting import augmented
from pellucid.data.batches import BATCHES_PER_BLOCK
from pellucid.data.dataset import Split
from pellucid.data.streaming.prefetching import Ahead
from pellucid.data.streaming.sources import Examples
from pellucid.data.streaming.stream import Stream

# A block is moved to the device and prepared at once: so many batches, but no more bytes than this.
BLOCK_BYTES = 2**23
# Raw examples that may wait, already shuffled, while the buffer is filled again.
AHEAD_BYTES = 2**26
FEWEST_AHEAD = 2


def unchanged(split: Split) -> Split:
    """Return the split: its labels are what the loss takes."""
    return split


class StreamBatches:
    """The examples of a stream, prepared, on a device, batch by batch; each pass in a new order.

    Feeds a training loop like `Batches`. The order follows from the seed and the number of the pass, so that a run that
    goes on where another one ended sees the examples that were left. A last batch of one example is left out where
    there are others, since a batch normalisation cannot train on one.

    Args:
        stream: The examples.
        prepare: Turns raw inputs on the device into what the network takes.
        batch_size: Examples in a batch.
        device: To give the batches on.
        seed: Of the order.
        learnable: Turns the labels of the stream into the targets of the loss; in the thread that reads.
        is_flipping: Whether to mirror half of the images left to right, drawn anew in each pass.
        is_channels_last: Whether images are given with their channels last in memory, as convolutions like them.
        augmentation: Of the raw images, anew in every pass; None leaves them as they are.

    Attributes:
        waited_seconds: That the loop has waited for examples so far, in all passes.
    """

    def __init__(
        self,
        stream: Stream,
        prepare: Callable[[Tensor], Tensor],
        *,
        batch_size: int,
        device: torch.device,
        seed: int = 0,
        learnable: Callable[[Split], Split] = unchanged,
        is_flipping: bool = False,
        is_channels_last: bool = False,
        augmentation: Augmentation | None = None,
    ) -> None:
        self._stream = stream
        self._prepare = prepare
        self._device = device
        self._seed = seed
        self._learnable = learnable
        self._is_flipping = is_flipping
        self._augmentation = augmentation
        self.is_channels_last = is_channels_last
        self.batch_size = batch_size
        self.examples = len(stream)
        if self.examples > batch_size and self.examples % batch_size == 1:
            self.examples -= 1
        fitting = BLOCK_BYTES // max(batch_size * stream.example_bytes, 1)
        self._batches_per_block = min(max(fitting, 1), BATCHES_PER_BLOCK)
        self.waited_seconds = 0.0
        self._next = (0, 0)

    def __len__(self) -> int:
        return math.ceil(self.examples / self.batch_size)

    def resume(self, epoch: int, step: int = 0) -> None:
        """Go on with a pass where another run left it: the next pass begins there.

        Args:
            epoch: Number of the pass, from 0.
            step: Batches of it that are left out.
        """
        self._next = epoch, step

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        epoch, step = self._next
        self._next = epoch + 1, 0
        # Blocks begin where they would have, so that what is drawn for each is the same.
        first, left_out = divmod(step, self._batches_per_block)
        size = self.batch_size * self._batches_per_block
        ahead = max(AHEAD_BYTES // max(size * self._stream.example_bytes, 1), FEWEST_AHEAD)
        with Ahead(lambda: self._blocks(epoch, size, first * size), ahead) as blocks:
            waited_before = self.waited_seconds
            for number, (inputs, labels) in enumerate(blocks, first):
                self.waited_seconds = waited_before + blocks.waited_seconds
                made = self._made(inputs, labels, epoch, number)
                pairs = zip(*(torch.split(values, self.batch_size) for values in made), strict=True)
                for place, pair in enumerate(pairs):
                    if number > first or place >= left_out:
                        yield pair

    def _blocks(self, epoch: int, size: int, start: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Read and shuffle, in the thread; everything that needs the device is left to the loop."""
        for inputs, labels in self._stream.blocks(self._seed, epoch, size, start):
            count = min(len(labels), self.examples - start)
            start += count
            if count:
                yield self._tensors((inputs[:count], labels[:count]))

    def _tensors(self, examples: Examples) -> tuple[Tensor, Tensor]:
        split = self._learnable(Split(*examples))
        inputs, labels = torch.from_numpy(split.inputs), torch.from_numpy(split.labels)
        # From there a GPU copies while it computes.
        return (inputs.pin_memory(), labels.pin_memory()) if self._device.type == "cuda" else (inputs, labels)

    def _made(self, inputs: Tensor, labels: Tensor, epoch: int, number: int) -> tuple[Tensor, Tensor]:
        inputs = inputs.to(self._device, non_blocking=True)
        labels = labels.to(self._device, non_blocking=True)
        if self._is_flipping or self._augmentation:
            # The same for the same block of the same pass, so that a resume draws nothing else.
            drawn = np.random.default_rng([self._seed, epoch, number]).integers(2**63)
            generator = torch.Generator().manual_seed(int(drawn))
            if self._is_flipping:
                mirrored = torch.randint(0, 2, (len(inputs), 1, 1, 1), generator=generator, dtype=torch.bool)
                inputs = torch.where(mirrored.to(self._device), inputs.flip(3), inputs)
            if self._augmentation:
                inputs, labels = augmented(inputs, labels, self._augmentation, generator)
        inputs = self._prepare(inputs)
        if self.is_channels_last:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        return inputs, labels
