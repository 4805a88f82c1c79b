"""Each training example held out once."""

from dataclasses import replace
from typing import Self

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid
from pellucid.data.columns import InputColumn
from pellucid.data.dataset import Dataset, Split
from pellucid.errors import SettingError
from pellucid.training import engine
from pellucid.training.history import Progress
from pellucid.training.interruption import Interruption
from pellucid.training.judging.cross_validation import CrossValidation, Fold, cross_validate, student
from pellucid.training.judging.trainings import Trained

from .conftest import QUICK, small

stats = pytest.importorskip("scipy.stats")


def test_every_example_is_answered_by_a_network_that_never_saw_it(digits: Dataset) -> None:
    found = cross_validate(small(digits), digits, QUICK, folds=3)
    held_out = found.fold_of == 1
    rest = replace(digits, splits={**digits.splits, "train": digits.train.take(np.flatnonzero(~held_out))})
    seed = QUICK.seed + 1
    run = pellucid.train(small(digits)(seed), rest, replace(QUICK, seed=seed))
    inputs = torch.from_numpy(digits.train.inputs[held_out])
    assert torch.equal(found.logits[torch.from_numpy(held_out)], run.classifier.logits(inputs))


def test_scores_are_those_of_the_folds_and_of_all_examples(digits: Dataset) -> None:
    found = cross_validate(small(digits), digits, QUICK, folds=3)
    right = found.logits.argmax(dim=1).numpy() == digits.train.labels
    assert [fold.score for fold in found.folds] == pytest.approx([right[found.fold_of == k].mean() for k in range(3)])
    assert found.score == pytest.approx(right.mean())
    assert found.score > 0.85
    assert (found.mean, found.deviation) == pytest.approx(
        (np.mean([fold.score for fold in found.folds]), np.std([fold.score for fold in found.folds], ddof=1))
    )
    assert sum(fold.examples for fold in found.folds) == len(digits.train)
    assert found.to_dict()["measure"] == "accuracy"
    assert len(found.to_frame()) == 3
    assert f"accuracy {found.mean:.1%} ± {found.deviation:.1%} (mean and standard deviation of 3 folds" in str(found)


def test_a_task_with_two_classes_gets_two_logits_each(cancer: Dataset) -> None:
    found = cross_validate(small(cancer), cancer, QUICK, folds=2)
    assert found.logits.shape == (len(cancer.train), 2)
    assert found.score > 0.93


def test_several_labels_at_once_are_cross_validated(quadrants: Dataset) -> None:
    found = cross_validate(small(quadrants), quadrants, QUICK, folds=2)
    assert found.logits.shape == (len(quadrants.train), 2)
    assert found.score > 0.9


def test_a_regression_is_cross_validated_in_its_own_units(diabetes: Dataset) -> None:
    found = cross_validate(small(diabetes), diabetes, QUICK, folds=2)
    assert found.measure == "R²"
    assert found.score > 0.25
    assert abs(float(found.logits.mean()) - float(diabetes.train.labels.mean())) < 20


def test_groups_stay_together(iris: Dataset) -> None:
    groups = np.arange(len(iris.train)) // 7
    found = cross_validate(small(iris), iris, QUICK, folds=3, groups=groups)
    assert all(len(set(found.fold_of[groups == group])) == 1 for group in groups)


def test_without_a_validation_split_a_part_of_the_rest_chooses(iris: Dataset) -> None:
    alone = replace(iris, splits={"train": iris.train})
    found = cross_validate(small(iris), alone, QUICK, folds=3)
    assert all(fold.trained_on < len(iris.train) - fold.examples for fold in found.folds)
    assert found.score > 0.8
    few = replace(iris, splits={"train": iris.train.take(np.array([0, 1, -2, -1]))})
    assert "the last epoch, since there are too few examples" in str(cross_validate(small(iris), few, QUICK, folds=2))


def test_classes_with_fewer_examples_than_folds_are_named(iris: Dataset) -> None:
    places = np.flatnonzero((iris.train.labels != 2) | (np.arange(len(iris.train)) == len(iris.train) - 1))
    assert iris.train.labels[-1] == 2
    some = replace(iris, splits={**iris.splits, "train": iris.train.take(places)})
    assert "fewer examples than folds: virginica" in str(cross_validate(small(iris), some, QUICK, folds=2))


def test_a_column_with_one_missing_value_gives_every_network_the_same_features() -> None:
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(120, 2)).astype(np.float32)
    labels = (inputs[:, 0] > 0).astype(np.int64)
    inputs[3, 1] = np.nan
    columns = (InputColumn("a", "number"), InputColumn("b", "number"))
    dataset = Dataset("gap", {"train": Split(inputs, labels)}, ("no", "yes"), columns=columns)
    found = cross_validate(lambda seed: pellucid.mlp(3, (8,), 2, seed=seed), dataset, QUICK, folds=3)
    assert found.score > 0.6


def test_the_watcher_hears_of_each_training(iris: Dataset) -> None:
    events: list[Progress | Trained] = []
    found = cross_validate(small(iris), iris, QUICK, folds=2, watcher=events.append)
    rows = [event for event in events if isinstance(event, Trained)]
    assert [(row.number, row.total, row.what) for row in rows] == [(1, 2, "fold 1"), (2, 2, "fold 2")]
    assert [row.score for row in rows] == [fold.score for fold in found.folds]


def test_cross_validation_leaves_the_random_generator_and_the_dataset_as_they_were(iris: Dataset) -> None:
    before, fingerprint = torch.get_rng_state(), replace(iris).fingerprint

    def unseeded(_seed: int) -> nn.Module:
        return pellucid.mlp(4, (8,), 3)

    one = cross_validate(unseeded, iris, QUICK, folds=2)
    assert torch.equal(torch.get_rng_state(), before)
    assert replace(iris).fingerprint == fingerprint
    assert torch.equal(one.logits, cross_validate(unseeded, iris, QUICK, folds=2).logits)


def test_a_network_that_is_trained_already_is_refused(iris: Dataset) -> None:
    network = pellucid.mlp(4, (8,), 3, seed=0)
    with pytest.raises(SettingError, match=r"make_network is a Sequential, but .*\n  fix: give a function of the seed"):
        cross_validate(network, iris, QUICK)
    with pytest.raises(SettingError, match="a network that is trained already\n  fix: let it build a new one"):
        cross_validate(lambda _seed: network, iris, QUICK, folds=2)
    with pytest.raises(SettingError, match="make_network gave a int\n  fix: let it return"):
        cross_validate(lambda seed: seed, iris, QUICK, folds=2)  # type: ignore[arg-type,return-value]


def test_an_interrupted_training_ends_all_of_them(iris: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[int] = []

    class Interrupts(nn.Module):
        def __init__(self, seed: int) -> None:
            super().__init__()
            trained.append(seed)
            self.inner = pellucid.mlp(4, (8,), 3, seed=seed)

        def forward(self, inputs: Tensor) -> Tensor:
            outputs: Tensor = self.inner(inputs)
            return outputs

    class Asked(Interruption):
        def __enter__(self) -> Self:
            self.is_requested = True
            return self

    monkeypatch.setattr(engine, "Interruption", Asked)
    with pytest.raises(KeyboardInterrupt):
        cross_validate(Interrupts, iris, QUICK, folds=3)
    assert trained == [0]


def test_the_quantiles_are_those_of_student() -> None:
    for degrees in (1, 2, 4, 9, 100):
        assert student(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=1e-3)


def test_the_interval_is_that_of_nadeau_and_bengio() -> None:
    scores = (0.9, 0.94, 0.92, 0.96, 0.88)
    folds = tuple(Fold(place, 80, 20, score) for place, score in enumerate(scores, 1))
    found = CrossValidation("made", "multiclass", folds, 0.92, torch.zeros(0, 2), np.zeros(0, np.int64), (), 0.0)
    half = stats.t.ppf(0.975, 4) * np.std(scores, ddof=1) * np.sqrt(1 / 5 + 20 / 80)
    assert found.interval == pytest.approx((0.92 - half, 0.92 + half), abs=1e-4)
