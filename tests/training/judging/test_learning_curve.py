"""Would more examples help?"""

from dataclasses import replace

import numpy as np
import pytest
import torch

import pellucid
from pellucid.data.dataset import Dataset, Split
from pellucid.errors import DataError, SettingError
from pellucid.rendering.blocks import Curves, Table
from pellucid.training.judging.forecasting import forecast
from pellucid.training.judging.learning_curve import _parts, learning_curve
from pellucid.training.judging.power_law import fit_power_laws
from pellucid.training.settings import Settings

from .conftest import QUICK, small

SIZES = (500, 1000, 2000, 3500, 5000)


def scores_of(floor: float, scale: float, exponent: float, noise: float, repeats: int = 4) -> list[list[float]]:
    generator = np.random.default_rng(0)
    return [(1 - floor - scale * size**-exponent + generator.normal(size=repeats) * noise).tolist() for size in SIZES]


@pytest.mark.parametrize(("floor", "scale", "exponent"), [(0.05, 2.0, 0.5), (0.0, 1.2, 0.3), (0.1, 50.0, 1.0)])
def test_a_power_law_is_found_again(floor: float, scale: float, exponent: float) -> None:
    sizes = np.array(SIZES, np.float64)
    (law,) = fit_power_laws(sizes, (floor + scale * sizes**-exponent)[None], np.full(5, 0.01))
    assert law.at(10_000) == pytest.approx(floor + scale * 10_000**-exponent, rel=0.01)


def test_the_fit_is_the_best_that_scipy_finds() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    sizes = np.array(SIZES, np.float64)
    errors = np.array([0.21, 0.18, 0.16, 0.155, 0.149])
    (law,) = fit_power_laws(sizes, errors[None], np.full(5, 0.01))

    def missed(values: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
        return float(((values[0] + values[1] * (sizes / 5000) ** -values[2] - errors) ** 2).sum() * 1e6)

    best = optimize.minimize(missed, (0.1, 0.05, 0.5), bounds=((0, None), (0, None), (0.05, 2)))
    mine = (law.floor, law.scale * 5000**-law.exponent, law.exponent)
    assert missed(np.array(mine)) == pytest.approx(best.fun, rel=0.02, abs=0.5)


def test_an_error_that_rises_is_fitted_flat() -> None:
    (law,) = fit_power_laws(np.array(SIZES, np.float64), np.array([[0.1, 0.11, 0.12, 0.13, 0.14]]), np.full(5, 0.01))
    assert law.scale == 0.0
    assert law.floor == pytest.approx(0.12)


def test_the_forecast_says_whether_more_would_help() -> None:
    falling = forecast(SIZES, scores_of(0.0, 1.2, 0.3, 0.001))
    truth = 1 - 1.2 * 10_000**-0.3
    assert falling.verdict == "helps"
    assert falling.low <= truth <= falling.high
    assert falling.score == pytest.approx(truth, abs=0.005)
    assert forecast(SIZES, scores_of(0.1, 0.0, 1.0, 0.002)).verdict == "flat"
    assert forecast(SIZES, scores_of(0.05, 2.0, 0.5, 0.03)).verdict == "unclear"


def test_one_training_that_went_wrong_does_not_move_the_curve() -> None:
    scores = scores_of(0.0, 1.2, 0.3, 0.001, repeats=5)
    clean = forecast(SIZES, scores).now
    scores[-1][0] = 0.1
    assert forecast(SIZES, scores).now == pytest.approx(clean, abs=0.005)


def test_parts_grow_and_hold_every_class_in_its_share(iris: Dataset) -> None:
    parts = _parts(iris.train, "multiclass", {0.1: 0, 0.5: 0, 1.0: 0}, seed=3)
    assert set(parts[0.1]) < set(parts[0.5]) < set(parts[1.0]) == set(range(len(iris.train)))
    counts = np.bincount(iris.train.labels)
    for share, places in parts.items():
        assert np.bincount(iris.train.labels[places]).tolist() == [round(count * share) for count in counts]


def test_a_curve_of_digits_rises(digits: Dataset) -> None:
    before = torch.get_rng_state()
    found = learning_curve(small(digits), digits, QUICK, shares=(0.1, 0.3, 1.0), repeats=2)
    assert torch.equal(torch.get_rng_state(), before)
    first, _, last = found.points
    assert [first.share, last.share] == pytest.approx([0.1, 1.0], abs=0.01)
    assert np.median(last.scores) > np.median(first.scores)
    assert found.forecast.examples == 2 * len(digits.train)
    assert len(found.to_frame()) == 6
    assert found.to_dict()["answer"] == found.answer
    assert f"instead of {found.forecast.now:.1%} (between" in str(found)
    table, curves = (next(b for b in found.blocks() if isinstance(b, kind)) for kind in (Table, Curves))
    assert isinstance(table, Table) and isinstance(curves, Curves)
    assert [row[0] for row in table.rows] == [point.examples for point in found.points]
    assert sum(np.isfinite(curves.series["measured"])) == 3


def test_the_test_split_is_not_looked_at(iris: Dataset) -> None:
    shares, short = (0.3, 0.6, 1.0), Settings(epochs=2, threads=1)
    odd = Split(np.full_like(iris.test.inputs, np.nan), iris.test.labels)
    changed = replace(iris, splits={**iris.splits, "test": odd})
    one, other = (learning_curve(small(iris), d, short, shares=shares, repeats=2) for d in (iris, changed))
    assert one.points == other.points


def test_a_curve_of_a_regression_is_one_of_r2(diabetes: Dataset) -> None:
    found = learning_curve(small(diabetes), diabetes, QUICK, shares=(0.2, 0.5, 1.0), repeats=2)
    assert found.measure == "R²"
    assert found.points[-1].scores[0] > 0.1
    assert "%" not in found.answer


def test_without_a_validation_split_one_is_cut_off(iris: Dataset) -> None:
    alone = replace(iris, splits={"train": iris.train})
    found = learning_curve(small(iris), alone, QUICK, shares=(0.3, 0.6, 1.0), repeats=2)
    assert found.points[-1].examples < len(iris.train)


def test_shares_that_hold_too_few_examples_are_left_out_and_said(iris: Dataset) -> None:
    found = learning_curve(small(iris), iris, QUICK, shares=(0.01, 0.3, 0.6, 1.0), repeats=2)
    assert len(found.points) == 3
    assert "too few or the same examples: 1%" in str(found)


def test_what_cannot_be_a_curve_is_refused(iris: Dataset) -> None:
    with pytest.raises(SettingError, match=r"shares is \(0.5, 1\)\n  fix: give at least three numbers"):
        learning_curve(small(iris), iris, shares=(0.5, 1))
    with pytest.raises(SettingError, match="repeats is 1\n  fix: give a whole number of at least 2"):
        learning_curve(small(iris), iris, repeats=1)
    with pytest.raises(DataError, match="too few for a learning curve of these shares\n  fix: add examples"):
        learning_curve(small(iris), iris, shares=(0.01, 0.02, 1.0))
    few = replace(iris, splits={"train": iris.train, "validation": iris.validation.take(np.array([0]))})
    with pytest.raises(DataError, match="1 validation examples are too few to judge"):
        learning_curve(lambda seed: pellucid.mlp(4, 8, 3, seed=seed), few)
