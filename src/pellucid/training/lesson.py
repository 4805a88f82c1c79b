"""What a network is to learn: the examples with the targets of its task, their preparation, and the loss."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from pellucid.classifier.classifier import check_logits
from pellucid.data.dataset import Dataset, Split
from pellucid.data.preparing import Preparation
from pellucid.data.streaming.stream import Stream
from pellucid.data.targets import TargetScale, learnable
from pellucid.devices import random_state_kept
from pellucid.doctor.checking import check
from pellucid.doctor.checkup import Checkup
from pellucid.errors import PellucidError, UserCodeError
from pellucid.networks.modes import evaluating
from pellucid.tasks import Task
from pellucid.tracing.architecture import Architecture
from pellucid.tracing.describing import describe
from pellucid.training.losses import loss_for
from pellucid.training.settings import Settings

# Examples that the doctor looks at before training.
EXAMINED = 256


@dataclass(frozen=True, eq=False)
class Lesson:
    """What a network is to learn.

    Attributes:
        task: What it is to answer.
        train: The training examples, with the targets that the loss takes.
        validation: The validation examples, likewise; None without any.
        preparation: Of the inputs.
        scale: Of the targets of a regression; None of other tasks.
        loss: Maps float32 outputs and targets to a mean loss.
        architecture: Of the network, run on two examples.
        outputs: Of the network.
        stream: Of all training examples, where they are more than memory holds: `train` is a sample of them then.
    """

    task: Task
    train: Split
    validation: Split | None
    preparation: Preparation
    scale: TargetScale | None
    loss: nn.Module
    architecture: Architecture
    outputs: int
    stream: Stream | None = None

    @classmethod
    def of(
        cls, network: nn.Module, dataset: Dataset, preparation: Preparation, settings: Settings, device: torch.device
    ) -> "Lesson":
        """Look at a network and a dataset, before anything is trained.

        Args:
            network: On the device.
            dataset: With a train split, and perhaps a validation split.
            preparation: Of the inputs.
            settings: Say what of the loss is to be chosen.
            device: To train on.

        Raises:
            PellucidError: If a layer of ours raises it.
            SettingError: If the settings do not fit the task.
            ShapeError: If the network does not give one output for each class, label or target.
            UserCodeError: If it raises; the original exception is the cause.
        """
        architecture, task = _looked_at(network, dataset, preparation, device)
        scale = TargetScale.fit(dataset.train) if task == "regression" else None
        validation = dataset.splits.get("validation")
        return cls(
            task=task,
            train=learnable(dataset.train, task, scale, smoothing=settings.label_smoothing),
            validation=learnable(validation, task, scale) if validation is not None and len(validation) else None,
            preparation=preparation,
            scale=scale,
            loss=loss_for(task, settings, dataset.train, len(dataset.class_names), device),
            architecture=architecture,
            outputs=1 if task == "binary" else len(dataset.class_names),
            stream=dataset.stream,
        )

    @property
    def training_examples(self) -> int:
        """How many there are, in memory or streamed."""
        return len(self.train) if self.stream is None else len(self.stream)


def examined(network: nn.Module, lesson: Lesson, device: torch.device, *, ignore: Collection[str] = ()) -> Checkup:
    """Ask the doctor, with one batch of training examples and without trials; the network is left as it was.

    Raises:
        UnknownNameError: If a rule to ignore does not exist.
    """
    train = lesson.train
    # Spread over the split, which may be sorted by class.
    places = np.linspace(0, len(train) - 1, min(EXAMINED, len(train)), dtype=np.int64)
    inputs = lesson.preparation(torch.from_numpy(train.inputs[places]).to(device))
    targets = torch.from_numpy(train.labels[places]).to(device)
    with random_state_kept(device):
        return check(network, (inputs, targets), loss=lesson.loss, ignore=ignore, trial_seconds=0)


def _looked_at(
    network: nn.Module, dataset: Dataset, preparation: Preparation, device: torch.device
) -> tuple[Architecture, Task]:
    """Run two training examples through a network; return what it is, and what it can answer.

    Raises:
        PellucidError: If a layer of ours raises it.
        UserCodeError: If it raises; the original exception is the cause.
    """
    inputs = preparation(torch.from_numpy(dataset.train.inputs[:2]).to(device))
    try:
        architecture = describe(network, inputs)
        with evaluating(network), random_state_kept(device):
            outputs = network(inputs)
    except PellucidError:
        raise
    except Exception as error:
        raise UserCodeError(
            f"{type(network).__name__} cannot take inputs of shape {list(inputs.shape)}: {error}",
            fix=f"make its layers fit inputs of {' x '.join(map(str, preparation.prepared_shape))}",
        ) from error
    if dataset.task == "binary" and getattr(outputs, "shape", None) == (len(inputs), 2):
        # Two logits for two classes are as good as one.
        return architecture, "multiclass"
    check_logits(outputs, len(inputs), dataset.outputs)
    return architecture, dataset.task
