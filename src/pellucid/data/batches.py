"""Batches of prepared inputs on the device."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from pellucid.data.augmentation import Augmentation
from pellucid.data.augmenting import augmented
from pellucid.data.dataset import Split

# Batches that are gathered and prepared at once: few enough to stay in the processor's cache.
BATCHES_PER_BLOCK = 4
# Fewer batches where images are large: the values of a block, 4 MiB as float32.
BLOCK_VALUES = 2**20
# The share of an accelerator's free memory that a dataset may take; the rest is the network's.
RESIDENT_SHARE = 0.5


class Batches:
    """The examples of a split, prepared, on a device, batch by batch; each pass in a new order if shuffled.

    The raw examples are moved to the device once if they fit, and block by block if they do not. A last batch of one
    example is left out where there are others, since a batch normalisation cannot train on one.

    Args:
        split: The examples.
        prepare: Turns raw inputs on the device into what the network takes: a `ImagePreparation`, or more.
        batch_size: Examples in a batch.
        device: To give the batches on.
        generator: Of the order; None keeps that of the split.
        is_prepared_once: Whether to prepare all examples now and keep them, instead of in every pass.
        is_flipping: Whether to mirror each image left to right in every second pass, half of them in turn.
        is_channels_last: Whether images are given with their channels last in memory, as convolutions like them.
        augmentation: Of the raw images, anew in every pass; None leaves them as they are.
    """

    def __init__(
        self,
        split: Split,
        prepare: Callable[[Tensor], Tensor],
        *,
        batch_size: int,
        device: torch.device,
        generator: torch.Generator | None = None,
        is_prepared_once: bool = False,
        is_flipping: bool = False,
        is_channels_last: bool = False,
        augmentation: Augmentation | None = None,
    ) -> None:
        inputs = torch.from_numpy(split.inputs)
        self.is_resident = device.type == "cpu" or fits(inputs.nbytes, device)
        self._inputs = inputs.to(device) if self.is_resident else inputs
        self._labels = torch.from_numpy(split.labels).to(self._inputs.device)
        self._prepare = prepare
        self._device = device
        self._is_prepared = is_prepared_once
        self.is_channels_last = is_channels_last
        assert not augmentation or (generator is not None and not is_prepared_once), "augmented anew in every pass"
        self._augmentation = augmentation
        self._is_mirrored: Tensor | None = None
        self._generator = generator
        self.batch_size = batch_size
        self.examples = len(split)
        fitting = BLOCK_VALUES // (batch_size * max(1, math.prod(split.inputs.shape[1:])))
        self._block = batch_size * min(max(fitting, 1), BATCHES_PER_BLOCK)
        if generator is not None and self.examples > batch_size and self.examples % batch_size == 1:
            self.examples -= 1
        if is_flipping:
            assert generator is not None, "a split in its own order is not flipped"
            drawn = torch.randint(0, 2, (len(split),), generator=generator, dtype=torch.bool)
            self._is_mirrored = drawn.to(self._labels.device)
        if is_prepared_once:
            self._inputs = self._all_prepared()

    def __len__(self) -> int:
        return math.ceil(self.examples / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        block = self._block
        order = None
        if self._generator is not None:
            # Drawn on the CPU, so that a seed gives the same order on every device.
            order = torch.randperm(len(self._labels), generator=self._generator).to(self._labels.device)
        for start in range(0, self.examples, block):
            stop = min(start + block, self.examples)
            inputs = _taken(self._inputs, order, start, stop).to(self._device, non_blocking=True)
            labels = _taken(self._labels, order, start, stop).to(self._device, non_blocking=True)
            if self._is_mirrored is not None:
                mirrored = _taken(self._is_mirrored, order, start, stop).to(self._device).view(-1, 1, 1, 1)
                inputs = torch.where(mirrored, inputs.flip(3), inputs)
            if self._augmentation and self._generator is not None:
                inputs, labels = augmented(inputs, labels, self._augmentation, self._generator)
            if not self._is_prepared:
                inputs = self._prepare(inputs)
            if self.is_channels_last:
                inputs = inputs.contiguous(memory_format=torch.channels_last)
            yield from zip(torch.split(inputs, self.batch_size), torch.split(labels, self.batch_size), strict=True)
        if self._is_mirrored is not None:
            self._is_mirrored = ~self._is_mirrored

    def _all_prepared(self) -> Tensor:
        """Return all inputs prepared; block by block, so that nothing much larger than the result is made."""
        block = self._block
        first = self._prepare(self._inputs[:block].to(self._device))
        prepared = torch.empty(len(self._inputs), *first.shape[1:], dtype=first.dtype, device=self._device)
        prepared[:block] = first
        for start in range(block, len(self._inputs), block):
            prepared[start : start + block] = self._prepare(self._inputs[start : start + block].to(self._device))
        return prepared


def _taken(values: Tensor, order: Tensor | None, start: int, stop: int) -> Tensor:
    """Return a stretch of the values, in an order."""
    # index_select copies whole rows, where indexing walks through them value by value: six times as fast for images.
    return values[start:stop] if order is None else values.index_select(0, order[start:stop])


def fits(size_bytes: int, device: torch.device) -> bool:
    """Return whether so many bytes may live on the accelerator beside a network."""
    if device.type == "cuda":
        return size_bytes < torch.cuda.mem_get_info(device)[0] * RESIDENT_SHARE
    if device.type == "xpu":
        return size_bytes < torch.xpu.mem_get_info(device)[0] * RESIDENT_SHARE
    # MPS shares its memory with the processor, where the arrays are already.
    return True
