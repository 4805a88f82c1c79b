"""`evaluate`: a classifier judged on a dataset."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pellucid.classifier.aligning import ONE_CLASS, aligned
from pellucid.classifier.classifier import Classifier
from pellucid.classifier.predictor import BATCH_SIZE, Precision
from pellucid.data.dataset import Dataset, Split
from pellucid.data.summary import as_pixels
from pellucid.errors import DataError
from pellucid.evaluation.baselines import Standings, some_of, stand
from pellucid.evaluation.baselines import baselines as fit_baselines
from pellucid.evaluation.evaluation import judge
from pellucid.evaluation.grouping import Group, quarters
from pellucid.evaluation.judgement import Judgement
from pellucid.evaluation.multilabel import judge_labels
from pellucid.evaluation.regression import judge_numbers
from pellucid.evaluation.slices import Slices, slices
from pellucid.tasks import Task

# Baselines see larger images shrunk to this height and width.
BASELINE_SIZE = 32


@dataclass(frozen=True, eq=False)
class Answered:
    """A split and what a classifier answers to it.

    Attributes:
        split: In the classifier's terms.
        outputs: What `Classifier.logits` gives.
        labels: Of the split, as a tensor.
        engine: What computed the outputs, in words.
    """

    split: Split
    outputs: Tensor
    labels: Tensor
    engine: str

    def answers(self, task: Task) -> Tensor:
        """Return the outputs in the form of the labels: class numbers, 0 or 1 for each label, or numbers."""
        if task == "regression":
            return self.outputs
        return (self.outputs > 0).float() if task == "multilabel" else self.outputs.argmax(dim=1)


def evaluate(
    classifier: Classifier,
    dataset: Dataset,
    *,
    split: str = "test",
    precision: Precision = "auto",
    baselines: bool = False,
    flip: bool = False,
) -> Judgement:
    """Judge a classifier on a split of a dataset.

    A temperature is fitted on the validation split where the dataset has one and another split is judged.

    Args:
        classifier: Trained on the same classes, labels or targets.
        dataset: With inputs of the shape, or the columns, that the classifier was trained on.
        split: "test", "validation" or "train".
        precision: "auto": bfloat16 where it is fast and agrees, with the classes of float32; or "float32".
        baselines: Whether to fit the simplest classifiers on the dataset's training examples, and compare.
        flip: Whether to answer with the mean of each image and its mirror image: right where a mirrored one is as good.

    Returns:
        An `Evaluation` of classes, a `MultilabelEvaluation` of several labels, or a `RegressionEvaluation`.

    Raises:
        DataError: If the dataset has other classes or columns than the classifier, or the answers are no numbers.
        ShapeError: If the inputs have another shape.
        UnknownNameError: If the dataset has no such split, or there is no such precision.
    """
    answered = answer(classifier, dataset, split, precision, flip=flip)
    task, names, examples = classifier.task, classifier.class_names, answered.split
    standings = _standings(classifier, dataset, answered) if baselines else None
    by_slice = _slices(classifier, dataset, answered)

    def picture(index: int) -> NDArray[np.uint8] | None:
        return as_pixels(examples.inputs[index]) if examples.inputs.ndim == 4 else None

    if task in ONE_CLASS:
        fitted = None
        if split != "validation" and len(dataset.splits.get("validation", ())):
            on = answer(classifier, dataset, "validation", precision, flip=flip)
            fitted = on.outputs, on.labels
        return judge(
            answered.outputs,
            answered.labels,
            names,
            split=split,
            engine=answered.engine,
            picture=picture,
            sources=examples.sources,
            fitted=fitted,
            slices=by_slice,
            baselines=standings,
        )
    judge_task = judge_labels if task == "multilabel" else judge_numbers
    return judge_task(
        answered.outputs,
        answered.labels,
        names,
        split=split,
        engine=answered.engine,
        picture=picture,
        sources=examples.sources,
        slices=by_slice,
        baselines=standings,
    )


def answer(
    classifier: Classifier, dataset: Dataset, name: str, precision: Precision = "auto", *, flip: bool = False
) -> Answered:
    """Return what a classifier answers to a split.

    Args:
        classifier: Trained.
        dataset: With the same classes, or some of them, and the same inputs.
        name: Of the split.
        precision: See `evaluate`.
        flip: See `evaluate`.

    Raises:
        DataError: If the dataset has other classes or columns, or an answer is no number.
        ShapeError: If the inputs have another shape.
        UnknownNameError: If the dataset has no such split, or there is no such precision.
    """
    split = aligned(classifier, dataset, name)
    outputs, engine = classifier.answers(torch.from_numpy(split.inputs), precision, flip=flip)
    bad = int(outputs.isnan().any(dim=1).sum())
    if bad:
        raise DataError(
            f"the network answers NaN to {bad:,} of {len(outputs):,} {name} examples",
            fix="look for NaN in the inputs, or in the weights with: pellucid parameters",
        )
    return Answered(split, outputs, torch.from_numpy(split.labels), engine)


def _slices(classifier: Classifier, dataset: Dataset, answered: Answered) -> Slices:
    answers, labels = answered.answers(classifier.task), answered.labels
    names, columns = classifier.class_names, dataset.columns
    if columns is not None:
        columns = getattr(classifier.preparation, "columns", columns)
    if classifier.task == "regression":
        distance = (answers.double() - labels.double()).abs().numpy()
        measure = "mean absolute error"
        if len(names) > 1 and len(distance):
            # Errors in different units, each as a share of what is usual for its target.
            usual = distance.mean(axis=0)
            distance = distance / np.where(usual > 0, usual, 1)
            measure = "relative absolute error"
        groups = [
            group for place, name in enumerate(names) for group in quarters(name, labels[:, place].double().numpy())
        ]
        error = distance.mean(axis=1)
        return slices(error, answered.split.inputs, groups, columns=columns, measure=measure, is_error=True)
    if classifier.task == "multilabel":
        is_wrong = (answers != labels).any(dim=1)
        groups = [Group(f"with {name}", labels[:, place].numpy() > 0) for place, name in enumerate(names)]
        measure = "every label right"
    else:
        is_wrong = answers != labels
        groups = [Group(f"class {name}", labels.numpy() == place) for place, name in enumerate(names)]
        measure = "accuracy"
    return slices(is_wrong.double().numpy(), answered.split.inputs, groups, columns=columns, measure=measure)


def _standings(classifier: Classifier, dataset: Dataset, answered: Answered) -> Standings:
    if "train" not in dataset.splits:
        raise DataError(
            f"{dataset.source} has no training examples to fit baselines on",
            fix="leave baselines out, or give what the classifier was trained on",
        )
    train = aligned(classifier, dataset, "train")
    chosen = some_of(len(train))
    rivals = fit_baselines(
        _features(classifier, train.inputs[chosen]),
        torch.from_numpy(train.labels[chosen]),
        _features(classifier, answered.split.inputs),
        answered.labels,
        classifier.task,
    )
    return stand(answered.answers(classifier.task), answered.labels, rivals, classifier.task)


def _features(classifier: Classifier, inputs: NDArray[np.generic]) -> Tensor:
    """Return prepared inputs as rows of numbers; large images shrunk, which bounds their number."""
    parts = []
    for part in torch.split(torch.from_numpy(inputs), BATCH_SIZE):
        prepared = classifier.preparation(part)
        if prepared.ndim == 4 and max(prepared.shape[2:]) > BASELINE_SIZE:
            height, width = (min(side, BASELINE_SIZE) for side in prepared.shape[2:])
            prepared = functional.adaptive_avg_pool2d(prepared, (height, width))
        parts.append(prepared.flatten(start_dim=1))
    return torch.cat(parts)
