import copy
import pickle
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid
from pellucid.classifier.agreement import COMPARED, Agreement
from pellucid.classifier.classifier import Classifier
from pellucid.classifier.onnx_runtime import _OPERATORS
from pellucid.classifier.predictor import BFLOAT16_FROM, Predictor
from pellucid.classifier.products import has_packed_products
from pellucid.data.dataset import Dataset, Split
from pellucid.data.preparing_images import ImagePreparation
from pellucid.errors import ShapeError, UnknownNameError

PREPARATION = ImagePreparation((1, 6, 6), 255.0, (0.3,), (0.35,), 0.0)
COLOURS = ImagePreparation((3, 6, 6), 255.0, (0.2, 0.5, 0.7), (0.1, 0.3, 0.9), 0.0)
NAMES = ("left", "middle", "right")
MANY = COMPARED + 88


class Own(nn.Module):
    """A network that no table knows."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(36, 3)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.first(images.flatten(1)).sin()
        return logits


def raw(count: int, preparation: ImagePreparation = PREPARATION, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, *preparation.shape), dtype=torch.uint8, generator=generator)


def by_hand(network: nn.Module, inputs: Tensor, preparation: ImagePreparation = PREPARATION) -> Tensor:
    """The logits, in float64 and without any code of the classifier's."""
    mean, std = (torch.tensor(v, dtype=torch.float64).view(-1, 1, 1) for v in (preparation.mean, preparation.std))
    with torch.no_grad():
        logits: Tensor = copy.deepcopy(network).eval().double()((inputs.double() / preparation.divisor - mean) / std)
    return logits


def trained(network: nn.Module) -> nn.Module:
    """Move the running statistics of batch normalisations away from 0 and 1."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.uniform_(-1, 1, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
    return network


def float32(network: nn.Module, preparation: ImagePreparation = PREPARATION) -> Predictor:
    return Classifier(network, preparation, NAMES).predictor(precision="float32", with_onnx=False)


STACKS: dict[str, Callable[[], nn.Module]] = {
    "no hidden layer": lambda: pellucid.mlp(36, (), 3, seed=0),
    "no bias": lambda: nn.Sequential(nn.Flatten(), nn.Linear(36, 8, bias=False), nn.ReLU(), nn.Linear(8, 3)),
    "dropout": lambda: pellucid.mlp(36, (8, 8), 3, dropout=0.5, seed=0),
    "batch norm": lambda: pellucid.mlp(36, (8, 8), 3, norm="batch", dropout=0.1, seed=0),
    "layer norm": lambda: pellucid.mlp(36, (8, 8), 3, norm="layer", seed=0),
    "softmax": lambda: pellucid.mlp(36, (8,), 3, output_activation="softmax", seed=0),
    "training": lambda: pellucid.mlp(36, (8,), 3, norm="batch", dropout=0.9, seed=0).train(),
}
OTHERS: dict[str, Callable[[], nn.Module]] = {
    "cnn": lambda: pellucid.cnn((1, 6, 6), (4,), 3, seed=0),
    "cnn with batch norm": lambda: pellucid.cnn((1, 6, 6), (4,), 3, norm="batch", dropout=0.5, seed=0),
    "own": Own,
    "inside": lambda: nn.Sequential(nn.Flatten(), nn.Linear(36, 36), nn.Unflatten(1, (1, 6, 6)), Own()),
}


@pytest.mark.parametrize("name", STACKS)
@pytest.mark.parametrize("count", [0, 1, 5, 1030])
def test_a_stack_answers_as_the_network_does(name: str, count: int) -> None:
    network = trained(STACKS[name]())
    predictor = float32(network)
    assert predictor.engine == "PyTorch, float32"
    assert torch.allclose(predictor.logits(raw(count)).double(), by_hand(network, raw(count)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", sorted(entry.name for entry in pellucid.activations() if not entry.is_output_only))
@pytest.mark.parametrize("count", [1, 40])
def test_every_activation_answers_as_the_network_does(name: str, count: int) -> None:
    network = pellucid.mlp(36, (8, 8), 3, activation=name, seed=0)
    predictor = float32(network)
    assert predictor.engine == "PyTorch, float32"
    assert torch.allclose(predictor.logits(raw(count)).double(), by_hand(network, raw(count)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", OTHERS)
def test_any_other_network_is_asked_itself(name: str) -> None:
    network = trained(OTHERS[name]())
    predictor = Classifier(network, PREPARATION, NAMES).predictor()
    assert predictor.engine == "PyTorch, the network itself"
    assert torch.allclose(predictor.logits(raw(40)).double(), by_hand(network, raw(40)), rtol=1e-4, atol=1e-5)


def test_each_channel_is_prepared_on_its_own() -> None:
    network = pellucid.mlp(108, (8,), 3, seed=0)
    inputs = raw(9, COLOURS)
    assert torch.allclose(
        float32(network, COLOURS).logits(inputs).double(), by_hand(network, inputs, COLOURS), rtol=1e-4, atol=1e-5
    )


def test_classes_of_bfloat16_are_those_of_float32() -> None:
    network = pellucid.mlp(36, (64, 64), 3, seed=0)
    predictor = Classifier(network, PREPARATION, NAMES).predictor(with_onnx=False)
    inputs, exact = raw(5000), by_hand(network, raw(5000))
    if predictor.agreement is None:
        pytest.skip("this processor has no fast bfloat16")
    logits = predictor.logits(inputs)
    assert not predictor.agreement.is_refused and predictor.agreement.compared == COMPARED
    assert "bfloat16" in predictor.engine
    assert not torch.allclose(logits.double(), exact, rtol=0, atol=1e-5), "bfloat16 was never used"
    assert torch.equal(logits.argmax(dim=1), exact.argmax(dim=1))
    assert torch.allclose(predictor.probabilities(inputs).double(), exact.softmax(dim=1), rtol=0, atol=0.02)


def test_the_first_examples_are_answered_in_float32() -> None:
    network = pellucid.mlp(36, (64, 64), 3, seed=0)
    predictor = Classifier(network, PREPARATION, NAMES).predictor(with_onnx=False)
    assert torch.allclose(predictor.logits(raw(64)).double(), by_hand(network, raw(64)), rtol=1e-4, atol=1e-5)


def cancelling() -> nn.Sequential:
    """Two large numbers whose small difference decides: bfloat16 holds only the large ones."""
    network = pellucid.mlp(36, (8,), 3, seed=0)
    first, last = (module for module in network.modules() if isinstance(module, nn.Linear))
    with torch.no_grad():
        first.bias.add_(300)
        last.weight.sub_(last.weight.mean(dim=1, keepdim=True))
    return network


def test_float32_answers_where_bfloat16_disagrees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.classifier.predictor.has_fast_bfloat16", lambda device: True)
    if not has_packed_products():
        pytest.skip("no products of packed bfloat16 here")
    network = cancelling()
    classifier = Classifier(network, PREPARATION, NAMES)
    inputs, exact = raw(MANY), by_hand(network, raw(MANY))
    blind = classifier.predictor(precision="bfloat16", with_onnx=False).logits(inputs)
    assert (blind.argmax(dim=1) != exact.argmax(dim=1)).float().mean() > 0.02
    predictor = classifier.predictor(with_onnx=False)
    assert torch.allclose(predictor.logits(inputs).double(), exact, rtol=1e-3, atol=1e-3)
    assert predictor.agreement is not None and predictor.agreement.is_refused
    assert predictor.engine == "PyTorch, float32"
    assert "differs too much" in str(predictor)


def test_a_logit_that_is_no_number_refuses() -> None:
    agreement = Agreement()
    agreement.compare(torch.tensor([[1.0, float("nan")]]), torch.tensor([[1.0, 0.0]]))
    assert agreement.is_refused


def test_near_ties_are_those_that_the_error_can_turn_round() -> None:
    agreement = Agreement()
    agreement.compare(torch.tensor([[1.0, 0.0]]), torch.tensor([[1.1, 0.0]]))
    assert agreement.error == pytest.approx(0.1)
    assert agreement.undecided(torch.tensor([[1.0, 0.79], [0.85, 1.0], [2.0, 2.0]])).tolist() == [1, 2]


def changed_in_place(network: nn.Sequential) -> None:
    with torch.no_grad():
        next(network.parameters()).mul_(2)


def changed_behind_autograd(network: nn.Sequential) -> None:
    next(network.parameters()).data[3, 4] += 5


def changed_through_numpy(network: nn.Sequential) -> None:
    next(network.parameters()).detach().numpy()[0, 0] += 5


def changed_layer(network: nn.Sequential) -> None:
    stack = network.get_submodule("linear_leaky_relu_stack")
    assert isinstance(stack, nn.Sequential)
    stack[2] = nn.Linear(8, 3)


def changed_setting(network: nn.Sequential) -> None:
    activation = network.get_submodule("linear_leaky_relu_stack.1")
    assert isinstance(activation, nn.LeakyReLU)
    activation.negative_slope = 3.0


@pytest.mark.parametrize(
    "change", [changed_in_place, changed_behind_autograd, changed_through_numpy, changed_layer, changed_setting]
)
def test_a_change_after_the_first_prediction_is_seen(change: Callable[[nn.Sequential], None]) -> None:
    network = pellucid.mlp(36, (8,), 3, activation="leaky_relu", seed=0)
    classifier = Classifier(network, PREPARATION, NAMES)
    held = classifier.predictor(with_onnx=False)
    before = held.logits(raw(4))
    assert classifier.predictor(with_onnx=False) is held
    change(network)
    expected = by_hand(network, raw(4))
    assert not torch.allclose(before.double(), expected)
    assert torch.allclose(classifier.predictor(with_onnx=False).logits(raw(4)).double(), expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(held.logits(raw(4)), before)


def test_a_hook_of_the_users_is_called() -> None:
    network = pellucid.mlp(36, (8,), 3, seed=0)
    classifier = Classifier(network, PREPARATION, NAMES)
    classifier.answers(raw(40))
    seen: list[int] = []
    network.get_submodule("flatten").register_forward_hook(lambda _module, _inputs, output: seen.append(len(output)))
    classifier.answers(raw(40))
    assert seen == [40]


def test_a_layer_that_runs_twice_is_no_stack() -> None:
    twice = nn.Linear(36, 36)
    network = nn.Sequential(nn.Flatten(), twice, nn.ReLU(), twice, nn.Linear(36, 3))
    predictor = float32(network)
    assert torch.allclose(predictor.logits(raw(4)).double(), by_hand(network, raw(4)), rtol=1e-4, atol=1e-5)


def test_predicting_leaves_no_mark() -> None:
    network = pellucid.mlp(36, (8,), 3, norm="batch", dropout=0.5, seed=0).train()
    classifier = Classifier(network, PREPARATION, NAMES)
    inputs = raw(MANY)
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    versions = [tensor._version for tensor in network.parameters()]
    generator, given, threads = torch.get_rng_state(), inputs.clone(), torch.get_num_threads()
    for count in (1, BFLOAT16_FROM, MANY):
        classifier.predictor().probabilities(inputs[:count])
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())
    assert [tensor._version for tensor in network.parameters()] == versions
    assert all(module.training for module in network.modules())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in network.parameters())
    assert torch.equal(torch.get_rng_state(), generator)
    assert torch.equal(inputs, given)
    assert torch.get_num_threads() == threads


def test_answers_may_be_changed_and_used_with_gradients() -> None:
    logits = Classifier(pellucid.mlp(36, (8,), 3, seed=0), PREPARATION, NAMES).predictor().logits(raw(2))
    logits += 1
    scale = torch.ones(3, requires_grad=True)
    (logits * scale).sum().backward()  # type: ignore[no-untyped-call]
    assert torch.equal(scale.grad, logits.sum(dim=0))  # type: ignore[arg-type]


def test_a_classifier_that_predicted_can_be_pickled_and_copied() -> None:
    classifier = Classifier(pellucid.mlp(36, (8,), 3, seed=0), PREPARATION, NAMES)
    expected = classifier.predictor().logits(raw(3))
    for other in (pickle.loads(pickle.dumps(classifier)), copy.deepcopy(classifier)):
        assert torch.allclose(other.predictor().logits(raw(3)), expected)


def test_inputs_of_another_shape_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"the inputs are \[1, 5, 5\] but the classifier was trained on \[1, 6, 6\]"):
        float32(pellucid.mlp(36, (8,), 3, seed=0)).logits(torch.zeros(2, 1, 5, 5))


def test_a_precision_that_is_not_there_is_named() -> None:
    classifier = Classifier(pellucid.mlp(36, (8,), 3, seed=0), PREPARATION, NAMES)
    with pytest.raises(UnknownNameError, match="there is no precision 'bfloat61'"):
        classifier.predictor(precision="bfloat61")  # type: ignore[arg-type]


def test_predictions_say_what_computed_them() -> None:
    classifier = Classifier(pellucid.mlp(36, (8,), 3, seed=0), PREPARATION, NAMES)
    many = raw(BFLOAT16_FROM)
    assert pellucid.predict(classifier, many, precision="float32").to_dict()["engine"] == "PyTorch, float32"
    assert pellucid.predict(classifier, many[:1]).to_dict()["engine"] == "PyTorch, the network itself"


def onnx_networks() -> dict[str, nn.Module]:
    """A network with each activation that has a place in the table."""
    entries = {type(entry.make()): entry for entry in pellucid.activations()}
    named = {kind.__name__: entries[kind].name for kind in _OPERATORS if kind is not nn.Softmax}
    made = {kind: pellucid.mlp(36, (8, 8), 3, activation=name, seed=0) for kind, name in named.items()}
    return {**made, "Softmax": pellucid.mlp(36, (8,), 3, output_activation="softmax", seed=0)}


@pytest.mark.parametrize("name", sorted(onnx_networks()))
def test_onnx_runtime_answers_as_the_network_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    # However the two compare on this machine.
    monkeypatch.setattr("pellucid.classifier.predictor._seconds", lambda answer, _: hasattr(answer, "layers"))
    network = onnx_networks()[name]
    predictor = Classifier(network, PREPARATION, NAMES).predictor(precision="float32")
    assert "ONNX Runtime" in predictor.engine
    for count in (1, 5):
        exact = by_hand(network, raw(count))
        assert np.allclose(predictor.logits(raw(count)).double(), exact, rtol=1e-4, atol=1e-5)


def test_onnx_runtime_is_left_out_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    predictor = Classifier(pellucid.mlp(36, (8,), 3, seed=0), PREPARATION, NAMES).predictor(precision="float32")
    assert predictor.engine == "PyTorch, float32"


def test_an_evaluation_is_the_same_in_every_precision() -> None:
    classifier = Classifier(pellucid.mlp(36, (64, 64), 3, seed=0), PREPARATION, NAMES)
    labels = np.random.default_rng(0).integers(0, 3, 3000)
    test = Split(raw(3000).numpy(), labels)
    dataset = Dataset("dots", {"train": test, "test": test}, NAMES)
    auto, exact = (pellucid.evaluate(classifier, dataset, precision=p) for p in ("auto", "float32"))
    assert isinstance(auto, pellucid.Evaluation) and isinstance(exact, pellucid.Evaluation)
    assert torch.equal(auto.confusion, exact.confusion)
    assert auto.loss == pytest.approx(exact.loss, abs=1e-3)
    by_numpy = by_hand(classifier.network, raw(3000)).argmax(dim=1).numpy()
    assert auto.accuracy == (by_numpy == labels).mean()
    assert exact.engine == "PyTorch, float32"


def test_mirrored_answers_are_the_mean_of_both(classifier: Classifier, dataset: Dataset) -> None:
    images = torch.from_numpy(dataset.test.inputs)
    found, engine = classifier.answers(images, "float32", flip=True)
    expected = (classifier.logits(images) + classifier.logits(images.flip(3))) / 2
    assert torch.allclose(found, expected, atol=1e-4)
    assert engine.endswith("the mean with the mirror image")
    score = (expected.argmax(dim=1).numpy() == dataset.test.labels).mean()
    assert pellucid.evaluate(classifier, dataset, precision="float32", flip=True).score == pytest.approx(score)


def test_only_images_are_mirrored(classifier: Classifier) -> None:
    with pytest.raises(ShapeError, match=r"\[3, 4\] are no images\n  fix: leave flip out"):
        classifier.answers(torch.zeros(3, 4), flip=True)
