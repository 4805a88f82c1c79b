"""Values as pictures: feature maps and weights as images, vectors as strips."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pellucid.rendering.blocks import Block, Gallery, Image


def pictures_of(values: Tensor, example: int = 0, most: int = 20) -> list[Block]:
    """Show one example's output as pictures: feature maps as images, a vector as a strip.

    Args:
        values: [examples, …]; for maps [examples, channels, height, width].
        example: Which of the batch.
        most: Maps to show.
    """
    if values.dim() < 2 or not values.numel() or example >= len(values):
        return []
    one = values[example].detach().float().cpu().numpy()
    if one.ndim == 3 and min(one.shape[1:]) > 1:
        images = [Image(grey(plane), f"map {index}") for index, plane in enumerate(one[:most])]
        return [Gallery(images, title=f"{len(one)} feature maps of example {example}, dark is low")]
    if one.ndim == 2:
        return [Image(grey(one), f"example {example}")]
    if one.ndim == 1:
        side = min(len(one), 64)
        padded = np.full(-(-len(one) // side) * side, one.min(), one.dtype)
        padded[: len(one)] = one
        return [
            Image(grey(padded.reshape(-1, side)), f"{len(one)} units of example {example}, {side} a line, dark is low")
        ]
    return []


def grey(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return values as a grey picture: the lowest finite one black, the highest white."""
    finite = np.isfinite(values)
    low = float(values[finite].min()) if finite.any() else 0.0
    high = float(values[finite].max()) if finite.any() else 1.0
    scaled = np.clip((np.nan_to_num(values, nan=low, posinf=high, neginf=low) - low) / ((high - low) or 1), 0, 1)
    picture: NDArray[np.uint8] = (scaled * 255).astype(np.uint8)
    return picture
