"""What the doctor costs: a check of the default network, and watching a training.

    python -m benchmarks.doctor [--rounds 5] [--threads 1] [-o benchmarks/results/doctor.json]

check      `pellucid.check` of 784-512-512-10 on a batch of 256 images, without and with an optimizer (then trials)
watching   one epoch of Fashion-MNIST, watched and not, in turn within one process, as a ratio within each pair: by a
           plain PyTorch loop (batch 64, AdamW), and by `pellucid.train`; the weights of both are compared bit for bit

What rules and trials take after a watched run is told apart from what watching takes during it.
"""

import argparse
import contextlib
import json
import statistics
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

import pellucid
from benchmarks.machine import machine, spread

SETTINGS = pellucid.Settings(epochs=1, learning_rate=6e-3, precision="float32", threads=1)


def plain_loop(dataset: pellucid.Dataset) -> nn.Module:
    """Train for one epoch as everyone writes it."""
    network = pellucid.mlp(784, (512, 512), 10, seed=0)
    preparation = pellucid.ImagePreparation.fit(dataset.train)
    inputs, labels = preparation(torch.from_numpy(dataset.train.inputs)), torch.from_numpy(dataset.train.labels)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    loss_function = nn.CrossEntropyLoss()
    for index in torch.split(torch.randperm(len(labels), generator=torch.Generator().manual_seed(0)), 64):
        loss = loss_function(network(inputs[index]), labels[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


def main_job(dataset: pellucid.Dataset) -> nn.Module:
    """Train for one epoch with `pellucid.train`."""
    network = pellucid.mlp(784, (512, 512), 10, seed=0)
    pellucid.train(network, dataset, SETTINGS, device="cpu")
    return network


def watching(job: Callable[[], nn.Module], rounds: int) -> dict[str, Any]:
    """Return seconds and ratios of a job watched and not, and whether the weights are the same."""
    seconds: dict[str, list[float]] = {"plain": [], "watched": []}
    weights: dict[str, Tensor] = {}
    for turn in range(rounds + 1):
        for name in seconds:
            around: Any = pellucid.watch() if name == "watched" else contextlib.nullcontext()
            started = perf_counter()
            with around:
                network = job()
            taken = perf_counter() - started
            weights[name] = torch.cat([parameter.detach().flatten() for parameter in network.parameters()])
            if turn:  # the first pair pays for imports and memory
                seconds[name].append(taken)
    ratios = [watched / plain for watched, plain in zip(seconds["watched"], seconds["plain"], strict=True)]
    return {
        **{f"{name}_seconds": spread(values) for name, values in seconds.items()},
        "ratio": spread(ratios),
        "weights_are_bit_identical": torch.equal(weights["plain"], weights["watched"]),
    }


def checking(dataset: pellucid.Dataset, rounds: int) -> dict[str, Any]:
    """Return the seconds of a check, the first one apart."""
    preparation = pellucid.ImagePreparation.fit(dataset.train)
    inputs = preparation(torch.from_numpy(dataset.train.inputs[:256]))
    labels = torch.from_numpy(dataset.train.labels[:256])
    network = pellucid.mlp(784, (512, 512), 10, seed=0)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    found: dict[str, Any] = {}
    for name, given in (("network", None), ("network and optimizer", optimizer)):
        taken = []
        for _ in range(rounds + 1):
            started = perf_counter()
            pellucid.check(network, (inputs, labels), loss=nn.functional.cross_entropy, optimizer=given)
            taken.append(perf_counter() - started)
        found[name] = {"first_seconds": taken[0], "seconds": spread(taken[1:])}
    return found


def main() -> None:
    """Measure both and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "results/doctor.json")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    dataset = pellucid.read("fashion-mnist")
    without_test = {name: split for name, split in dataset.splits.items() if name != "test"}
    dataset = pellucid.Dataset(dataset.name, without_test, dataset.class_names)
    result = {
        "machine": machine(arguments.threads),
        "check": checking(dataset, arguments.rounds),
        "watching": {
            "plain loop": watching(lambda: plain_loop(dataset), arguments.rounds),
            "pellucid.train": watching(lambda: main_job(dataset), arguments.rounds),
        },
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    for name, facts in result["check"].items():
        print(
            f"check, {name}: {statistics.median(facts['seconds']['runs']):.2f} s (first {facts['first_seconds']:.2f} s)"
        )
    for name, facts in result["watching"].items():
        same = "the same weights" if facts["weights_are_bit_identical"] else "OTHER WEIGHTS"
        print(f"watching {name}: {facts['ratio']['median']:.3f} times as long, {same}")


if __name__ == "__main__":
    main()
