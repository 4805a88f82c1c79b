"""Two classifiers on the same examples."""

import pytest
import torch

import pellucid
from pellucid.classifier.classifier import Classifier
from pellucid.classifier.comparing_classifiers import compare_classifiers
from pellucid.data.dataset import Dataset
from pellucid.data.preparing_images import ImagePreparation
from pellucid.errors import DataError, UnknownNameError
from pellucid.evaluation.comparing import compare_answers


@pytest.fixture
def other(dataset: Dataset) -> Classifier:
    """Another untrained network."""
    return Classifier(pellucid.mlp(36, (5,), 3, seed=1), ImagePreparation.fit(dataset.train), dataset.class_names)


def answers(classifier: Classifier, dataset: Dataset) -> torch.Tensor:
    return classifier.logits(torch.from_numpy(dataset.test.inputs)).argmax(dim=1)


def test_is_the_comparison_of_their_answers(classifier: Classifier, other: Classifier, dataset: Dataset) -> None:
    labels = torch.from_numpy(dataset.test.labels)
    expected = compare_answers(answers(classifier, dataset), answers(other, dataset), labels, names=("a", "b"))
    assert compare_classifiers(classifier, other, dataset, names=("a", "b")) == expected


def test_a_classifier_is_as_good_as_itself_whatever_order_its_classes_have(
    classifier: Classifier, dataset: Dataset
) -> None:
    network = pellucid.mlp(36, (8,), 3, seed=0)
    names = dataset.class_names
    with torch.no_grad():
        last = list(network.parameters())[-2:]
        for parameter in last:
            parameter.copy_(parameter[[2, 0, 1]])
    turned = Classifier(network, classifier.preparation, (names[2], names[0], names[1]))
    found = compare_classifiers(classifier, turned, dataset)
    assert (found.only_first, found.only_second, found.p_value) == (0, 0, 1.0)
    assert found.first_score == pellucid.evaluate(classifier, dataset).to_dict()["accuracy"]


def test_classifiers_of_other_classes_are_refused(classifier: Classifier, dataset: Dataset) -> None:
    other = Classifier(pellucid.mlp(36, (5,), 3, seed=1), classifier.preparation, ("a", "b", "c"))
    with pytest.raises(
        DataError,
        match=r"one answers multiclass of left, middle, right and two answers multiclass of a, b, c\n  fix: compare",
    ):
        compare_classifiers(classifier, other, dataset, names=("one", "two"))


def test_two_of_the_same_name_can_be_told_apart(classifier: Classifier, other: Classifier, dataset: Dataset) -> None:
    found = compare_classifiers(classifier, other, dataset, names=("dots", "dots"))
    assert (found.first, found.second) == ("dots (the first)", "dots (the second)")


def test_a_split_that_is_not_there_is_named(classifier: Classifier, other: Classifier, dataset: Dataset) -> None:
    with pytest.raises(UnknownNameError, match="there is no split 'validation'"):
        compare_classifiers(classifier, other, dataset, split="validation")
