"""The benchmark against the peers: its clock, its sums, and the page that it writes."""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.peers import race
from benchmarks.speed_page import flop_per_image, mean_seconds_to, page, seconds_to

ROOT = Path(__file__).parent.parent


def laps(*pairs: tuple[float, float]) -> list[dict[str, float]]:
    return [{"examples": 1000, "seconds": seconds, "accuracy": accuracy} for seconds, accuracy in pairs]


def spread(*values: float) -> dict[str, object]:
    return {"median": sorted(values)[len(values) // 2], "lowest": min(values), "highest": max(values), "runs": values}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for split, examples in (("train", 30), ("test", 20)):
        np.save(tmp_path / f"{split}-inputs.npy", random.integers(0, 256, (examples, 1, 4, 4), np.uint8))
        np.save(tmp_path / f"{split}-labels.npy", np.arange(examples) % 2)
    return tmp_path


def start(monkeypatch: pytest.MonkeyPatch, data: Path, *words: str) -> race.Race:
    monkeypatch.setattr(sys, "argv", ["peer", "--data", str(data), *words])
    return race.Race()


def test_the_page_says_what_was_measured() -> None:
    result = json.loads((ROOT / "benchmarks/results/speed.json").read_text(encoding="utf-8"))
    assert (ROOT / "docs/speed.md").read_text(encoding="utf-8") == page(result)


def test_the_clock_stands_while_a_peer_is_judged(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    runner = start(monkeypatch, data)

    def slow(inputs: np.ndarray) -> np.ndarray:
        time.sleep(0.3)
        return np.zeros(len(inputs))

    before = runner.seconds
    runner.lap(30, slow)
    assert runner.seconds - before < 0.2


def test_a_lap_counts_right_answers_as_numbers_or_as_logits(
    monkeypatch: pytest.MonkeyPatch, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runner = start(monkeypatch, data, "--goal", "0.9")
    labels = np.arange(20) % 2
    assert runner.lap(30, lambda _: np.where(np.arange(20) < 5, 1 - labels, labels))
    assert not runner.lap(30, lambda _: np.eye(2)[labels])
    runner.finish()
    printed = json.loads(capsys.readouterr().out)
    assert [lap["accuracy"] for lap in printed["laps"]] == [0.75, 1.0]


def test_judging_prepares_the_test_inputs_as_training_does(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    runner = start(monkeypatch, data, "--setting", "equal")
    inputs, _, _ = runner.train_examples()
    raw = np.load(data / "train-inputs.npy").reshape(30, 16) / 255
    np.testing.assert_allclose(inputs, (raw - raw.mean()) / raw.std(), rtol=1e-4, atol=1e-5)
    seen = []

    def answer(inputs: np.ndarray) -> np.ndarray:
        seen.append(inputs)
        return np.zeros(len(inputs))

    runner.lap(30, answer)
    expected = (np.load(data / "test-inputs.npy").reshape(20, 16) / 255 - raw.mean()) / raw.std()
    np.testing.assert_allclose(seen[0], expected, rtol=1e-4, atol=1e-5)


def test_a_race_with_the_recipe_goes_on_to_the_end_of_its_schedule(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    runner = start(monkeypatch, data, "--setting", "recipe")
    labels = np.arange(20) % 2
    assert [runner.lap(30, lambda _: labels) for _ in range(3)] == [True] * 3


def test_the_first_epoch_does_not_count_for_the_speed() -> None:
    assert race.images_per_second(laps((10, 0.5), (12, 0.6), (13, 0.7), (15, 0.8))) == 500
    assert race.images_per_second(laps((10, 0.5))) == 100


def test_the_recipe_rises_over_a_tenth_and_falls_to_zero() -> None:
    shares = [race.rate_at(step, 100) for step in range(101)]
    assert shares[9] == shares[10] == 1 == max(shares)
    assert shares[0] == 0.1
    assert shares[55] == pytest.approx(0.5)
    assert shares[100] == 0


def test_seconds_to_a_goal_are_those_of_the_first_epoch_that_has_it() -> None:
    run = laps((2, 0.87), (4, 0.885), (6, 0.879))
    assert seconds_to(run, 0.88) == (4, 2)
    assert seconds_to(run, 0.89) is None


def test_our_seconds_to_a_goal_need_the_mean_of_all_seeds() -> None:
    ladder = [{"epochs": 1, "test_accuracy": spread(0.85, 0.90)}, {"epochs": 2, "test_accuracy": spread(0.88, 0.90)}]
    found = mean_seconds_to(ladder, 0.88)
    assert found is not None and found["epochs"] == 2
    assert mean_seconds_to(ladder, 0.90) is None


def test_the_arithmetic_of_an_image_is_counted_by_hand() -> None:
    # Forward, gradients of weights, and gradients of the inputs of all layers but the first.
    products = {"first": 784 * 512, "second": 512 * 512, "last": 512 * 10}
    assert flop_per_image() == 2 * (2 * sum(products.values()) + products["second"] + products["last"])
    assert flop_per_image(192) == flop_per_image() - 4 * (784 - 192) * 512


def test_the_page_says_who_did_not_run_and_what_was_not_reached() -> None:
    peer = {
        "images_per_second": spread(10_000.0), "laps": laps((7, 0.85), (14, 0.87)), "peak_bytes": 500e6,
        "import_bytes": 300e6,
    }  # fmt: skip
    machine = {"processor": "a machine", "cores": 2, "threads": 2, "system": "Linux", "python": "3.11", "load": [0, 0]}
    result = {
        "machine": machine, "rounds": 1, "race_epochs": 2, "examples": 100, "meant": {"PyTorch quick start": peer},
        "products": {"float32": spread(1e11), "bfloat16": spread(2e11)}, "left_out": {"fastai": "No module 'fastai'"},
    }  # fmt: skip
    text = page(result)
    assert "- fastai: `No module 'fastai'`" in text
    row = next(line for line in text.splitlines() if line.startswith("| PyTorch quick start |"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    share = f"{10_000 * flop_per_image() / 1e11:.0%}"
    assert cells == [
        "PyTorch quick start", "10,000 (10,000–10,000)", "1.0", share, *["not in 2 epochs"] * 3,
        "87.00% after 2 epochs, 14.0 s", "500, 200 its own",
    ]  # fmt: skip
