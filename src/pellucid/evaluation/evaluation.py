"""`Evaluation`: how good answers are, with everything needed to see why."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pellucid.evaluation.metrics import (
    calibration_error,
    confusion_matrix,
    precision_recall_f1,
    wilson_interval,
)
from pellucid.rendering.blocks import Block, Column, Gallery, Image, Note, Table, number
from pellucid.rendering.result import Result, to_frame

MISTAKES_KEPT = 10


@dataclass(frozen=True)
class ClassScore:
    """How one class fared.

    Attributes:
        name: Of the class.
        precision: Share of the predictions of this class that are right.
        recall: Share of its examples that were predicted as it.
        f1: Harmonic mean of the two.
        examples: How many there are.
    """

    name: str
    precision: float
    recall: float
    f1: float
    examples: int


@dataclass(frozen=True, eq=False)
class Mistake:
    """A wrong answer.

    Attributes:
        example: Its position in the split.
        label: The true class.
        predicted: The class that was answered.
        confidence: The probability given to that answer.
        picture: The input, uint8; None if it is no image.
    """

    example: int
    label: str
    predicted: str
    confidence: float
    picture: NDArray[np.uint8] | None = None


@dataclass(frozen=True, eq=False)
class Evaluation(Result):
    """How good a classifier's answers are.

    Attributes:
        split: What was judged.
        examples: How many.
        accuracy: Share of right answers.
        interval: 95 % interval of the accuracy (Wilson).
        loss: Mean cross-entropy, in nats.
        calibration_error: Expected calibration error over 15 bins.
        classes: One score for each class.
        confusion: Int64 [classes, classes]; row = true class, column = predicted class.
        mistakes: The most confident wrong answers, worst first.
        engine: What computed the answers, in words.
    """

    split: str
    examples: int
    accuracy: float
    interval: tuple[float, float]
    loss: float
    calibration_error: float
    classes: tuple[ClassScore, ...]
    confusion: Tensor
    mistakes: tuple[Mistake, ...]
    engine: str = ""

    @property
    def macro_f1(self) -> float:
        """The mean F1 of the classes that have examples, each counted alike."""
        scores = [score.f1 for score in self.classes if score.examples]
        return sum(scores) / len(scores) if scores else 0.0

    def to_frame(self) -> Any:
        """Return the scores of the classes as a pandas DataFrame."""
        return to_frame([asdict(score) for score in self.classes])

    def to_dict(self) -> dict[str, Any]:
        """Return the facts; pictures are left out."""
        return {
            "split": self.split,
            "examples": self.examples,
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "loss": self.loss,
            "calibration_error": self.calibration_error,
            "macro_f1": self.macro_f1,
            "engine": self.engine,
            "classes": [asdict(score) for score in self.classes],
            "confusion": self.confusion.tolist(),
            "mistakes": [
                {"example": m.example, "label": m.label, "predicted": m.predicted, "confidence": m.confidence}
                for m in self.mistakes
            ],
        }

    def headline(self) -> Note:
        """Return the accuracy with its interval, in one line."""
        low, high = self.interval
        return Note(
            f"{self.split} accuracy {self.accuracy:.2%}  (95 % interval {low:.2%} to {high:.2%}, "
            f"{self.examples:,} examples)"
        )

    def class_table(self) -> Table:
        """Return precision, recall and F1 of each class."""
        return Table(
            [
                Column("class"),
                number("precision", ".1%"),
                number("recall", ".1%"),
                number("F1", ".1%"),
                number("examples"),
            ],
            [(score.name, score.precision, score.recall, score.f1, score.examples) for score in self.classes],
        )

    def confusion_table(self) -> Table:
        """Return the confusion matrix: a row for each true class, a column for each predicted one."""
        columns = [Column("true \\ predicted"), *(number(str(index)) for index in range(len(self.classes)))]
        rows = [
            (f"{index} {score.name}", *counts)
            for index, (score, counts) in enumerate(zip(self.classes, self.confusion.tolist(), strict=True))
        ]
        return Table(columns, rows, title="confusion: columns are the predicted classes, by number")

    def blocks(self) -> Sequence[Block]:
        """Show accuracy, classes, confusion, calibration and the worst mistakes."""
        mistakes = Table(
            [number("example"), Column("true"), Column("predicted"), number("confidence", ".1%")],
            [(m.example, m.label, m.predicted, m.confidence) for m in self.mistakes],
            title="the most confident mistakes",
        )
        pictures = [Image(m.picture, f"{m.label}, not {m.predicted}") for m in self.mistakes if m.picture is not None]
        return [
            self.headline(),
            Note(f"cross-entropy {self.loss:.4f}, expected calibration error {self.calibration_error:.2%} (15 bins)"),
            self.class_table(),
            self.confusion_table(),
            *([mistakes] if self.mistakes else []),
            *([Gallery(pictures[:5])] if pictures else []),
        ]


def judge(
    logits: Tensor,
    labels: Tensor,
    class_names: Sequence[str],
    *,
    split: str,
    engine: str = "",
    picture: Callable[[int], NDArray[np.uint8] | None] = lambda _: None,
) -> Evaluation:
    """Judge logits against labels.

    Args:
        logits: Float [examples, classes].
        labels: Int64 [examples].
        class_names: By class number.
        split: What the examples are, in a word.
        engine: What computed the logits, in words.
        picture: Gives the input of an example as uint8 [height, width] or [height, width, 3]; asked for mistakes only.

    Raises:
        ShapeError: If logits and labels do not belong together.
    """
    logits, labels = logits.detach().cpu().float(), labels.cpu()
    confusion = confusion_matrix(logits, labels)
    precision, recall, f1 = (values.tolist() for values in precision_recall_f1(confusion))
    probabilities = logits.softmax(dim=1)
    confidence, predicted = probabilities.max(dim=1)
    wrong = (predicted != labels).nonzero().flatten()
    worst = wrong[confidence[wrong].argsort(descending=True, stable=True)][:MISTAKES_KEPT].tolist()
    right = int(confusion.diagonal().sum())
    return Evaluation(
        split=split,
        examples=len(labels),
        accuracy=right / max(len(labels), 1),
        interval=wilson_interval(right, len(labels)),
        loss=float(functional.cross_entropy(logits.double(), labels)) if len(labels) else 0.0,
        calibration_error=calibration_error(probabilities, labels),
        classes=tuple(
            ClassScore(name, precision[i], recall[i], f1[i], int(confusion[i].sum()))
            for i, name in enumerate(class_names)
        ),
        confusion=confusion,
        mistakes=tuple(
            Mistake(
                example=index,
                label=class_names[int(labels[index])],
                predicted=class_names[int(predicted[index])],
                confidence=float(confidence[index]),
                picture=picture(index),
            )
            for index in worst
        ),
        engine=engine,
    )
