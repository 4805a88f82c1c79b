"""Whether confidence can be believed: reliability by bins, and the temperature that would put it right."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.evaluation.metrics import calibration_error, check_outputs
from pellucid.rendering.blocks import Block, Note, Table, number

BINS = 15
# A temperature beyond these says that the logits know nothing, or that no validation example was wrong.
COLDEST, HOTTEST = 0.01, 100.0


@dataclass(frozen=True)
class ReliabilityBin:
    """The examples whose confidence lies in (low, high].

    Attributes:
        low: Confidence that all of them exceed.
        high: Confidence that none of them exceeds.
        confidence: Their mean confidence.
        accuracy: Their share of right answers.
        examples: How many; at least one.
    """

    low: float
    high: float
    confidence: float
    accuracy: float
    examples: int


@dataclass(frozen=True)
class Calibration:
    """How far confidence is from accuracy, and what a temperature changes.

    Attributes:
        bins: Those with examples, by rising confidence.
        error: Expected calibration error over 15 bins.
        temperature: What logits are to be divided by, fitted on other examples than are judged here; None without any.
        fitted_on: The split it was fitted on; "" without any.
        error_scaled: The expected calibration error of the judged examples with that temperature.
        loss_scaled: Their cross-entropy with it, in nats.
    """

    bins: tuple[ReliabilityBin, ...]
    error: float
    temperature: float | None = None
    fitted_on: str = ""
    error_scaled: float | None = None
    loss_scaled: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the facts."""
        return {**asdict(self), "bins": [asdict(one) for one in self.bins]}

    def sentence(self) -> str:
        """Return what the temperature says, in a sentence; "" if none was fitted."""
        if self.temperature is None or self.error_scaled is None:
            return ""
        kind = "too sure" if self.temperature > 1 else "less sure than it could be"
        return (
            f"temperature {self.temperature:.3g}, fitted on the {self.fitted_on} split: the network is {kind}; "
            f"with it the calibration error is {self.error_scaled:.2%} instead of {self.error:.2%}"
        )

    def blocks(self) -> Sequence[Block]:
        """Show accuracy against confidence."""
        table = Table(
            [
                number("confidence above", ".0%"),
                number("up to", ".0%"),
                number("mean confidence", ".1%"),
                number("accuracy", ".1%"),
                number("examples"),
            ],
            [(one.low, one.high, one.confidence, one.accuracy, one.examples) for one in self.bins],
            title="calibration: how often answers of a confidence are right",
        )
        return [table, *([Note(self.sentence())] if self.sentence() else [])]


def calibrate(
    logits: Tensor, labels: Tensor, fitted: tuple[Tensor, Tensor] | None = None, fitted_on: str = "validation"
) -> Calibration:
    """Measure the calibration of logits.

    Args:
        logits: Float [examples, classes], of the examples that are judged.
        labels: Int64 [examples].
        fitted: Logits and labels of other examples, to fit a temperature on; None to fit none.
        fitted_on: What those are, in a word.

    Raises:
        ShapeError: If logits and labels do not belong together.
    """
    probabilities = logits.softmax(dim=1)
    bins, error = reliability_bins(probabilities, labels), calibration_error(probabilities, labels, BINS)
    if fitted is None or len(fitted[1]) == 0 or not bool(torch.isfinite(fitted[0]).all()):
        return Calibration(bins, error)
    temperature = fit_temperature(*fitted)
    scaled = logits.double() / temperature
    return Calibration(
        bins,
        error,
        temperature=temperature,
        fitted_on=fitted_on,
        error_scaled=calibration_error(scaled.softmax(dim=1), labels, BINS),
        loss_scaled=float(functional.cross_entropy(scaled, labels)) if len(labels) else 0.0,
    )


def reliability_bins(probabilities: Tensor, labels: Tensor, bins: int = BINS) -> tuple[ReliabilityBin, ...]:
    """Return confidence and accuracy of the examples of each bin of confidence that has any.

    Args:
        probabilities: Float [examples, classes]; rows sum to 1.
        labels: Int64 [examples].
        bins: How many, of equal width; open on the left, as in `calibration_error`.

    Raises:
        ShapeError: If probabilities and labels do not belong together.
    """
    check_outputs(probabilities, labels)
    if len(labels) == 0:
        return ()
    confidence, predicted = probabilities.double().max(dim=1)
    index = (confidence * bins).ceil().nan_to_num(1).long().clamp(1, bins) - 1
    facts = torch.stack([confidence, (predicted == labels).double(), torch.ones_like(confidence)])
    sums = torch.zeros(3, bins, dtype=torch.float64).index_add_(1, index, facts)
    return tuple(
        ReliabilityBin(place / bins, (place + 1) / bins, sure / count, right / count, int(count))
        for place, (sure, right, count) in enumerate(sums.t().tolist())
        if count
    )


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """Return the temperature whose division of the logits makes the labels most likely.

    Chuan Guo, Geoff Pleiss, Yu Sun, Kilian Weinberger (2017), "On Calibration of Modern Neural Networks". The
    likelihood is concave in 1 / temperature, so Newton's method, kept within a bracket, finds the one maximum.

    Args:
        logits: Float [examples, classes], of examples that are neither trained on nor judged.
        labels: Int64 [examples].

    Returns:
        Above 1 for a network that is too sure; between 0.01 and 100.

    Raises:
        ShapeError: If logits and labels do not belong together.

    Example:
        >>> logits = torch.tensor([[2.0, 0.0]] * 4)  # sure by 88 %, and right three times of four: 75 %
        >>> round(fit_temperature(logits, torch.tensor([0, 0, 0, 1])), 4)
        1.8205
    """
    check_outputs(logits, labels)
    logits = logits.double()
    # Only differences count, and small ones keep more digits.
    logits = logits - logits.amax(dim=1, keepdim=True)
    of_labels = logits.gather(1, labels[:, None]).sum()

    def derivatives(inverse: float) -> tuple[float, float]:
        probabilities = (logits * inverse).softmax(dim=1)
        expected = (probabilities * logits).sum(dim=1)
        return float(expected.sum() - of_labels), float((probabilities * (logits - expected[:, None]) ** 2).sum())

    low, high = 1 / HOTTEST, 1 / COLDEST
    if derivatives(high)[0] <= 0:
        return COLDEST
    if derivatives(low)[0] >= 0:
        return HOTTEST
    inverse = 1.0
    for _ in range(100):
        slope, curvature = derivatives(inverse)
        low, high = (low, inverse) if slope > 0 else (inverse, high)
        following = inverse - slope / curvature if curvature > 0 else math.nan
        if not low <= following <= high:
            following = math.sqrt(low * high)
        if abs(following - inverse) <= 1e-12 * inverse:
            break
        inverse = following
    return 1 / inverse


def frequency_errors(probabilities: Tensor, labels: Tensor, bins: int = BINS) -> Tensor:
    """Return for each of several labels how far its probability is from how often it holds, on average.

    Args:
        probabilities: Float [examples, labels], each of its own.
        labels: Float [examples, labels]: 0 or 1.
        bins: How many bins of probability, of equal width.

    Returns:
        Float64 [labels]: the mean over examples of |frequency - probability| of their bin.
    """
    examples, count = probabilities.shape
    probabilities, labels = probabilities.double(), labels.double()
    index = (probabilities * bins).ceil().nan_to_num(1).long().clamp(1, bins) - 1
    gaps = torch.zeros(bins, count, dtype=torch.float64).scatter_add_(0, index, labels - probabilities)
    return gaps.abs().sum(dim=0) / max(examples, 1)
