"""Training on a stream against a plain loop over it, and its memory."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import pellucid
from pellucid.data.preparing import fit_preparation
from pellucid.training.run import train
from pellucid.training.settings import Settings


def points(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Points in a plane with a little noise, sorted by their class: which of three directions is nearest."""
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((rows, 2)).astype(np.float32)
    labels = (inputs @ np.array([[1, 0], [-0.5, 0.9], [-0.5, -0.9]]).T).argmax(axis=1)
    order = np.argsort(labels, kind="stable")
    return inputs[order], labels[order]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inputs, labels = points(3_000)
    np.save(tmp_path / "x.npy", inputs)
    np.save(tmp_path / "y.npy", labels)
    return tmp_path


def test_a_run_is_a_plain_loop_over_the_stream(folder: Path) -> None:
    dataset = pellucid.read(folder)
    network = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 3))
    by_hand = copy.deepcopy(network)
    settings = Settings(
        epochs=2, batch_size=50, learning_rate=0.1, optimizer="sgd", momentum=0.0, schedule="constant", warmup=0.0,
        label_smoothing=0.0, reference=True, seed=4, threads=1,
    )  # fmt: skip
    run = train(network, dataset, settings, device="cpu")

    preparation = fit_preparation(dataset)
    optimizer = torch.optim.SGD(by_hand.parameters(), lr=0.1)
    validation = preparation(torch.from_numpy(dataset.validation.inputs))
    accuracies, weights = [], []
    assert dataset.stream is not None
    for epoch in range(2):
        for inputs, labels in dataset.stream.blocks(4, epoch, 50):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(by_hand(preparation(torch.from_numpy(inputs))), torch.from_numpy(labels))
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        right = by_hand(validation).argmax(dim=1) == torch.from_numpy(dataset.validation.labels)
        accuracies.append(right.float().mean().item())
        weights.append(copy.deepcopy(by_hand.state_dict()))
    assert [epoch.validation_accuracy for epoch in run.history.epochs] == pytest.approx(accuracies)
    best = weights[run.history.best_epoch - 1]
    assert all(torch.allclose(network.state_dict()[name], best[name], atol=1e-5) for name in best)


def test_a_run_chooses_by_the_length_of_the_stream_and_learns_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    most = {"train": 300, "validation": 100, "test": 100}
    monkeypatch.setattr("pellucid.data.streaming.sampling.MOST_EXAMPLES", most)
    dataset = pellucid.read(folder)
    assert len(dataset.train) == 300
    run = train(pellucid.mlp(2, (16,), 3, seed=0), dataset, Settings(epochs=4), device="cpu")
    in_all = dataset.training_examples
    assert in_all > 2_600
    # 64 steps an epoch at most; the sample alone would have chosen 16.
    assert run.settings.batch_size == 32
    assert run.evaluation is not None and run.evaluation.metrics()["accuracy"] > 0.95
    assert run.classifier.dataset is not None
    assert run.classifier.dataset["examples"] == {"train": in_all, "validation": 100, "test": 100}
    assert run.history.waited_seconds is not None
    assert run.history.to_dict()["waited_seconds"] == run.history.waited_seconds
    assert "for examples to be read" in str(run)


def test_the_targets_of_a_regression_are_in_their_own_units(tmp_path: Path) -> None:
    inputs, _ = points(3_000)
    np.save(tmp_path / "x.npy", inputs)
    np.save(tmp_path / "y.npy", 1_000 + 50 * inputs[:, 0] - 20 * inputs[:, 1])
    dataset = pellucid.read(tmp_path)
    assert dataset.task == "regression"
    run = train(pellucid.mlp(2, (16,), 1, seed=0), dataset, Settings(epochs=6), device="cpu")
    assert run.evaluation is not None and run.evaluation.metrics()["r2"] > 0.95


MEASURED = """
import json, sys
from pathlib import Path
import pellucid
from pellucid.data.streaming import batches as module, sampling, table_source
import pyarrow.parquet
import torch

def anonymous():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))

sampling.MOST_EXAMPLES = {"train": 1000, "validation": 1000, "test": 1000}
table_source.LANES_BYTES = module.AHEAD_BYTES = 2**23
sampling.READ_BYTES = 2**23
before = anonymous()
dataset = pellucid.read(sys.argv[1], stream=True)
stream = dataset.stream.with_buffer(2**22)
batches = module.StreamBatches(stream, lambda raw: raw, batch_size=64, device=torch.device("cpu"))
highest, rows = anonymous(), 0
for inputs, labels in batches:
    rows += len(labels)
    highest = max(highest, anonymous()) if rows % 6400 == 0 else highest
print(json.dumps({"rows": rows, "grown": highest - before, "all": dataset.training_examples}))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux says what memory is a process's own")
@pytest.mark.parametrize("kind", ["npy", "parquet"])
def test_memory_does_not_grow_with_the_data(tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(0)
    rows = 600_000
    inputs, labels = rng.standard_normal((rows, 128), np.float32), rng.integers(0, 3, rows)
    if kind == "npy":
        np.save(tmp_path / "x.npy", inputs)
        np.save(tmp_path / "y.npy", labels)
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.table({**{f"x{place}": inputs[:, place] for place in range(128)}, "label": labels})
        pq.write_table(table, tmp_path / "a.parquet", row_group_size=10_000)
    path = tmp_path if kind == "npy" else tmp_path / "a.parquet"
    command = [sys.executable, "-c", MEASURED, str(path)]
    ended = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    found = json.loads(ended.stdout)
    assert found["rows"] == found["all"] // 64 * 64 + found["all"] % 64 * (found["all"] % 64 != 1)
    assert found["grown"] < inputs.nbytes * 0.5
