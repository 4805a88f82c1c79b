"""Slices, against pandas and counting by hand."""

import json
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.data.columns import InputColumn
from pellucid.evaluation.grouping import Group, groups_of, quarters
from pellucid.evaluation.metrics import wilson_interval
from pellucid.evaluation.slices import slices

COLUMNS = (
    InputColumn("age", "number"),
    InputColumn("smokes", "boolean"),
    InputColumn("city", "category", ("Bern", "Rome")),
    InputColumn("joined", "date"),
)


def table(examples: int = 400) -> np.ndarray:
    """Rows with some missing and unknown values."""
    generator = np.random.default_rng(0)
    age = np.where(generator.random(examples) < 0.1, np.nan, generator.normal(50, 10, examples))
    city = generator.integers(-1, 2, examples)
    days = generator.integers(0, 20_000, examples)
    return np.stack([age, generator.integers(0, 2, examples), city, days], axis=1)


def test_columns_are_grouped_by_value_and_by_quarter() -> None:
    rows = table()
    found = {group.name: group.members for group in groups_of(rows, COLUMNS)}
    assert (found["smokes is true"] == (rows[:, 1] == 1)).all()
    assert (found["city = Rome"] == (rows[:, 2] == 1)).all()
    assert (found["city is unknown"] == (rows[:, 2] == -1)).all()
    assert (found["age is missing"] == np.isnan(rows[:, 0])).all()
    ages = pd.Series(rows[:, 0])
    expected = pd.qcut(ages, 4, labels=False)
    ours = [members for name, members in found.items() if name.startswith("age ") and " to " in name]
    assert [(members == (expected == place).to_numpy()).all() for place, members in enumerate(ours)] == [True] * 4
    dates = [name for name in found if name.startswith("joined ") and " to " in name]
    first = str(np.datetime64(int(rows[:, 3].min()), "D"))
    assert dates[0].startswith(f"joined {first} to ")


def test_images_are_grouped_by_brightness_and_contrast() -> None:
    images = np.random.default_rng(0).integers(0, 256, (100, 3, 4, 4), dtype=np.uint8)
    images[50:] //= 4
    found = groups_of(images, None)
    assert [group.name.split()[0] for group in found] == ["brightness"] * 4 + ["contrast"] * 4
    values = images.reshape(100, -1) / 255
    expected = pd.qcut(pd.Series(values.mean(axis=1)), 4, labels=False)
    assert [(group.members == (expected == place).to_numpy()).all() for place, group in enumerate(found[:4])]
    assert (
        found[3].name == f"brightness {np.quantile(values.mean(axis=1), 0.75):.3f} to {values.mean(axis=1).max():.3f}"
    )


@settings(deadline=None, max_examples=50)
@given(st.lists(st.one_of(st.integers(-2, 2), st.just(np.nan), st.just(np.inf)), max_size=40))
def test_each_known_value_is_in_one_quarter(values: list[float]) -> None:
    numbers = np.array(values, dtype=np.float64)
    found = quarters("size", numbers)
    if found:
        times = np.sum([group.members for group in found], axis=0)
        assert times.tolist() == np.isfinite(numbers).astype(int).tolist()


def test_slices_are_scored_by_hand_and_sorted_by_how_bad_they_are() -> None:
    rows = table()
    generator = np.random.default_rng(1)
    is_wrong = generator.random(400) < np.where(rows[:, 1] == 1, 0.5, 0.1)
    found = slices(is_wrong.astype(float), rows, columns=COLUMNS)
    worst = found.slices[0]
    members = rows[:, 1] == 1
    assert worst.name == "smokes is true" and worst.stands_out
    assert worst.score == pytest.approx(1 - is_wrong[members].mean())
    assert worst.worse_by == pytest.approx(is_wrong[members].mean() - is_wrong.mean())
    assert worst.interval == wilson_interval(int((~is_wrong[members]).sum()), int(members.sum()))
    assert [one.worse_by for one in found.slices] == sorted((one.worse_by for one in found.slices), reverse=True)
    assert all(one.examples >= 20 for one in found.slices)
    assert not found.slices[-1].stands_out


def test_a_slice_stands_out_by_an_interval_at_bonferronis_level() -> None:
    # Ten slices of 100: one with 18 wrong where 10 % are; on its own that would be seen, among ten it is not.
    errors = np.zeros(1000)
    errors[:18] = 1
    errors[100:1000:11] = 1
    groups = [Group(f"part {place}", np.arange(1000) // 100 == place) for place in range(10)]
    found = slices(errors, np.zeros((1000, 0)), groups)
    worst = found.slices[0]
    z = NormalDist().inv_cdf(1 - 0.05 / 10 / 2)
    assert worst.name == "part 0" and worst.interval[1] < found.overall
    assert wilson_interval(82, 100, z)[1] > found.overall
    assert not worst.stands_out
    assert "the level 0.05/10 (Bonferroni)" in str(found)


def test_small_slices_and_those_of_everything_are_left_out() -> None:
    errors = np.zeros(50)
    groups = [Group("few", np.arange(50) < 19), Group("enough", np.arange(50) < 20), Group("all", np.arange(50) >= 0)]
    found = slices(errors, np.zeros((50, 0)), groups)
    assert [one.name for one in found.slices] == ["enough"]
    assert found.left_out == 1


def test_errors_are_worse_where_they_are_larger() -> None:
    errors = np.concatenate([np.full(30, 5.0), np.full(70, 1.0)]) + np.random.default_rng(0).normal(0, 0.1, 100)
    groups = [Group("bad", np.arange(100) < 30), Group("good", np.arange(100) >= 30)]
    found = slices(errors, np.zeros((100, 0)), groups, measure="mean absolute error", is_error=True)
    bad, good = found.slices
    assert (bad.name, bad.stands_out, good.stands_out) == ("bad", True, False)
    half = 1.959963984540054 * errors[:30].std(ddof=1) / 30**0.5
    assert bad.interval == pytest.approx((errors[:30].mean() - half, errors[:30].mean() + half))
    assert found.overall == pytest.approx(errors.mean())


def test_only_slices_worse_than_overall_are_shown_among_the_worst() -> None:
    errors = np.concatenate([np.ones(30), np.zeros(70)])
    groups = [Group("bad", np.arange(100) < 30), Group("good", np.arange(100) >= 30)]
    found = slices(errors, np.zeros((100, 0)), groups)
    assert len(found.worst()) == 2 and "good" not in str(found.worst()[0])
    assert slices(np.zeros(100), np.zeros((100, 0)), groups).worst() == ()
    assert json.loads(found.to_json()) == found.to_dict()
    assert found.to_frame()["name"].tolist() == ["bad", "good"]


def test_of_no_examples_there_are_no_slices() -> None:
    assert slices(np.zeros(0), np.zeros((0, 1, 2, 2), np.uint8)).slices == ()
