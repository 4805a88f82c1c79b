"""The one measure of each task that trainings are compared by, and how it is shown."""

import torch
from torch import Tensor

from pellucid.tasks import Task


def measure_of(task: Task) -> str:
    """Return the name of the measure: accuracy, or R² of a regression."""
    return "R²" if task == "regression" else "accuracy"


def score_of(logits: Tensor, labels: Tensor, task: Task) -> float:
    """Return the share of right answers; of several labels that of right yes and no; of a regression R².

    Args:
        logits: Float [examples, outputs], as `Classifier.logits` gives them.
        labels: As in a `Split`.
        task: Of the labels.

    Returns:
        0 to 1; R², the mean over the targets, may be below 0. 0 without examples.
    """
    if len(labels) == 0:
        return 0.0
    if task == "regression":
        errors = (logits.double() - labels.double()).square().sum(dim=0)
        spreads = (labels.double() - labels.double().mean(dim=0)).square().sum(dim=0)
        # A target that never changes has nothing to explain.
        return float(torch.where(spreads > 0, 1 - errors / spreads.clamp_min(1e-300), 0.0).mean())
    if task == "multilabel":
        return float(((logits > 0) == (labels > 0.5)).double().mean())
    return float((logits.argmax(dim=1) == labels).double().mean())


def shown(score: float, task: Task) -> str:
    """Return a score as text: "91.2%", or "0.483" of a regression."""
    return format(score, pattern_of(task))


def pattern_of(task: Task) -> str:
    """Return the format specification of a score."""
    return ".3f" if task == "regression" else ".1%"
