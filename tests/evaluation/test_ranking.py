"""Two classes ranked, against scikit-learn and by comparing every pair."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata
from sklearn import metrics as reference

from pellucid.evaluation.evaluation import judge
from pellucid.evaluation.ranking import midranks, rank, roc_auc

# Few different scores, so that many are equal; at least one example of each class.
CASES = st.lists(st.tuples(st.integers(-4, 4), st.integers(0, 1)), max_size=60).map(
    lambda case: [(0, 0), (1, 1), *case]
)


@settings(deadline=None, max_examples=50)
@given(CASES)
def test_scores_are_scikit_learns_also_of_ties(case: list[tuple[int, int]]) -> None:
    score = torch.tensor([float(value) for value, _ in case])
    labels = torch.tensor([label for _, label in case])
    found = rank(torch.stack([torch.zeros_like(score), score], dim=1), labels, "yes")
    assert found.roc_auc == pytest.approx(reference.roc_auc_score(labels, score))
    assert found.average_precision == pytest.approx(reference.average_precision_score(labels, score))
    assert found.brier == pytest.approx(reference.brier_score_loss(labels, score.double().sigmoid()))
    assert found.share == pytest.approx(labels.double().mean())


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(-3, 3), max_size=50))
def test_ranks_are_scipys(values: list[int]) -> None:
    assert midranks(np.array(values, float)).tolist() == rankdata(values).tolist()


@settings(deadline=None, max_examples=50)
@given(CASES)
def test_the_interval_is_delongs_by_every_pair(case: list[tuple[int, int]]) -> None:
    score = np.array([float(value) for value, _ in case])
    is_positive = np.array([label == 1 for _, label in case])
    area, interval = roc_auc(score, is_positive)
    positive, negative = score[is_positive], score[~is_positive]
    wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    assert area == pytest.approx(wins.mean())
    if min(wins.shape) < 2:
        assert interval is None
        return
    variance = wins.mean(axis=1).var(ddof=1) / len(positive) + wins.mean(axis=0).var(ddof=1) / len(negative)
    if interval is None:
        assert variance == pytest.approx(0, abs=1e-12)
    else:
        half = 1.959963984540054 * variance**0.5
        assert interval == pytest.approx((max(0, wins.mean() - half), min(1, wins.mean() + half)))


def test_certain_probabilities_are_still_ranked() -> None:
    logits = torch.tensor([[0.0, 50.0], [0.0, 60.0], [0.0, 70.0]])
    assert rank(logits, torch.tensor([0, 0, 1]), "yes").roc_auc == 1.0


@pytest.mark.parametrize("labels", [[0, 0], [1, 1], []])
def test_one_class_alone_has_no_area(labels: list[int]) -> None:
    found = rank(torch.zeros(len(labels), 2), torch.tensor(labels, dtype=torch.int64), "yes")
    assert (found.roc_auc, found.roc_auc_interval) == (None, None)
    assert "one class has no examples" in found.sentence()


def test_two_classes_are_ranked_and_more_are_not() -> None:
    logits = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.2, 0.0], [0.0, 0.1], [0.1, 0.0]])
    evaluation = judge(logits, torch.tensor([0, 1, 1, 1, 0]), ["no", "yes"], split="test")
    assert evaluation.ranking is not None and evaluation.ranking.positive == "yes"
    assert "ROC AUC 0.8333 (95 % DeLong interval" in str(evaluation)
    assert evaluation.to_dict()["ranking"]["roc_auc"] == pytest.approx(5 / 6)
    assert judge(torch.eye(3), torch.arange(3), ["a", "b", "c"], split="test").ranking is None
