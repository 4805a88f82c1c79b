"""`evaluate`: a classifier judged on a dataset."""

import torch

from pellucid.classifier.classifier import Classifier
from pellucid.classifier.predictor import Precision
from pellucid.data.dataset import Dataset
from pellucid.data.summary import as_pixels
from pellucid.errors import DataError
from pellucid.evaluation.evaluation import Evaluation, judge


def evaluate(
    classifier: Classifier, dataset: Dataset, *, split: str = "test", precision: Precision = "auto"
) -> Evaluation:
    """Judge a classifier on a split of a dataset.

    Args:
        classifier: Trained on the same classes.
        dataset: With inputs of the shape that the classifier was trained on.
        split: "test", "validation" or "train".
        precision: "auto": bfloat16 where it is fast and agrees, with the classes of float32; or "float32".

    Raises:
        DataError: If the dataset has other classes than the classifier.
        ShapeError: If the inputs have another shape.
        UnknownNameError: If the dataset has no such split, or there is no such precision.
    """
    is_unnamed = _are_numbers(dataset.class_names) and len(dataset.class_names) <= len(classifier.class_names)
    if dataset.class_names != classifier.class_names and not is_unnamed:
        raise DataError(
            f"{dataset.source} has the classes {_some(dataset.class_names)} but the classifier knows "
            f"{_some(classifier.class_names)}",
            fix="give a dataset with the classes it was trained on, in the same order",
        )
    examples = dataset.split(split)
    logits, engine = classifier.answers(torch.from_numpy(examples.inputs), precision)
    return judge(
        logits,
        torch.from_numpy(examples.labels),
        classifier.class_names,
        split=split,
        engine=engine,
        picture=lambda index: as_pixels(examples.inputs[index]),
    )


def _are_numbers(names: tuple[str, ...]) -> bool:
    return names == tuple(str(number) for number in range(len(names)))


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:4]) + (f" … ({len(names)})" if len(names) > 4 else "")
