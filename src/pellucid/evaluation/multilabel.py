"""`MultilabelEvaluation`: how good answers are where several labels may hold at once."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.errors import ShapeError
from pellucid.evaluation.baselines import Standings
from pellucid.evaluation.beside import facts_beside, words_beside
from pellucid.evaluation.calibration import frequency_errors
from pellucid.evaluation.metrics import wilson_interval
from pellucid.evaluation.mistakes import Mistake, Picture, mistake_blocks, most_confident, no_picture
from pellucid.evaluation.sections import judgement_page
from pellucid.evaluation.slices import Slices
from pellucid.evaluation.sums import f1_of, label_facts, with_interval
from pellucid.rendering.blocks import Block, Column, Note, Table, number
from pellucid.rendering.result import Result, to_frame


@dataclass(frozen=True)
class LabelScore:
    """How one label fared.

    Attributes:
        name: Of the label.
        precision: Share of the examples it was given to for which it holds.
        recall: Share of the examples for which it holds that it was given to.
        f1: Harmonic mean of the two.
        examples: For how many it holds.
        calibration_error: How far its probability is from how often it holds, on average (15 bins).
    """

    name: str
    precision: float
    recall: float
    f1: float
    examples: int
    calibration_error: float


@dataclass(frozen=True, eq=False, kw_only=True)
class MultilabelEvaluation(Result):
    """How good a classifier's answers are, of several labels for each example; a label is given from 50 % on.

    Attributes:
        split: What was judged.
        examples: How many.
        micro_f1: F1 of all labels of all examples together.
        micro_f1_interval: Its 95 % interval (bootstrap).
        macro_f1: The mean F1 of the labels that hold anywhere.
        all_right: Share of the examples whose labels are all right: the subset accuracy.
        all_right_interval: Its 95 % interval (Wilson).
        hamming: Share of right answers among all labels of all examples; high by itself where labels are rare.
        loss: Mean binary cross-entropy, in nats.
        labels: One score for each label.
        mistakes: The most confident wrong answers, worst first.
        engine: What computed the answers, in words.
        slices: Groups of examples judged apart; None if nobody asked.
        baselines: The classifier beside the simplest ones; None if nobody asked.
    """

    split: str
    examples: int
    micro_f1: float
    micro_f1_interval: tuple[float, float]
    macro_f1: float
    all_right: float
    all_right_interval: tuple[float, float]
    hamming: float
    loss: float
    labels: tuple[LabelScore, ...]
    mistakes: tuple[Mistake, ...]
    engine: str = ""
    slices: Slices | None = None
    baselines: Standings | None = None

    @property
    def measure(self) -> str:
        """What `score` is."""
        return "micro F1"

    @property
    def score(self) -> float:
        """The one number that judgements of this kind are compared by; larger is better."""
        return self.micro_f1

    def to_frame(self) -> Any:
        """Return the scores of the labels as a pandas DataFrame."""
        return to_frame([asdict(score) for score in self.labels])

    def metrics(self) -> dict[str, Any]:
        """Return what a classifier's card says of this judgement."""
        return {"micro_f1": self.micro_f1, "interval": list(self.micro_f1_interval)}

    def to_dict(self) -> dict[str, Any]:
        """Return the facts; pictures are left out."""
        return {
            "split": self.split,
            "examples": self.examples,
            "micro_f1": self.micro_f1,
            "micro_f1_interval": list(self.micro_f1_interval),
            "micro_f1_interval_method": "bootstrap",
            "macro_f1": self.macro_f1,
            "all_right": self.all_right,
            "all_right_interval": list(self.all_right_interval),
            "all_right_interval_method": "Wilson",
            "hamming": self.hamming,
            "loss": self.loss,
            "engine": self.engine,
            "labels": [asdict(score) for score in self.labels],
            "mistakes": [mistake.to_dict() for mistake in self.mistakes],
            **facts_beside(self.slices, self.baselines),
        }

    def headline(self) -> Note:
        """Return the micro F1 with its interval, in one line."""
        low, high = self.micro_f1_interval
        return Note(
            f"{self.split} micro F1 {self.micro_f1:.2%}  (95 % bootstrap interval {low:.2%} to {high:.2%}, "
            f"{self.examples:,} examples){words_beside(self.baselines)}"
        )

    def label_table(self) -> Table:
        """Return precision, recall and F1 of each label."""
        return Table(
            [
                Column("label"),
                number("precision", ".1%"),
                number("recall", ".1%"),
                number("F1", ".1%"),
                number("examples"),
                number("calibration error", ".1%"),
            ],
            [(s.name, s.precision, s.recall, s.f1, s.examples, s.calibration_error) for s in self.labels],
        )

    def summary(self) -> Sequence[Block]:
        """Show the headline and the scores of the labels."""
        return [self.headline(), self.label_table()]

    def page_blocks(self) -> Sequence[Block]:
        """Show the judgement in sections, with pictures of its numbers."""
        return judgement_page(self)

    def blocks(self) -> Sequence[Block]:
        """Show the scores, the labels, slices and the worst mistakes."""
        low, high = self.all_right_interval
        return [
            self.headline(),
            Note(f"every label right {self.all_right:.2%}  (95 % Wilson interval {low:.2%} to {high:.2%})"),
            Note(
                f"macro F1 {self.macro_f1:.2%}, single labels right {self.hamming:.2%}, cross-entropy {self.loss:.4f}"
            ),
            self.label_table(),
            *(self.baselines.blocks() if self.baselines else ()),
            *(self.slices.worst() if self.slices else ()),
            *mistake_blocks(self.mistakes),
        ]


def judge_labels(
    logits: Tensor,
    labels: Tensor,
    names: Sequence[str],
    *,
    split: str,
    engine: str = "",
    picture: Picture = no_picture,
    sources: Sequence[str] = (),
    slices: Slices | None = None,
    baselines: Standings | None = None,
) -> MultilabelEvaluation:
    """Judge logits of several labels at once.

    Args:
        logits: Float [examples, labels]; above 0 a label is given.
        labels: Float [examples, labels]: 0 or 1.
        names: Of the labels.
        split: What the examples are, in a word.
        engine: What computed the logits, in words.
        picture: Gives the input of an example as uint8; asked for mistakes only.
        sources: Where each example comes from; empty if nobody knows.
        slices: Groups of the same examples judged apart.
        baselines: The simplest classifiers on the same examples.

    Raises:
        ShapeError: If logits and labels do not belong together.
    """
    logits, labels = logits.detach().cpu().float(), labels.cpu().float()
    check_numbers(logits, labels, len(names))
    answers, true = logits > 0, labels > 0
    examples = len(labels)
    both, said, there = (each.sum(dim=0).double() for each in (answers & true, answers, true))
    f1 = 2 * both / (said + there).clamp_min(1)
    precision, recall = (both / said.clamp_min(1)).tolist(), (both / there.clamp_min(1)).tolist()
    probabilities = logits.double().sigmoid()
    errors = frequency_errors(probabilities, labels).tolist()
    micro, interval = with_interval(label_facts(answers, labels), f1_of) if examples else (0.0, (0.0, 1.0))
    right = int((answers == true).all(dim=1).sum())
    where, which = (answers != true).nonzero().unbind(dim=1)
    holds = true[where, which].tolist()
    pairs = [(names[i], f"not {names[i]}") for i in which.tolist()]
    confidence = torch.maximum(probabilities, 1 - probabilities)[where, which]
    return MultilabelEvaluation(
        split=split,
        examples=examples,
        micro_f1=micro,
        micro_f1_interval=interval,
        macro_f1=float(f1[there > 0].mean()) if bool((there > 0).any()) else 0.0,
        all_right=right / max(examples, 1),
        all_right_interval=wilson_interval(right, examples),
        hamming=float((answers == true).double().mean()) if examples else 0.0,
        loss=float(functional.binary_cross_entropy_with_logits(logits.double(), labels.double())) if examples else 0.0,
        labels=tuple(
            LabelScore(name, precision[index], recall[index], float(f1[index]), int(there[index]), errors[index])
            for index, name in enumerate(names)
        ),
        mistakes=most_confident(
            [pair[0] if is_there else pair[1] for pair, is_there in zip(pairs, holds, strict=True)],
            [pair[1] if is_there else pair[0] for pair, is_there in zip(pairs, holds, strict=True)],
            confidence,
            where,
            picture=picture,
            sources=sources,
        ),
        engine=engine,
        slices=slices,
        baselines=baselines,
    )


def check_numbers(outputs: Tensor, labels: Tensor, names: int) -> None:
    """Check that there is one output for each label or target of each example.

    Raises:
        ShapeError: If there is not.
    """
    if outputs.shape != labels.shape or outputs.ndim != 2 or outputs.shape[1] != names:
        raise ShapeError(
            f"outputs have shape {list(outputs.shape)} and labels {list(labels.shape)}, of {names} names",
            fix=f"give both as [examples, {names}], for the same examples",
        )
