"""What a classifier says of images, and that asking leaves no mark."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import accuracy_score

import pellucid
from pellucid.classifier.classifier import Classifier
from pellucid.classifier.predictions import Prediction
from pellucid.data.dataset import Dataset
from pellucid.data.preparing_images import ImagePreparation
from pellucid.errors import DataError, MissingFileError, UnknownNameError


def by_hand(classifier: Classifier, inputs: NDArray[np.uint8]) -> torch.Tensor:
    """The probabilities, without any code of the classifier's."""
    preparation = classifier.preparation
    assert isinstance(preparation, ImagePreparation)
    prepared = (torch.from_numpy(inputs).float() / 255 - preparation.mean[0]) / preparation.std[0]
    with torch.no_grad():
        return torch.softmax(classifier.network.eval()(prepared), dim=1)


def test_files_arrays_tensors_and_pictures_are_answered_alike(
    classifier: Classifier, dataset: Dataset, tmp_path: Path
) -> None:
    image = dataset.test.inputs[0]
    Image.fromarray(image[0]).save(tmp_path / "one.png")
    np.save(tmp_path / "one.npy", image[0])
    expected = by_hand(classifier, image[None])[0].tolist()
    forms = [tmp_path / "one.png", str(tmp_path / "one.npy"), Image.fromarray(image[0]), image, torch.from_numpy(image)]
    for form in [*forms, image[None], image[0]]:
        (prediction,) = pellucid.predict(classifier, form).predictions
        assert isinstance(prediction, Prediction)
        assert [prediction.probabilities[name] for name in classifier.class_names] == pytest.approx(expected, abs=1e-6)
        assert prediction.label == classifier.class_names[int(np.argmax(expected))]
    assert len(pellucid.predict(classifier, forms)) == 5


def test_a_batch_is_answered_in_its_order(classifier: Classifier, dataset: Dataset) -> None:
    predictions = pellucid.predict(classifier, dataset.test.inputs)
    expected = by_hand(classifier, dataset.test.inputs).argmax(dim=1).tolist()
    assert predictions.labels == [classifier.class_names[index] for index in expected]
    assert [prediction.source for prediction in predictions.predictions[:2]] == ["input 0[0]", "input 0[1]"]


def test_shows_the_most_probable_first_and_as_many_as_asked(classifier: Classifier, dataset: Dataset) -> None:
    predictions = pellucid.predict(classifier, dataset.test.inputs[:1], top=2)
    assert isinstance(predictions[0], Prediction)
    shares = list(predictions[0].probabilities.values())
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1)
    assert len(predictions.to_dict()["predictions"][0]["probabilities"]) == 2


def test_says_what_was_done_to_an_image(classifier: Classifier) -> None:
    (prediction,) = pellucid.predict(classifier, Image.new("RGB", (12, 9), (200, 30, 30))).predictions
    assert prediction.notes == ("made grey", "resized from 12x9 to 6x6")


def test_nothing_to_predict_is_an_error(classifier: Classifier, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there are no inputs to predict"):
        pellucid.predict(classifier, [])
    with pytest.raises(MissingFileError, match="there is no file"):
        pellucid.predict(classifier, tmp_path / "nothing.png")
    with pytest.raises(DataError, match="input 0 is a int"):
        pellucid.predict(classifier, [3])


def test_asking_leaves_no_mark(dataset: Dataset) -> None:
    network = pellucid.mlp(36, (8,), 3, norm="batch", dropout=0.5, seed=0).train()
    network.get_submodule("linear_relu_stack.1").eval()
    classifier = Classifier(network, ImagePreparation.fit(dataset.train), dataset.class_names)
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    flags = [module.training for module in network.modules()]
    generators = torch.get_rng_state(), random.getstate(), np.random.get_state(legacy=False)["state"]["key"].copy()
    pellucid.predict(classifier, dataset.test.inputs)
    pellucid.evaluate(classifier, dataset)
    assert [module.training for module in network.modules()] == flags
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), generators[0])
    assert random.getstate() == generators[1]
    assert np.array_equal(np.random.get_state(legacy=False)["state"]["key"], generators[2])
    assert all(parameter.grad is None for parameter in network.parameters())


def test_evaluates_as_scikit_learn_does(classifier: Classifier, dataset: Dataset) -> None:
    evaluation = pellucid.evaluate(classifier, dataset)
    assert isinstance(evaluation, pellucid.Evaluation)
    predicted = by_hand(classifier, dataset.test.inputs).argmax(dim=1)
    assert evaluation.accuracy == pytest.approx(accuracy_score(dataset.test.labels, predicted))
    assert evaluation.examples == 40
    for mistake in evaluation.mistakes:
        assert classifier.class_names[dataset.test.labels[mistake.example]] == mistake.label != mistake.predicted
        assert np.array_equal(mistake.picture, dataset.test.inputs[mistake.example, 0])  # type: ignore[arg-type]


def test_other_classes_are_refused(classifier: Classifier, dataset: Dataset) -> None:
    other = Dataset("dots", dataset.splits, ("a", "b", "c"))
    with pytest.raises(DataError, match=r"has the classes a, b, c but the classifier knows left, middle, right"):
        pellucid.evaluate(classifier, other)


def test_classes_that_are_only_numbered_are_taken_in_order(classifier: Classifier, dataset: Dataset) -> None:
    numbered = Dataset("dots", dataset.splits, ("0", "1", "2"))
    assert pellucid.evaluate(classifier, numbered).score == pellucid.evaluate(classifier, dataset).score


def test_a_split_that_is_not_there_is_named(classifier: Classifier, dataset: Dataset) -> None:
    with pytest.raises(UnknownNameError, match="there is no split 'validation'"):
        pellucid.evaluate(classifier, dataset, split="validation")
