"""What twice the examples would give, and whether that can be said at all."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pellucid.training.judging.power_law import PowerLaw, fit_power_laws

Verdict = Literal["helps", "flat", "unclear"]
DRAWS = 400
# A median strays further than a mean does, for errors that are spread like a normal distribution.
MEDIAN = math.sqrt(math.pi / 2)
# A gain counts from this share of the error on, and from a thousandth on.
WORTHWHILE, SMALLEST_GAIN = 0.05, 0.001


@dataclass(frozen=True)
class Forecast:
    """What the fitted curve says of twice the examples.

    Attributes:
        law: Of the error, 1 - score.
        examples: Twice as many as there are.
        now: Score at as many as there are, on the fitted curve.
        score: At twice as many.
        low: End of its 95 % interval.
        high: The other end.
        verdict: "helps" if the gain is worth having wherever in its interval it is, "flat" if nowhere, or "unclear".
    """

    law: PowerLaw
    examples: int
    now: float
    score: float
    low: float
    high: float
    verdict: Verdict


def forecast(examples: Sequence[int], scores: Sequence[Sequence[float]]) -> Forecast:
    """Fit a power law to the median score of each size, and draw it again with the spread of the scores.

    One training that went wrong does not move a median. The interval is that of a parametric bootstrap (Efron and
    Tibshirani 1993): 400 curves are fitted to medians that are drawn anew around the fitted ones.

    Args:
        examples: At least three different numbers, rising.
        scores: Of each, at least two.
    """
    sizes = np.array(examples, np.float64)
    errors = np.array([1 - float(np.median(row)) for row in scores])
    deviations = _deviations(scores, errors)
    law = fit_power_laws(sizes, errors[None], deviations)[0]
    fitted = np.array([law.at(size) for size in sizes])
    # Where the curve misses the medians by more than their spread allows, the curve is not sure either.
    freedom = max(len(sizes) - 3, 1)
    strain = max(1.0, math.sqrt(float((((errors - fitted) / deviations) ** 2).sum()) / freedom))
    noise = np.random.default_rng(0).normal(size=(DRAWS, len(sizes))) * deviations * strain
    drawn = fit_power_laws(sizes, fitted + noise, deviations)
    last, twice = float(sizes[-1]), 2 * float(sizes[-1])
    low, high = np.quantile([1 - one.at(twice) for one in drawn], (0.025, 0.975))
    gains = np.quantile([one.at(last) - one.at(twice) for one in drawn], (0.05, 0.95))
    worthwhile = max(WORTHWHILE * law.at(last), SMALLEST_GAIN)
    verdict: Verdict = "helps" if gains[0] >= worthwhile else "flat" if gains[1] < worthwhile else "unclear"
    score = 1 - law.at(twice)
    return Forecast(law, int(twice), 1 - law.at(last), score, min(float(low), score), max(float(high), score), verdict)


def _deviations(scores: Sequence[Sequence[float]], errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard deviation of each median.

    So few scores do not know their own spread: it is taken halfway to that of all sizes together, in proportion to the
    error, as counts of mistakes have it. Where scores agree to the last digit, a thousandth stands for what was
    not seen.
    """
    own = np.array([np.var(row, ddof=1) for row in scores])
    expected = own.mean() * np.maximum(errors, 1e-3) / np.maximum(errors, 1e-3).mean()
    counts = np.array([len(row) for row in scores])
    found: NDArray[np.float64] = np.maximum(np.sqrt((own + expected) / 2 / counts) * MEDIAN, 1e-3)
    return found
