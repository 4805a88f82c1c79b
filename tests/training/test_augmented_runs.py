"""Runs with augmented images."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid
from pellucid.data import batches as module
from pellucid.data.augmentation import Augmentation
from pellucid.data.augmenting import augmented
from pellucid.data.batches import Batches
from pellucid.data.columns import InputColumn
from pellucid.data.dataset import Dataset, Split
from pellucid.data.targets import learnable
from pellucid.errors import SettingError
from pellucid.networks.outputs import output_for
from pellucid.tasks import Task
from pellucid.training.engine import fit
from pellucid.training.settings import Settings

CPU = torch.device("cpu")


def weights_after(dataset: Dataset, augment: str, seed: int = 0) -> Tensor:
    network = pellucid.mlp((1, 6, 6), (16,), 3, seed=1)
    pellucid.train(network, dataset, Settings(epochs=2, batch_size=16, augment=augment, seed=seed), device="cpu")
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


def test_batches_are_augmented_blocks_in_the_order_of_the_generator(dataset: Dataset) -> None:
    split = dataset.train
    augmentation = Augmentation.parse("shift,rotate:20")
    batches = Batches(
        split, lambda raw: raw.float(), batch_size=4, device=CPU, generator=torch.Generator().manual_seed(3),
        augmentation=augmentation,
    )  # fmt: skip
    by_hand = torch.Generator().manual_seed(3)
    for _ in range(2):
        order = torch.randperm(len(split), generator=by_hand)
        found = list(batches)
        blocks = []
        for some in torch.split(order, 4 * module.BATCHES_PER_BLOCK):
            images, labels = torch.from_numpy(split.inputs)[some], torch.from_numpy(split.labels)[some]
            blocks.append(augmented(images, labels, augmentation, by_hand))
        assert torch.equal(
            torch.cat([inputs for inputs, _ in found]), torch.cat([images for images, _ in blocks]).float()
        )
        assert torch.equal(torch.cat([labels for _, labels in found]), torch.from_numpy(split.labels)[order])


def test_no_augmentation_leaves_a_run_as_it_was(dataset: Dataset) -> None:
    assert torch.equal(weights_after(dataset, "none"), weights_after(dataset, "auto"))
    assert not torch.equal(weights_after(dataset, "none"), weights_after(dataset, "shift"))


def test_a_seed_repeats_an_augmented_run_bit_for_bit(dataset: Dataset) -> None:
    text = "shift,rotate,erase,mixup"
    before = torch.get_rng_state()
    one = weights_after(dataset, text)
    assert torch.equal(before, torch.get_rng_state())
    torch.rand(3)
    assert torch.equal(one, weights_after(dataset, text))
    assert not torch.equal(one, weights_after(dataset, text, seed=1))


def test_validation_and_test_see_the_images_as_they_are(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def watched(images: Tensor, labels: Tensor, *rest: object) -> tuple[Tensor, Tensor]:
        seen.append(len(images))
        return images, labels

    monkeypatch.setattr(module, "augmented", watched)
    network = pellucid.cnn((1, 6, 6), (4,), 3, seed=0)
    run = pellucid.train(network, dataset, Settings(epochs=3, batch_size=16, augment="erase:1"), device="cpu")
    assert sum(seen) == 3 * len(dataset.train)
    assert run.history.best.validation_accuracy == pellucid.evaluate(run.classifier, dataset, split="validation").score


@pytest.mark.parametrize("start", ["auto", "plain"])
def test_mixed_labels_are_learned_from(dataset: Dataset, start: str) -> None:
    network = pellucid.mlp((1, 6, 6), (32,), 3, seed=1)
    settings = Settings(epochs=30, batch_size=16, augment="mixup:0.4", start=start)  # type: ignore[arg-type]
    run = pellucid.train(network, dataset, settings, device="cpu")
    assert run.evaluation is not None and run.evaluation.score > 0.9
    assert all(np.isfinite(epoch.train_loss) for epoch in run.history.epochs)
    assert run.settings.augment == "mixup:0.4"


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_of_mixed_labels_is_the_mixture_of_losses(smoothing: float) -> None:
    loss = nn.CrossEntropyLoss(label_smoothing=smoothing, reduction="none")
    logits, ones, others = torch.randn(9, 4), torch.arange(9) % 4, torch.arange(9) % 3
    share = torch.rand(9)
    probabilities = torch.eye(4)[ones] * share[:, None] + torch.eye(4)[others] * (1 - share)[:, None]
    assert torch.allclose(loss(logits, probabilities), share * loss(logits, ones) + (1 - share) * loss(logits, others))


@pytest.mark.parametrize("task", ["multiclass", "binary", "multilabel"])
def test_every_task_with_classes_takes_mixed_labels(dataset: Dataset, task: Task) -> None:
    images = dataset.train.inputs
    numbers = dataset.train.labels
    labels = numbers if task == "multiclass" else (numbers > 1).astype(np.int64)
    if task == "multilabel":
        labels = np.stack([numbers == 0, numbers > 0, numbers > 1], axis=1).astype(np.float32)
    outputs = 1 if task == "binary" else 3
    split = learnable(Split(images, labels), task, classes=outputs)
    assert split.labels.shape == (len(images), outputs)
    network = pellucid.mlp((1, 6, 6), (32,), outputs, seed=0)
    batches = Batches(
        split, lambda raw: raw.float() / 255, batch_size=16, device=CPU, generator=torch.Generator().manual_seed(0),
        augmentation=Augmentation(mixup=0.3),
    )  # fmt: skip
    settings = Settings(epochs=25, batch_size=16, learning_rate=0.01)
    history = fit(network, batches, None, output_for(task).make_loss(), settings, device=CPU)
    assert history.epochs[-1].train_loss < 0.7 * history.epochs[0].train_loss
    with torch.no_grad():
        answers = network(torch.from_numpy(images).float() / 255)
    right = answers.argmax(dim=1).numpy() == labels if task == "multiclass" else (answers > 0).numpy() == split.labels
    assert right.mean() > 0.9


def test_what_cannot_be_is_said_before_anything_is_trained(dataset: Dataset) -> None:
    rows = Split(np.zeros((4, 1), np.float32), np.array([0, 1, 0, 1]))
    table = Dataset("table", {"train": rows}, ("cat", "dog"), columns=(InputColumn("size", "number"),))
    with pytest.raises(SettingError, match=r"'shift:0\.1' is for images, but an input is a row of 1 columns"):
        pellucid.train(pellucid.mlp(1, (4,), 2), table, Settings(augment="shift"))
    with pytest.raises(SettingError, match=r"the augmentation shift is 3\.0"):
        replace(Settings(), augment="shift:3")


def test_a_run_says_why_auto_does_nothing(dataset: Dataset) -> None:
    run = pellucid.train(pellucid.mlp((1, 6, 6), (8,), 3), dataset, Settings(epochs=1, augment="auto"), device="cpu")
    assert run.choices.reasons["augment"] == "no augmentation, since pixels do not say which changes keep a class"
