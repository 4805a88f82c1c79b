"""The preparation of images: scaled and normalised, channel by channel."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.data.dataset import Split
from pellucid.errors import ShapeError

# Examples that are looked at at once; bounds the memory that fitting takes, and stays in the processor's cache.
BLOCK = 256
# So many squares of bytes add up to less than 2**24, up to which float32 holds every whole number.
EXACT = 256
# Below this a channel counts as constant.
SMALLEST_STD = 1e-6
# The background shows in a few thousand images.
BORDER_EXAMPLES = 10_000


@dataclass(frozen=True)
class ImagePreparation:
    """Scale raw inputs and normalise them: (inputs / divisor - mean) / std, channel by channel.

    Attributes:
        shape: Channels, height and width that the network takes.
        divisor: What raw values are divided by: 255 for uint8, 1 for floats.
        mean: Of the scaled training inputs, one for each channel.
        std: Standard deviation of the scaled training inputs, one for each channel.
        border: Mean of the scaled outermost pixels of the training inputs: what the background looks like;
            or the level that was filled in where they were transparent or too narrow.
    """

    shape: tuple[int, int, int]
    divisor: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    border: float

    @classmethod
    def fit(cls, split: Split, background: int | None = None) -> "ImagePreparation":
        """Measure scale, mean and standard deviation on the training examples.

        Args:
            split: The training examples. For uint8 the result is exact, whatever the number of threads.
            background: Level from 0 to 255 that a reader has filled in, to be filled in alike at prediction; None to
                measure it at the borders.
        """
        channels, height, width = split.inputs.shape[1:]
        is_uint8 = split.inputs.dtype == np.uint8
        divisor = 255.0 if is_uint8 else 1.0
        mean, std = zip(*(_moments(split.inputs[:, channel]) for channel in range(channels)), strict=True)
        some = split.inputs[:BORDER_EXAMPLES]
        edges = [some[:, :, 0], some[:, :, -1], some[:, :, 1:-1, 0], some[:, :, 1:-1, -1]]
        border = np.concatenate([edge.ravel() for edge in edges])
        return cls(
            shape=(channels, height, width),
            divisor=divisor,
            mean=tuple(value / divisor for value in mean),
            # A channel that never changes would be divided by zero; 1 leaves it at zero.
            std=tuple(value / divisor if value / divisor > SMALLEST_STD else 1.0 for value in std),
            border=float(border.mean(dtype=np.float64)) / divisor if background is None else background / 255,
        )

    @property
    def prepared_shape(self) -> tuple[int, ...]:
        """Of one prepared input: that of a raw one."""
        return self.shape

    def __call__(self, inputs: Tensor) -> Tensor:
        """Prepare raw inputs.

        Args:
            inputs: [examples, channels, height, width], raw as in the dataset; any type, any device.

        Returns:
            Float32 of the same shape, on the same device.

        Raises:
            ShapeError: If the inputs have another shape than the training inputs.
        """
        self.check_shape(inputs)
        scaled = inputs.to(torch.float32)
        # What is a copy already is changed in place: each pass through memory takes its time.
        scaled = scaled / self.divisor if scaled is inputs else scaled.div_(self.divisor)
        if len(self.mean) == 1:
            # Plain numbers travel with the kernel; a tensor would be copied to the device at every call.
            return scaled.sub_(self.mean[0]).div_(self.std[0])
        mean = torch.tensor(self.mean, device=inputs.device).view(1, -1, 1, 1)
        std = torch.tensor(self.std, device=inputs.device).view(1, -1, 1, 1)
        return scaled.sub_(mean).div_(std)

    def check_shape(self, inputs: Tensor) -> None:
        """Check that inputs have the shape of the training inputs.

        Raises:
            ShapeError: If they have not.
        """
        if inputs.shape[1:] != self.shape:
            raise ShapeError(
                f"the inputs are {list(inputs.shape[1:])} but the classifier was trained on {list(self.shape)}",
                fix=f"give inputs of shape [examples, {', '.join(map(str, self.shape))}]",
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the values as JSON can hold them."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


def _moments(values: NDArray[Any]) -> tuple[float, float]:
    """Return mean and standard deviation of all values, by blocks.

    Bytes are added up in whole numbers, so that the result is exact and the same on every machine.
    """
    if values.dtype == np.uint8:
        total = squares = 0
        for start in range(0, len(values), BLOCK):
            block = values[start : start + BLOCK].astype(np.float32).ravel()
            parts = np.pad(block, (0, -block.size % EXACT)).reshape(-1, EXACT)
            total += int(parts.sum(axis=1).sum(dtype=np.float64))
            squares += int(np.einsum("ij,ij->i", parts, parts).sum(dtype=np.float64))
        mean = total / values.size
        return mean, math.sqrt(squares / values.size - mean**2)
    mean = float(values.mean(dtype=np.float64))
    blocks = (values[start : start + BLOCK].astype(np.float64) - mean for start in range(0, len(values), BLOCK))
    return mean, math.sqrt(sum(float(np.square(block).sum()) for block in blocks) / values.size)
