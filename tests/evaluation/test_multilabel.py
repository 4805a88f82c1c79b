"""Several labels at once, against scikit-learn."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from pellucid.errors import ShapeError
from pellucid.evaluation.metrics import wilson_interval
from pellucid.evaluation.multilabel import MultilabelEvaluation, judge_labels

NAMES = ["rain", "snow", "sun"]


def drawn(seed: int, examples: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits that lean to what is true, and labels; "snow" may never hold."""
    generator = torch.Generator().manual_seed(seed)
    labels = (torch.rand(examples, 3, generator=generator) < torch.tensor([0.5, 0.1, 0.8])).float()
    return torch.randn(examples, 3, generator=generator) + 2 * labels - 1, labels


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 80))
def test_scores_are_scikit_learns(seed: int, examples: int) -> None:
    logits, labels = drawn(seed, examples)
    found = judge_labels(logits, labels, NAMES, split="test")
    answers = (logits > 0).float()
    expected = reference.precision_recall_fscore_support(labels, answers, zero_division=0)
    for name, theirs in zip(("precision", "recall", "f1", "examples"), expected, strict=True):
        assert [getattr(score, name) for score in found.labels] == pytest.approx(theirs.tolist())
    assert found.micro_f1 == pytest.approx(reference.f1_score(labels, answers, average="micro", zero_division=0))
    there = [place for place in range(3) if labels[:, place].any()]
    assert found.macro_f1 == pytest.approx(expected[2][there].mean() if there else 0.0)
    assert found.all_right == pytest.approx(reference.accuracy_score(labels, answers))
    assert found.all_right_interval == wilson_interval(round(found.all_right * examples), examples)
    assert found.hamming == pytest.approx(1 - reference.hamming_loss(labels, answers))
    probabilities = logits.double().sigmoid().numpy()
    losses = [reference.log_loss(labels[:, place], probabilities[:, place], labels=[0, 1]) for place in range(3)]
    assert found.loss == pytest.approx(np.mean(losses))


def test_the_interval_is_that_of_resampled_examples() -> None:
    logits, labels = drawn(0, 200)
    answers = (logits > 0).float()
    generator = np.random.default_rng(1)
    by_hand = []
    for _ in range(1000):
        where = generator.integers(0, 200, 200)
        both, either = (answers[where] * labels[where]).sum(), answers[where].sum() + labels[where].sum()
        by_hand.append(2 * float(both) / float(either))
    low, high = np.quantile(by_hand, (0.025, 0.975))
    found = judge_labels(logits, labels, NAMES, split="test")
    assert found.micro_f1_interval == pytest.approx((low, high), abs=0.1 * (high - low))


@pytest.fixture
def evaluation() -> MultilabelEvaluation:
    """Four examples: rain missed once, snow given once in vain."""
    logits = torch.tensor([[3.0, -3, 3], [-1, -3, 3], [2, 4, -2], [-2, -2, 2]])
    labels = torch.tensor([[1.0, 0, 1], [1, 0, 1], [1, 0, 0], [0, 0, 1]])
    sources = ("a.png", "b.png", "c.png", "d.png")
    return judge_labels(logits, labels, NAMES, split="test", engine="by hand", sources=sources)


def test_mistakes_say_what_was_answered_of_which_label(evaluation: MultilabelEvaluation) -> None:
    assert [(m.example, m.label, m.predicted, m.source) for m in evaluation.mistakes] == [
        (2, "not snow", "snow", "c.png"),
        (1, "rain", "not rain", "b.png"),
    ]
    sigmoid = [1 / (1 + np.exp(-4)), 1 - 1 / (1 + np.exp(1))]
    assert [m.confidence for m in evaluation.mistakes] == pytest.approx(sigmoid)


def test_it_shows_itself_with_the_same_numbers(evaluation: MultilabelEvaluation) -> None:
    assert json.loads(evaluation.to_json()) == evaluation.to_dict()
    text = str(evaluation)
    assert "test micro F1 83.33%  (95 % bootstrap interval" in text
    assert "every label right 50.00%  (95 % Wilson interval" in text
    assert "b.png" in text
    assert evaluation.to_frame()["name"].tolist() == NAMES
    assert evaluation.metrics()["micro_f1"] == pytest.approx(5 / 6)


def test_no_examples_are_judged_without_a_division_by_zero() -> None:
    found = judge_labels(torch.zeros(0, 3), torch.zeros(0, 3), NAMES, split="test")
    assert (found.micro_f1, found.micro_f1_interval, found.all_right, found.hamming, found.loss) == (0, (0, 1), 0, 0, 0)
    assert "0 examples" in str(found)


def test_outputs_for_other_labels_are_refused() -> None:
    with pytest.raises(
        ShapeError, match=r"outputs have shape \[2, 2\] and labels \[2, 3\], of 3 names\n  fix: give both"
    ):
        judge_labels(torch.zeros(2, 2), torch.zeros(2, 3), NAMES, split="test")
