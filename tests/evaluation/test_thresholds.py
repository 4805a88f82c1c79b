"""Abstaining when unsure, against loops by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.evaluation.metrics import wilson_interval
from pellucid.evaluation.thresholds import thresholds

# Few different confidences, so that many are equal.
CASES = st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=120)


@settings(deadline=None, max_examples=50)
@given(CASES)
def test_a_threshold_does_what_its_row_says(case: list[tuple[int, bool]]) -> None:
    confidence = np.array([level / 12 for level, _ in case])
    right = np.array([is_right for _, is_right in case])
    found = thresholds(torch.from_numpy(confidence), torch.from_numpy(right), wanted=0.8)
    for row in [*found.rows, *([found.reaching] if found.reaching else [])]:
        kept = confidence >= row.confidence
        assert row.answered == kept.sum()
        assert row.coverage == pytest.approx(kept.mean())
        assert row.accuracy == pytest.approx(right[kept].mean())
        assert row.interval == wilson_interval(int(right[kept].sum()), int(kept.sum()))
    assert found.rows[0].accuracy == pytest.approx(right.mean())
    coverages = [row.coverage for row in found.rows]
    assert coverages == sorted(set(coverages), reverse=True)


@settings(deadline=None, max_examples=50)
@given(CASES)
def test_no_lower_threshold_reaches_the_wanted_accuracy(case: list[tuple[int, bool]]) -> None:
    confidence = np.array([level / 12 for level, _ in case])
    right = np.array([is_right for _, is_right in case])
    found = thresholds(torch.from_numpy(confidence), torch.from_numpy(right), wanted=0.8).reaching
    reaching = [
        level
        for level in np.unique(confidence)
        if (confidence >= level).sum() >= 20 and right[confidence >= level].mean() >= 0.8
    ]
    assert (None if found is None else found.confidence) == (min(reaching) if reaching else None)


def test_each_coverage_is_reached() -> None:
    confidence = torch.linspace(0.5, 1, 200)
    found = thresholds(confidence, torch.arange(200) % 2 == 0)
    assert [row.answered for row in found.rows] == [200, 190, 180, 160, 140, 120, 100, 50, 20]


@pytest.mark.parametrize(
    ("right", "sentence"),
    [
        (torch.zeros(30), "no threshold gives 99% accuracy"),
        (torch.ones(30), "answering everything gives 100.00% accuracy: 99% needs no threshold"),
        (torch.arange(30) >= 5, "a threshold of 0.6667 gives 100.00% accuracy (95 % Wilson interval 86.68% to 100.00%"),
    ],
)
def test_says_which_threshold_is_accurate_enough(right: torch.Tensor, sentence: str) -> None:
    confidence = torch.arange(15, 45) / 30
    assert sentence in thresholds(confidence.clamp_max(1), right.bool()).sentence()


def test_a_threshold_of_few_answers_is_not_proposed() -> None:
    confidence = torch.arange(1, 101) / 100
    assert thresholds(confidence, torch.arange(100) >= 90).reaching is None


def test_of_nothing_there_is_no_threshold() -> None:
    found = thresholds(torch.zeros(0), torch.zeros(0, dtype=torch.bool))
    assert (found.rows, found.reaching) == ((), None)
