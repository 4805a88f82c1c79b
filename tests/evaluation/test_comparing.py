"""Two sets of answers, against SciPy and formulas by hand."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, bootstrap, chi2
from sklearn.metrics import accuracy_score, f1_score, r2_score

from pellucid.errors import ShapeError
from pellucid.evaluation.comparing import compare_answers, mcnemar, paired_interval


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 60), st.integers(0, 60))
def test_the_p_value_is_scipys(only_first: int, only_second: int) -> None:
    p_value, test = mcnemar(only_first, only_second)
    total = only_first + only_second
    if total < 25:
        assert test == "McNemar's exact test"
        expected = binomtest(only_first, total).pvalue if total else 1.0
    else:
        assert test == "McNemar's test with continuity correction"
        expected = chi2.sf(max(abs(only_first - only_second) - 1, 0) ** 2 / total, 1)
    assert p_value == pytest.approx(expected)
    assert mcnemar(only_second, only_first)[0] == pytest.approx(p_value)


def test_both_forms_agree_where_they_meet() -> None:
    exact = binomtest(18, 25).pvalue
    assert mcnemar(18, 7)[0] == pytest.approx(exact, rel=0.1)


def test_the_interval_is_bonetts_and_prices_by_hand() -> None:
    # 30 and 12 of 100: shares (30 + 1) / 102 and (12 + 1) / 102.
    first, second = 31 / 102, 13 / 102
    half = 1.959963984540054 * math.sqrt((first + second - (first - second) ** 2) / 102)
    assert paired_interval(30, 12, 100) == pytest.approx((first - second - half, first - second + half))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100))
def test_the_interval_holds_the_difference_and_stays_within_bounds(first: int, second: int, same: int) -> None:
    low, high = paired_interval(first, second, first + second + same)
    assert -1 <= low <= high <= 1
    if first + second + same:
        assert low <= (first - second) / (first + second + same) <= high


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 80))
def test_answers_are_counted_as_by_hand(seed: int, examples: int) -> None:
    generator = np.random.default_rng(seed)
    first, second, labels = generator.integers(0, 3, (3, examples))
    found = compare_answers(*map(torch.from_numpy, (first, second, labels)))
    assert found.first_score == pytest.approx(accuracy_score(labels, first))
    assert found.second_score == pytest.approx(accuracy_score(labels, second))
    assert found.difference == pytest.approx(found.first_score - found.second_score)
    pairs = [(a == c, b == c) for a, b, c in zip(first, second, labels, strict=True)]
    assert (found.only_first, found.only_second) == (pairs.count((True, False)), pairs.count((False, True)))
    assert found.p_value == mcnemar(pairs.count((True, False)), pairs.count((False, True)))[0]


def test_the_same_answers_show_no_difference() -> None:
    labels = torch.tensor([0, 1, 1])
    found = compare_answers(labels, labels, labels, names=("a", "b"))
    assert (found.difference, found.p_value) == (0.0, 1.0)
    assert str(found).startswith("no difference is shown between a and b (McNemar's exact test, p = 1.000)")


def test_the_better_one_is_named_wherever_it_stands() -> None:
    labels = torch.arange(60) % 2
    worse = labels.clone()
    worse[:20] = 1 - worse[:20]
    assert compare_answers(worse, labels, labels, names=("a", "b")).verdict == (
        "b is better than a (McNemar's exact test, p < 0.001)"
    )
    text = str(compare_answers(labels, worse, labels, names=("a", "b")))
    assert "a is better than b" in text and "right where the other is wrong" in text
    assert "difference +33.33%  (95 % interval" in text


def test_regressions_are_compared_by_the_paired_bootstrap() -> None:
    generator = np.random.default_rng(0)
    labels = generator.normal(1000, 50, (300, 1))
    noise = generator.normal(0, 20, (300, 1))
    first, second = labels + noise, labels + 1.2 * noise + generator.normal(0, 5, (300, 1))
    found = compare_answers(*map(torch.from_numpy, (first, second, labels)), task="regression")
    assert (found.first_score, found.second_score) == pytest.approx((r2_score(labels, first), r2_score(labels, second)))

    def difference(one: np.ndarray, other: np.ndarray, true: np.ndarray) -> float:
        return float(r2_score(true, one) - r2_score(true, other))

    columns = (first[:, 0], second[:, 0], labels[:, 0])
    theirs = bootstrap(
        columns, difference, paired=True, vectorized=False, method="percentile", n_resamples=1000,
        rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    assert found.interval == pytest.approx((theirs.low, theirs.high), abs=0.1 * (theirs.high - theirs.low))
    assert found.is_significant and found.p_value is None
    assert found.verdict.startswith("the first is better than the second (paired bootstrap, +0.0")


def test_targets_in_different_units_count_alike() -> None:
    generator = np.random.default_rng(0)
    labels = generator.normal(size=(100, 2)) * [1, 1000]
    first = labels + generator.normal(size=(100, 2)) * [0.5, 500]
    second = labels + generator.normal(size=(100, 2)) * [0.5, 5]
    found = compare_answers(*map(torch.from_numpy, (first, second, labels)), task="regression")
    assert found.second_score == pytest.approx(r2_score(labels, second))
    assert not compare_answers(*map(torch.from_numpy, (first, first, labels)), task="regression").is_significant


def test_several_labels_are_compared_by_micro_f1() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, (200, 4)).astype(np.float32)
    first = np.where(generator.random(labels.shape) < 0.1, 1 - labels, labels)
    second = np.where(generator.random(labels.shape) < 0.3, 1 - labels, labels)
    found = compare_answers(*map(torch.from_numpy, (first, second, labels)), task="multilabel")
    assert found.measure == "micro F1" and found.is_significant
    assert found.first_score == pytest.approx(f1_score(labels, first, average="micro"))
    assert found.interval[0] < found.difference < found.interval[1]


def test_the_facts_survive_json_and_make_a_frame() -> None:
    found = compare_answers(torch.tensor([0, 1]), torch.tensor([1, 1]), torch.tensor([0, 1]))
    assert json.loads(found.to_json()) == found.to_dict()
    assert found.to_frame().loc[0, "only_first"] == 1


def test_answers_to_other_examples_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"the answers have shapes \[2\] and \[3\], the labels \[3\]\n  fix: give two"):
        compare_answers(torch.zeros(2), torch.zeros(3), torch.zeros(3))


def test_of_no_examples_nothing_is_shown() -> None:
    empty = torch.zeros(0, dtype=torch.int64)
    found = compare_answers(empty, empty, empty)
    assert (found.p_value, found.interval, found.is_significant) == (1.0, (-1.0, 1.0), False)
