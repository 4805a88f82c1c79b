"""Examples that stand in two splits, exactly or nearly: a test on them says what was learnt by heart."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pellucid.data.dataset import Split
from pellucid.products import product

# Height and width of the small pictures that are compared first, each with each.
THUMBNAIL = 14
# Correlation of all pixels from which on two pictures are one, but for noise, brightness or another encoding.
SAME = 0.995
# Pictures are compared each with each, so that the time grows with both numbers: 2 s for 10,000 with 60,000.
MOST_COMPARED = 100_000
BLOCK = 1024


@dataclass(frozen=True)
class NearPair:
    """Two pictures that are nearly the same.

    Attributes:
        first: Position in the earlier split.
        second: Position in the later split.
        correlation: Of their pixels, up to 1.
    """

    first: int
    second: int
    correlation: float


def keys_of(split: Split) -> list[bytes]:
    """Return a short digest of each input: equal for equal inputs."""
    inputs = np.ascontiguousarray(split.inputs)
    return [hashlib.blake2b(row.data, digest_size=16).digest() for row in inputs]


def labels_by_key(split: Split) -> dict[bytes, set[tuple[float, ...]]]:
    """Return the labels that each distinct input has, by its digest."""
    found: dict[bytes, set[tuple[float, ...]]] = {}
    labels = split.labels if split.labels.ndim == 2 else split.labels[:, None]
    for key, row in zip(keys_of(split), labels.tolist(), strict=True):
        found.setdefault(key, set()).add(tuple(row))
    return found


def shared_inputs(keys: Mapping[str, Mapping[bytes, object]]) -> dict[str, int]:
    """Return how many distinct inputs stand in two splits, by "train and test".

    Args:
        keys: The digests of each split, by its name.
    """
    names = list(keys)
    return {
        f"{names[i]} and {names[j]}": len(keys[names[i]].keys() & keys[names[j]].keys())
        for i in range(len(names))
        for j in range(i + 1, len(names))
    }


def near_pairs(first: Split, second: Split) -> tuple[NearPair, ...]:
    """Find the pictures of a split that nearly stand in an earlier one; equal ones are left out.

    Each picture is compared with each as a small one, standardised; the most similar is then compared pixel by pixel. A
    picture that is turned, mirrored or cut otherwise is not found.

    Args:
        first: The earlier split, of images; its first 100,000 are looked at.
        second: The later split, of images of the same shape; likewise.

    Returns:
        At most one pair for each picture of the later split, the most similar first.
    """
    if not len(first) or not len(second) or first.inputs.ndim != 4:
        return ()
    small = _standardised(first, is_small=True)
    found: list[NearPair] = []
    for start in range(0, min(len(second), MOST_COMPARED), BLOCK):
        block = Split(second.inputs[start : start + BLOCK], second.labels[start : start + BLOCK])
        nearest = product(_standardised(block, is_small=True), small.T).max(dim=1)
        # A small picture says less than the whole one: whoever is alike in full is alike when small.
        places = (nearest.values > SAME - 0.02).nonzero().flatten()
        if not len(places):
            continue
        chosen = nearest.indices[places]
        there = Split(first.inputs[chosen.numpy()], first.labels[chosen.numpy()])
        here = Split(block.inputs[places.numpy()], block.labels[places.numpy()])
        alike = (_standardised(there, is_small=False) * _standardised(here, is_small=False)).sum(dim=1).tolist()
        is_equal = (there.inputs == here.inputs).reshape(len(there), -1).all(axis=1)
        found += [
            NearPair(earlier, start + later, correlation)
            for earlier, later, correlation, equal in zip(
                chosen.tolist(), places.tolist(), alike, is_equal, strict=True
            )
            if correlation > SAME and not equal
        ]
    return tuple(sorted(found, key=lambda pair: -pair.correlation))


def _standardised(split: Split, *, is_small: bool) -> Tensor:
    """Return a row for each picture, of mean 0 and length 1: a product of two is their correlation."""
    parts = []
    for start in range(0, min(len(split), MOST_COMPARED), BLOCK):
        pixels = torch.from_numpy(split.inputs[start : start + BLOCK]).float()
        if is_small:
            pixels = functional.adaptive_avg_pool2d(pixels.mean(dim=1, keepdim=True), THUMBNAIL)
        rows = pixels.flatten(1)
        rows = rows - rows.mean(dim=1, keepdim=True)
        length = rows.norm(dim=1, keepdim=True)
        # One colour all over is like any other: it gets no row.
        parts.append(torch.where(length > 1e-3, rows / length.clamp(min=1e-3), torch.zeros(())))
    return torch.cat(parts)
