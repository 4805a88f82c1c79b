"""The statistics of what layers gave: computed for all rows at once, in one pass over all values."""

import functools
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BINS = 20
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
# Quantiles and histogram of a larger output come from this many of its values, evenly spaced.
SAMPLE = 4_096
LARGE = 32_768
STEPS = np.arange(BINS + 1) / BINS


@dataclass(frozen=True)
class Statistics:
    """The values of one output. NaN is counted, and left out of everything else; so is infinity.

    Attributes:
        count: Values in all.
        mean: Of the finite values; None without any.
        std: Their standard deviation (divided by their number).
        low: The smallest.
        high: The largest.
        zeros: Share of all values that are exactly zero.
        nans: How many values are NaN.
        infinities: How many are infinite.
        quantiles: Value by share; linear between neighbours, as NumPy's default.
        counts: Of the histogram.
        is_sampled: Whether quantiles and histogram come from a part of the values.
    """

    count: int
    mean: float | None
    std: float | None
    low: float | None
    high: float | None
    zeros: float
    nans: int
    infinities: int
    quantiles: dict[float, float]
    counts: tuple[int, ...]
    is_sampled: bool

    @property
    def edges(self) -> tuple[float, ...]:
        """Of the histogram, one more than counts: evenly from the lowest to the highest value."""
        if self.low is None or self.high is None:
            return ()
        return tuple(edges_between(self.low, self.high).tolist())

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as JSON can hold them."""
        facts = asdict(self)
        facts["edges"] = list(self.edges)
        facts["quantiles"] = {f"{share:g}": value for share, value in self.quantiles.items()}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in facts.items()}


def statistics_of(tensors: Sequence[Tensor]) -> list[Statistics]:
    """Return the statistics of each tensor.

    Args:
        tensors: Of any type and shape, all on one device; half types are taken as float32, complex ones by their size.

    Returns:
        One for each. On an accelerator everything is computed there and comes over in one transfer.
    """
    if not tensors:
        return []
    flat = [_flat(tensor) for tensor in tensors]
    if flat[0].device.type != "cpu":
        return _on_device(flat)
    # A large row is worth a call of its own, which PyTorch spreads over its threads; small ones go end to end.
    large = {index: facts for index, row in enumerate(flat) if len(row) > LARGE and (facts := _large(row)) is not None}
    rest = iter(_on_processor([row for index, row in enumerate(flat) if index not in large]))
    return [large[index] if index in large else next(rest) for index in range(len(flat))]


def _large(values: Tensor) -> Statistics | None:
    """Return the statistics of one large row; None if some of its values are not finite."""
    mean = values.mean()
    if not mean.isfinite():
        return None
    # `torch.std` goes value by value; these two go by vectors.
    std = torch.linalg.vector_norm(values - mean) / math.sqrt(len(values))
    low, high = torch.aminmax(values)
    count = len(values)
    zeros = count - int(torch.count_nonzero(values))
    quantiles, counts = _distribution(_sample(values, count).numpy(), float(low), float(high))
    return _statistics(count, zeros, 0, 0, (float(mean), float(std), float(low), float(high), quantiles, counts, True))


def _flat(tensor: Tensor) -> Tensor:
    values = tensor.detach()
    if values.is_sparse or values.is_quantized:
        values = values.to_dense() if values.is_sparse else values.dequantize()
    if values.is_complex():
        values = values.abs()
    if values.dtype not in (torch.float32, torch.float64):
        # Whole numbers of 32 bits and more do not fit into float32.
        is_wide = values.dtype in (torch.int32, torch.int64)
        values = values.to(torch.float64 if is_wide else torch.float32)
    return values.reshape(-1)


def _sample(values: Any, count: int) -> Any:
    return values if count <= SAMPLE else values[:: -(-count // SAMPLE)]


def _on_processor(tensors: Sequence[Tensor]) -> list[Statistics]:
    arrays: list[NDArray[Any]] = [tensor.numpy() for tensor in tensors]
    filled = [array for array in arrays if array.size]
    if not filled:
        return [_EMPTY for _ in arrays]
    lengths = np.array([array.size for array in filled])
    starts = np.concatenate([[0], lengths.cumsum()[:-1]])
    values = np.concatenate(filled) if len(filled) > 1 else filled[0]
    zeros = np.add.reduceat(values == 0, starts, dtype=np.intp)
    finite = np.isfinite(values)
    if finite.all():
        rows = _finite_rows(values, lengths, starts)
        nans = infinities = np.zeros(len(filled), np.intp)
    else:
        nans = np.add.reduceat(np.isnan(values), starts, dtype=np.intp)
        good = np.add.reduceat(finite, starts, dtype=np.intp)
        infinities = lengths - nans - good
        has_any = good > 0
        kept = values[finite]
        some = good[has_any]
        found = iter(_finite_rows(kept, some, np.concatenate([[0], some.cumsum()[:-1]])) if len(some) else [])
        rows = [next(found) if one else None for one in has_any]
    results = iter(
        _statistics(int(length), int(zero), int(nan), int(infinity), row)
        for length, zero, nan, infinity, row in zip(lengths, zeros, nans, infinities, rows, strict=True)
    )
    return [next(results) if array.size else _EMPTY for array in arrays]


Row = tuple[float, float, float, float, list[float], list[int], bool]


def _finite_rows(values: NDArray[Any], lengths: NDArray[Any], starts: NDArray[Any]) -> list[Row | None]:
    """Return mean, std, low, high, quantiles and histogram counts of each row of finite values, end to end."""
    mean = np.add.reduceat(values, starts, dtype=np.float64) / lengths
    lows, highs = np.minimum.reduceat(values, starts).tolist(), np.maximum.reduceat(values, starts).tolist()
    # Around the mean, not by the mean of squares: a row far from zero would lose its digits.
    centred = values - np.repeat(mean, lengths).astype(values.dtype)
    np.square(centred, out=centred)
    stds = np.sqrt(np.add.reduceat(centred, starts, dtype=np.float64) / lengths).tolist()
    means = mean.tolist()
    rows: list[Row | None] = []
    for index, (start, length) in enumerate(zip(starts.tolist(), lengths.tolist(), strict=True)):
        low, high = lows[index], highs[index]
        quantiles, counts = _distribution(_sample(values[start : start + length], length), low, high)
        rows.append((means[index], stds[index], low, high, quantiles, counts, length > SAMPLE))
    return rows


def _distribution(values: NDArray[Any], low: float, high: float) -> tuple[list[float], list[int]]:
    """Return quantiles and histogram counts of finite values between low and high."""
    ordered = np.sort(values)
    below, above, share = _places(len(ordered))
    lower = ordered[below]
    quantiles: list[float] = (lower + (ordered[above] - lower) * share).tolist()
    ends = ordered.searchsorted(edges_between(low, high)[1:-1]).tolist()
    return quantiles, [after - before for before, after in pairwise([0, *ends, len(ordered)])]


@functools.cache
def _places(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return where the quantiles of so many ordered values lie: the places below and above, and the share between."""
    places = np.array(QUANTILES) * (count - 1)
    below = places.astype(np.intp)
    return below, np.minimum(below + 1, count - 1), places - below


def edges_between(low: float, high: float) -> NDArray[np.float64]:
    """Return the edges of the histogram's bins."""
    if low == high:
        low, high = low - 0.5, high + 0.5
    return low + (high - low) * STEPS


def _statistics(count: int, zeros: int, nans: int, infinities: int, row: Row | None) -> Statistics:
    if row is None:
        return Statistics(count, None, None, None, None, zeros / count, nans, infinities, {}, (), False)
    mean, std, low, high, quantiles, counts, is_sampled = row
    return Statistics(
        count, mean, std, low, high, zeros / count, nans, infinities, dict(zip(QUANTILES, quantiles, strict=True)),
        tuple(counts), is_sampled,
    )  # fmt: skip


_EMPTY = Statistics(0, None, None, None, None, 0.0, 0, 0, {}, (), False)


def _on_device(tensors: Sequence[Tensor]) -> list[Statistics]:
    """Compute on the accelerator, row by row without waiting, and take everything over at once."""
    width = 7 + len(QUANTILES) + BINS
    packed = [_packed(tensor) if tensor.numel() else tensor.new_zeros(width, dtype=torch.float64) for tensor in tensors]
    facts = torch.stack([row.to(torch.float64) for row in packed]).tolist()  # the one transfer
    results = []
    for tensor, (nans, infinities, zeros, mean, std, low, high, *rest) in zip(tensors, facts, strict=True):
        if not tensor.numel():
            results.append(_EMPTY)
            continue
        has_any = tensor.numel() - nans - infinities > 0
        quantiles, counts = rest[: len(QUANTILES)], [int(count) for count in rest[len(QUANTILES) :]]
        row = (mean, std, low, high, quantiles, counts, tensor.numel() > SAMPLE) if has_any else None
        results.append(_statistics(tensor.numel(), int(zeros), int(nans), int(infinities), row))
    return results


def _packed(values: Tensor) -> Tensor:
    """Return all facts of one row as a vector on its device; values that are not finite are sorted to the end."""
    wide = values.to(torch.float64) if values.device.type != "mps" else values
    finite = wide.isfinite()
    count = finite.sum()
    some = torch.where(finite, wide, torch.zeros_like(wide))
    mean = some.sum() / count
    std = (torch.where(finite, wide - mean, torch.zeros_like(wide)).square().sum() / count).sqrt()
    low = torch.where(finite, wide, torch.full_like(wide, torch.inf)).min()
    high = torch.where(finite, wide, torch.full_like(wide, -torch.inf)).max()
    part = _sample(wide, len(wide))
    ordered = torch.where(part.isfinite(), part, torch.full_like(part, torch.inf)).sort().values
    kept = part.isfinite().sum()
    places = torch.tensor(QUANTILES, device=wide.device, dtype=wide.dtype) * (kept - 1).clamp_min(0)
    below = places.floor().long()
    lower = ordered[below.clamp_max(len(ordered) - 1)]
    upper = ordered[torch.minimum(below + 1, (kept - 1).clamp_min(0))]
    quantiles = lower + (upper - lower) * (places - below)
    is_flat = low == high
    first, last = torch.where(is_flat, low - 0.5, low), torch.where(is_flat, high + 0.5, high)
    inner = first + (last - first) * torch.arange(1, BINS, device=wide.device) / BINS
    ends = torch.searchsorted(ordered, inner.to(ordered.dtype).contiguous()).clamp_max(kept)
    counts = torch.diff(ends, prepend=ends.new_zeros(1), append=kept.reshape(1))
    facts = torch.stack([wide.isnan().sum(), wide.isinf().sum(), (wide == 0).sum(), mean, std, low, high])
    return torch.cat([facts, quantiles, counts])
