"""Images changed at random on their way to the network: a whole block at once, on its device.

All chances are drawn first, on the CPU, so that a seed gives the same images on every device; then few operations on
whole tensors change every image in its own way. Bytes stay bytes, rounded once.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pellucid.data.augmentation import Augmentation

# Images are turned and toned in pieces of so many float32 values: they stay in a processor's cache, and memory is
# bounded.
PIECE = 2**20
# The sides of what is cut out differ from those of the image by up to this factor, as for ImageNet (Szegedy et al.
# 2015).
STRETCH = 4 / 3


def augmented(
    images: Tensor, labels: Tensor, augmentation: Augmentation, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return every image changed in its own way, with its label; neither argument is written to.

    Args:
        images: Raw [examples, channels, height, width], uint8 or float32, on any device.
        labels: Of the images; only mixup changes them, and takes them as float32 [examples, outputs].
        augmentation: What is done, and how strongly.
        generator: On the CPU; drawn from as often for every image, whatever comes out.

    Returns:
        Images of the same shape and type, and the labels.
    """
    images = _placed(images, augmentation, generator)
    images = _toned(images, augmentation, generator)
    if augmentation.erase:
        images = _erased(images, augmentation.erase, generator)
    if augmentation.mixup:
        partners = torch.randperm(len(images), generator=generator).to(images.device)
        shares = beta(augmentation.mixup, len(images), generator)
        # Which of two images is the other one's partner makes no difference.
        shares = torch.maximum(shares, 1 - shares).to(images.device)
        images, labels = mixed(images, partners, shares), mixed(labels, partners, shares)
    return images, labels


def border_colour(images: Tensor) -> Tensor:
    """Return the median of the outermost pixels of each image, channel by channel: [examples, channels, 1, 1]."""
    edges = [images[:, :, 0], images[:, :, -1], images[:, :, 1:-1, 0], images[:, :, 1:-1, -1]]
    # A background stays what it is where something reaches the edge, which a mean does not.
    return torch.cat(edges, dim=2).median(dim=2).values[:, :, None, None]


@dataclass(frozen=True)
class Moves:
    """Where the pixels of each image come to lie, but for turns and cuts.

    Attributes:
        down: Int64 [examples], pixels.
        right: Int64 [examples], pixels.
        is_mirrored: Left to right, before it is moved.
        is_upended: Top to bottom, before it is moved.
    """

    down: Tensor
    right: Tensor
    is_mirrored: Tensor
    is_upended: Tensor

    @classmethod
    def drawn(cls, images: Tensor, augmentation: Augmentation, generator: torch.Generator) -> "Moves":
        """Draw one for each image, on the CPU."""
        examples, _, height, width = images.shape

        def steps(size: int) -> Tensor:
            most = max(1, int(augmentation.shift * size)) if augmentation.shift else 0
            return torch.randint(-most, most + 1, (examples,), generator=generator)

        def holds(chance: float) -> Tensor:
            return torch.rand(examples, generator=generator) < chance

        return cls(steps(height), steps(width), holds(augmentation.flip), holds(augmentation.vertical_flip))


def moved(images: Tensor, moves: Moves) -> Tensor:
    """Mirror and move images; what is left free takes the border's colour.

    Every row of the result is one piece of memory of an image with a margin around it, so that whole rows are copied:
    five times as fast as an index for each pixel, thirty times as fast as `grid_sample`.
    """
    examples, channels, height, width = images.shape
    device = images.device
    tall, wide = int(moves.down.abs().max()), int(moves.right.abs().max())
    if bool(moves.is_mirrored.any()):
        images = torch.where(moves.is_mirrored.to(device).view(-1, 1, 1, 1), images.flip(3), images)
    rows = torch.arange(height)
    rows = torch.where(moves.is_upended[:, None], height - 1 + moves.down[:, None] - rows, rows - moves.down[:, None])
    if tall or wide:
        framed = border_colour(images).repeat(1, 1, height + 2 * tall, width + 2 * wide)
        framed[:, :, tall : tall + height, wide : wide + width] = images
    else:
        framed = images.contiguous()
    # A row out of the image lies in the margin: an upended one may reach only as far as a moved one.
    planes = torch.arange(examples * channels).view(examples, channels, 1) * (height + 2 * tall)
    starts = (planes + (rows + tall)[:, None]) * (width + 2 * wide) + (wide - moves.right)[:, None, None]
    windows = framed.as_strided((framed.numel() - width + 1, width), (1, 1))
    return windows.index_select(0, starts.flatten().to(device)).view(examples, channels, height, width)


def warped(images: Tensor, maps: Tensor) -> Tensor:
    """Draw images anew from where their pixels come from; from outside of them comes the border's colour.

    Args:
        images: Raw images.
        maps: Float32 [examples, 2, 3]: from places in the result to places in the image, both from -1 to 1.
    """
    result = torch.empty_like(images, memory_format=torch.contiguous_format)
    maps = maps.to(images.device)
    for some in _pieces(images):
        colour = border_colour(images[some]).float()
        grid = functional.affine_grid(maps[some], list(images[some].shape), align_corners=False)
        # Outside of an image grid_sample takes zeros.
        drawn = functional.grid_sample(images[some].float() - colour, grid, align_corners=False) + colour
        result[some] = _as(drawn, images.dtype)
    return result


def maps_of(moves: Moves, degrees: Tensor, cuts: Tensor, height: int, width: int) -> Tensor:
    """Return where the pixels come from of images that are cut out, turned, mirrored and moved, in this order.

    Args:
        moves: Mirrored and moved.
        degrees: [examples], to the left.
        cuts: [examples, 4]: height and width of what is cut out and the place of its middle, in the image's from
            -1 to 1.
        height: Of an image, in pixels.
        width: Of an image, in pixels.
    """
    turns = torch.deg2rad(degrees)
    cosine, sine = turns.cos(), turns.sin()
    # Angles are those of pixels, not of places from -1 to 1.
    turned = torch.stack([cosine, -sine * height / width, sine * width / height, cosine], dim=1).view(-1, 2, 2)
    signs = torch.stack([1 - 2.0 * moves.is_mirrored, 1 - 2.0 * moves.is_upended], dim=1)
    cut = cuts[:, [1, 0], None]
    linear = cut * turned * signs[:, None]
    back = torch.stack([-2 * moves.right / width, -2 * moves.down / height], dim=1)[:, :, None]
    return torch.cat([linear, linear @ back + cuts[:, [3, 2], None]], dim=2)


def toned(images: Tensor, brightness: Tensor, contrast: Tensor) -> Tensor:
    """Multiply images by their brightness, and their distance from their mean by their contrast: [examples] each."""
    result = torch.empty_like(images)
    brightness, contrast = brightness.to(images.device), contrast.to(images.device)
    for some in _pieces(images):
        values = images[some].float() * brightness[some].view(-1, 1, 1, 1)
        means = values.mean(dim=(1, 2, 3), keepdim=True)
        result[some] = _as(torch.lerp(means, values, contrast[some].view(-1, 1, 1, 1)), images.dtype)
    return result


def erased(images: Tensor, tops: Tensor, lefts: Tensor, sides: Tensor) -> Tensor:
    """Cover a square of each image with its border's colour; int64 [examples] pixels each, on the images' device."""
    rows = torch.arange(images.shape[2], device=images.device)[:, None]
    columns = torch.arange(images.shape[3], device=images.device)
    tops, lefts, sides = (numbers.view(-1, 1, 1, 1) for numbers in (tops, lefts, sides))
    is_covered = (rows >= tops) & (rows < tops + sides) & (columns >= lefts) & (columns < lefts + sides)
    return torch.where(is_covered, border_colour(images), images)


def mixed(values: Tensor, partners: Tensor, shares: Tensor) -> Tensor:
    """Return shares of values and the rest of their partners', example by example, in the type of the values.

    Args:
        values: [examples, ...]: images, or labels as probabilities.
        partners: Int64 [examples].
        shares: Float32 [examples], from 0 to 1.
    """
    assert values.dtype == torch.uint8 or values.is_floating_point(), "class numbers cannot be mixed"
    result = torch.empty_like(values)
    for some in _pieces(values):
        weights = shares[some].view(-1, *[1] * (values.dim() - 1))
        result[some] = _as(torch.lerp(values[partners[some]].float(), values[some].float(), weights), values.dtype)
    return result


def beta(alpha: float, examples: int, generator: torch.Generator) -> Tensor:
    """Return float32 [examples] from Beta(alpha, alpha). PyTorch's own takes no generator, NumPy's does."""
    seed = int(torch.randint(2**62, (), generator=generator))
    return torch.from_numpy(np.random.default_rng(seed).beta(alpha, alpha, examples)).float()


def _placed(images: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    examples, _, height, width = images.shape
    moves = Moves.drawn(images, augmentation, generator)
    if not (augmentation.rotate or augmentation.crop):
        is_moving = augmentation.shift or augmentation.flip or augmentation.vertical_flip
        return moved(images, moves) if is_moving else images
    degrees = _between(-augmentation.rotate, augmentation.rotate, examples, generator)
    areas = 1 - augmentation.crop * torch.rand(examples, generator=generator)
    stretch = math.log(STRETCH) / 2 if augmentation.crop else 0.0
    side = areas.sqrt()
    # Neither side may be longer than the image's.
    stretches = _between(-stretch, stretch, examples, generator).exp().clamp(min=side, max=1 / side)
    sides = torch.stack([side * stretches, side / stretches], dim=1)
    middles = (1 - sides) * (2 * torch.rand(examples, 2, generator=generator) - 1)
    return warped(images, maps_of(moves, degrees, torch.cat([sides, middles], dim=1), height, width))


def _toned(images: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    if not (augmentation.brightness or augmentation.contrast):
        return images
    brightness = 1 + _between(-augmentation.brightness, augmentation.brightness, len(images), generator)
    return toned(
        images, brightness, 1 + _between(-augmentation.contrast, augmentation.contrast, len(images), generator)
    )


def _erased(images: Tensor, largest: float, generator: torch.Generator) -> Tensor:
    examples, _, height, width = images.shape
    sides = (torch.rand(examples, generator=generator) * (largest * min(height, width) + 1)).long()
    sides = sides.clamp(max=min(height, width))
    # Of the places where it lies whole within the image.
    tops, lefts = ((torch.rand(examples, generator=generator) * (size - sides + 1)).long() for size in (height, width))
    return erased(images, *(numbers.to(images.device) for numbers in (tops, lefts, sides)))


def _between(low: float, high: float, examples: int, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(examples, generator=generator)


def _pieces(values: Tensor) -> list[slice]:
    each = max(1, PIECE // max(1, values[0].numel())) if len(values) else 1
    return [slice(start, start + each) for start in range(0, len(values), each)]


def _as(values: Tensor, dtype: torch.dtype) -> Tensor:
    """Return float32 values in the type of the images: rounded and held to a byte, or as they are."""
    return values.round_().clamp_(0, 255).to(dtype) if dtype == torch.uint8 else values.to(dtype)
