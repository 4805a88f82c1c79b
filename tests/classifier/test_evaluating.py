"""Classifiers of every task judged on datasets: against scikit-learn, and with the evaluation's own parts by hand."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn import metrics as reference
from torch import nn

import pellucid
from pellucid.classifier.classifier import Classifier
from pellucid.data.columns import InputColumn
from pellucid.data.dataset import Dataset, Split
from pellucid.data.preparing import fit_preparation
from pellucid.data.preparing_tables import TablePreparation
from pellucid.data.targets import TargetScale
from pellucid.errors import DataError
from pellucid.evaluation.calibration import fit_temperature
from pellucid.evaluation.evaluation import Evaluation
from pellucid.evaluation.multilabel import MultilabelEvaluation
from pellucid.evaluation.regression import RegressionEvaluation
from pellucid.tasks import Task

COLUMNS = (InputColumn("age", "number"), InputColumn("city", "category", ("Bern", "Rome", "Oslo")))


def rows(task: Task, count: int, seed: int) -> Split:
    """Rows of a table, with labels that follow from the first column but for noise."""
    generator = np.random.default_rng(seed)
    age = generator.normal(50, 10, count)
    inputs = np.stack([age, generator.integers(0, 3, count)], axis=1).astype(np.float32)
    lean = age - 50 + generator.normal(0, 5, count)
    labels: NDArray[np.generic]
    if task == "regression":
        labels = np.stack([1000 + 10 * lean, -lean], axis=1).astype(np.float32)
    elif task == "multilabel":
        labels = np.stack([lean > 0, lean > 5, generator.random(count) < 0.3], axis=1).astype(np.float32)
    else:
        labels = (lean > 0).astype(np.int64) + (0 if task == "binary" else (lean > 8).astype(np.int64))
    return Split(inputs, labels, tuple(f"row {index}" for index in range(count)))


NAMES: dict[Task, tuple[str, ...]] = {
    "multiclass": ("young", "old", "very old"),
    "binary": ("young", "old"),
    "multilabel": ("old", "very old", "lucky"),
    "regression": ("income", "years left"),
}


def table(task: Task, splits: tuple[str, ...] = ("train", "validation", "test")) -> Dataset:
    sizes = {"train": 200, "validation": 150, "test": 120}
    found = {name: rows(task, sizes[name], seed) for seed, name in enumerate(splits)}
    return Dataset("people", found, NAMES[task], task=task, columns=COLUMNS)


def classifier_for(dataset: Dataset) -> Classifier:
    """A linear network that reads the age, roughly right."""
    preparation = fit_preparation(dataset)
    network = nn.Linear(preparation.prepared_shape[0], dataset.outputs)
    with torch.no_grad():
        network.weight.zero_()
        network.bias.zero_()
        leaning = {
            "multiclass": torch.tensor([-3.0, 0, 2]),
            "binary": torch.tensor([6.0]),
            "multilabel": torch.tensor([3.0, 2, 0]),
            "regression": torch.tensor([0.9, -0.9]),
        }[dataset.task]
        network.weight[:, 0] = leaning
    targets = TargetScale.fit(dataset.train) if dataset.task == "regression" else None
    return Classifier(network, preparation, dataset.class_names, dataset.task, targets)


def by_hand(classifier: Classifier, dataset: Dataset, split: str = "test") -> torch.Tensor:
    with torch.no_grad():
        return classifier.logits(torch.from_numpy(dataset.split(split).inputs))


def test_two_classes_are_judged_as_scikit_learn_does() -> None:
    dataset = table("binary")
    classifier = classifier_for(dataset)
    found = pellucid.evaluate(classifier, dataset)
    assert isinstance(found, Evaluation) and found.ranking is not None
    score = by_hand(classifier, dataset)[:, 1]
    labels = dataset.test.labels
    assert found.accuracy == pytest.approx(reference.accuracy_score(labels, score > 0))
    assert found.ranking.roc_auc == pytest.approx(reference.roc_auc_score(labels, score))
    assert found.ranking.brier == pytest.approx(reference.brier_score_loss(labels, score.sigmoid()))
    assert found.ranking.positive == "old"


def test_several_labels_are_judged_as_scikit_learn_does() -> None:
    dataset = table("multilabel")
    classifier = classifier_for(dataset)
    found = pellucid.evaluate(classifier, dataset)
    assert isinstance(found, MultilabelEvaluation)
    answers = by_hand(classifier, dataset) > 0
    assert found.micro_f1 == pytest.approx(reference.f1_score(dataset.test.labels, answers, average="micro"))
    assert found.slices is not None and {one.name for one in found.slices.slices} >= {"with old", "city = Rome"}


def test_a_regression_is_judged_in_the_units_of_its_labels() -> None:
    dataset = table("regression")
    classifier = classifier_for(dataset)
    found = pellucid.evaluate(classifier, dataset)
    assert isinstance(found, RegressionEvaluation)
    answers = by_hand(classifier, dataset)
    assert found.r2 == pytest.approx(reference.r2_score(dataset.test.labels, answers), rel=1e-5)
    errors = reference.mean_absolute_error(dataset.test.labels, answers, multioutput="raw_values")
    assert [score.mae for score in found.targets] == pytest.approx(errors.tolist(), rel=1e-5)
    assert found.largest[0].source == f"row {found.largest[0].example}"
    assert found.slices is not None and found.slices.measure == "relative absolute error"
    assert found.slices.overall == pytest.approx(1.0)


def test_the_temperature_is_fitted_on_validation_and_never_on_what_is_judged() -> None:
    dataset = table("multiclass")
    classifier = classifier_for(dataset)
    found = pellucid.evaluate(classifier, dataset)
    assert isinstance(found, Evaluation)
    labels = torch.from_numpy(dataset.validation.labels)
    assert found.calibration.temperature == pytest.approx(
        fit_temperature(by_hand(classifier, dataset, "validation"), labels), rel=1e-4
    )
    on_validation = pellucid.evaluate(classifier, dataset, split="validation")
    without = pellucid.evaluate(classifier, table("multiclass", ("train", "test")))
    for judged in (on_validation, without):
        assert isinstance(judged, Evaluation)
        assert judged.calibration.temperature is None


@pytest.mark.parametrize("task", ["multiclass", "binary", "multilabel", "regression"])
def test_baselines_stand_beside_every_task(task: Task) -> None:
    dataset = table(task)
    plain = pellucid.evaluate(classifier_for(dataset), dataset)
    found = pellucid.evaluate(classifier_for(dataset), dataset, baselines=True)
    assert plain.baselines is None and found.baselines is not None
    best = found.baselines.baselines[0]
    assert f"{best.name}, " in found.headline().text
    assert found.to_dict()["baselines"]["baselines"][0]["score"] == best.score
    own = {"multiclass": "accuracy", "binary": "accuracy", "multilabel": "micro_f1", "regression": "r2"}[task]
    assert found.baselines.comparisons[0].first_score == pytest.approx(getattr(found, own))
    assert plain.summary()[0] == plain.headline()
    assert (found.score, found.measure) == (getattr(found, own), best.measure)


def test_mistakes_name_the_file_they_come_from(classifier: Classifier, dataset: Dataset) -> None:
    sources = tuple(f"photos/{index}.png" for index in range(len(dataset.test)))
    named = Split(dataset.test.inputs, dataset.test.labels, sources)
    found = pellucid.evaluate(classifier, Dataset("dots", {**dataset.splits, "test": named}, dataset.class_names))
    assert isinstance(found, Evaluation)
    assert [mistake.source for mistake in found.mistakes] == [f"photos/{m.example}.png" for m in found.mistakes]
    assert "photos/" in str(found)


def test_large_images_are_shrunk_for_the_baselines_only() -> None:
    generator = np.random.default_rng(0)
    labels = np.arange(40) % 2
    inputs = (
        generator.integers(0, 100, (40, 1, 50, 20), dtype=np.uint8)
        + (labels * 100).astype(np.uint8)[:, None, None, None]
    )
    split = Split(inputs, labels)
    dataset = Dataset("large", {"train": split, "test": split}, ("dark", "light"))
    network = nn.Sequential(nn.Flatten(), nn.Linear(1000, 2))
    found = pellucid.evaluate(
        Classifier(network, fit_preparation(dataset), dataset.class_names), dataset, baselines=True
    )
    assert found.baselines is not None
    assert {b.name: b.score for b in found.baselines.baselines}["nearest centroid"] == 1.0


@pytest.mark.parametrize("task", ["binary", "multilabel", "regression"])
def test_answers_of_other_tasks_than_classes_are_those_of_float32(task: Task) -> None:
    generator = np.random.default_rng(0)
    inputs = generator.integers(0, 256, (600, 1, 8, 8), dtype=np.uint8)
    labels = generator.integers(0, 2, (600, 2)).astype(np.float32)
    split = Split(inputs, labels[:, 0].astype(np.int64) if task == "binary" else labels)
    dataset = Dataset("dots", {"train": split}, ("a", "b"), task=task)
    classifier = Classifier(
        pellucid.mlp(64, (32,), dataset.outputs, seed=0), fit_preparation(dataset), dataset.class_names, task
    )
    answers, engine = classifier.answers(torch.from_numpy(inputs))
    assert engine == "PyTorch, float32"
    assert torch.allclose(answers, classifier.logits(torch.from_numpy(inputs)), atol=1e-4)


def test_a_network_that_answers_nan_is_refused(classifier: Classifier, dataset: Dataset) -> None:
    with torch.no_grad():
        next(classifier.network.parameters()).fill_(torch.nan)
    with pytest.raises(DataError, match=r"the network answers NaN to 40 of 40 test examples\n  fix: look for NaN"):
        pellucid.evaluate(classifier, dataset)


def renamed(dataset: Dataset, order: list[int]) -> Dataset:
    """The same test examples in a dataset that numbers some of the classes otherwise."""
    kept = np.isin(dataset.test.labels, order)
    labels = np.array([order.index(label) for label in dataset.test.labels[kept]], dtype=np.int64)
    split = Split(dataset.test.inputs[kept], labels)
    return Dataset("new", {"train": split, "test": split}, tuple(dataset.class_names[place] for place in order))


def test_classes_are_found_by_their_names(classifier: Classifier, dataset: Dataset) -> None:
    expected = pellucid.evaluate(classifier, dataset)
    found = pellucid.evaluate(classifier, renamed(dataset, [2, 0, 1]))
    assert isinstance(expected, Evaluation) and isinstance(found, Evaluation)
    assert found.confusion.tolist() == expected.confusion.tolist()
    some = pellucid.evaluate(classifier, renamed(dataset, [2, 0]))
    assert isinstance(some, Evaluation)
    assert some.confusion.tolist() == [
        expected.confusion[0].tolist(),
        [0] * 3,
        expected.confusion[2].tolist(),
    ]


def other_table(dataset: Dataset) -> Dataset:
    """The same rows as another file would give them: columns and categories in another order, one column more."""
    columns = (
        InputColumn("city", "category", ("Oslo", "Paris", "Bern", "Rome")),
        InputColumn("height", "number"),
        InputColumn("age", "number"),
    )
    inputs = dataset.test.inputs
    number = np.array([2, 3, 0], np.float32)[inputs[:, 1].astype(int)]
    table = np.stack([number, np.zeros(len(inputs), np.float32), inputs[:, 0]], axis=1)
    split = Split(table, dataset.test.labels)
    return Dataset("new", {"train": split, "test": split}, dataset.class_names, task=dataset.task, columns=columns)


def test_columns_and_categories_are_found_by_their_names() -> None:
    dataset = table("multiclass")
    classifier = classifier_for(dataset)
    with torch.no_grad():
        weight = next(classifier.network.parameters())
        weight[:, 1:4] = torch.tensor([[1.0, 0, 2], [0, 3, 0], [2, 1, 0]])
    expected, found = pellucid.evaluate(classifier, dataset), pellucid.evaluate(classifier, other_table(dataset))
    assert isinstance(expected, Evaluation) and isinstance(found, Evaluation)
    assert found.loss == pytest.approx(expected.loss)


def test_a_category_that_was_never_seen_is_unknown_and_a_missing_one_missing() -> None:
    from pellucid.classifier.aligning import aligned

    dataset = table("multiclass")
    other = other_table(dataset)
    other.test.inputs[:3, 0] = [1, np.nan, -1]
    found = aligned(classifier_for(dataset), other, "test").inputs
    assert found[0, 1] == -1 and np.isnan(found[1, 1]) and found[2, 1] == -1
    assert np.array_equal(found[3:], dataset.test.inputs[3:])


def test_other_columns_are_refused_by_name() -> None:
    dataset = table("multiclass")
    classifier = classifier_for(dataset)
    assert isinstance(classifier.preparation, TablePreparation)
    split = Split(dataset.test.inputs, dataset.test.labels)

    def with_columns(*columns: InputColumn) -> Dataset:
        return Dataset("new", {"train": split, "test": split}, dataset.class_names, source="new.csv", columns=columns)

    lacking = with_columns(InputColumn("Age", "number"), COLUMNS[1])
    with pytest.raises(
        DataError, match=r"new.csv lacks the columns age, which the classifier takes\n  fix: give a table"
    ):
        pellucid.evaluate(classifier, lacking)
    other = with_columns(InputColumn("age", "date"), COLUMNS[1])
    with pytest.raises(
        DataError, match=r"column 'age' of new.csv is a date, but the classifier was trained on a number"
    ):
        pellucid.evaluate(classifier, other)


def test_targets_are_found_by_their_names_and_others_refused() -> None:
    dataset = table("regression")
    classifier = classifier_for(dataset)
    split = Split(dataset.test.inputs, np.ascontiguousarray(dataset.test.labels[:, ::-1]))
    splits = {"train": split, "test": split}
    turned = Dataset("new", splits, dataset.class_names[::-1], task="regression", columns=COLUMNS)
    found, expected = pellucid.evaluate(classifier, turned), pellucid.evaluate(classifier, dataset)
    assert isinstance(found, RegressionEvaluation) and isinstance(expected, RegressionEvaluation)
    assert found.r2 == expected.r2
    other = Dataset("new", splits, ("income", "height"), task="regression", columns=COLUMNS)
    with pytest.raises(DataError, match=r"has the labels income, height but the classifier knows income, years left"):
        pellucid.evaluate(classifier, other)


def test_a_dataset_for_another_task_is_refused() -> None:
    with pytest.raises(
        DataError,
        match=r"is for the task multilabel, but the classifier was trained for regression\n  fix: give a dataset for",
    ):
        pellucid.evaluate(classifier_for(table("regression")), table("multilabel"))


def test_an_evaluation_is_written_in_every_form(tmp_path: Path) -> None:
    from pellucid.rendering.files import FORMS, write_result

    for task in NAMES:
        dataset = table(task)
        found = pellucid.evaluate(classifier_for(dataset), dataset, baselines=True)
        for form in FORMS:
            path = tmp_path / f"{task}.{form}"
            write_result(found, path)
            assert path.stat().st_size > 100
