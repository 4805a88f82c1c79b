"""Regressions, against scikit-learn and SciPy."""

import json
import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap
from sklearn import metrics as reference

from pellucid.errors import DataError, ShapeError
from pellucid.evaluation.intervals import resampled_counts, resamples_for
from pellucid.evaluation.regression import judge_numbers
from pellucid.rendering.blocks import Histogram, Table


def drawn(seed: int, examples: int, targets: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Answers near the labels, in units that differ a thousandfold from target to target."""
    generator = torch.Generator().manual_seed(seed)
    scale = 1000.0 ** torch.arange(targets)
    labels = torch.randn(examples, targets, generator=generator) * scale + 5 * scale
    return labels + 0.5 * torch.randn(examples, targets, generator=generator) * scale, labels


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.integers(1, 3))
def test_scores_are_scikit_learns(seed: int, examples: int, targets: int) -> None:
    answers, labels = drawn(seed, examples, targets)
    names = [f"target {place}" for place in range(targets)]
    found = judge_numbers(answers, labels, names, split="test")
    true, said = labels.double(), answers.double()

    def each(name: str) -> list[float]:
        return [getattr(score, name) for score in found.targets]

    assert found.r2 == pytest.approx(reference.r2_score(true, said))
    assert each("r2") == pytest.approx(reference.r2_score(true, said, multioutput="raw_values").tolist())
    raw = {"multioutput": "raw_values"}
    assert each("mae") == pytest.approx(reference.mean_absolute_error(true, said, **raw).tolist())
    assert each("rmse") == pytest.approx(reference.root_mean_squared_error(true, said, **raw).tolist())
    expected = reference.median_absolute_error(true, said, **raw).tolist()
    assert each("median_absolute_error") == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "measure"),
    [
        ("r2_interval", reference.r2_score),
        ("mae_interval", reference.mean_absolute_error),
        ("rmse_interval", reference.root_mean_squared_error),
    ],
)
def test_intervals_are_scipys(name: str, measure: object) -> None:
    assert callable(measure)
    answers, labels = drawn(0, 150)
    columns = (labels[:, 0].double().numpy(), answers[:, 0].double().numpy())
    theirs = bootstrap(
        columns, measure, paired=True, vectorized=False, method="percentile", n_resamples=1000,
        rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    found = judge_numbers(answers, labels, ["size"], split="test").targets[0]
    assert getattr(found, name) == pytest.approx((theirs.low, theirs.high), abs=0.1 * (theirs.high - theirs.low))


@pytest.mark.parametrize("examples", [40, 41])
def test_the_medians_of_resamples_are_numpys(examples: int) -> None:
    answers, labels = drawn(0, examples)
    distance = (answers.double() - labels.double()).abs()[:, 0].numpy()
    counts = np.concatenate(list(resampled_counts(examples, resamples_for(examples))))
    medians = [np.median(np.repeat(distance, row.astype(int))) for row in counts]
    found = judge_numbers(answers, labels, ["size"], split="test").targets[0]
    expected = tuple(np.quantile(medians, (0.025, 0.975)))
    assert found.median_absolute_error_interval == pytest.approx(expected)


def test_r2_of_large_numbers_keeps_its_digits() -> None:
    answers, labels = drawn(0, 100)
    found = judge_numbers(answers.double() + 1e9, labels.double() + 1e9, ["size"], split="test")
    assert found.r2 == pytest.approx(reference.r2_score(labels, answers), rel=1e-6)
    assert found.r2_interval == pytest.approx(
        judge_numbers(answers, labels, ["size"], split="test").r2_interval, rel=1e-6
    )


def test_labels_that_never_change_have_no_r2() -> None:
    answers = torch.tensor([[0.1, 1.0], [0.3, 2.0], [0.2, 3.5]])
    labels = torch.tensor([[0.1, 1.0], [0.1, 2.0], [0.1, 3.0]])
    found = judge_numbers(answers, labels, ["constant", "rising"], split="test")
    assert math.isnan(found.targets[0].r2)
    assert found.r2 == found.targets[1].r2 == pytest.approx(1 - 0.25 / 2)
    alone = judge_numbers(answers[:, :1], labels[:, :1], ["constant"], split="test")
    assert alone.headline().text.startswith("test R² undefined, since the labels do not change, mean absolute error")
    assert json.loads(alone.to_json())["r2"] is None
    assert "r2" not in alone.metrics()


def test_the_largest_errors_are_compared_by_the_spread_of_their_target() -> None:
    labels = torch.tensor([[0.0, 0.0], [1.0, 1000.0], [2.0, 2000.0], [3.0, 3000.0]])
    answers = labels + torch.tensor([[0.0, 100.0], [2.0, 0.0], [0.0, 0.0], [0.0, -500.0]])
    found = judge_numbers(answers, labels, ["small", "large"], split="test", sources=tuple("abcd"))
    assert [(e.example, e.target, e.error, e.source) for e in found.largest] == [
        (1, "small", 2.0, "b"),
        (3, "large", -500.0, "d"),
        (0, "large", 100.0, "a"),
    ]


def test_residuals_are_described_as_numpy_does() -> None:
    answers, labels = drawn(3, 200)
    residual = (answers.double() - labels.double())[:, 0].numpy()
    found = judge_numbers(answers, labels, ["size"], split="test")
    (one,) = found.residuals
    assert (one.mean, one.std) == pytest.approx((residual.mean(), residual.std()))
    assert one.quantiles == pytest.approx(np.percentile(residual, (5, 25, 50, 75, 95)))
    assert one.trend == pytest.approx(np.corrcoef(answers[:, 0].double(), residual)[0, 1])
    assert found.histogram is not None and sum(found.histogram[1]) == 200
    assert any(isinstance(block, Histogram) for block in found.blocks())


def test_the_headline_says_r2_and_mean_error_with_their_intervals() -> None:
    answers, labels = drawn(0, 89)
    found = judge_numbers(answers * 43, labels * 43, ["progression"], split="test")
    pattern = (
        r"test R² 0\.\d\d  \(95 % bootstrap interval 0\.\d\d to 0\.\d\d\), "
        r"mean absolute error 1\d\.\d  \(1\d\.\d to \d\d\.\d\), 89 examples"
    )
    assert re.fullmatch(pattern, found.headline().text)


def test_it_shows_itself_with_the_same_numbers() -> None:
    answers, labels = drawn(0, 30, targets=2)
    found = judge_numbers(answers, labels, ["size", "weight"], split="test")
    assert json.loads(found.to_json()) == found.to_dict()
    table = next(block for block in found.blocks() if isinstance(block, Table))
    assert [row[0] for row in table.rows] == ["size", "weight"] == found.to_frame()["name"].tolist()
    assert table.rows[0][1:4] == (found.targets[0].r2, *found.targets[0].r2_interval)
    assert ", mean of 2 targets" in str(found)


def test_no_examples_are_judged_without_a_division_by_zero() -> None:
    found = judge_numbers(torch.zeros(0, 1), torch.zeros(0, 1), ["size"], split="test")
    assert (found.examples, found.largest, found.residuals) == (0, (), ())
    assert math.isnan(found.r2) and "0 examples" in str(found)
    assert found.metrics() == {"mean_absolute_error": []}


def test_perfect_answers_have_no_largest_errors() -> None:
    _, labels = drawn(0, 30)
    found = judge_numbers(labels, labels, ["size"], split="test")
    assert (found.r2, found.r2_interval, found.largest) == (1.0, (1.0, 1.0), ())
    assert "the largest errors" not in str(found)


def test_answers_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(DataError, match=r"1 of 2 answers are NaN or infinite\n  fix: look"):
        judge_numbers(torch.tensor([[1.0], [torch.inf]]), torch.zeros(2, 1), ["size"], split="test")
    with pytest.raises(ShapeError, match=r"outputs have shape \[2\] and labels \[2, 1\]"):
        judge_numbers(torch.zeros(2), torch.zeros(2, 1), ["size"], split="test")
