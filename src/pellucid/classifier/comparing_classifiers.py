"""`compare_classifiers`: is one of two classifiers better, or is it chance?"""

from pellucid.classifier.aligning import ONE_CLASS
from pellucid.classifier.classifier import Classifier
from pellucid.classifier.evaluating import answer
from pellucid.classifier.predictor import Precision
from pellucid.data.dataset import Dataset
from pellucid.errors import DataError
from pellucid.evaluation.comparing import Comparison, compare_answers


def compare_classifiers(
    first: Classifier,
    second: Classifier,
    dataset: Dataset,
    *,
    split: str = "test",
    precision: Precision = "auto",
    names: tuple[str, str] = ("the first", "the second"),
) -> Comparison:
    """Compare two classifiers on the same examples, see `compare_answers`.

    Args:
        first: Trained.
        second: Trained on the same classes, labels or targets; its network and its inputs may be of another kind.
        dataset: That both can be asked about.
        split: "test", "validation" or "train".
        precision: See `evaluate`.
        names: Of the two, as they are to be called.

    Raises:
        DataError: If they answer different questions, or the dataset is for neither.
        ShapeError: If the inputs have another shape.
        UnknownNameError: If the dataset has no such split, or there is no such precision.
    """
    is_same_task = first.task == second.task or {first.task, second.task} <= set(ONE_CLASS)
    if not is_same_task or set(first.class_names) != set(second.class_names):
        raise DataError(
            f"{names[0]} answers {_question(first)} and {names[1]} answers {_question(second)}",
            fix="compare two classifiers that were trained on the same classes",
        )
    if names[0] == names[1]:
        names = (f"{names[0]} (the first)", f"{names[1]} (the second)")
    one, other = (answer(classifier, dataset, split, precision) for classifier in (first, second))
    answers = other.answers(second.task)
    # The second may number the classes otherwise.
    order = [second.class_names.index(name) for name in first.class_names]
    if first.task in ONE_CLASS:
        answers = answers.new_tensor([order.index(number) for number in range(len(order))])[answers]
    else:
        answers = answers[:, order]
    return compare_answers(one.answers(first.task), answers, one.labels, task=first.task, names=names)


def _question(classifier: Classifier) -> str:
    names = classifier.class_names
    more = f" … ({len(names)})" if len(names) > 4 else ""
    return f"{classifier.task} of {', '.join(names[:4])}{more}"
