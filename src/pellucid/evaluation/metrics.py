"""The measures of a classifier's answers."""

import math

import torch
from torch import Tensor

from pellucid.errors import ShapeError


def confusion_matrix(logits: Tensor, labels: Tensor) -> Tensor:
    """Count how often each true class was predicted as each class.

    Args:
        logits: Float [examples, classes]; the largest entry of a row is the prediction.
        labels: Int64 [examples]; values 0..classes-1.

    Returns:
        Int64 [classes, classes]; row = true class, column = predicted class.

    Raises:
        ShapeError: If logits and labels do not belong together.

    Example:
        >>> logits = torch.tensor([[2.0, 1.0], [0.0, 3.0]])
        >>> confusion_matrix(logits, torch.tensor([0, 0]))
        tensor([[1, 1],
                [0, 0]])
    """
    check_outputs(logits, labels)
    classes = logits.shape[1]
    pairs = labels * classes + logits.argmax(dim=1)
    return torch.bincount(pairs, minlength=classes * classes).view(classes, classes)


def precision_recall_f1(confusion: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return precision, recall and F1 of each class.

    Args:
        confusion: Int64 [classes, classes]; row = true class.

    Returns:
        Three float64 [classes]; 0 where a class was never predicted, or never there.
    """
    right = confusion.diagonal().double()
    predicted = confusion.sum(dim=0).double()
    actual = confusion.sum(dim=1).double()
    precision = right / predicted.clamp_min(1)
    recall = right / actual.clamp_min(1)
    return precision, recall, 2 * right / (predicted + actual).clamp_min(1)


def wilson_interval(right: int, total: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Return the Wilson score interval of a share.

    Edwin B. Wilson (1927), "Probable Inference, the Law of Succession, and Statistical Inference". Unlike the normal
    approximation it stays within 0 and 1 and holds for few examples.

    Args:
        right: How many of the examples.
        total: How many examples.
        z: Quantile of the normal distribution; the default gives 95 %.

    Example:
        >>> [round(end, 4) for end in wilson_interval(9000, 10000)]
        [0.894, 0.9057]
    """
    if total == 0:
        return 0.0, 1.0
    share = right / total
    middle = share + z * z / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    # Exactly 0 and 1 at the ends, which rounding would miss by a hair.
    return (middle - half) / scale if right else 0.0, (middle + half) / scale if right < total else 1.0


def calibration_error(probabilities: Tensor, labels: Tensor, bins: int = 15) -> float:
    """Return the expected calibration error: how far confidence is from accuracy, on average.

    Chuan Guo, Geoff Pleiss, Yu Sun, Kilian Weinberger (2017), "On Calibration of Modern Neural Networks": examples are
    put into bins of equal width by their confidence; the error is the mean over examples of |accuracy - confidence| of
    their bin.

    Args:
        probabilities: Float [examples, classes]; rows sum to 1.
        labels: Int64 [examples].
        bins: How many.

    Raises:
        ShapeError: If probabilities and labels do not belong together.
    """
    check_outputs(probabilities, labels)
    if len(labels) == 0:
        return 0.0
    confidence, predicted = probabilities.double().max(dim=1)
    right = (predicted == labels).double()
    # Bins are open on the left, (0, 1/15], as in the paper.
    index = (confidence * bins).ceil().long().clamp(1, bins) - 1
    gaps = torch.zeros(bins, dtype=torch.float64).index_add_(0, index, right - confidence)
    return float(gaps.abs().sum() / len(labels))


def check_outputs(outputs: Tensor, labels: Tensor) -> None:
    """Check that outputs and class numbers belong together.

    Raises:
        ShapeError: If they do not.
    """
    if outputs.ndim != 2 or labels.ndim != 1 or len(outputs) != len(labels):
        raise ShapeError(
            f"outputs have shape {list(outputs.shape)} and labels {list(labels.shape)}",
            fix="give outputs as [examples, classes] and labels as [examples], for the same examples",
        )
    if len(labels) and int(labels.max()) >= outputs.shape[1]:
        raise ShapeError(
            f"there are {outputs.shape[1]} outputs but the labels reach {int(labels.max())}",
            fix=f"make the last layer {int(labels.max()) + 1} wide",
        )
    if len(labels) and int(labels.min()) < 0:
        raise ShapeError(
            f"the labels go down to {int(labels.min())}", fix=f"number the classes 0 to {outputs.shape[1] - 1}"
        )
