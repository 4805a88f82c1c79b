"""How an error falls with the number of examples: error = floor + scale * examples ** -exponent."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Hestness et al. find exponents between 0.07 and 0.35 on large data, theory says up to 1; 2 is steeper than any.
EXPONENTS = np.geomspace(0.05, 2.0, 60)


@dataclass(frozen=True)
class PowerLaw:
    """An error that falls with the number of examples, down to a floor.

    Corinna Cortes, Lawrence Jackel, Sara Solla, Vladimir Vapnik, John Denker (1993), "Learning Curves: Asymptotic
    Values and Rate of Convergence"; found for deep networks of many kinds by Joel Hestness et al. (2017), "Deep
    Learning Scaling is Predictable, Empirically".

    Attributes:
        floor: That no number of examples brings it below, at least 0.
        scale: Of what falls, at least 0.
        exponent: How fast it falls.
    """

    floor: float
    scale: float
    exponent: float

    def at(self, examples: float) -> float:
        """Return the error that so many examples give."""
        return float(self.floor + self.scale * examples**-self.exponent)


def fit_power_laws(
    examples: NDArray[np.float64], errors: NDArray[np.float64], deviations: NDArray[np.float64]
) -> list[PowerLaw]:
    """Fit a power law to each row of errors, by weighted least squares with floor and scale at least 0.

    Args:
        examples: Float64 [sizes], each over 0.
        errors: Float64 [rows, sizes].
        deviations: Float64 [sizes]: standard deviation of each error, over 0.

    Returns:
        One for each row.
    """
    weights = deviations**-2.0
    weights = weights / weights.sum()
    largest = float(examples.max())
    # [exponents, sizes]; relative to the largest size, so that the scale is of the size of an error.
    falls = (examples / largest) ** -EXPONENTS[:, None]
    mean_fall, mean_error = falls @ weights, errors @ weights
    spread = ((falls - mean_fall[:, None]) ** 2) @ weights
    together = (errors * weights) @ (falls - mean_fall[:, None]).T
    # Both free; where the floor would be below 0 it is 0; where the error does not fall at all it is flat.
    scale = together / spread
    floor = mean_error[:, None] - scale * mean_fall
    through_zero = ((errors * weights) @ falls.T) / ((falls**2) @ weights)
    scale = np.where(floor < 0, through_zero, scale)
    floor = np.where(floor < 0, 0.0, floor)
    floor = np.where(scale < 0, np.maximum(mean_error, 0)[:, None], floor)
    scale = np.maximum(scale, 0.0)
    misses = errors[:, None, :] - floor[:, :, None] - scale[:, :, None] * falls
    best = ((misses**2) @ weights).argmin(axis=1)
    rows = np.arange(len(errors))
    return [
        PowerLaw(float(a), float(b * largest**c), float(c))
        for a, b, c in zip(floor[rows, best], scale[rows, best], EXPONENTS[best], strict=True)
    ]
