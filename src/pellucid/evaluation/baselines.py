"""The simplest answers, which a network must beat to be worth its name."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pellucid.errors import DataError, ShapeError
from pellucid.evaluation.comparing import Comparison, compare_answers
from pellucid.evaluation.intervals import Interval
from pellucid.evaluation.logistic import logistic_regression, ridge_regression
from pellucid.evaluation.metrics import wilson_interval
from pellucid.evaluation.sums import f1_of, label_facts, number_facts, r2_of, with_interval
from pellucid.rendering.blocks import Block, Column, Note, Table, number
from pellucid.tasks import Task

MOST_EXAMPLES = 10_000
SEED = 19_790_101
MEASURES: dict[Task, tuple[str, str]] = {
    "multiclass": ("accuracy", "Wilson"),
    "binary": ("accuracy", "Wilson"),
    "multilabel": ("micro F1", "bootstrap"),
    "regression": ("R²", "bootstrap"),
}


@dataclass(frozen=True, eq=False)
class Baseline:
    """What a very simple classifier achieves.

    Attributes:
        name: What it is.
        measure: What its score is: "accuracy", "micro F1" or "R²".
        score: On the examples that are judged.
        interval: 95 % interval of the score.
        interval_method: "Wilson" or "bootstrap".
        fitted_on: How many training examples it was fitted on.
        answers: To the judged examples, in the form of their labels.
    """

    name: str
    measure: str
    score: float
    interval: Interval
    interval_method: str
    fitted_on: int
    answers: Tensor

    def to_dict(self) -> dict[str, Any]:
        """Return the facts; the answers are left out."""
        return {
            "name": self.name,
            "measure": self.measure,
            "score": self.score,
            "interval": list(self.interval),
            "interval_method": self.interval_method,
            "fitted_on": self.fitted_on,
        }


@dataclass(frozen=True, eq=False)
class Standings:
    """A classifier beside the simplest ones.

    Attributes:
        baselines: The best first.
        comparisons: The classifier against each of them, in their order.
    """

    baselines: tuple[Baseline, ...]
    comparisons: tuple[Comparison, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the facts."""
        return {
            "baselines": [baseline.to_dict() for baseline in self.baselines],
            "comparisons": [comparison.to_dict() for comparison in self.comparisons],
        }

    def sentence(self) -> str:
        """Return how the classifier stands to the best baseline."""
        best, comparison = self.baselines[0], self.comparisons[0]
        score = format(best.score, ".2f" if best.measure == "R²" else ".2%")
        if not comparison.is_significant:
            verb = "not shown to beat"
        else:
            verb = "beats" if comparison.difference > 0 else "worse than"
        return f"{verb} {best.name}, {score} ({comparison.evidence})"

    def blocks(self) -> Sequence[Block]:
        """Show each baseline, and by how much the classifier differs from it."""
        best = self.baselines[0]
        pattern, signed = (".4f", "+.4f") if best.measure == "R²" else (".2%", "+.2%")
        table = Table(
            [
                Column("baseline"),
                number(best.measure, pattern),
                number("from", pattern),
                number("to", pattern),
                number("difference", signed),
                Column("it is"),
            ],
            [
                (
                    baseline.name,
                    baseline.score,
                    *baseline.interval,
                    comparison.difference,
                    f"{_verdict(comparison)} ({comparison.number})",
                )
                for baseline, comparison in zip(self.baselines, self.comparisons, strict=True)
            ],
            title=f"baselines, fitted on {best.fitted_on:,} training examples; 95 % {best.interval_method} intervals",
        )
        is_beaten = all(one.is_significant and one.difference > 0 for one in self.comparisons)
        warning = Note("the network is not shown to beat every baseline: the simplest may do", is_warning=True)
        return [table, *([] if is_beaten else [warning])]


def baselines(
    train_inputs: Tensor, train_labels: Tensor, test_inputs: Tensor, test_labels: Tensor, task: Task
) -> tuple[Baseline, ...]:
    """Fit the simplest classifiers of a task and score them, the best first.

    Of classes: the majority class, the nearest centroid, and logistic regression with an L2 penalty (50 steps at
    most). Of several labels: those that hold more often than not, and logistic regression of each. Of a regression:
    the mean, and ridge regression. At most 10,000 training examples are taken, drawn by a fixed seed.

    Args:
        train_inputs: Float [examples, ...], prepared as for the network; flattened here.
        train_labels: As in a `Split`.
        test_inputs: Of the examples that are judged.
        test_labels: Of the examples that are judged.
        task: Of the labels.

    Raises:
        DataError: If there are no examples.
        ShapeError: If inputs and labels do not belong together.
    """
    for what, inputs, labels in (("training", train_inputs, train_labels), ("judged", test_inputs, test_labels)):
        if len(inputs) != len(labels):
            raise ShapeError(
                f"there are {len(inputs):,} {what} inputs but {len(labels):,} labels", fix="give one label for each"
            )
        if not len(labels):
            raise DataError(f"there are no {what} examples to compare with", fix="give a split with examples")
    if len(train_labels) > MOST_EXAMPLES:
        drawn = torch.from_numpy(some_of(len(train_labels)))
        train_inputs, train_labels = train_inputs[drawn], train_labels[drawn]
    train, test = (inputs.detach().flatten(start_dim=1).float() for inputs in (train_inputs, test_inputs))
    fits = {"multilabel": _of_labels, "regression": _of_numbers}.get(task, _of_classes)
    measure, method = MEASURES[task]
    found = []
    for name, answers in fits(train, train_labels, test):
        score, interval = _scored(answers, test_labels, task)
        found.append(Baseline(name, measure, score, interval, method, len(train_labels), answers))
    return tuple(sorted(found, key=lambda one: -one.score))


def stand(answers: Tensor, labels: Tensor, rivals: Sequence[Baseline], task: Task) -> Standings:
    """Compare a classifier's answers with those of baselines.

    Args:
        answers: In the form of the labels.
        labels: Of the judged examples.
        rivals: What `baselines` gave for the same examples.
        task: Of the labels.
    """
    comparisons = tuple(
        compare_answers(answers, rival.answers, labels, task=task, names=("the classifier", rival.name))
        for rival in rivals
    )
    return Standings(tuple(rivals), comparisons)


def _verdict(comparison: Comparison) -> str:
    if not comparison.is_significant:
        return "not told apart"
    return "beaten" if comparison.difference > 0 else "better"


def some_of(examples: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the positions of at most 10,000 of so many examples, drawn by a fixed seed, in order."""
    if examples <= MOST_EXAMPLES:
        return np.arange(examples)
    return np.sort(np.random.default_rng(SEED).choice(examples, MOST_EXAMPLES, replace=False))


def _scored(answers: Tensor, labels: Tensor, task: Task) -> tuple[float, Interval]:
    if task == "multilabel":
        return with_interval(label_facts(answers, labels), f1_of)
    if task == "regression":
        return with_interval(number_facts(answers, labels), partial(r2_of, examples=len(labels)))
    right = int((answers == labels).sum())
    return right / len(labels), wilson_interval(right, len(labels))


def _of_classes(train: Tensor, labels: Tensor, test: Tensor) -> list[tuple[str, Tensor]]:
    classes = int(labels.max()) + 1
    counts = torch.bincount(labels, minlength=classes)
    sums = torch.zeros(classes, train.shape[1]).index_add_(0, labels, train)
    centroids = sums / counts.clamp_min(1)[:, None]
    # The nearest: |x|² is the same for all of them. A class without examples has no centroid.
    far = torch.where(counts > 0, centroids.square().sum(dim=1), torch.inf)
    nearest = (far - 2 * test @ centroids.t()).argmin(dim=1)
    weight, bias = logistic_regression(train, labels, classes)
    return [
        ("the majority class", torch.full((len(test),), int(counts.argmax()))),
        ("nearest centroid", nearest),
        ("logistic regression", (test @ weight.t() + bias).argmax(dim=1)),
    ]


def _of_labels(train: Tensor, labels: Tensor, test: Tensor) -> list[tuple[str, Tensor]]:
    frequent = (labels.float().mean(dim=0) > 0.5).float()
    weight, bias = logistic_regression(train, labels)
    return [
        ("the frequent labels", frequent.expand(len(test), -1)),
        ("logistic regression", (test @ weight.t() + bias > 0).float()),
    ]


def _of_numbers(train: Tensor, labels: Tensor, test: Tensor) -> list[tuple[str, Tensor]]:
    weight, bias = ridge_regression(train, labels)
    return [
        ("the mean", labels.double().mean(dim=0).expand(len(test), -1)),
        ("ridge regression", test.double() @ weight.t() + bias),
    ]
