"""`Evaluation`: how good answers of one class each are, with everything needed to see why."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor
from torch.nn import functional

from pellucid.evaluation.baselines import Standings
from pellucid.evaluation.beside import facts_beside, words_beside
from pellucid.evaluation.calibration import Calibration, calibrate
from pellucid.evaluation.intervals import macro_f1, macro_f1_interval
from pellucid.evaluation.metrics import confusion_matrix, precision_recall_f1, wilson_interval
from pellucid.evaluation.mistakes import (
    ConfusedPair,
    Mistake,
    Picture,
    confused_pairs,
    mistake_blocks,
    most_confident,
    no_picture,
    pairs_table,
)
from pellucid.evaluation.ranking import Ranking, rank
from pellucid.evaluation.sections import judgement_page
from pellucid.evaluation.slices import Slices
from pellucid.evaluation.thresholds import Thresholds, thresholds
from pellucid.rendering.blocks import Block, Column, Note, Table, number
from pellucid.rendering.result import Result, to_frame

# The true class among the five best answers says little of fewer classes.
TOP, FEWEST_CLASSES_FOR_TOP = 5, 10
# A larger confusion matrix fits no screen; the most confused pairs say what is in it.
MOST_CLASSES_SHOWN = 30


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


@dataclass(frozen=True, eq=False, kw_only=True)
class Evaluation(Result):
    """How good a classifier's answers are, of one class for each example.

    Attributes:
        split: What was judged.
        examples: How many.
        accuracy: Share of right answers.
        interval: 95 % interval of the accuracy (Wilson).
        loss: Mean cross-entropy, in nats.
        calibration: How far confidence is from accuracy, and the temperature that would put it right.
        classes: One score for each class.
        macro_f1: The mean F1 of the classes that have examples, each counted alike.
        macro_f1_interval: Its 95 % interval (bootstrap).
        top5: Share of the examples whose class is among the five most probable; None of fewer than ten classes.
        confusion: Int64 [classes, classes]; row = true class, column = predicted class.
        confused: The pairs of classes with most mistakes.
        thresholds: What abstaining when unsure would give.
        ranking: How well two classes are told apart; None of more.
        mistakes: The most confident wrong answers, worst first.
        engine: What computed the answers, in words.
        slices: Groups of examples judged apart; None if nobody asked.
        baselines: The classifier beside the simplest ones; None if nobody asked.
    """

    split: str
    examples: int
    accuracy: float
    interval: tuple[float, float]
    loss: float
    calibration: Calibration
    classes: tuple[ClassScore, ...]
    macro_f1: float
    macro_f1_interval: tuple[float, float]
    top5: float | None
    confusion: Tensor
    confused: tuple[ConfusedPair, ...]
    thresholds: Thresholds
    ranking: Ranking | None
    mistakes: tuple[Mistake, ...]
    engine: str = ""
    slices: Slices | None = None
    baselines: Standings | None = None

    @property
    def measure(self) -> str:
        """What `score` is."""
        return "accuracy"

    @property
    def score(self) -> float:
        """The one number that judgements of this kind are compared by; larger is better."""
        return self.accuracy

    @property
    def calibration_error(self) -> float:
        """Expected calibration error over 15 bins."""
        return self.calibration.error

    def to_frame(self) -> Any:
        """Return the scores of the classes as a pandas DataFrame."""
        return to_frame([asdict(score) for score in self.classes])

    def metrics(self) -> dict[str, Any]:
        """Return what a classifier's card says of this judgement."""
        return {"accuracy": self.accuracy, "interval": list(self.interval)}

    def to_dict(self) -> dict[str, Any]:
        """Return the facts; pictures are left out."""
        return {
            "split": self.split,
            "examples": self.examples,
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "interval_method": "Wilson",
            "loss": self.loss,
            "calibration_error": self.calibration_error,
            "calibration": self.calibration.to_dict(),
            "macro_f1": self.macro_f1,
            "macro_f1_interval": list(self.macro_f1_interval),
            "macro_f1_interval_method": "bootstrap",
            "top5": self.top5,
            "engine": self.engine,
            "classes": [asdict(score) for score in self.classes],
            "confusion": self.confusion.tolist(),
            "confused": [asdict(pair) for pair in self.confused],
            "thresholds": self.thresholds.to_dict(),
            "ranking": self.ranking.to_dict() if self.ranking else None,
            "mistakes": [mistake.to_dict() for mistake in self.mistakes],
            **facts_beside(self.slices, self.baselines),
        }

    def headline(self) -> Note:
        """Return the accuracy with its interval, in one line, and how it stands to the best baseline."""
        low, high = self.interval
        return Note(
            f"{self.split} accuracy {self.accuracy:.2%}  (95 % Wilson interval {low:.2%} to {high:.2%}, "
            f"{self.examples:,} examples){words_beside(self.baselines)}"
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

    def summary(self) -> Sequence[Block]:
        """Show the headline and the scores of the classes."""
        return [self.headline(), self.class_table()]

    def confusion_table(self) -> Table:
        """Return the confusion matrix: a row for each true class, a column for each predicted one."""
        columns = [Column("true \\ predicted"), *(number(str(index)) for index in range(len(self.classes)))]
        rows = [
            (f"{index} {score.name}", *counts)
            for index, (score, counts) in enumerate(zip(self.classes, self.confusion.tolist(), strict=True))
        ]
        return Table(columns, rows, title="confusion: columns are the predicted classes, by number")

    def page_blocks(self) -> Sequence[Block]:
        """Show the judgement in sections, with pictures of its numbers."""
        return judgement_page(self)

    def blocks(self) -> Sequence[Block]:
        """Show accuracy, classes, confusion, calibration, thresholds, slices and the worst mistakes."""
        is_shown = len(self.classes) <= MOST_CLASSES_SHOWN
        return [
            self.headline(),
            *self._notes(),
            self.class_table(),
            *(self.baselines.blocks() if self.baselines else ()),
            *([self.confusion_table()] if is_shown else ()),
            *([pairs_table(self.confused)] if self.confused else ()),
            *(self.calibration.blocks() if self.calibration.bins else ()),
            *(self.thresholds.blocks() if self.thresholds.rows else ()),
            *(self.slices.worst() if self.slices else ()),
            *mistake_blocks(self.mistakes),
        ]

    def _notes(self) -> list[Note]:
        low, high = self.macro_f1_interval
        top = "" if self.top5 is None else f", the true class among the five most probable {self.top5:.2%}"
        return [
            Note(f"macro F1 {self.macro_f1:.2%}  (95 % bootstrap interval {low:.2%} to {high:.2%}){top}"),
            Note(f"cross-entropy {self.loss:.4f}, expected calibration error {self.calibration_error:.2%} (15 bins)"),
            *([Note(self.ranking.sentence())] if self.ranking else []),
        ]


def judge(
    logits: Tensor,
    labels: Tensor,
    class_names: Sequence[str],
    *,
    split: str,
    engine: str = "",
    picture: Picture = no_picture,
    sources: Sequence[str] = (),
    fitted: tuple[Tensor, Tensor] | None = None,
    slices: Slices | None = None,
    baselines: Standings | None = None,
) -> Evaluation:
    """Judge logits against labels.

    Args:
        logits: Float [examples, classes].
        labels: Int64 [examples].
        class_names: By class number.
        split: What the examples are, in a word.
        engine: What computed the logits, in words.
        picture: Gives the input of an example as uint8 [height, width] or [height, width, 3]; asked for mistakes only.
        sources: Where each example comes from; empty if nobody knows.
        fitted: Logits and labels of the validation split, to fit a temperature on; None to fit none.
        slices: Groups of the same examples judged apart.
        baselines: The simplest classifiers on the same examples.

    Raises:
        ShapeError: If logits and labels do not belong together.
    """
    logits, labels = logits.detach().cpu().float(), labels.cpu()
    confusion = confusion_matrix(logits, labels)
    precision, recall, f1 = (values.tolist() for values in precision_recall_f1(confusion))
    confidence, predicted = logits.softmax(dim=1).max(dim=1)
    wrong = (predicted != labels).nonzero().flatten()
    right = int(confusion.diagonal().sum())
    classes = len(class_names)
    return Evaluation(
        split=split,
        examples=len(labels),
        accuracy=right / max(len(labels), 1),
        interval=wilson_interval(right, len(labels)),
        loss=float(functional.cross_entropy(logits.double(), labels)) if len(labels) else 0.0,
        calibration=calibrate(logits, labels, fitted),
        classes=tuple(
            ClassScore(name, precision[i], recall[i], f1[i], int(confusion[i].sum()))
            for i, name in enumerate(class_names)
        ),
        macro_f1=macro_f1(confusion),
        macro_f1_interval=macro_f1_interval(confusion),
        top5=_top_accuracy(logits, labels) if classes >= FEWEST_CLASSES_FOR_TOP else None,
        confusion=confusion,
        confused=confused_pairs(confusion, class_names),
        thresholds=thresholds(confidence, predicted == labels),
        ranking=rank(logits, labels, class_names[1]) if classes == 2 else None,
        mistakes=most_confident(
            [class_names[index] for index in labels[wrong].tolist()],
            [class_names[index] for index in predicted[wrong].tolist()],
            confidence[wrong],
            wrong,
            picture=picture,
            sources=sources,
        ),
        engine=engine,
        slices=slices,
        baselines=baselines,
    )


def _top_accuracy(logits: Tensor, labels: Tensor) -> float:
    if not len(labels):
        return 0.0
    best = logits.topk(TOP, dim=1).indices
    return float((best == labels[:, None]).any(dim=1).double().mean())
