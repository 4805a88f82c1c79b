"""Measures that are made of sums over examples, so that a resample of the examples is a product of matrices."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.evaluation.intervals import Interval, percentiles, resampled_sums, resamples_for

Array = NDArray[np.float64]


def with_interval(facts: Array, measure: Callable[[Array], Array]) -> tuple[float, Interval]:
    """Return a measure of all examples, and its 95 % bootstrap interval.

    Args:
        facts: Float64 [examples, facts].
        measure: Gives [...] of sums [..., facts].
    """
    resampled = resampled_sums(facts, resamples_for(len(facts)))
    return float(measure(facts.sum(axis=0))), percentiles(measure(resampled))


def label_facts(answers: Tensor, labels: Tensor) -> Array:
    """Return for each example what F1 is made of: [examples, 2], for `f1_of`.

    Args:
        answers: 0 or 1 of each label [examples, labels].
        labels: What is true, alike.
    """
    said, true = answers.bool(), labels.bool()
    facts = torch.stack([2 * (said & true).sum(dim=1), said.sum(dim=1) + true.sum(dim=1)], dim=1)
    return facts.double().numpy()


def f1_of(sums: Array) -> Array:
    """Return the micro F1 of sums of `label_facts`: twice what is right, over what was said and what is true."""
    return np.asarray(sums[..., 0] / np.maximum(sums[..., 1], 1))


def number_facts(answers: Tensor, labels: Tensor) -> Array:
    """Return for each example what R² is made of: [examples, 3 targets], for `r2_of`.

    Args:
        answers: Float [examples, targets].
        labels: What is true, alike.
    """
    true = labels.double()
    # Centred, since a sum of squares minus the square of a sum loses all digits of a large mean.
    centred = true - true.mean(dim=0) if len(true) else true
    return torch.cat([(answers.double() - true) ** 2, centred, centred**2], dim=1).numpy()


def r2_by_target(sums: Array, examples: int) -> Array:
    """Return R² of each target, [..., targets], of sums of `number_facts`; NaN of a target that never changes."""
    errors, centred, squares = np.split(sums, 3, axis=-1)
    spread = squares - centred**2 / max(examples, 1)
    # What rounding leaves of a constant is no spread.
    is_spread = spread > 1e-12 * np.maximum(squares, np.finfo(np.float64).tiny)
    return np.asarray(1 - errors / np.where(is_spread, spread, np.nan))


def r2_of(sums: Array, examples: int) -> Array:
    """Return the mean R² of the targets that change, [...], of sums of `number_facts`; NaN if none does."""
    each = r2_by_target(sums, examples)
    is_known = ~np.isnan(each)
    count = is_known.sum(axis=-1)
    total = np.where(is_known, each, 0).sum(axis=-1)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))
