"""The loss that a network of each task is trained with."""

import numpy as np
import torch
from torch import nn

from pellucid.data.dataset import Split
from pellucid.errors import SettingError
from pellucid.tasks import Task
from pellucid.training.settings import Settings

# A class of one example in a thousand would make every step its own.
LARGEST_WEIGHT = 100.0


def loss_for(task: Task, settings: Settings, train: Split, outputs: int, device: torch.device) -> nn.Module:
    """Return the loss of a task, see `output_for`.

    Args:
        task: What the network answers.
        settings: Label smoothing of one class of several; whether rare classes count more.
        train: The training examples, with the labels of the dataset.
        outputs: Of the network.
        device: That the loss is computed on.

    Raises:
        SettingError: If classes are to be balanced where there are none.
    """
    weights = None
    if settings.balance:
        if task == "regression":
            raise SettingError("a regression has no classes to balance", fix="leave balance out")
        weights = torch.from_numpy(_weights(train, task, outputs)).to(device)
    if task == "multiclass":
        return nn.CrossEntropyLoss(weight=weights, label_smoothing=settings.label_smoothing)
    if task == "regression":
        return nn.MSELoss()
    return nn.BCEWithLogitsLoss(pos_weight=weights)


def _weights(train: Split, task: Task, outputs: int) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    """Return a weight for each class, so that all weigh alike together; or for each yes, to weigh as much as the no."""
    if task == "multiclass":
        counts = np.bincount(train.labels, minlength=outputs)
        weights = len(train) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    else:
        held = train.labels.reshape(len(train), -1).sum(axis=0)
        weights = (len(train) - held) / np.maximum(held, 1)
    return np.clip(weights, 1 / LARGEST_WEIGHT, LARGEST_WEIGHT).astype(np.float32)
