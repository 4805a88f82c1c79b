"""Products by the faster of two libraries: the same numbers by both, and one measurement for the process."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

import pellucid
from pellucid import products
from pellucid.products import affine, has_onednn, onednn_is_faster, product

needs_onednn = pytest.mark.skipif(not has_onednn(), reason="this PyTorch was built without oneDNN")


@pytest.fixture(autouse=True)
def measured_anew() -> Iterator[None]:
    onednn_is_faster.cache_clear()
    yield
    onednn_is_faster.cache_clear()


@pytest.fixture(params=[pytest.param(True, marks=needs_onednn), False], ids=["onednn", "usual"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    is_faster = bool(request.param)
    monkeypatch.setattr(products, "onednn_is_faster", lambda: is_faster)
    monkeypatch.setattr(products, "FEWEST_MACS", 0)
    return is_faster


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("rows", [1, 32, 257])
@pytest.mark.parametrize("has_bias", [True, False])
def test_an_affine_map_is_a_linear(way: bool, rows: int, has_bias: bool) -> None:
    layer, inputs = nn.Linear(20, 7, bias=has_bias), drawn(rows, 20)
    torch.testing.assert_close(affine(inputs, layer.weight, layer.bias), layer(inputs).detach())
    rectified = affine(inputs, layer.weight, layer.bias, is_rectified=True)
    torch.testing.assert_close(rectified, layer(inputs).detach().relu())
    assert not rectified.requires_grad


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (drawn(64, 20), drawn(20, 9, seed=1)),
        (drawn(20, 64).t(), drawn(20, 9, seed=1)),
        (drawn(64, 20), drawn(9, 20, seed=1).t()),
        (drawn(20, 64).t(), drawn(9, 20, seed=1).t()),
        (drawn(64, 40)[:, ::2], drawn(40, 9, seed=1)[::2]),
        (drawn(64, 20)[1:], drawn(20, 1, seed=1)),
    ],
    ids=["plain", "left across", "right across", "both across", "with gaps", "one column"],
)
def test_a_product_is_a_product_in_any_layout(way: bool, left: Tensor, right: Tensor) -> None:
    torch.testing.assert_close(product(left, right), left @ right)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_types_are_multiplied_as_usual(way: bool, dtype: torch.dtype) -> None:
    left, right = drawn(40, 8).to(dtype), drawn(8, 5, seed=1).to(dtype)
    assert torch.equal(product(left, right), left @ right)


@pytest.mark.parametrize("rows", [1, 257])
def test_a_rectified_map_in_bfloat16_is_a_linear_with_a_relu(rows: int) -> None:
    layer, inputs = nn.Linear(20, 7).bfloat16(), drawn(rows, 20).bfloat16()
    found = affine(inputs, layer.weight, layer.bias, is_rectified=True)
    torch.testing.assert_close(found, layer(inputs).detach().relu())


@needs_onednn
def test_the_usual_library_is_kept_unless_the_other_is_plainly_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    def clock(usual: float, other: float) -> Iterator[float]:
        # Of the first turn, which warms up, only the starts are asked for.
        yield from (0.0, 0.0)
        for _ in range(products.TURNS):
            yield from (0.0, usual, 0.0, other)

    times = clock(1.0, 0.9)
    monkeypatch.setattr(products, "perf_counter", lambda: next(times))
    assert not onednn_is_faster()
    onednn_is_faster.cache_clear()
    times = clock(1.0, 0.5)
    assert onednn_is_faster()
    # Asked again, it does not measure again: there is no time left in `times`.
    assert onednn_is_faster()


def test_a_small_product_is_made_as_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "onednn_is_faster", lambda: pytest.fail("asked"))
    assert product(drawn(8, 8), drawn(8, 8)).shape == (8, 8)
    with pytest.raises(pytest.fail.Exception, match="asked"):
        product(drawn(128, 128), drawn(128, 128))


def test_without_onednn_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "has_onednn", lambda: False)
    monkeypatch.setattr(products, "perf_counter", lambda: pytest.fail("measured"))
    assert not onednn_is_faster()


def test_a_classifier_answers_the_same_by_both(way: bool) -> None:
    inputs = drawn(50, 1, 6, 6).abs()
    preparation = pellucid.ImagePreparation((1, 6, 6), 1.0, (0.5,), (0.5,), 0.5)
    classifier = pellucid.Classifier(pellucid.mlp((1, 6, 6), (16, 8), 3, seed=0), preparation, ("a", "b", "c"))
    predictor = classifier.predictor(precision="float32", with_onnx=False)
    assert "float32" in predictor.engine
    with torch.no_grad():
        expected = classifier.network(preparation(inputs))
    torch.testing.assert_close(predictor.logits(inputs), expected, rtol=1e-4, atol=1e-5)
