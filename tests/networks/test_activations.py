"""The table of activations against NumPy, finite differences and its own texts."""

import importlib
import json
import math
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import pellucid.networks.activations as package
from pellucid.errors import DataError, SettingError, ShapeError, UnknownNameError
from pellucid.networks.activations import Activation, ActivationTable, activation, activations
from pellucid.rendering.terminal import to_text

Floats = NDArray[np.float64]

ALL = [pytest.param(entry, id=entry.name) for entry in activations()]
ELEMENTWISE = [pytest.param(entry, id=entry.name) for entry in activations() if entry.is_elementwise]
SWEEP = np.linspace(-7.03, 7.03, 200)  # an even number: no point lies on a corner of any function


def normal_below(x: float) -> float:
    return (1 + math.erf(x / math.sqrt(2))) / 2


def hardsigmoid(x: float) -> float:
    return min(max(0.0, (x + 3) / 6), 1.0)


def selu(x: float) -> float:
    # The constants as Klambauer et al. 2017 print them.
    return 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * (math.exp(x) - 1))


BY_HAND: dict[str, Callable[[float], float]] = {
    "binary_step": lambda x: float(x >= 0),
    "identity": lambda x: x,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "tanh": lambda x: math.sinh(x) / math.cosh(x),
    "softplus": lambda x: math.log1p(math.exp(x)),
    "hardtanh": lambda x: min(max(-1.0, x), 1.0),
    "relu": lambda x: max(0.0, x),
    "relu6": lambda x: min(max(0.0, x), 6.0),
    "leaky_relu": lambda x: max(x, 0.01 * x),
    "prelu": lambda x: max(x, 0.25 * x),
    "elu": lambda x: x if x > 0 else math.expm1(x),
    "selu": selu,
    "gelu": lambda x: x * normal_below(x),
    "silu": lambda x: x / (1 + math.exp(-x)),
    "mish": lambda x: x * math.tanh(math.log1p(math.exp(x))),
    "hardsigmoid": hardsigmoid,
    "hardswish": lambda x: x * hardsigmoid(x),
}


def computed(entry: Activation, x: Floats) -> Floats:
    """Return what the activation gives; softmax gets x as one of two logits, the other being 0."""
    inputs = torch.from_numpy(x)
    if entry.is_elementwise:
        return entry(inputs).numpy()
    return entry(torch.stack([inputs, torch.zeros_like(inputs)], dim=1))[:, 0].numpy()


def evaluated(text: str, x: float) -> float:
    """Return the value of a formula as the table prints it."""
    for printed, written in {
        "e⁻ˣ": "exp(-x)",
        "eˣ": "exp(x)",
        "·": "*",
        "²": "**2",
        "≥": ">=",
        "λx": "λ*x",
        "β(": "β*(",
        "h'(x)": "slope(x)",
    }.items():
        text = text.replace(printed, written)
    letters: dict[str, Any] = {
        "x": x,
        "exp": math.exp,
        "ln": math.log,
        "tanh": math.tanh,
        "cosh": math.cosh,
        "max": max,
        "clamp": lambda value, low, high: min(max(value, low), high),
        "σ": BY_HAND["sigmoid"],
        "Φ": normal_below,
        "φ": lambda value: math.exp(-(value**2) / 2) / math.sqrt(2 * math.pi),
        "a": 0.25,
        "λ": 1.0507,
        "β": 1.7581,
        "h": hardsigmoid,
        "slope": lambda value: 1 / 6 if -3 < value < 3 else 0.0,
        "s": BY_HAND["softplus"](x),
    }
    return float(eval(text, {"__builtins__": {}}, letters))


def differences(entry: Activation) -> Floats:
    step = 1e-6
    slopes: Floats = (computed(entry, SWEEP + step) - computed(entry, SWEEP - step)) / (2 * step)
    return slopes


@pytest.mark.parametrize("entry", ELEMENTWISE)
def test_computes_what_the_formula_by_hand_computes(entry: Activation) -> None:
    expected = [BY_HAND[entry.name](x) for x in SWEEP]
    np.testing.assert_allclose(computed(entry, SWEEP), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("entry", ELEMENTWISE)
def test_prints_the_formula_that_it_computes(entry: Activation) -> None:
    expected = [evaluated(entry.formula, x) for x in SWEEP]
    np.testing.assert_allclose(computed(entry, SWEEP), expected, rtol=1e-4, atol=1e-12)


@pytest.mark.parametrize("entry", ELEMENTWISE)
def test_prints_the_derivative_that_finite_differences_find(entry: Activation) -> None:
    expected = [evaluated(entry.derivative, x) for x in SWEEP]
    np.testing.assert_allclose(differences(entry), expected, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("entry", ALL)
def test_draws_the_function_and_the_derivative_that_finite_differences_find(entry: Activation) -> None:
    curves = entry.curves(SWEEP[0], SWEEP[-1], points=len(SWEEP))
    np.testing.assert_allclose(curves.x, SWEEP)
    np.testing.assert_allclose(curves.series[entry.title], computed(entry, SWEEP), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(curves.series["derivative"], differences(entry), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("entry", ALL)
def test_stays_in_its_range_and_reaches_its_ends(entry: Activation) -> None:
    near = computed(entry, np.linspace(-10, 10, 20001))
    far = computed(entry, np.linspace(-1e4, 1e4, 20001))
    if entry.range == "{0, 1}":
        assert set(near) == {0.0, 1.0}
        return
    found = re.fullmatch(r"([\[(])(.+), (.+)([\])])", entry.range)
    assert found is not None
    opening, low, high, closing = found.groups()
    # Upside down, the upper end is a lower end: one check for both.
    for bracket, end, sign in ((opening, low, 1), (closing, high, -1)):
        if "∞" in end:
            # 0.01 is the flattest slope that runs to infinity here.
            assert (sign * far).min() <= -0.01 * 1e4 * (1 - 1e-9)
            continue
        bound, rounding = sign * float(Fraction(end)), 0.005 if "." in end else 1e-12
        assert min((sign * near).min(), (sign * far).min()) >= bound - rounding
        if bracket in "[]":
            assert (sign * near).min() <= bound + rounding
        else:
            assert bound - rounding < (sign * near).min() <= bound + 1e-2
            assert rounding > 1e-3 or (sign * near).min() > bound


@pytest.mark.parametrize("entry", ALL)
def test_names_the_class_of_the_module_that_it_makes(entry: Activation) -> None:
    home, _, name = entry.module.rpartition(".")
    assert getattr(importlib.import_module(home), name) is type(entry.make())


@pytest.mark.parametrize("entry", ALL)
def test_makes_a_fresh_module_each_time(entry: Activation) -> None:
    assert entry.make() is not entry.make()


@pytest.mark.parametrize("entry", ALL)
def test_dates_its_source_and_writes_formulas_on_one_line(entry: Activation) -> None:
    assert f" {entry.year}, " in entry.source
    assert "\n" not in entry.formula + entry.derivative + entry.range


def test_every_file_of_the_folder_is_in_the_table() -> None:
    files = {path.stem for path in Path(package.__path__[0]).glob("*.py")} - {"__init__", "table"}
    assert [entry.name for entry in activations()] == sorted(files, key=lambda name: (activation(name).year, name))


def test_a_new_file_in_the_folder_is_a_new_activation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    relu = Path(package.__path__[0]) / "relu.py"
    (tmp_path / "zz_relu.py").write_text(relu.read_text(encoding="utf-8").replace('"relu"', '"zz_relu"'), "utf-8")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    assert activation("ZZ-ReLU").formula == "max(0, x)"


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("relu", "relu"),
        ("ReLU", "relu"),
        ("leaky-relu", "leaky_relu"),
        ("LeakyReLU", "leaky_relu"),
        ("Leaky ReLU", "leaky_relu"),
        ("BinaryStep", "binary_step"),
        ("RELU6", "relu6"),
    ],
)
def test_finds_a_name_spelled_loosely(spelled: str, name: str) -> None:
    assert activation(spelled).name == name


def test_an_unknown_name_is_told_the_nearest_one() -> None:
    with pytest.raises(UnknownNameError, match=r"no activation 'rlu'\n  fix: write 'relu' \(did you mean"):
        activation("rlu")


def test_softmax_gives_shares_of_exponentials_over_dimension_1() -> None:
    logits = np.random.default_rng(0).normal(size=(3, 5, 2))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(activation("softmax")(torch.from_numpy(logits)).numpy(), shares)


def test_softmax_has_the_derivative_that_its_text_states() -> None:
    logits = torch.tensor([[0.5, -1.0, 2.0]], dtype=torch.float64)
    found = torch.func.jacrev(activation("softmax"))(logits)
    shares = np.exp(logits.numpy()[0]) / np.exp(logits.numpy()[0]).sum()
    by_hand = [[shares[i] * ((i == j) - shares[j]) for j in range(3)] for i in range(3)]
    np.testing.assert_allclose(found[0, :, 0].numpy(), by_hand)


def test_only_softmax_is_for_the_output_alone() -> None:
    assert [entry.name for entry in activations() if entry.is_output_only] == ["softmax"]


def test_binary_step_draws_its_true_derivative_and_its_surrogate_apart() -> None:
    curves = activation("binary_step").curves(-2, 2, points=5)
    assert curves.series == {
        "Binary step": [0, 0, 1, 1, 1],
        "derivative": [0, 0, 0, 0, 0],
        "surrogate for training": [0, 1, 1, 1, 0],
    }


def test_curves_need_no_gradient_mode_of_the_caller() -> None:
    with torch.inference_mode():
        inside = activation("prelu").curves(-1, 1, points=3)
    assert inside.series["derivative"] == [0.25, 0.25, 1.0]


def test_curves_leave_the_random_generator_as_it_was() -> None:
    before = torch.get_rng_state()
    for entry in activations():
        entry.curves(points=9)
    assert torch.equal(torch.get_rng_state(), before)


def test_keeps_the_dtype_and_makes_nothing_to_train() -> None:
    outputs = activation("prelu")(torch.tensor([-4.0, 4.0], dtype=torch.float64))
    assert torch.equal(outputs, torch.tensor([-1.0, 4.0], dtype=torch.float64))
    assert not outputs.requires_grad


def test_refuses_integers() -> None:
    with pytest.raises(DataError, match=r"these are torch\.int64\n  fix: convert them first: inputs\.float\(\)"):
        activation("gelu")(torch.arange(3))


def test_softmax_refuses_inputs_without_classes() -> None:
    with pytest.raises(ShapeError, match=r"inputs have shape \[3\]\n  fix: give them the shape \[examples, classes"):
        activation("softmax")(torch.zeros(3))


def test_curves_refuse_an_empty_interval() -> None:
    with pytest.raises(SettingError, match=r"x would go from 4 to -4\n  fix: choose a low that is less than high"):
        activation("relu").curves(4, -4)


def test_curves_refuse_a_single_point() -> None:
    with pytest.raises(SettingError, match=r"points=1 shows nothing\n  fix: choose points=2"):
        activation("relu").curves(points=1)


def test_the_table_is_whole_at_100_columns() -> None:
    text = to_text(ActivationTable().blocks(), width=100)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 100
    for row in ActivationTable().rows():
        line = next(line for line in text.splitlines() if line.split()[:1] == [row["name"]])
        for cell in (row["formula"], row["range"], row["derivative"], row["module"].split(".")[-1]):
            assert cell in line


def test_the_rows_hold_what_the_activations_hold() -> None:
    row = next(row for row in ActivationTable().rows() if row["name"] == "relu")
    assert row == {
        "name": "relu",
        "formula": "max(0, x)",
        "range": "[0, ∞)",
        "derivative": "1 if x > 0 else 0",
        "module": "torch.nn.ReLU",
    }


def test_json_holds_every_fact_but_the_builder() -> None:
    entries = json.loads(ActivationTable().to_json())["activations"]
    for facts, entry in zip(entries, activations(), strict=True):
        assert facts == entry.to_dict() | {"symbols": list(entry.symbols)}
        assert set(facts) == set(vars(entry)) - {"make"}


def test_one_activation_shows_every_text_that_it_holds() -> None:
    entry = activation("selu")
    text = " ".join(to_text(entry.blocks(), width=80).split())
    for part in (entry.title, entry.formula, entry.derivative, *entry.symbols, entry.range, entry.module):
        assert part in text
    for sentence in (entry.use, entry.avoid, entry.source):
        assert sentence in text
