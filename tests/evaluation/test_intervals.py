"""The bootstrap, against resampling by hand and SciPy."""

import numpy as np
import pytest
import torch
from scipy.stats import bootstrap
from sklearn.metrics import f1_score

from pellucid.evaluation.intervals import (
    macro_f1,
    macro_f1_interval,
    percentiles,
    resampled_counts,
    resampled_sums,
    resamples_for,
)
from pellucid.evaluation.metrics import confusion_matrix


def answers(examples: int, classes: int, share: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and answers that are right in about a share of them."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, examples)
    return labels, np.where(generator.random(examples) < share, labels, generator.integers(0, classes, examples))


@pytest.mark.parametrize("classes", [2, 7])
def test_the_interval_of_macro_f1_is_that_of_resampled_examples(classes: int) -> None:
    labels, predicted = answers(300, classes, 0.6)
    confusion = confusion_matrix(torch.eye(classes)[torch.from_numpy(predicted)], torch.from_numpy(labels))
    assert macro_f1(confusion) == pytest.approx(f1_score(labels, predicted, average="macro"))
    generator = np.random.default_rng(1)
    by_hand = []
    for _ in range(1500):
        drawn = generator.integers(0, len(labels), len(labels))
        counts = np.bincount(labels[drawn] * classes + predicted[drawn], minlength=classes**2).reshape(classes, classes)
        by_hand.append((2 * counts.diagonal() / (counts.sum(axis=0) + counts.sum(axis=1))).mean())
    low, high = np.quantile(by_hand, (0.025, 0.975))
    # A quantile of 1,000 draws is itself off by a twentieth of the width.
    width = high - low
    ours = macro_f1_interval(confusion)
    assert ours == pytest.approx((low, high), abs=0.1 * width)


def test_a_class_without_examples_does_not_count() -> None:
    assert macro_f1_interval(torch.tensor([[5, 0, 0], [0, 5, 0], [0, 0, 0]])) == (1.0, 1.0)


def test_the_interval_of_nothing_is_everything() -> None:
    assert macro_f1_interval(torch.zeros(3, 3, dtype=torch.int64)) == (0.0, 1.0)


def test_the_same_seed_gives_the_same_interval_and_no_generator_is_touched() -> None:
    confusion = torch.tensor([[50, 9], [12, 40]])
    state, of_numpy = torch.get_rng_state(), np.random.get_state(legacy=False)["state"]["key"].copy()
    assert macro_f1_interval(confusion) == macro_f1_interval(confusion) != macro_f1_interval(confusion, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(np.random.get_state(legacy=False)["state"]["key"], of_numpy)


def test_many_classes_are_drawn_in_blocks() -> None:
    labels, predicted = answers(3000, 1500, 0.5)
    confusion = torch.zeros(1500, 1500, dtype=torch.int64)
    confusion.index_put_((torch.from_numpy(labels), torch.from_numpy(predicted)), torch.tensor(1), accumulate=True)
    low, high = macro_f1_interval(confusion, resamples=20)
    assert 0.3 < low < high < 0.8


def test_every_resample_has_as_many_examples() -> None:
    counts = np.concatenate(list(resampled_counts(7, 500)))
    assert counts.shape == (500, 7) and (counts.sum(axis=1) == 7).all()
    # Each example is drawn once on average, with the variance of a binomial: 7 · 1/7 · 6/7.
    assert counts.mean(axis=0).tolist() == pytest.approx([1] * 7, abs=0.2)
    assert counts.var() == pytest.approx(6 / 7, abs=0.05)


def test_sums_are_those_of_the_counts() -> None:
    values = np.random.default_rng(0).random((40, 3))
    counts = np.concatenate(list(resampled_counts(40, 50)))
    by_hand = np.array(
        [[sum(c * v for c, v in zip(row, column, strict=True)) for column in values.T] for row in counts]
    )
    assert np.allclose(resampled_sums(values, 50), by_hand)
    assert resampled_sums(values[:0], 50).shape == (0, 3)


def test_the_interval_of_a_mean_is_scipys() -> None:
    values = np.random.default_rng(0).exponential(size=400)
    theirs = bootstrap((values,), np.mean, method="percentile", n_resamples=2000, rng=np.random.default_rng(1))
    ours = percentiles(resampled_sums(values[:, None])[:, 0] / 400)
    low, high = theirs.confidence_interval
    assert ours == pytest.approx((low, high), abs=0.1 * (high - low))


def test_resamples_without_the_measure_are_left_out() -> None:
    assert percentiles(np.array([np.nan, 1.0, np.inf, 1.0])) == (1.0, 1.0)
    assert all(np.isnan(percentiles(np.array([np.nan]))))


@pytest.mark.parametrize(("values", "expected"), [(0, 4000), (2500, 4000), (10_000, 1000), (10**7, 200)])
def test_more_examples_are_resampled_less_often(values: int, expected: int) -> None:
    assert resamples_for(values) == expected
