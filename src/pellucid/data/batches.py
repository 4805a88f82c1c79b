"""Batches of prepared inputs on the device."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from pellucid.data.dataset import Split
from pellucid.data.preparing import Preparation

# Batches that are gathered and prepared at once: a large step through memory instead of many small ones.
BATCHES_PER_BLOCK = 16
# The share of an accelerator's free memory that a dataset may take; the rest is the network's.
RESIDENT_SHARE = 0.5


class Batches:
    """The examples of a split, prepared, on a device, batch by batch; each pass in a new order if shuffled.

    The raw examples are moved to the device once if they fit, and block by block if they do not. A last batch of one
    example is left out where there are others, since a batch normalisation cannot train on one.
    """

    def __init__(
        self,
        split: Split,
        preparation: Preparation,
        *,
        batch_size: int,
        device: torch.device,
        generator: torch.Generator | None = None,
    ) -> None:
        inputs = torch.from_numpy(split.inputs)
        self.is_resident = device.type == "cpu" or fits(inputs.nbytes, device)
        self._inputs = inputs.to(device) if self.is_resident else inputs
        self._labels = torch.from_numpy(split.labels).to(self._inputs.device)
        self._preparation = preparation
        self._device = device
        self._generator = generator
        self.batch_size = batch_size
        self.examples = len(split)
        if generator is not None and self.examples > batch_size and self.examples % batch_size == 1:
            self.examples -= 1

    def __len__(self) -> int:
        return math.ceil(self.examples / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        block = self.batch_size * BATCHES_PER_BLOCK
        order = None
        if self._generator is not None:
            # Drawn on the CPU, so that a seed gives the same order on every device.
            order = torch.randperm(len(self._labels), generator=self._generator).to(self._labels.device)
        for start in range(0, self.examples, block):
            stop = min(start + block, self.examples)
            where = slice(start, stop) if order is None else order[start:stop]
            inputs = self._preparation(self._inputs[where].to(self._device, non_blocking=True))
            labels = self._labels[where].to(self._device, non_blocking=True)
            yield from zip(torch.split(inputs, self.batch_size), torch.split(labels, self.batch_size), strict=True)


def fits(size_bytes: int, device: torch.device) -> bool:
    """Return whether so many bytes may live on the accelerator beside a network."""
    if device.type == "cuda":
        return size_bytes < torch.cuda.mem_get_info(device)[0] * RESIDENT_SHARE
    if device.type == "xpu":
        return size_bytes < torch.xpu.mem_get_info(device)[0] * RESIDENT_SHARE
    # MPS shares its memory with the processor, where the arrays are already.
    return True
