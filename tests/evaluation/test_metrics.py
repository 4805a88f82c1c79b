"""The measures, against scikit-learn and formulas by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from pellucid.errors import ShapeError
from pellucid.evaluation.evaluation import judge
from pellucid.evaluation.metrics import calibration_error, confusion_matrix, precision_recall_f1, wilson_interval

CASES = st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 200), st.integers(2, 12))


def random_case(seed: int, examples: int, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits that are right more often than not, and labels; some classes may be missing."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, max(1, classes - seed % 2), (examples,), generator=generator)
    logits = torch.randn(examples, classes, generator=generator)
    logits[torch.arange(examples), labels] += 1
    return logits, labels


@given(CASES)
def test_counts_and_scores_are_scikit_learns(case: tuple[int, int, int]) -> None:
    logits, labels = random_case(*case)
    names = range(case[2])
    predicted = logits.argmax(dim=1)
    confusion = confusion_matrix(logits, labels)
    assert confusion.tolist() == reference.confusion_matrix(labels, predicted, labels=list(names)).tolist()
    expected = reference.precision_recall_fscore_support(labels, predicted, labels=list(names), zero_division=0)
    for ours, theirs in zip(precision_recall_f1(confusion), expected[:3], strict=True):
        assert ours.tolist() == pytest.approx(theirs.tolist())


@given(CASES)
def test_a_judgement_is_scikit_learns(case: tuple[int, int, int]) -> None:
    logits, labels = random_case(*case)
    names = [f"class {index}" for index in range(case[2])]
    evaluation = judge(logits, labels, names, split="test")
    predicted = logits.argmax(dim=1)
    assert evaluation.accuracy == pytest.approx(reference.accuracy_score(labels, predicted))
    probabilities = logits.double().softmax(dim=1).numpy()
    assert evaluation.loss == pytest.approx(reference.log_loss(labels, probabilities, labels=list(range(case[2]))))
    there = sorted(set(labels.tolist()))
    macro = reference.f1_score(labels, predicted, labels=there, average="macro", zero_division=0)
    assert evaluation.macro_f1 == pytest.approx(macro)
    assert [score.examples for score in evaluation.classes] == np.bincount(labels, minlength=case[2]).tolist()
    confidences = [mistake.confidence for mistake in evaluation.mistakes]
    assert confidences == sorted(confidences, reverse=True)
    assert len(confidences) == min(10, int((predicted != labels).sum()))
    assert all(names[int(labels[m.example])] == m.label and m.label != m.predicted for m in evaluation.mistakes)


@given(st.integers(0, 300), st.integers(0, 300))
def test_the_interval_solves_wilsons_equation(right: int, more: int) -> None:
    total = right + more
    low, high = wilson_interval(right, total)
    assert 0 <= low <= high <= 1
    for end in {low, high} - {0.0, 1.0} if total else ():
        # The ends are the shares from which what was seen is exactly 1.96 standard errors away.
        assert abs(right / total - end) == pytest.approx(1.959963984540054 * (end * (1 - end) / total) ** 0.5)


def test_the_interval_of_nothing_is_everything() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)


@given(CASES)
def test_the_calibration_error_is_that_of_the_paper(case: tuple[int, int, int]) -> None:
    logits, labels = random_case(*case)
    probabilities = logits.softmax(dim=1)
    confidence, predicted = (values.numpy() for values in probabilities.double().max(dim=1))
    right = predicted == labels.numpy()
    total = 0.0
    for number in range(1, 16):
        members = (confidence * 15 > number - 1) & (confidence * 15 <= number)
        if members.any():
            total += members.sum() / len(labels) * abs(right[members].mean() - confidence[members].mean())
    assert calibration_error(probabilities, labels) == pytest.approx(total)


def test_perfect_confidence_has_no_calibration_error() -> None:
    assert calibration_error(torch.eye(3), torch.tensor([0, 1, 2])) == 0.0


def test_different_numbers_of_examples_are_told() -> None:
    with pytest.raises(ShapeError, match=r"outputs have shape \[2, 3\] and labels \[4\]"):
        confusion_matrix(torch.zeros(2, 3), torch.zeros(4, dtype=torch.int64))


def test_labels_beyond_the_last_output_are_told() -> None:
    with pytest.raises(
        ShapeError, match=r"there are 3 outputs but the labels reach 5\n  fix: make the last layer 6 wide"
    ):
        confusion_matrix(torch.zeros(1, 3), torch.tensor([5]))


def test_what_is_shown_is_what_was_counted() -> None:
    logits = torch.tensor([[2.0, 1.0], [0.0, 3.0], [4.0, 0.0]])
    text = str(judge(logits, torch.tensor([0, 0, 0]), ["cat", "dog"], split="test"))
    assert "test accuracy 66.67%  (95 % Wilson interval 20.77% to 93.85%, 3 examples)" in text
    assert "0 cat             2  1" in text
    assert "1  cat   dog             95.3%" in text
