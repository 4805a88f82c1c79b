"""The binary step: its values, its three surrogate gradients, and that networks of it learn."""

import math

import pytest
import torch
from torch import Tensor, nn

from pellucid.errors import UnknownNameError
from pellucid.networks.activations import BinaryStep
from pellucid.networks.activations.binary_step import Surrogate

POINTS = [-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0]


def gradient(surrogate: Surrogate, points: list[float], weight: float = 1.0) -> list[float]:
    inputs = torch.tensor(points, dtype=torch.float64, requires_grad=True)
    (weight * BinaryStep(surrogate)(inputs)).sum().backward()
    assert inputs.grad is not None
    return inputs.grad.tolist()


def slope_of_sigmoid(x: float) -> float:
    return math.exp(-x) / (1 + math.exp(-x)) ** 2


def test_gives_1_from_0_upwards_and_0_below() -> None:
    inputs = torch.tensor([-math.inf, -1.0, -1e-30, -0.0, 0.0, 1e-30, 1.0, math.inf])
    assert BinaryStep()(inputs).tolist() == [0, 0, 0, 1, 1, 1, 1, 1]


def test_hands_on_nan() -> None:
    assert BinaryStep()(torch.tensor([math.nan])).isnan().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_keeps_the_dtype(dtype: torch.dtype) -> None:
    assert torch.equal(BinaryStep()(torch.ones(2, dtype=dtype)), torch.ones(2, dtype=dtype))


def test_clipped_passes_the_gradient_where_x_is_at_most_1_from_0() -> None:
    assert gradient("clipped", POINTS, weight=3.0) == [0, 3, 3, 3, 3, 3, 0]


def test_identity_passes_the_gradient_everywhere() -> None:
    assert gradient("identity", POINTS, weight=3.0) == [3, 3, 3, 3, 3, 3, 3]


def test_sigmoid_passes_the_gradient_of_a_sigmoid() -> None:
    assert gradient("sigmoid", POINTS, weight=3.0) == pytest.approx([3 * slope_of_sigmoid(x) for x in POINTS])


def test_clipped_is_the_default() -> None:
    assert BinaryStep().surrogate == "clipped"


def test_the_gradient_is_the_true_one_where_the_surrogate_is_flat() -> None:
    inputs = torch.tensor([-3.0, -1.5, 1.5, 3.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(BinaryStep("clipped"), inputs)


def test_the_sigmoid_surrogate_has_the_second_derivative_of_a_sigmoid() -> None:
    def second(function: nn.Module) -> Tensor:
        inputs = torch.tensor(POINTS, dtype=torch.float64, requires_grad=True)
        (first,) = torch.autograd.grad(function(inputs).sum(), inputs, create_graph=True)
        derivative: Tensor = torch.autograd.grad(first.sum(), inputs)[0]
        return derivative

    torch.testing.assert_close(second(BinaryStep("sigmoid")), second(nn.Sigmoid()))


@pytest.mark.parametrize("surrogate", ["clipped", "identity", "sigmoid"])
def test_per_example_gradients_by_vmap_are_those_of_a_loop(surrogate: Surrogate) -> None:
    step = BinaryStep(surrogate)

    def loss(example: Tensor) -> Tensor:
        return torch.dot(step(example), torch.tensor([1.0, 2.0]))

    examples = torch.tensor([[-0.5, 0.3], [2.0, -0.1], [0.9, -3.0]])
    together = torch.func.vmap(torch.func.grad(loss))(examples)
    one_by_one = torch.stack([torch.func.grad(loss)(example) for example in examples])
    torch.testing.assert_close(together, one_by_one)


def test_names_its_surrogate_when_printed() -> None:
    assert repr(BinaryStep("sigmoid")) == "BinaryStep(surrogate='sigmoid')"


def test_an_unknown_surrogate_is_told_the_nearest_one() -> None:
    with pytest.raises(UnknownNameError, match=r"no surrogate 'cliped'\n  fix: write 'clipped' \(did you mean"):
        BinaryStep("cliped")  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("surrogate", ["clipped", "sigmoid"])
def test_a_layer_of_binary_units_learns_xor(surrogate: Surrogate, seed: int) -> None:
    inputs = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    labels = torch.tensor([[0.0], [1.0], [1.0], [0.0]])
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = nn.Sequential(nn.Linear(2, 16), BinaryStep(surrogate), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
    for _ in range(500):
        optimizer.zero_grad()
        nn.BCEWithLogitsLoss()(network(inputs), labels).backward()
        optimizer.step()
    assert torch.equal((network(inputs) > 0).float(), labels)


@pytest.mark.slow
def test_a_network_of_binary_units_learns_fashion_mnist() -> None:
    from pellucid.data.reading import read

    dataset = read("fashion-mnist")
    # The mean and standard deviation of all training pixels, in units of full brightness.
    train, test = (
        (torch.from_numpy(split.inputs).flatten(1).float() / 255 - 0.286) / 0.353
        for split in (dataset.train, dataset.test)
    )
    train_labels, test_labels = torch.from_numpy(dataset.train.labels), torch.from_numpy(dataset.test.labels)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Linear(784, 256), BinaryStep(), nn.Linear(256, 256), BinaryStep(), nn.Linear(256, 10)
        )
        optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
        for batch in torch.randperm(len(train))[: len(train) // 128 * 128].view(-1, 128):
            optimizer.zero_grad()
            nn.CrossEntropyLoss()(network(train[batch]), train_labels[batch]).backward()
            optimizer.step()
    with torch.inference_mode():
        accuracy = (network(test).argmax(1) == test_labels).double().mean().item()
    # One epoch measures about 0.84.
    assert accuracy > 0.80
