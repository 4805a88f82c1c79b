"""One example in int8 through ONNX Runtime: only where it agrees with float32, and never where it could not decide."""

import copy

import pytest
import torch
from torch import Tensor, nn

import pellucid
from pellucid.classifier import predictor as module
from pellucid.classifier.agreement import COMPARED, Agreement
from pellucid.classifier.classifier import Classifier
from pellucid.classifier.onnx_runtime import OnnxRuntime
from pellucid.classifier.predictor import Answer, Predictor
from pellucid.data.preparing_images import ImagePreparation

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

PREPARATION = ImagePreparation((1, 6, 6), 255.0, (0.3,), (0.35,), 0.0)
NAMES = ("left", "middle", "right")


@pytest.fixture(autouse=True)
def int8_is_fastest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks as small as these are not worth it, and no test is to depend on times."""
    order = {True: 1.0, False: 2.0}
    monkeypatch.setattr(
        module, "_seconds", lambda answer, raw: order[isinstance(answer, OnnxRuntime) and answer.is_int8]
    )


def predictor_of(network: nn.Module, **options: object) -> Predictor:
    return Classifier(network, PREPARATION, NAMES).predictor(**options)  # type: ignore[arg-type]


def raw(count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 1, 6, 6), dtype=torch.uint8, generator=generator)


def by_hand(network: nn.Module, inputs: Tensor) -> Tensor:
    prepared = (inputs.double() / 255 - 0.3) / 0.35
    with torch.no_grad():
        logits: Tensor = copy.deepcopy(network).eval().double()(prepared)
    return logits


def test_the_first_examples_are_answered_in_float32_and_the_next_in_int8_with_the_same_classes() -> None:
    network = pellucid.mlp(36, (64, 64), 3, seed=0)
    predictor = predictor_of(network)
    inputs = raw(COMPARED + 600)
    exact = by_hand(network, inputs)
    logits = torch.cat([predictor.logits(one) for one in torch.split(inputs, 1)])
    agreement = predictor.int8_agreement
    assert agreement is not None and agreement.compared == COMPARED and not agreement.is_refused
    assert torch.allclose(logits[:COMPARED].double(), exact[:COMPARED], rtol=1e-4, atol=1e-5)
    # Some of the others are near ties; most are not.
    differs = ((logits - exact).abs() > 1e-4).any(dim=1)[COMPARED:]
    assert 0.5 < differs.double().mean() < 1.0
    assert torch.equal(logits.argmax(dim=1), exact.argmax(dim=1))
    assert float((logits.softmax(1) - exact.softmax(1)).abs().max()) < 0.02
    assert predictor.engine.endswith("in int8 for one")
    assert "int8 agrees: probabilities within 0.0" in str(predictor)


def test_int8_is_refused_where_it_differs() -> None:
    network = pellucid.mlp(36, (8,), 3, seed=0)
    first, last = (layer for layer in network.modules() if isinstance(layer, nn.Linear))
    with torch.no_grad():
        first.bias.add_(100)  # what decides is lost in steps of 100 / 255
        last.weight.sub_(last.weight.mean(dim=1, keepdim=True)).mul_(20)
    predictor = predictor_of(network)
    inputs = raw(60)
    logits = torch.cat([predictor.logits(one) for one in torch.split(inputs, 1)])
    assert torch.allclose(logits.double(), by_hand(network, inputs), rtol=1e-3, atol=1e-3)
    assert predictor.int8_agreement is not None and predictor.int8_agreement.is_refused
    assert "int8" not in predictor.engine
    assert "int8 differs too much" in str(predictor)


def test_several_examples_are_not_answered_in_int8() -> None:
    network = pellucid.mlp(36, (64, 64), 3, seed=0)
    predictor = predictor_of(network)
    predictor.logits(raw(2))
    predictor.logits(raw(40))
    assert predictor.int8_agreement is not None and predictor.int8_agreement.compared == 0


@pytest.mark.parametrize("options", [{"precision": "float32"}, {"precision": "bfloat16"}, {"with_onnx": False}])
def test_it_is_not_used_unless_all_is_left_to_the_predictor(options: dict[str, object]) -> None:
    predictor = predictor_of(pellucid.mlp(36, (64, 64), 3, seed=0), **options)
    assert predictor.int8_agreement is None and "int8" not in predictor.engine


def test_it_is_not_used_where_it_is_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    def seconds(answer: Answer, raw: Tensor) -> float:
        return 2.0 if isinstance(answer, OnnxRuntime) and answer.is_int8 else 1.0

    monkeypatch.setattr(module, "_seconds", seconds)
    assert predictor_of(pellucid.mlp(36, (64, 64), 3, seed=0)).int8_agreement is None


def test_units_without_weights_and_every_activation_are_right_but_for_rounding() -> None:
    network = pellucid.mlp(36, (16, 16), 3, activation="tanh", seed=0)
    with torch.no_grad():
        next(network.parameters())[3].zero_()
    predictor = predictor_of(network, precision="float32", with_onnx=False)
    assert predictor._float32 is not None
    inputs = raw(50).flatten(1)
    int8 = OnnxRuntime(predictor._float32.layers, is_int8=True)
    exact = predictor._float32(inputs)
    found = torch.cat([int8(one) for one in torch.split(inputs, 1)])
    assert found.isfinite().all()
    assert float((found - exact).abs().max()) < 0.05 * float(exact.abs().max())


def test_one_example_is_undecided_as_it_is_among_others() -> None:
    agreement = Agreement("int8")
    agreement.compare(torch.tensor([[1.0, 0.0]]), torch.tensor([[1.1, 0.0]]))
    rows = torch.tensor([[1.0, 0.79], [0.85, 1.0], [2.0, 2.0], [float("nan"), 1.0]])
    assert [agreement.is_undecided(row) for row in torch.split(rows, 1)] == [False, True, True, True]
    assert agreement.undecided(rows[:3]).tolist() == [1, 2]
