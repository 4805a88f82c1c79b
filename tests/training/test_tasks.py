"""Training of every task on real tables of scikit-learn's: two classes, numbers, several labels at once."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn import datasets, metrics
from torch import nn

import pellucid
from pellucid.data.batches import Batches
from pellucid.data.columns import InputColumn
from pellucid.data.dataset import Dataset, Split
from pellucid.data.splitting import split_indices
from pellucid.data.targets import TargetScale, learnable
from pellucid.errors import SettingError, ShapeError
from pellucid.tasks import Task
from pellucid.training.losses import loss_for
from pellucid.training.scoring import Score, measure
from pellucid.training.settings import Settings

CPU = torch.device("cpu")


def table(inputs: NDArray[np.float64], labels: NDArray[np.generic], names: tuple[str, ...], task: Task) -> Dataset:
    places = split_indices(labels, task)
    values = inputs.astype(np.float32)
    columns = tuple(InputColumn(str(number), "number") for number in range(inputs.shape[1]))
    splits = {name: Split(values[where], labels[where]) for name, where in places.items()}
    return Dataset("made", splits, names, task=task, columns=columns)


@pytest.fixture(scope="module")
def cancer() -> Dataset:
    inputs, labels = datasets.load_breast_cancer(return_X_y=True)
    return table(inputs, labels.astype(np.int64), ("malignant", "benign"), "binary")


@pytest.fixture(scope="module")
def diabetes() -> Dataset:
    inputs, labels = datasets.load_diabetes(return_X_y=True)
    return table(inputs, labels.astype(np.float32)[:, None], ("progression",), "regression")


@pytest.fixture(scope="module")
def segments() -> Dataset:
    """Digits by the segments of a display that they light: seven labels, several at once."""
    inputs, labels = datasets.load_digits(return_X_y=True)
    lit = ("abcdef", "bc", "abdeg", "abcdg", "bcfg", "acdfg", "acdefg", "abc", "abcdefg", "abcdfg")
    held = np.array([[segment in lit[label] for segment in "abcdefg"] for label in labels], np.float32)
    return table(inputs, held, tuple("abcdefg"), "multilabel")


def answers(run: pellucid.Run, dataset: Dataset) -> NDArray[np.float32]:
    found: NDArray[np.float32] = run.classifier.logits(torch.from_numpy(dataset.test.inputs)).numpy()
    return found


def test_two_classes_train_one_output_whose_sigmoid_is_the_probability(cancer: Dataset, tmp_path: Path) -> None:
    network = pellucid.mlp(30, (32,), 1, seed=0)
    run = pellucid.train(network, cancer, Settings(epochs=15))
    logits = answers(run, cancer)
    with torch.no_grad():
        raw = network(run.classifier.preparation(torch.from_numpy(cancer.test.inputs)))
    assert logits[:, 0].tolist() == [0.0] * len(logits)
    assert np.allclose(torch.from_numpy(logits).softmax(1)[:, 1], raw.sigmoid()[:, 0], atol=1e-6)
    assert metrics.accuracy_score(cancer.test.labels, logits.argmax(axis=1)) > 0.93
    pellucid.save(run.classifier, tmp_path / "cancer.safetensors")
    again = pellucid.load(tmp_path / "cancer.safetensors")
    assert again.task == "binary"
    assert again.logits(torch.from_numpy(cancer.test.inputs)).numpy() == pytest.approx(logits, abs=1e-5)


def test_two_outputs_for_two_classes_are_trained_as_two_classes(cancer: Dataset) -> None:
    run = pellucid.train(pellucid.mlp(30, (16,), 2, seed=0), cancer, Settings(epochs=5))
    assert run.classifier.task == "multiclass"
    assert answers(run, cancer).shape == (len(cancer.test), 2)


def test_a_regression_answers_in_the_units_of_its_labels(diabetes: Dataset, tmp_path: Path) -> None:
    run = pellucid.train(pellucid.mlp(10, (16,), 1, seed=0), diabetes, Settings(epochs=20))
    found = answers(run, diabetes)
    assert metrics.r2_score(diabetes.test.labels, found) > 0.3
    best = run.history.best
    validation = run.classifier.logits(torch.from_numpy(diabetes.validation.inputs)).numpy()
    assert best.validation_accuracy is None
    assert best.validation_r2 == pytest.approx(metrics.r2_score(diabetes.validation.labels, validation), abs=1e-4)
    pellucid.save(run.classifier, tmp_path / "diabetes.safetensors")
    again = pellucid.load(tmp_path / "diabetes.safetensors")
    assert again.targets == run.classifier.targets
    assert again.logits(torch.from_numpy(diabetes.test.inputs)).numpy() == pytest.approx(found, rel=1e-5)


def test_several_labels_at_once_have_an_output_each(segments: Dataset, tmp_path: Path) -> None:
    run = pellucid.train(pellucid.mlp(64, (64,), 7, seed=0), segments, Settings(epochs=15))
    found = answers(run, segments)
    assert metrics.f1_score(segments.test.labels, found > 0, average="macro") > 0.93
    validation = run.classifier.logits(torch.from_numpy(segments.validation.inputs)).numpy()
    share = 1 - metrics.hamming_loss(segments.validation.labels, validation > 0)
    assert run.history.best.validation_accuracy == pytest.approx(share)
    pellucid.save(run.classifier, tmp_path / "segments.safetensors")
    assert pellucid.load(tmp_path / "segments.safetensors").task == "multilabel"


def test_a_reference_run_of_a_regression_is_the_plain_loop_bit_for_bit(diabetes: Dataset) -> None:
    settings = Settings(epochs=2, batch_size=32, learning_rate=1e-2, reference=True, schedule="constant", warmup=0.0)
    trained = pellucid.mlp(10, (16,), 1, seed=0)
    pellucid.train(trained, diabetes, settings, device="cpu")
    plain = pellucid.mlp(10, (16,), 1, seed=0)
    optimizer = torch.optim.AdamW(plain.parameters(), 1e-2, betas=(0.9, 0.99), weight_decay=0.0, fused=True)
    train = diabetes.train
    mean, std = train.inputs.astype(np.float64).mean(axis=0), train.inputs.astype(np.float64).std(axis=0)
    inputs = (torch.from_numpy(train.inputs) - torch.tensor(mean).float()) / torch.tensor(std).float()
    labels = train.labels.astype(np.float64)
    targets = torch.from_numpy(((labels - labels.mean(axis=0)) / labels.std(axis=0)).astype(np.float32))
    generator = torch.Generator().manual_seed(0)
    scores = []
    for _ in range(2):
        for places in torch.split(torch.randperm(len(train), generator=generator), 32):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(plain(inputs[places]), targets[places])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        held = diabetes.validation
        with torch.no_grad():
            found = plain((torch.from_numpy(held.inputs) - torch.tensor(mean).float()) / torch.tensor(std).float())
        wanted = (held.labels - labels.mean(axis=0)) / labels.std(axis=0)
        scores.append((float(((found.numpy() - wanted) ** 2).mean()), [p.detach().clone() for p in plain.parameters()]))
    best = min(scores, key=lambda score: score[0])[1]
    assert all(torch.equal(one, other) for one, other in zip(trained.parameters(), best, strict=True))


def test_balanced_classes_weigh_alike_together() -> None:
    labels = np.array([0] * 90 + [1] * 10, np.int64)
    split = Split(np.zeros((100, 2), np.float32), labels)
    loss = loss_for("multiclass", Settings(balance=True), split, 2, CPU)
    assert isinstance(loss, nn.CrossEntropyLoss)
    assert loss.weight is not None
    assert (loss.weight * torch.tensor([90.0, 10.0])).tolist() == pytest.approx([50.0, 50.0])
    rare = loss_for("binary", Settings(balance=True), learnable(split, "binary"), 2, CPU)
    assert isinstance(rare, nn.BCEWithLogitsLoss)
    assert rare.pos_weight is not None
    assert rare.pos_weight.tolist() == [9.0]


def test_a_regression_has_no_classes_to_balance(diabetes: Dataset) -> None:
    with pytest.raises(SettingError, match=r"no classes to balance\n  fix: leave balance out"):
        pellucid.train(pellucid.mlp(10, (8,), 1, seed=0), diabetes, Settings(balance=True))


def test_a_network_with_other_outputs_than_the_task_has_is_refused(segments: Dataset) -> None:
    with pytest.raises(ShapeError, match=r"gives \[2, 3\] for 2 examples, not \[2, 7\]\n  fix: .*last layer 7 wide"):
        pellucid.train(pellucid.mlp(64, (8,), 3, seed=0), segments)


def test_scaled_targets_come_back_as_they_were() -> None:
    labels = np.array([[1e6, 5.0], [1e6 + 3, 5.0], [1e6 + 9, 5.0]], np.float32)
    split = Split(np.zeros((3, 2), np.float32), labels)
    scale = TargetScale.fit(split)
    scaled = learnable(split, "regression", scale).labels
    assert scaled.mean(axis=0).tolist() == pytest.approx([0.0, 0.0], abs=1e-6)
    assert scale.restore(torch.from_numpy(scaled)).numpy() == pytest.approx(labels)


def test_rare_classes_are_found_more_often_when_balanced(cancer: Dataset) -> None:
    generator = np.random.default_rng(0)
    labels = (generator.random(4000) < 0.04).astype(np.int64)
    inputs = generator.normal(size=(4000, 2)) + labels[:, None]
    dataset = table(inputs, labels, ("common", "rare"), "binary")
    recalls = []
    for balance in (False, True):
        run = pellucid.train(pellucid.mlp(2, (8,), 1, seed=0), dataset, Settings(epochs=5, balance=balance))
        recalls.append(metrics.recall_score(dataset.test.labels, answers(run, dataset).argmax(axis=1)))
    assert recalls[1] > recalls[0] + 0.3


def test_a_constant_target_has_no_variance_to_explain() -> None:
    split = Split(np.zeros((7, 1), np.float32), np.full((7, 1), 0.7, np.float32))
    batches = Batches(split, lambda raw: raw, batch_size=4, device=CPU)
    network = nn.Linear(1, 1)
    assert measure(network, batches, "regression").r2 == 0.0


def test_a_loss_that_is_no_number_is_never_the_best() -> None:
    assert Score(0.5, 0.9).rank > Score(float("nan"), 0.0).rank
    assert Score(5.0, 0.0).rank > Score(float("nan"), 0.0).rank


def test_missing_inputs_of_validation_alone_do_not_lose_the_training(tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((60, 1, 4, 4)).astype(np.float32)
    labels = np.arange(60) % 3
    held = Split(np.full((6, 1, 4, 4), np.nan, np.float32), np.arange(6) % 3)
    dataset = Dataset("made", {"train": Split(images, labels), "validation": held}, ("a", "b", "c"))
    run = pellucid.train(pellucid.mlp(16, (8,), 3, seed=0), dataset, Settings(epochs=2))
    pellucid.save(run.classifier, tmp_path / "made.safetensors")
    assert pellucid.load(tmp_path / "made.safetensors").metrics["history"]["epochs"][0]["validation_loss"] is None
