"""The simplest answers, against scikit-learn."""

import json

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, r2_score
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import StandardScaler

from pellucid.errors import DataError, ShapeError
from pellucid.evaluation.baselines import MOST_EXAMPLES, Baseline, baselines, some_of, stand
from pellucid.evaluation.logistic import logistic_regression, ridge_regression
from pellucid.evaluation.metrics import wilson_interval
from pellucid.tasks import Task

Four = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def halves(inputs: np.ndarray, labels: np.ndarray) -> Four:
    """Every second example to train on, standardised, and the others to judge."""
    scaled = StandardScaler().fit_transform(inputs)
    order = np.random.default_rng(0).permutation(len(inputs))
    prepared, true = torch.from_numpy(scaled[order]).float(), torch.from_numpy(labels[order])
    return prepared[::2], true[::2], prepared[1::2], true[1::2]


def by_name(data: Four, task: Task) -> dict[str, Baseline]:
    return {baseline.name: baseline for baseline in baselines(*data, task)}


@pytest.fixture(scope="module")
def iris() -> Four:
    return halves(*load_iris(return_X_y=True))


def test_baselines_of_classes_are_scikit_learns(iris: Four) -> None:
    train, labels, test, true = iris
    found = by_name(iris, "multiclass")
    theirs = {
        "the majority class": DummyClassifier().fit(train, labels),
        "nearest centroid": NearestCentroid().fit(train.double(), labels),
        "logistic regression": LogisticRegression(max_iter=1000).fit(train, labels),
    }
    for name, fitted in theirs.items():
        assert found[name].answers.tolist() == fitted.predict(test.numpy()).tolist(), name
        assert found[name].score == pytest.approx(fitted.score(test.numpy(), true))
        right = round(found[name].score * len(true))
        assert found[name].interval == wilson_interval(right, len(true))
    scores = [baseline.score for baseline in baselines(*iris, "multiclass")]
    assert scores == sorted(scores, reverse=True)


def test_logistic_regression_has_the_weights_of_scikit_learn(iris: Four) -> None:
    train, labels, _, _ = iris
    weight, bias = logistic_regression(train, labels, 3, iterations=500)
    theirs = LogisticRegression(max_iter=1000, tol=1e-8).fit(train, labels)
    assert weight.numpy() == pytest.approx(theirs.coef_, abs=2e-3)
    # Biases are free up to a constant that all classes share.
    assert (bias - bias.mean()).numpy() == pytest.approx(theirs.intercept_ - theirs.intercept_.mean(), abs=2e-3)


def test_logistic_regression_of_labels_has_the_weights_of_scikit_learn() -> None:
    train, labels, _, _ = halves(*load_breast_cancer(return_X_y=True))
    weight, bias = logistic_regression(train, labels[:, None].float(), iterations=500)
    theirs = LogisticRegression(max_iter=5000, tol=1e-8).fit(train, labels)
    assert weight.numpy() == pytest.approx(theirs.coef_, abs=5e-3)
    assert bias.numpy() == pytest.approx(theirs.intercept_, abs=5e-3)


@pytest.mark.parametrize("features", [5, 40])
def test_ridge_regression_has_the_weights_of_scikit_learn(features: int) -> None:
    generator = np.random.default_rng(0)
    inputs, labels = generator.normal(3, 1, (30, features)), generator.normal(100, 10, (30, 2))
    weight, bias = ridge_regression(torch.from_numpy(inputs), torch.from_numpy(labels), penalty=0.7)
    theirs = Ridge(alpha=0.7).fit(inputs, labels)
    assert weight.numpy() == pytest.approx(theirs.coef_)
    assert bias.numpy() == pytest.approx(theirs.intercept_)


def test_baselines_of_a_regression_are_scikit_learns() -> None:
    inputs, progression = load_diabetes(return_X_y=True)
    data = halves(inputs, np.stack([progression, -3 * progression], axis=1).astype(np.float32))
    train, labels, test, true = data
    found = by_name(data, "regression")
    assert found["the mean"].score == pytest.approx(
        r2_score(true.double(), labels.double().mean(dim=0).expand(len(true), -1))
    )
    assert found["ridge regression"].score == pytest.approx(
        r2_score(true.double(), Ridge().fit(train.double(), labels.double()).predict(test.double()))
    )
    assert found["ridge regression"].interval_method == "bootstrap"
    low, high = found["ridge regression"].interval
    assert low < found["ridge regression"].score < high


def test_baselines_of_several_labels_are_scikit_learns() -> None:
    inputs, classes = load_iris(return_X_y=True)
    marks = np.stack([classes != 0, inputs[:, 0] > 5.8, classes == 2], axis=1).astype(np.float32)
    data = halves(inputs, marks)
    train, labels, test, true = data
    found = by_name(data, "multilabel")
    frequent = (labels.mean(dim=0) > 0.5).float().expand(len(true), -1)
    assert found["the frequent labels"].score == pytest.approx(f1_score(true, frequent, average="micro"))
    theirs = MultiOutputClassifier(LogisticRegression(max_iter=1000)).fit(train, labels).predict(test)
    assert found["logistic regression"].answers.tolist() == theirs.tolist()
    assert found["logistic regression"].score == pytest.approx(f1_score(true, theirs, average="micro"))


def test_a_class_without_training_examples_is_never_answered(iris: Four) -> None:
    train, labels, test, true = iris
    kept = labels != 1
    for baseline in baselines(train[kept], labels[kept], test, true, "multiclass"):
        assert 1 not in baseline.answers.tolist(), baseline.name


def test_many_training_examples_are_drawn_from_by_a_fixed_seed() -> None:
    drawn = some_of(MOST_EXAMPLES + 5)
    assert len(np.unique(drawn)) == MOST_EXAMPLES and (np.diff(drawn) > 0).all()
    assert (drawn == some_of(MOST_EXAMPLES + 5)).all()
    assert some_of(3).tolist() == [0, 1, 2]
    inputs = torch.zeros(MOST_EXAMPLES + 5, 1)
    labels = torch.zeros(len(inputs), dtype=torch.int64)
    assert baselines(inputs, labels, inputs[:3], labels[:3], "multiclass")[0].fitted_on == MOST_EXAMPLES


def test_images_are_flattened_and_fitting_leaves_no_mark() -> None:
    generator = torch.Generator().manual_seed(0)
    images, labels = torch.randn(60, 1, 3, 3, generator=generator), torch.arange(60) % 2
    images += labels.view(-1, 1, 1, 1)
    kept, state = images.clone(), torch.get_rng_state()
    with torch.no_grad():
        found = by_name((images[:40], labels[:40], images[40:], labels[40:]), "binary")
        assert not torch.is_grad_enabled()
    assert found["logistic regression"].score > 0.7
    assert torch.equal(images, kept) and torch.equal(torch.get_rng_state(), state)


def test_a_classifier_is_compared_with_each(iris: Four) -> None:
    true = iris[3]
    found = stand(true, true, baselines(*iris, "multiclass"), "multiclass")
    assert [one.second for one in found.comparisons] == [baseline.name for baseline in found.baselines]
    assert found.sentence().startswith(("beats logistic regression, ", "not shown to beat logistic regression, "))
    majority = next(one for one in found.comparisons if one.second == "the majority class")
    assert majority.is_significant and majority.only_second == 0
    worse = stand((true + 1) % 3, true, baselines(*iris, "multiclass"), "multiclass")
    assert worse.sentence().startswith("worse than logistic regression, ")
    assert any("not shown to beat every baseline" in str(block) for block in worse.blocks())
    assert json.loads(json.dumps(found.to_dict())) == found.to_dict()


def test_what_does_not_belong_together_is_refused(iris: Four) -> None:
    train, labels, test, true = iris
    with pytest.raises(ShapeError, match="there are 75 training inputs but 74 labels\n  fix: give one label for each"):
        baselines(train, labels[1:], test, true, "multiclass")
    with pytest.raises(DataError, match="there are no judged examples to compare with\n  fix: give a split"):
        baselines(train, labels, test[:0], true[:0], "multiclass")
