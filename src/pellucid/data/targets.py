"""What a network is trained towards: the labels of a split, in the form and scale that the loss of its task wants."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from pellucid.data.dataset import Split
from pellucid.tasks import Task


@dataclass(frozen=True)
class TargetScale:
    """How the numbers of a regression are standardised while a network learns them.

    Attributes:
        mean: Of the training labels, by target.
        std: Their standard deviation, by target; 1 of a constant.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def fit(cls, split: Split) -> "TargetScale":
        """Measure the labels of the training examples: float32 [examples, targets]."""
        labels = split.labels.astype(np.float64)
        # The mean of equal values is not always that value, and then their deviation is not quite 0.
        std = np.where(labels.min(axis=0) < labels.max(axis=0), labels.std(axis=0), 1.0)
        return cls(tuple(labels.mean(axis=0).tolist()), tuple(std.tolist()))

    def restore(self, outputs: Tensor) -> Tensor:
        """Return what a network answers, [examples, targets], in the units of the labels."""
        return outputs * outputs.new_tensor(self.std) + outputs.new_tensor(self.mean)

    def to_dict(self) -> dict[str, Any]:
        """Return the values as JSON can hold them."""
        return {"mean": list(self.mean), "std": list(self.std)}


def learnable(
    split: Split, task: Task, scale: TargetScale | None = None, *, classes: int | None = None, smoothing: float = 0.0
) -> Split:
    """Return a split with the labels that the loss of a task takes, see `output_for`; inputs are shared.

    Args:
        split: With labels as in a dataset.
        task: "binary" gives float32 [examples, 1]; "regression" standardised numbers; else they stay as they are.
        scale: Of a regression.
        classes: Of a multiclass task whose labels are to be mixed: float32 [examples, classes], 1 for the class.
        smoothing: Share of each label of a binary task that is spread over both classes; the loss of a multiclass task
            does it itself.
    """
    if task == "binary":
        labels = split.labels.astype(np.float32)[:, None]
        return Split(split.inputs, labels * (1 - smoothing) + np.float32(smoothing / 2), split.sources)
    if task == "regression" and scale is not None:
        mean, std = np.array(scale.mean), np.array(scale.std)
        return Split(split.inputs, ((split.labels - mean) / std).astype(np.float32), split.sources)
    if task == "multiclass" and classes is not None:
        return Split(split.inputs, np.eye(classes, dtype=np.float32)[split.labels], split.sources)
    return split
