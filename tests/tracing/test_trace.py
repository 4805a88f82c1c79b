"""Values, statistics, units, gradients and comparisons, against NumPy and PyTorch by hand."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

import pellucid
from pellucid.errors import DataError, OverwriteError, ShapeError, UnknownNameError
from pellucid.rendering.files import write_result
from pellucid.tracing.statistics import BINS, QUANTILES, SAMPLE, _flat, _on_device, _on_processor, statistics_of


@pytest.fixture
def network() -> nn.Module:
    """The default network, small."""
    return pellucid.mlp(16, (12, 8), 4, seed=0).eval()


def test_values_are_those_of_a_walk_by_hand(network: nn.Module) -> None:
    inputs = torch.randn(3, 1, 4, 4)
    trace = pellucid.trace(network, inputs)
    hidden = inputs
    with torch.no_grad():
        for name in ("flatten", *(f"linear_relu_stack.{index}" for index in range(5))):
            hidden = network.get_submodule(name)(hidden)
            assert torch.equal(trace.values(name), hidden), name
    assert torch.equal(trace.values("0"), trace.values("linear_relu_stack.0"))
    first = trace.to_dict()["layers"][trace.index("linear_relu_stack.0")]["first_values"]
    assert first == trace.values("linear_relu_stack.0")[:, :5].tolist()


def test_an_unknown_layer_is_told_the_nearest(network: nn.Module) -> None:
    with pytest.raises(UnknownNameError, match=r"there is no one layer 'flaten'\n  fix: write 'flatten'"):
        pellucid.trace(network, torch.zeros(1, 16)).values("flaten")


ARRAYS = st.tuples(
    st.integers(0, 2**32 - 1), st.integers(0, 300), st.sampled_from(["plain", "nan", "inf", "zeros", "all nan"])
)


def drawn(case: tuple[int, int, str]) -> Tensor:
    """Random values with the trouble asked for."""
    seed, count, trouble = case
    values = torch.randn(count, generator=torch.Generator().manual_seed(seed)) * 10
    if trouble == "nan":
        values[::3] = math.nan
    if trouble == "inf":
        values[::4] = math.inf
    if trouble == "zeros":
        values[::2] = 0
    if trouble == "all nan":
        values[:] = math.nan
    return values


@given(st.lists(ARRAYS, min_size=1, max_size=5))
def test_statistics_are_numpys(cases: list[tuple[int, int, str]]) -> None:
    tensors = [drawn(case) for case in cases]
    for tensor, facts in zip(tensors, statistics_of(tensors), strict=True):
        values = tensor.numpy()
        finite = values[np.isfinite(values)].astype(np.float64)
        assert (facts.count, facts.nans) == (len(values), int(np.isnan(values).sum()))
        assert facts.infinities == int(np.isinf(values).sum())
        if not len(finite):
            assert facts.mean is None
            continue
        found = (facts.mean, facts.std, facts.low, facts.high, facts.zeros)
        expected = (finite.mean(), finite.std(), finite.min(), finite.max(), (values == 0).mean())
        assert found == pytest.approx(expected, rel=1e-5, abs=1e-5)
        quantiles = np.quantile(finite, QUANTILES)
        assert [facts.quantiles[share] for share in QUANTILES] == pytest.approx(quantiles, rel=1e-4, abs=1e-4)
        assert sum(facts.counts) == len(finite)
        assert len(facts.edges) == BINS + 1


@given(st.lists(ARRAYS, min_size=1, max_size=4))
def test_both_ways_to_compute_statistics_agree(cases: list[tuple[int, int, str]]) -> None:
    tensors = [_flat(drawn(case)) for case in cases]
    for one, other in zip(_on_processor(tensors), _on_device(tensors), strict=True):
        assert (one.count, one.nans, one.infinities, one.zeros) == (
            other.count,
            other.nans,
            other.infinities,
            other.zeros,
        )
        assert list(one.quantiles.values()) == pytest.approx(list(other.quantiles.values()), rel=1e-4, abs=1e-4)
        if one.mean is not None and other.mean is not None and one.std is not None:
            assert (one.mean, one.std) == pytest.approx((other.mean, other.std), rel=1e-4, abs=1e-4)
        assert sum(abs(a - b) for a, b in zip(one.counts, other.counts, strict=True)) <= 2  # an edge may round


@pytest.mark.parametrize("trouble", ["plain", "zeros", "nan", "inf"])
def test_a_large_output_has_the_statistics_of_numpy(trouble: str) -> None:
    values = drawn((1, 100_000, trouble))
    (facts,) = statistics_of([values])
    finite = values[values.isfinite()].double()
    assert [facts.mean, facts.std] == pytest.approx([float(finite.mean()), float(finite.std(correction=0))], rel=1e-4)
    assert [facts.low, facts.high] == [float(finite.min()), float(finite.max())]
    assert facts.zeros == pytest.approx(float((values == 0).double().mean()))
    assert facts.nans + facts.infinities == 100_000 - len(finite)
    assert facts.is_sampled


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64, torch.bool, torch.uint8, torch.float64])
def test_every_type_has_statistics(dtype: torch.dtype) -> None:
    (facts,) = statistics_of([torch.tensor([0, 1, 1, 1]).to(dtype)])
    assert (facts.mean, facts.zeros, facts.low, facts.high) == (0.75, 0.25, 0.0, 1.0)


def test_quantiles_of_a_large_output_come_from_a_part_and_say_so() -> None:
    values = torch.randn(SAMPLE * 3)
    (facts,) = statistics_of([values])
    assert facts.is_sampled
    assert facts.mean == pytest.approx(float(values.double().mean()), abs=1e-6)
    assert facts.quantiles[0.5] == pytest.approx(float(values.median()), abs=0.05)


def test_dead_and_saturated_units_are_counted() -> None:
    class Both(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            return torch.sigmoid(functional.relu(inputs) * 100)

    inputs = torch.tensor([[-1.0, 2.0, 3.0], [-2.0, -1.0, 1.0]])
    trace = pellucid.trace(Both(), inputs)
    assert trace.dead_units("relu") == 1
    rows = {row["name"]: row for row in trace.to_dict()["layers"]}
    assert rows["sigmoid"]["saturated"] == 0.5  # the others are sigmoid(0)
    assert "relu: 1 units are zero for every example" in str(trace)


def test_dead_feature_maps_are_counted() -> None:
    network = nn.Sequential(nn.ReLU())
    maps = torch.ones(2, 3, 4, 4)
    maps[:, 1] = -1
    maps[0, 2] = -1
    assert pellucid.trace(network, maps).dead_units("0") == 1


@pytest.mark.parametrize("unit", [0, 7])
def test_the_arithmetic_of_a_unit_is_pytorchs_own_number(network: nn.Module, unit: int) -> None:
    trace = pellucid.trace(network, torch.randn(3, 1, 4, 4))
    result = trace.unit("linear_relu_stack.2", unit, example=2)
    given, layer = trace.values("linear_relu_stack.1")[2], network.get_submodule("linear_relu_stack.2")
    weight, bias = (layer.get_parameter(name).detach()[unit] for name in ("weight", "bias"))
    assert result.agrees
    assert result.total == pytest.approx(float((given * weight).sum() + bias), abs=1e-6)
    assert result.reported == float(trace.values("linear_relu_stack.2")[2, unit])
    assert sum(term.product for term in result.terms) + result.rest + result.bias == pytest.approx(result.total)
    assert [abs(term.product) for term in result.terms] == sorted((abs(t.product) for t in result.terms), reverse=True)
    assert (result.activation, result.activated) == ("ReLU", max(0.0, result.reported))
    assert "the sum equals PyTorch's" in str(result)


@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}, {"dilation": 2, "padding": 2}, {"groups": 2}])
def test_the_arithmetic_of_a_convolution_is_pytorchs_own_number(options: dict[str, int]) -> None:
    network = nn.Sequential(nn.Conv2d(4, 6, 3, **options))  # type: ignore[arg-type]
    trace = pellucid.trace(network, torch.randn(2, 4, 9, 9))
    shape = trace.values("0").shape
    for unit, row, column in ((0, 0, 0), (5, shape[2] - 1, 1), (3, 2, shape[3] - 1)):
        result = trace.unit("0", unit, example=1, position=(row, column))
        assert result.agrees, (unit, row, column)
        assert result.reported == float(trace.values("0")[1, unit, row, column])


def test_attention_scores_are_the_softmax_of_the_products() -> None:
    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, inputs: Tensor) -> Tensor:
            outputs: Tensor = self.attention(inputs, inputs, inputs, need_weights=False)[0]
            return outputs

    network = Attends().eval()
    inputs = torch.randn(3, 5, 8)
    scores = pellucid.trace(network, inputs).scores("attention", example=1, target=2)
    weight, bias = network.attention.in_proj_weight, network.attention.in_proj_bias
    projected = inputs[1] @ weight.T + bias
    query, key = projected[:, :4], projected[:, 8:12]
    expected = torch.softmax(query[2] @ key.T / 2, dim=0)
    assert list(scores.weights[0]) == pytest.approx(expected.tolist(), abs=1e-6)
    assert [sum(head) for head in scores.weights] == pytest.approx([1, 1])


def test_what_has_no_arithmetic_is_told(network: nn.Module) -> None:
    trace = pellucid.trace(network, torch.zeros(2, 16))
    with pytest.raises(DataError, match="whose values are no sums of weighted inputs"):
        trace.unit("linear_relu_stack.1", 0)
    with pytest.raises(ShapeError, match=r"there is no unit 8\n  fix: choose from 0 to 7"):
        trace.unit("linear_relu_stack.2", 8)
    with pytest.raises(ShapeError, match=r"there is no example 2\n  fix: choose from 0 to 1"):
        trace.unit("linear_relu_stack.2", 0, example=2)


def test_gradients_are_those_of_a_backward_pass(network: nn.Module) -> None:
    inputs, labels = torch.randn(5, 16), torch.tensor([0, 1, 2, 3, 0])
    found = pellucid.trace_gradients(network, inputs, lambda logits: functional.cross_entropy(logits, labels))
    assert all(parameter.grad is None for parameter in network.parameters())
    loss = functional.cross_entropy(network(inputs), labels)
    loss.backward()  # type: ignore[no-untyped-call]
    assert found.loss == loss.item()
    for one, (name, parameter) in zip(found.parameters, network.named_parameters(), strict=True):
        assert parameter.grad is not None and one.statistics is not None
        assert one.name == name
        assert one.norm == pytest.approx(float(parameter.grad.norm()))
        assert one.zeros == pytest.approx(float((parameter.grad == 0).float().mean()))
    assert [one.name for one in found.layers] == [f"linear_relu_stack.{index}" for index in range(5)]


def test_a_loss_that_is_none_is_told(network: nn.Module) -> None:
    with pytest.raises(DataError, match=r"the loss is \[2, 4\], not one number\n  fix: return a mean or sum"):
        pellucid.trace_gradients(network, torch.zeros(2, 16), lambda logits: logits)
    with pytest.raises(DataError, match="does not depend on the network's parameters"):
        pellucid.trace_gradients(network, torch.zeros(2, 16), lambda logits: logits.detach().sum())


def test_comparing_tells_where_two_traces_part() -> None:
    network = pellucid.mlp(16, (12,), 4, dropout=0.5, seed=0)
    inputs = torch.randn(3, 16)
    plain = pellucid.trace(network, inputs)
    same = pellucid.compare(plain, pellucid.trace(network, inputs))
    assert same.first_apart is None
    assert all(one.is_equal and one.largest == 0 for one in same.differences)
    apart = pellucid.compare(plain, pellucid.trace(network, inputs, training=True))
    assert apart.first_apart == "linear_relu_stack.2"
    assert "they part at linear_relu_stack.2" in str(apart)
    other = pellucid.compare(plain, pellucid.trace(network, inputs * 2))
    (flat,) = [one for one in other.differences if one.name == "flatten"]
    assert [flat.relative, flat.cosine] == pytest.approx([1.0, 1.0])
    assert flat.largest == pytest.approx(float(inputs.abs().max()))


def test_parameters_are_listed_with_what_numpy_says_of_them(network: nn.Module) -> None:
    listed = pellucid.parameters(network)
    assert listed.total == sum(parameter.numel() for parameter in network.parameters())
    for row, (name, value) in zip(listed.rows, network.named_parameters(), strict=True):
        assert (row.name, row.shape) == (name, tuple(value.shape))
        assert row.statistics.mean == pytest.approx(float(value.detach().numpy().mean(dtype=np.float64)))
        assert row.first_values == tuple(value.detach().flatten()[:3].tolist())
    assert [row.name for row in pellucid.parameters(network, layer="linear_relu_stack.2").rows] == [
        "linear_relu_stack.2.weight", "linear_relu_stack.2.bias",
    ]  # fmt: skip
    with pytest.raises(UnknownNameError, match="there is no layer 'linear_relu_stak'"):
        pellucid.parameters(network, layer="linear_relu_stak")


def test_first_weights_are_shown_as_pictures() -> None:
    listed = pellucid.parameters(pellucid.mlp(64, (5,), 2, seed=0))
    assert [image.pixels.shape for image in listed.images] == [(8, 8)] * 5
    assert len(pellucid.parameters(pellucid.cnn((1, 8, 8), 3, 2)).images) == 3


@pytest.mark.parametrize("form", ["html", "json", "csv", "md", "svg", "png"])
def test_every_result_is_written_in_every_form(network: nn.Module, tmp_path: Path, form: str) -> None:
    trace = pellucid.trace(network, torch.randn(3, 16))
    path = tmp_path / f"trace.{form}"
    write_result(trace, path)
    content = path.read_bytes()
    magic = {
        "html": b"<!doctype html>",
        "json": b"{",
        "csv": b"layer,kind",
        "md": b"| layer",
        "svg": b"<svg",
        "png": b"\x89PNG",
    }
    assert content.startswith(magic[form])
    if form == "json":
        assert json.loads(content) == json.loads(trace.to_json())
    if form == "csv":
        assert len(content.splitlines()) == 1 + len(trace)
    with pytest.raises(OverwriteError, match="is there already"):
        write_result(trace, path)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_an_unknown_form_is_told(network: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"there is no form 'htm' to write a result in\n  fix: write 'html'"):
        write_result(pellucid.parameters(network), tmp_path / "x.htm")
