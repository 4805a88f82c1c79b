"""The errors of a regression: scores of each target with their intervals, residuals, the largest errors."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pellucid.evaluation.intervals import Interval, percentiles, resampled_counts, resamples_for
from pellucid.evaluation.mistakes import MISTAKES_KEPT, Picture, no_picture
from pellucid.evaluation.sums import number_facts, r2_by_target, r2_of

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
UNKNOWN: Interval = (math.nan, math.nan)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TargetScore:
    """How one target fared; errors in its own units, each with a 95 % interval (bootstrap).

    Attributes:
        name: Of the target.
        r2: Share of its variance that the answers explain; NaN if it never changes.
        r2_interval: Of R².
        mae: Mean absolute error.
        mae_interval: Of it.
        rmse: Root of the mean squared error; large errors count more.
        rmse_interval: Of it.
        median_absolute_error: Half of the errors are smaller; large errors count no more than others.
        median_absolute_error_interval: Of it.
    """

    name: str
    r2: float
    r2_interval: Interval
    mae: float
    mae_interval: Interval
    rmse: float
    rmse_interval: Interval
    median_absolute_error: float
    median_absolute_error_interval: Interval

    def to_dict(self) -> dict[str, Any]:
        """Return the facts."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


@dataclass(frozen=True)
class Residuals:
    """What the errors of one target look like: answer minus label.

    Attributes:
        name: Of the target.
        mean: Far from 0 for answers that are too high or too low throughout.
        std: Their standard deviation.
        quantiles: Of 5, 25, 50, 75 and 95 %.
        trend: Their correlation with the answers; far from 0 for answers that are too extreme or too tame; NaN if all
            answers or all residuals are equal.
    """

    name: str
    mean: float
    std: float
    quantiles: tuple[float, ...]
    trend: float

    def to_dict(self) -> dict[str, Any]:
        """Return the facts."""
        return {**asdict(self), "quantiles": list(self.quantiles)}


@dataclass(frozen=True, eq=False)
class LargeError:
    """An answer that is far off.

    Attributes:
        example: Its position in the split.
        target: Name of the target.
        label: What is true.
        answer: What was answered.
        picture: The input, uint8; None if it is no image.
        source: The file it comes from; None if nobody knows.
    """

    example: int
    target: str
    label: float
    answer: float
    picture: NDArray[np.uint8] | None = None
    source: str | None = None

    @property
    def error(self) -> float:
        """Answer minus label."""
        return self.answer - self.label

    def to_dict(self) -> dict[str, Any]:
        """Return the facts; the picture is left out."""
        return {
            "example": self.example,
            "target": self.target,
            "label": self.label,
            "answer": self.answer,
            "error": self.error,
            "source": self.source,
        }


def scores_of(answers: Tensor, labels: Tensor, names: Sequence[str]) -> tuple[float, Interval, tuple[TargetScore, ...]]:
    """Return the mean R² with its interval, and the scores of each target.

    The same resamples are taken for everything; 1,000 of 10,000 examples with one target take about 0.3 s.

    Args:
        answers: Float [examples, targets].
        labels: Float [examples, targets].
        names: Of the targets.
    """
    total, count = labels.shape
    if total == 0:
        empty = [TargetScore(name, *(math.nan, UNKNOWN) * 4) for name in names]
        return math.nan, UNKNOWN, tuple(empty)
    facts = number_facts(answers, labels)
    distance = np.abs(answers.double().numpy() - labels.double().numpy())
    order = np.argsort(distance, axis=0, kind="stable")
    ordered = np.take_along_axis(distance, order, axis=0)
    everything = np.concatenate([facts, distance], axis=1)
    sums, medians = [], []
    for counts in resampled_counts(total, resamples_for(total * count)):
        sums.append(counts @ everything)
        medians.append(np.stack([_medians(counts[:, order[:, t]], ordered[:, t]) for t in range(count)], axis=1))
    resampled, resampled_medians = np.concatenate(sums), np.concatenate(medians)
    true_sums = everything.sum(axis=0)
    r2, r2_resampled = (r2_by_target(part[..., : 3 * count], total) for part in (true_sums, resampled))
    overall = r2_of(true_sums[: 3 * count], total)
    scores = tuple(
        TargetScore(
            name=name,
            r2=float(r2[t]),
            r2_interval=percentiles(r2_resampled[:, t]),
            mae=float(distance[:, t].mean()),
            mae_interval=percentiles(resampled[:, 3 * count + t] / total),
            rmse=math.sqrt(float(true_sums[t]) / total),
            rmse_interval=percentiles(np.sqrt(resampled[:, t] / total)),
            median_absolute_error=float(np.median(distance[:, t])),
            median_absolute_error_interval=percentiles(resampled_medians[:, t]),
        )
        for t, name in enumerate(names)
    )
    return float(overall), percentiles(r2_of(resampled[:, : 3 * count], total)), scores


def residuals_of(answers: Array, labels: Array, names: Sequence[str]) -> tuple[Residuals, ...]:
    """Return what the errors of each target look like; nothing of no examples.

    Args:
        answers: Float64 [examples, targets].
        labels: Float64 [examples, targets].
        names: Of the targets.
    """
    if not len(labels):
        return ()
    found = []
    for target, name in enumerate(names):
        said = answers[:, target]
        residual = said - labels[:, target]
        has_trend = said.std() > 0 and residual.std() > 0
        found.append(
            Residuals(
                name=name,
                mean=float(residual.mean()),
                std=float(residual.std()),
                quantiles=tuple(np.quantile(residual, QUANTILES).tolist()),
                trend=float(np.corrcoef(said, residual)[0, 1]) if has_trend else math.nan,
            )
        )
    return tuple(found)


def large_errors(
    answers: Array,
    labels: Array,
    names: Sequence[str],
    *,
    picture: Picture = no_picture,
    sources: Sequence[str] = (),
) -> tuple[LargeError, ...]:
    """Return the ten largest errors, worst first; those of different targets are compared by the spread of each.

    Args:
        answers: Float64 [examples, targets].
        labels: Float64 [examples, targets].
        names: Of the targets.
        picture: Gives the picture of an example; asked of those that are returned only.
        sources: By example; empty if nobody knows.
    """
    if not len(labels):
        return ()
    spread = labels.std(axis=0)
    size = np.abs(answers - labels) / np.where(spread > 0, spread, 1)
    worst = np.argsort(-size, axis=None, kind="stable")[:MISTAKES_KEPT]
    return tuple(
        LargeError(
            example=example,
            target=names[target],
            label=float(labels[example, target]),
            answer=float(answers[example, target]),
            picture=picture(example),
            source=sources[example] if sources else None,
        )
        for example, target in (divmod(int(place), labels.shape[1]) for place in worst)
        if size[example, target] > 0
    )


def _medians(counts: Array, ordered: Array) -> Array:
    """Return the median of each resample.

    Args:
        counts: Float64 [resamples, examples]: how often each example was drawn, in the order of its value.
        ordered: Float64 [examples]: the values, rising.
    """
    reached = counts.cumsum(axis=1)
    total = len(ordered)
    # Of an even number the mean of the two in the middle.
    lower, upper = ((reached < place).sum(axis=1) for place in ((total + 1) // 2, total // 2 + 1))
    return np.asarray((ordered[lower] + ordered[upper]) / 2)
