"""What a network ends in for each task, and the loss that goes with it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import nn

from pellucid.errors import UnknownNameError, did_you_mean
from pellucid.rendering.blocks import Block, Note
from pellucid.rendering.result import Result
from pellucid.tasks import Task


@dataclass(frozen=True)
class OutputChoice(Result):
    """How a network ends for one task: the network itself always ends in raw numbers.

    Attributes:
        task: The task.
        output_activation: What turns raw outputs into the answer when predicting; None if they are it.
        outputs: How many outputs the last linear layer has.
        loss: Where the loss is imported from.
        make_loss: Builds a fresh loss.
        targets: Dtype, shape and values that the loss wants as its second argument.
        why: Why the activation is not part of the network.
    """

    task: Task
    output_activation: str | None
    outputs: str
    loss: str
    make_loss: Callable[[], nn.Module] = field(repr=False)
    targets: str
    why: str

    def blocks(self) -> Sequence[Block]:
        """Return the choice, line by line, and its reason."""
        return [
            Note(f"task: {self.task}"),
            Note(f"outputs: {self.outputs}, raw: no activation in the network after its last linear layer"),
            Note(f"loss: {self.loss}"),
            Note(f"targets: {self.targets}"),
            Note(f"activation when predicting: {self.output_activation or 'none'}"),
            Note(self.why),
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return every field but `make_loss`."""
        facts = asdict(self)
        del facts["make_loss"]
        return facts


_CHOICES = (
    OutputChoice(
        task="multiclass",
        output_activation="softmax",
        outputs="one per class",
        loss="torch.nn.CrossEntropyLoss",
        make_loss=nn.CrossEntropyLoss,
        targets="int64 [examples], 0..classes-1",
        why="The loss takes logits and applies log-softmax itself, in a way that stays exact for large "
        "logits; a softmax in the network would be applied twice and slow the learning.",
    ),
    OutputChoice(
        task="binary",
        output_activation="sigmoid",
        outputs="one",
        loss="torch.nn.BCEWithLogitsLoss",
        make_loss=nn.BCEWithLogitsLoss,
        targets="float32 [examples, 1], 0 or 1",
        why="The loss takes logits and applies the sigmoid together with the logarithm, in a way that stays "
        "exact for large logits; a sigmoid in the network would be applied twice and slow the learning.",
    ),
    OutputChoice(
        task="multilabel",
        output_activation="sigmoid",
        outputs="one per label",
        loss="torch.nn.BCEWithLogitsLoss",
        make_loss=nn.BCEWithLogitsLoss,
        targets="float32 [examples, labels], 0 or 1",
        why="Each label is a yes or no of its own, so each logit gets its own sigmoid, and the loss applies "
        "it itself; a softmax would make the labels compete.",
    ),
    OutputChoice(
        task="regression",
        output_activation=None,
        outputs="one per target",
        loss="torch.nn.MSELoss",
        make_loss=nn.MSELoss,
        targets="float32 [examples, targets], any number",
        why="The raw outputs are the answer, and an activation would fence them into its range. "
        "Standardized targets train best.",
    ),
)


def output_for(task: Task) -> OutputChoice:
    """Return how a network ends for a task, and the loss that goes with it.

    Args:
        task: "multiclass" (exactly one class is right), "binary" (yes or no), "multilabel" (each label is
            a yes or no of its own) or "regression" (numbers).

    Raises:
        UnknownNameError: If there is no such task.

    Example:
        >>> choice = output_for("multiclass")
        >>> choice.outputs, choice.loss, choice.output_activation
        ('one per class', 'torch.nn.CrossEntropyLoss', 'softmax')
    """
    for choice in _CHOICES:
        if choice.task == task:
            return choice
    known = [choice.task for choice in _CHOICES]
    raise UnknownNameError(f"there is no task {task!r}", fix=did_you_mean(task, known))
