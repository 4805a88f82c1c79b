"""The loop, against a plain PyTorch loop and by its promises."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, log_loss
from torch import Tensor, nn

import pellucid
from pellucid.data.batches import Batches
from pellucid.data.dataset import Dataset
from pellucid.data.preparing_images import ImagePreparation
from pellucid.errors import NonfiniteLossError, SettingError, ShapeError
from pellucid.networks.modes import evaluating
from pellucid.training.engine import fit
from pellucid.training.history import Epoch
from pellucid.training.scoring import measure
from pellucid.training.settings import Precision, Settings


def plain_loop(network: nn.Module, dataset: Dataset, settings: Settings, optimizer: torch.optim.Optimizer) -> None:
    """Fifteen lines of PyTorch that everyone would write."""
    preparation = ImagePreparation.fit(dataset.train)
    inputs = (torch.from_numpy(dataset.train.inputs).float() / 255 - preparation.mean[0]) / preparation.std[0]
    labels = torch.from_numpy(dataset.train.labels)
    loss_function = nn.CrossEntropyLoss(label_smoothing=settings.label_smoothing)
    generator = torch.Generator().manual_seed(settings.seed)
    network.train()
    assert isinstance(settings.epochs, int)
    assert settings.batch_size is not None
    for _ in range(settings.epochs):
        order = torch.randperm(len(labels), generator=generator)
        for index in torch.split(order, settings.batch_size):
            loss = loss_function(network(inputs[index]), labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def mean_of(normalisation: nn.Module) -> Tensor:
    """The running mean of a batch normalisation, as it is now."""
    return normalisation.get_buffer("running_mean").clone()


def weights_of(network: nn.Module) -> Tensor:
    """All weights in one row."""
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


@pytest.mark.parametrize("batch_size", [32, 7])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_reference_is_bit_equal_to_a_plain_loop(dataset: Dataset, optimizer: Any, batch_size: int) -> None:
    settings = Settings(
        epochs=3, batch_size=batch_size, optimizer=optimizer, schedule="constant", warmup=0, seed=5, reference=True
    )
    ours, plain = pellucid.mlp(36, (16,), 3, seed=1), pellucid.mlp(36, (16,), 3, seed=1)
    without_validation = Dataset("blobs", {"train": dataset.train}, dataset.class_names)
    run = pellucid.train(ours, without_validation, settings, device="cpu")
    rate, decay = run.settings.learning_rate, settings.weight_decay
    assert rate is not None
    made: torch.optim.Optimizer = torch.optim.AdamW(
        plain.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=decay, fused=True
    )
    if optimizer == "sgd":
        made = torch.optim.SGD(plain.parameters(), lr=rate, momentum=0.9, weight_decay=decay, nesterov=True, fused=True)
    plain_loop(plain, dataset, settings, made)
    for (name, mine), theirs in zip(ours.state_dict().items(), plain.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs), name


def test_bfloat16_products_keep_float32_weights_and_learn_as_well(dataset: Dataset) -> None:
    accuracies = []
    precisions: tuple[Precision, ...] = ("float32", "bfloat16")
    for precision in precisions:
        network = pellucid.mlp(36, (32,), 3, seed=1)
        settings = Settings(epochs=10, batch_size=16, precision=precision)
        run = pellucid.train(network, dataset, settings)
        assert run.precision == precision
        assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
        assert run.evaluation is not None
        accuracies.append(run.evaluation.score)
    assert accuracies[1] >= accuracies[0] - 0.04  # two of fifty images


def test_a_network_that_cannot_take_bfloat16_is_trained_in_float32(dataset: Dataset) -> None:
    class ByHand(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(36, 3)

        def forward(self, inputs: Tensor) -> Tensor:
            logits: Tensor = self.linear(inputs.flatten(1))
            assert logits.dtype == torch.float32
            return logits

    assert pellucid.train(ByHand(), dataset, Settings(epochs=1)).precision == "float32"


def test_the_same_seed_gives_the_same_weights_twice(dataset: Dataset) -> None:
    states = []
    for _ in range(2):
        torch.rand(3)  # what happened before must not matter
        network = pellucid.mlp(36, (16,), 3, dropout=0.5, seed=3)
        pellucid.train(network, dataset, Settings(epochs=2, batch_size=16, seed=4))
        states.append(weights_of(network))
    assert torch.equal(*states)


def test_another_seed_gives_other_weights(dataset: Dataset) -> None:
    states = []
    for seed in (1, 2):
        network = pellucid.mlp(36, (16,), 3, seed=3)
        pellucid.train(network, dataset, Settings(epochs=1, batch_size=16, seed=seed))
        states.append(weights_of(network))
    assert not torch.equal(*states)


def test_leaves_the_random_generator_as_it_was(dataset: Dataset) -> None:
    before = torch.get_rng_state()
    pellucid.train(pellucid.mlp(36, (8,), 3, dropout=0.5, seed=0), dataset, Settings(epochs=1))
    assert torch.equal(before, torch.get_rng_state())


def test_the_network_ends_with_the_weights_of_its_best_epoch(dataset: Dataset) -> None:
    network = pellucid.mlp(36, (16,), 3, seed=0)
    # So large a rate that late epochs are often worse than earlier ones.
    settings = Settings(epochs=8, batch_size=16, learning_rate=0.2, optimizer="sgd", schedule="constant")
    run = pellucid.train(network, dataset, settings)
    best = run.history.best
    expected = pellucid.evaluate(run.classifier, dataset, split="validation")
    assert best.validation_accuracy == max(epoch.validation_accuracy or 0 for epoch in run.history.epochs)
    assert isinstance(expected, pellucid.Evaluation)
    assert expected.accuracy == best.validation_accuracy
    assert expected.loss == pytest.approx(best.validation_loss, 1e-5)


def test_patience_ends_a_run_that_no_longer_gets_better(dataset: Dataset) -> None:
    settings = Settings(epochs=50, batch_size=16, learning_rate=0.01, schedule="constant", patience=2)
    history = pellucid.train(pellucid.mlp(36, (16,), 3, seed=0), dataset, settings).history
    assert history.ending == "patience"
    assert len(history.epochs) == history.best_epoch + 2


def test_a_loss_that_is_no_number_stops_before_the_update_and_names_the_step(dataset: Dataset) -> None:
    class Breaks(nn.Module):
        """Gives NaN from its 13th training step on."""

        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(36, 3)
            self.steps = 0
            self.at_twelfth = torch.empty(0)

        def forward(self, inputs: Tensor) -> Tensor:
            if self.training:
                self.steps += 1
                if self.steps == 13:
                    self.at_twelfth = self.linear.weight.detach().clone()
            logits: Tensor = self.linear(inputs.flatten(1))
            return logits * math.nan if self.steps >= 13 else logits

    network = Breaks()
    without_validation = Dataset("blobs", {"train": dataset.train}, dataset.class_names)
    # 130 examples by 16 are 9 steps an epoch, so the 13th step is the fourth of the second epoch.
    with pytest.raises(NonfiniteLossError, match=r"epoch 2, step 4 of 9; its update was not made(.|\n)*--lr"):
        pellucid.train(network, without_validation, Settings(epochs=3, batch_size=16))
    assert network.linear.weight.isfinite().all()


@pytest.mark.parametrize("reference", [True, False])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_no_update_is_made_after_a_loss_that_is_no_number(optimizer: Any, *, reference: bool) -> None:
    from pellucid.training.engine import weights_of
    from pellucid.training.guard import LossGuard

    network = nn.Linear(4, 2)
    guard = LossGuard(torch.device("cpu"))
    weights = weights_of(network, Settings(optimizer=optimizer, reference=reference), guard.is_bad, "float32")

    def step(factor: float) -> None:
        loss = network(torch.ones(1, 4)).sum() * factor
        weights.clear()
        loss.backward()
        guard.see(loss, 1)
        weights.step(0.1)

    step(1.0)
    before = network.weight.detach().clone()
    step(math.inf)
    step(1.0)
    assert torch.equal(network.weight, before)
    with pytest.raises(NonfiniteLossError, match="epoch 1, step 2 of 5"):
        guard.check(3, 5)


def test_limits_the_norm_of_the_gradients() -> None:
    network = nn.Linear(2, 2, bias=False)
    seen: list[float] = []
    original = nn.utils.clip_grad_norm_

    def spy(*arguments: Any, **options: Any) -> Tensor:
        norm = original(*arguments, **options)
        assert network.weight.grad is not None
        seen.append(float(network.weight.grad.norm()))
        return norm

    images = np.full((8, 1, 1, 2), 255, np.uint8)
    images[::2] = 0
    split = pellucid.Split(images, np.array([0, 1] * 4, np.int64))
    batches = Batches(split, ImagePreparation.fit(split), batch_size=4, device=torch.device("cpu"))

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        return logits.square().sum() * 1000

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.utils, "clip_grad_norm_", spy)
        fit(
            nn.Sequential(nn.Flatten(), network), batches, None, loss,
            Settings(epochs=1, learning_rate=0.1, clip_norm=0.5, reference=True), device=torch.device("cpu"),
        )  # fmt: skip
    assert len(seen) == 2
    assert all(norm == pytest.approx(0.5, rel=1e-4) for norm in seen)


def test_a_frozen_normalisation_inside_a_training_network_stays_frozen(dataset: Dataset) -> None:
    network = pellucid.mlp(36, (16,), 3, norm="batch", seed=0)
    frozen = network.get_submodule("linear_relu_stack.1").eval()
    before = mean_of(frozen)
    pellucid.train(network, dataset, Settings(epochs=1, batch_size=16))
    assert torch.equal(mean_of(frozen), before)


def test_a_network_in_evaluation_mode_is_trained_in_training_mode(dataset: Dataset) -> None:
    network = pellucid.mlp(36, (16,), 3, norm="batch", seed=0).eval()
    before = mean_of(network.get_submodule("linear_relu_stack.1"))
    pellucid.train(network, dataset, Settings(epochs=1, batch_size=16))
    assert not torch.equal(mean_of(network.get_submodule("linear_relu_stack.1")), before)


def test_frozen_parameters_do_not_move(dataset: Dataset) -> None:
    network = pellucid.mlp(36, (16,), 3, seed=0)
    weight = network.get_parameter("linear_relu_stack.0.weight")
    weight.requires_grad_(False)
    before = weight.clone()
    pellucid.train(network, dataset, Settings(epochs=1))
    assert torch.equal(weight, before)


def test_measures_as_scikit_learn_does(dataset: Dataset) -> None:
    network = pellucid.mlp(36, (16,), 3, seed=0)
    preparation = ImagePreparation.fit(dataset.train)
    batches = Batches(dataset.validation, preparation, batch_size=7, device=torch.device("cpu"))
    with evaluating(network):
        logits = network(preparation(torch.from_numpy(dataset.validation.inputs)))
    score = measure(network, batches)
    probabilities = logits.double().softmax(dim=1).numpy()
    labels = dataset.validation.labels
    assert score.loss == pytest.approx(log_loss(labels, probabilities, labels=[0, 1, 2]), rel=1e-5)
    assert score.accuracy == pytest.approx(accuracy_score(labels, probabilities.argmax(axis=1)))


def test_the_train_loss_is_the_mean_over_the_losses_of_all_examples(dataset: Dataset) -> None:
    losses: list[tuple[float, int]] = []
    plain = nn.CrossEntropyLoss()

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        value: Tensor = plain(logits, labels)
        losses.append((value.item(), len(labels)))
        return value

    batches = Batches(dataset.train, ImagePreparation.fit(dataset.train), batch_size=32, device=torch.device("cpu"))
    network = pellucid.mlp(36, (16,), 3, seed=0)
    history = fit(network, batches, None, loss, Settings(epochs=1, learning_rate=0.01), device=torch.device("cpu"))
    assert history.epochs[0].train_loss == pytest.approx(sum(value * n for value, n in losses) / 130, rel=1e-6)


def test_watching_changes_nothing(dataset: Dataset) -> None:
    events: list[object] = []
    states = []
    watchers: list[Callable[[object], None] | None] = [None, events.append]
    for watcher in watchers:
        network = pellucid.mlp(36, (16,), 3, seed=3)
        pellucid.train(network, dataset, Settings(epochs=2, batch_size=16), watcher=watcher)
        states.append(weights_of(network))
    assert torch.equal(*states)
    assert [event.epoch for event in events if isinstance(event, Epoch)] == [1, 2]


def test_a_network_with_nothing_to_train_is_told_so(dataset: Dataset) -> None:
    class Empty(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            return inputs.flatten(1)[:, :3]

    with pytest.raises(SettingError, match="Empty has no parameters to train"):
        pellucid.train(Empty(), dataset)


def test_a_network_of_another_width_is_told_which(dataset: Dataset) -> None:
    with pytest.raises(
        ShapeError, match=r"gives \[2, 5\] for 2 examples, not \[2, 3\]\n  fix: .*make the last layer 3"
    ):
        pellucid.train(pellucid.mlp(36, (8,), 5), dataset)


def test_a_network_for_other_inputs_is_told_their_shape(dataset: Dataset) -> None:
    message = r"Linear\(35→8\) .*was given 36 features by Flatten.*\n  fix: make in_features 36"
    with pytest.raises(ShapeError, match=message) as caught:
        pellucid.train(pellucid.mlp(35, (8,), 3), dataset)
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_choices_never_see_the_test_split(dataset: Dataset) -> None:
    other = Dataset("blobs", {**dataset.splits, "test": dataset.test.take(np.arange(5))}, dataset.class_names)
    states = []
    for one in (dataset, other):
        network = pellucid.mlp(36, (16,), 3, seed=3)
        pellucid.train(network, one, Settings(epochs=3, batch_size=16))
        states.append(weights_of(network))
    assert torch.equal(*states)


def test_the_doctor_speaks_before_training(dataset: Dataset) -> None:
    events: list[object] = []
    network = pellucid.mlp(36, (16,), 3, output_activation="relu", seed=0)
    run = pellucid.train(network, dataset, Settings(epochs=1), watcher=events.append)
    kinds = [type(event).__name__ for event in events]
    assert kinds[:3] == ["Architecture", "Checkup", "Choices"]
    assert [finding.rule for finding in run.checkup.causes] == ["rectified-logits"]
    assert run.to_dict()["findings"][0]["rule"] == "rectified-logits"
    assert "rectified-logits" in str(run)


def test_the_doctor_has_nothing_to_say_of_the_default_network(dataset: Dataset) -> None:
    run = pellucid.train(pellucid.mlp(36, (16,), 3, seed=0), dataset, Settings(epochs=1))
    assert run.checkup.is_healthy
