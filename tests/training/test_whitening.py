"""The whitened start: another basis while training, the ordinary network afterwards."""

import copy

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor, nn

import pellucid
from pellucid.data.batches import Batches
from pellucid.data.dataset import Dataset, Split
from pellucid.tracing.describing import describe
from pellucid.training import run as runs
from pellucid.training.history import Epoch
from pellucid.training.settings import Settings
from pellucid.training.whitening import Components, WhitenedStart, Whitening, whitened

CPU = torch.device("cpu")


def correlated(examples: int, size: int = 6, classes: int = 3, seed: int = 0) -> Split:
    """Smooth images, as pictures are: neighbouring pixels say nearly the same."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, examples)
    waves = np.sin(np.arange(size * size)[None] / 6 + 2 * labels[:, None] + generator.normal(0, 0.4, (examples, 1)))
    noise = generator.normal(0, 0.1, (examples, size * size))
    inputs = np.clip(128 + 60 * waves + 60 * noise, 0, 255).astype(np.uint8)
    return Split(inputs.reshape(examples, 1, size, size), labels.astype(np.int64))


@pytest.fixture
def smooth() -> Dataset:
    return Dataset(
        "waves", {"train": correlated(600), "validation": correlated(90, seed=1), "test": correlated(90, seed=2)},
        ("a", "b", "c"),
    )  # fmt: skip


def start_of(network: nn.Module, dataset: Dataset) -> WhitenedStart | None:
    preparation = pellucid.ImagePreparation.fit(dataset.train)
    inputs = preparation(torch.from_numpy(dataset.train.inputs[:2]))
    order = [layer.name for layer in describe(network, inputs).layers if not layer.is_function]
    return whitened(network, dataset.train, preparation, order, CPU)


def test_the_components_are_those_of_scikit_learn(smooth: Dataset) -> None:
    inputs = pellucid.ImagePreparation.fit(smooth.train)(torch.from_numpy(smooth.train.inputs)).flatten(1)
    ours = Whitening.fit(inputs)
    theirs = PCA(ours.components, svd_solver="full").fit(inputs.numpy())
    assert ours.share == pytest.approx(theirs.explained_variance_ratio_.sum(), rel=1e-3)
    along = torch.from_numpy(theirs.components_[0]).float()
    first = ours.backward[:, 0] / ours.backward[:, 0].norm()
    assert abs(float(first @ along)) == pytest.approx(1, abs=1e-4)


def test_folding_is_exact_after_training_in_the_other_basis(fashion_mnist: Dataset) -> None:
    network = pellucid.mlp(784, (64,), 10, seed=0)
    dataset = fashion_mnist
    preparation = pellucid.ImagePreparation.fit(dataset.train)
    prepared = preparation(torch.from_numpy(dataset.train.inputs[:2]))
    order = [layer.name for layer in describe(network, prepared).layers if not layer.is_function]
    start = whitened(network, dataset.train, preparation, order, CPU)
    assert start is not None
    assert start.whitening.components == 192
    raw = torch.from_numpy(dataset.test.inputs[:500])
    components = Components(preparation, start.whitening, torch.float32)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    labels = torch.from_numpy(dataset.test.labels[:500])
    for _ in range(20):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(components(raw)), labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    with torch.no_grad():
        expected = network(components(raw))
        start.fold()
        found = network(preparation(raw))
    assert [tuple(p.shape) for p in network.parameters()] == [(64, 784), (64,), (10, 64), (10,)]
    assert float((found - expected).abs().max() / expected.abs().max()) < 1e-4


def test_the_parameters_are_the_same_objects_after_a_run(smooth: Dataset) -> None:
    network = pellucid.mlp(36, (16,), 3, seed=0)
    before = dict(network.named_parameters())
    run = pellucid.train(network, smooth, Settings(epochs=4))
    assert run.choices.start is not None
    after = dict(network.named_parameters())
    assert list(before) == list(after)
    assert all(before[name] is after[name] for name in before)
    assert run.evaluation is not None and run.evaluation.score > 0.8


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)),
        nn.Sequential(nn.Flatten(), nn.Linear(36, 8, bias=False), nn.ReLU(), nn.Linear(8, 3)),
        nn.Sequential(nn.Flatten(), nn.BatchNorm1d(36), nn.Linear(36, 3)),
        nn.Sequential(nn.Flatten(), nn.utils.parametrizations.weight_norm(nn.Linear(36, 3))),
    ],
    ids=["convolution", "no bias", "normalisation first", "weight norm"],
)
def test_other_first_layers_start_plainly(network: nn.Module, smooth: Dataset) -> None:
    before = copy.deepcopy(network.state_dict())
    assert start_of(network, smooth) is None
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


class LooksAtItsInputs(nn.Module):
    """Takes the inputs past the first layer, where components would not be the same."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(36, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        flat = inputs.flatten(1)
        logits: Tensor = self.linear(flat)
        return logits + flat.mean(dim=1, keepdim=True) * torch.tensor([1.0, 2.0, 3.0])


class FixedShape(nn.Module):
    """Cannot take anything but images."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(36, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        examples, channels, height, width = inputs.shape
        logits: Tensor = self.linear(inputs.reshape(examples, channels * height * width))
        return logits


@pytest.mark.parametrize("network", [LooksAtItsInputs(), FixedShape()])
def test_a_network_that_would_answer_otherwise_starts_plainly(network: nn.Module, smooth: Dataset) -> None:
    linear = network.get_submodule("linear")
    assert start_of(network, smooth) is None
    assert network.get_submodule("linear") is linear
    run = pellucid.train(network, smooth, Settings(epochs=1))
    assert run.choices.start is None


@pytest.mark.parametrize("flip", [False, True])
def test_components_that_take_much_memory_are_made_anew_in_each_pass(
    smooth: Dataset, monkeypatch: pytest.MonkeyPatch, flip: bool
) -> None:
    kept: list[bool] = []
    real = Batches._all_prepared

    def counted(batches: Batches) -> Tensor:
        kept.append(True)
        return real(batches)

    monkeypatch.setattr(Batches, "_all_prepared", counted)
    trained = []
    for most, times in ((2**27, 1 if flip else 2), (1_000, 0)):
        monkeypatch.setattr(runs, "MOST_KEPT", most)
        network = pellucid.mlp(36, (16,), 3, seed=0)
        settings = Settings(epochs=3, precision="float32", learning_rate=2e-3, threads=1, flip=flip)
        run = pellucid.train(network, smooth, settings, device="cpu")
        assert run.choices.start is not None
        assert len(kept) == times, "of training, unless each image is mirrored, and of validation"
        kept.clear()
        trained.append(network.get_parameter("linear_relu_stack.0.weight").detach().clone())
    torch.testing.assert_close(*trained, rtol=1e-3, atol=1e-5)


def test_components_that_are_seen_once_are_not_kept(smooth: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Batches, "_all_prepared", lambda _: pytest.fail("all were prepared beforehand"))
    run = pellucid.train(pellucid.mlp(36, (16,), 3, seed=0), smooth, Settings(epochs=1), device="cpu")
    assert run.choices.start is not None


def test_it_is_folded_when_a_run_fails(smooth: Dataset) -> None:
    network = pellucid.mlp(36, (16,), 3, seed=0)

    def break_off(event: object) -> None:
        if isinstance(event, Epoch):
            raise RuntimeError("a watcher of the user's")

    with pytest.raises(RuntimeError, match="of the user's"):
        pellucid.train(network, smooth, Settings(epochs=3), watcher=break_off)
    assert network.get_parameter("linear_relu_stack.0.weight").shape == (16, 36)
    assert all(parameter.dtype == torch.float32 for parameter in network.parameters())
