"""Calibration, against scikit-learn, SciPy and loops by hand."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from pellucid.errors import ShapeError
from pellucid.evaluation.calibration import calibrate, fit_temperature, frequency_errors, reliability_bins
from pellucid.evaluation.evaluation import judge
from pellucid.evaluation.metrics import calibration_error


def drawn(seed: int, examples: int, classes: int, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, and labels drawn from what they say at a temperature."""
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(examples, classes, generator=generator)
    labels = torch.multinomial((logits / temperature).softmax(dim=1), 1, generator=generator).flatten()
    return logits, labels


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(50, 300), st.integers(2, 8), st.floats(0.5, 4))
def test_the_temperature_is_the_one_that_scipy_finds(
    seed: int, examples: int, classes: int, temperature: float
) -> None:
    logits, labels = drawn(seed, examples, classes, temperature)

    def loss(logarithm: float) -> float:
        probabilities = (logits.double() / np.exp(logarithm)).softmax(dim=1).numpy()
        return float(log_loss(labels, probabilities, labels=list(range(classes))))

    found = minimize_scalar(loss, bounds=(np.log(0.01), np.log(100)), method="bounded", options={"xatol": 1e-10})
    ours = fit_temperature(logits, labels)
    assert loss(np.log(ours)) <= found.fun + 1e-9
    if 0.02 < ours < 50:
        assert ours == pytest.approx(np.exp(found.x), rel=1e-3)


def test_a_network_that_is_too_sure_gets_its_temperature_back() -> None:
    logits, labels = drawn(0, 20_000, 5, 2.5)
    assert fit_temperature(logits, labels) == pytest.approx(2.5, rel=0.05)


def test_logits_are_shifted_and_scaled_without_harm() -> None:
    logits, labels = drawn(1, 200, 4, 2.0)
    expected = fit_temperature(logits, labels)
    assert fit_temperature(logits.double() + 1e4, labels) == pytest.approx(expected, rel=1e-6)
    assert fit_temperature(10 * logits, labels) == pytest.approx(10 * expected, rel=1e-5)


@pytest.mark.parametrize(("labels", "expected"), [([0, 1], 0.01), ([1, 0], 100.0)])
def test_logits_that_are_never_wrong_or_always_stop_at_the_ends(labels: list[int], expected: float) -> None:
    assert fit_temperature(torch.eye(2), torch.tensor(labels)) == expected


def test_labels_of_other_examples_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"outputs have shape \[2, 2\] and labels \[3\]"):
        fit_temperature(torch.eye(2), torch.tensor([0, 1, 1]))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.integers(2, 8))
def test_bins_are_those_of_scikit_learn(seed: int, examples: int, classes: int) -> None:
    logits, labels = drawn(seed, examples, classes, 2.0)
    probabilities = logits.double().softmax(dim=1)
    confidence, predicted = probabilities.max(dim=1)
    accuracy, mean = calibration_curve(predicted == labels, confidence, n_bins=15)
    bins = reliability_bins(probabilities, labels)
    assert [one.accuracy for one in bins] == pytest.approx(accuracy.tolist())
    assert [one.confidence for one in bins] == pytest.approx(mean.tolist())
    assert sum(one.examples for one in bins) == examples
    error = sum(one.examples * abs(one.accuracy - one.confidence) for one in bins) / examples
    assert error == pytest.approx(calibration_error(probabilities, labels))
    assert all(one.low < one.confidence <= one.high + 1e-12 for one in bins)


def test_the_temperature_is_fitted_on_other_examples_and_judged_on_these() -> None:
    logits, labels = drawn(2, 500, 3, 3.0)
    others = drawn(3, 500, 3, 3.0)
    found = calibrate(logits, labels, others)
    assert found.temperature == fit_temperature(*others) != fit_temperature(logits, labels)
    scaled = (logits.double() / found.temperature).softmax(dim=1)
    assert found.error_scaled == pytest.approx(calibration_error(scaled, labels))
    assert found.loss_scaled == pytest.approx(log_loss(labels, scaled.numpy(), labels=[0, 1, 2]))
    assert found.error_scaled is not None and found.error_scaled < found.error
    assert "fitted on the validation split: the network is too sure" in found.sentence()


def test_without_other_examples_no_temperature_is_fitted() -> None:
    found = calibrate(*drawn(2, 50, 3, 3.0))
    assert (found.temperature, found.fitted_on, found.error_scaled, found.sentence()) == (None, "", None, "")
    nothing = calibrate(*drawn(2, 50, 3, 3.0), fitted=(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64)))
    assert nothing.temperature is None
    assert calibrate(*drawn(2, 50, 3, 3.0), fitted=(torch.tensor([[torch.inf, 0, 0]]), torch.tensor([0]))).bins


def test_a_judgement_carries_it_into_json() -> None:
    logits, labels = drawn(4, 100, 3, 2.0)
    facts = json.loads(judge(logits, labels, ["a", "b", "c"], split="test", fitted=drawn(5, 100, 3, 2.0)).to_json())
    assert facts["calibration"]["fitted_on"] == "validation"
    assert facts["calibration"]["error"] == facts["calibration_error"]
    assert sum(one["examples"] for one in facts["calibration"]["bins"]) == 100


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 100))
def test_errors_of_several_labels_are_those_by_hand(seed: int, examples: int) -> None:
    generator = np.random.default_rng(seed)
    probabilities = generator.random((examples, 3))
    labels = generator.integers(0, 2, (examples, 3)).astype(float)
    ours = frequency_errors(torch.from_numpy(probabilities), torch.from_numpy(labels)).tolist()
    for label in range(3):
        total = 0.0
        for number in range(15):
            members = (probabilities[:, label] > number / 15) & (probabilities[:, label] <= (number + 1) / 15)
            if members.any():
                gap = labels[members, label].mean() - probabilities[members, label].mean()
                total += members.sum() * abs(gap)
        assert ours[label] == pytest.approx(total / examples)
