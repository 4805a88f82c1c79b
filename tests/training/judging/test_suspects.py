"""Labels that look wrong."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import pellucid
from pellucid.data.dataset import Dataset, Split
from pellucid.rendering.files import write_result
from pellucid.training.judging.confident import doubts_of
from pellucid.training.judging.suspects import Suspects, find_suspects
from pellucid.training.settings import Settings

from .conftest import QUICK, small

# A busy machine draws its examples slowly.
in_no_hurry = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def relabelled(dataset: Dataset, labels: NDArray[np.generic]) -> Dataset:
    """Return the dataset with other labels of its training split."""
    train = Split(dataset.train.inputs, labels, dataset.train.sources)
    return replace(dataset, splits={**dataset.splits, "train": train})


def by_hand(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> tuple[list[list[int]], float]:
    """Count the confident joint as the paper writes it, in loops; and the estimated number of wrong labels."""
    classes = probabilities.shape[1]
    thresholds = [probabilities[labels == j, j].mean() if (labels == j).any() else np.inf for j in range(classes)]
    joint = [[0] * classes for _ in range(classes)]
    for row, given_label in zip(probabilities, labels, strict=True):
        above = [j for j in range(classes) if row[j] >= thresholds[j]]
        if above:
            joint[given_label][max(above, key=lambda j: row[j])] += 1
    wrong = 0.0
    for j in range(classes):
        total = sum(joint[j])
        if total:
            wrong += (total - joint[j][j]) / total * int((labels == j).sum())
    return joint, wrong


@in_no_hurry
@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(1, 60))
def test_the_confident_joint_is_that_of_the_paper(seed: int, classes: int, examples: int) -> None:
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.ones(classes) * 0.5, examples)
    labels = generator.integers(0, classes, examples)
    doubts = doubts_of(probabilities, labels)
    counted, wrong = by_hand(probabilities, labels)
    assert doubts.wrong == pytest.approx(wrong)
    for row, (mine, theirs) in enumerate(zip(doubts.joint, counted, strict=True)):
        if sum(theirs):
            assert mine == pytest.approx(np.array(theirs) / sum(theirs) * (labels == row).sum())


@in_no_hurry
@given(st.integers(0, 10_000))
def test_suspects_are_ranked_by_their_margin(seed: int) -> None:
    generator = np.random.default_rng(seed)
    probabilities, labels = generator.dirichlet(np.ones(3), 40), generator.integers(0, 3, 40)
    doubts = doubts_of(probabilities, labels)
    for place in range(40):
        others = np.delete(probabilities[place], labels[place])
        assert doubts.margins[place] == pytest.approx(probabilities[place, labels[place]] - others.max())
        assert probabilities[place, doubts.suggested[place]] == others.max()
    assert np.all(np.diff(doubts.margins[doubts.places]) >= 0)
    assert np.all(doubts.margins[doubts.places] < 0)


def test_flipped_digits_are_found_with_their_paths_and_right_labels(digits: Dataset, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    flipped = generator.choice(len(digits.train), 30, replace=False)
    labels = digits.train.labels.copy()
    labels[flipped] = (labels[flipped] + generator.integers(1, 10, 30)) % 10
    dataset = relabelled(digits, labels)
    found = find_suspects(small(dataset), dataset, QUICK, folds=3)
    first = found.suspects[:30]
    assert np.isin([suspect.example for suspect in first], flipped).mean() > 0.8
    assert found.wrong == pytest.approx(30, abs=15)
    suspect = first[0]
    assert suspect.source == digits.train.sources[suspect.example]
    assert suspect.label == str(labels[suspect.example])
    assert suspect.suggested == str(digits.train.labels[suspect.example])
    assert suspect.picture is not None and np.array_equal(suspect.picture, digits.train.inputs[suspect.example, 0])
    assert suspect.suggested_probability is not None and suspect.suggested_probability > 0.5
    assert np.array_equal(dataset.train.labels, labels)
    write_result(found, tmp_path / "suspects.csv")
    with (tmp_path / "suspects.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["example"]) for row in rows] == [one.example for one in found.suspects]
    assert rows[0]["source"] == suspect.source
    assert found.to_frame()["suggested"].tolist() == [one.suggested for one in found.suspects]
    assert found.to_json().count('"source"') == len(found.suspects)
    assert f"{len(found.suspects)} of {len(labels)} labels look wrong" in str(found)


def test_a_clean_dataset_has_few_suspects(iris: Dataset) -> None:
    found = find_suspects(small(iris), iris, Settings(epochs=30, threads=1), folds=3)
    assert len(found.suspects) < 12
    assert all(suspect.source == "" and suspect.picture is None for suspect in found.suspects)


def flipped_cancer(cancer: Dataset) -> tuple[Dataset, NDArray[np.int64]]:
    flipped = np.random.default_rng(1).choice(len(cancer.train), 20, replace=False)
    labels = cancer.train.labels.copy()
    labels[flipped] = 1 - labels[flipped]
    return relabelled(cancer, labels), flipped


def test_flipped_labels_of_two_classes_are_found(cancer: Dataset) -> None:
    dataset, flipped = flipped_cancer(cancer)
    found = find_suspects(small(dataset), dataset, QUICK, folds=3)
    assert np.isin([suspect.example for suspect in found.suspects[:20]], flipped).mean() > 0.7


def test_each_of_several_labels_is_doubted_by_itself(quadrants: Dataset) -> None:
    labels = quadrants.train.labels.copy()
    clear = np.flatnonzero(np.abs(quadrants.train.inputs[:, 1]) > 0.8)[:8]
    labels[clear, 1] = 1 - labels[clear, 1]
    dataset = relabelled(quadrants, labels)
    found = find_suspects(small(dataset), dataset, QUICK, folds=3)
    first = found.suspects[:8]
    assert np.isin([suspect.example for suspect in first], clear).mean() > 0.8
    top = next(suspect for suspect in first if suspect.example in clear)
    given_label = "yes" if labels[top.example, 1] else "no"
    assert top.label == f"above: {given_label}"
    assert top.suggested == f"above: {'no' if labels[top.example, 1] else 'yes'}"
    assert found.labels == labels.size


def test_a_number_far_from_what_is_expected_is_found(diabetes: Dataset) -> None:
    labels = diabetes.train.labels.copy()
    labels[[5, 40]] += 2000
    dataset = relabelled(diabetes, labels)
    found = find_suspects(small(dataset), dataset, QUICK, folds=3)
    assert {suspect.example for suspect in found.suspects[:2]} == {5, 40}
    suspect = next(one for one in found.suspects if one.example == 5)
    assert suspect.label == f"{labels[5, 0]:.6g}"
    assert suspect.deviations is not None and suspect.deviations > 3.5
    assert (found.wrong, suspect.label_probability) == (None, None)
    assert "robust standard deviations" in str(found)


@pytest.mark.slow
def test_labels_flipped_in_fashion_mnist_are_found(fashion_mnist: Dataset) -> None:
    found, flipped = of_fashion_mnist(fashion_mnist)
    hits = np.isin([suspect.example for suspect in found.suspects], flipped)
    # A random list would hold 3 %. Coats, pullovers and shirts that are not told apart stand in between.
    assert hits[: len(flipped)].mean() > 0.45
    assert hits.sum() / len(flipped) > 0.6


def of_fashion_mnist(fashion_mnist: Dataset) -> tuple[Suspects, NDArray[np.int64]]:
    """Flip 3 % of 6,000 labels at random and look for them."""
    generator = np.random.default_rng(0)
    places = np.sort(generator.choice(len(fashion_mnist.train), 6_000, replace=False))
    few = fashion_mnist.train.take(places)
    flipped = generator.choice(6_000, 180, replace=False)
    labels = few.labels.copy()
    labels[flipped] = (labels[flipped] + generator.integers(1, 10, 180)) % 10
    splits = {"train": Split(few.inputs, labels), "validation": fashion_mnist.validation.take(np.arange(1_000))}
    dataset = Dataset("few", splits, fashion_mnist.class_names)
    return find_suspects(lambda seed: pellucid.mlp(784, (128,), 10, seed=seed), dataset), flipped
