"""How the default settings were chosen: candidates compared on the validation split; the test split is not loaded.

python -m benchmarks.choose_settings [--seeds 3] [--threads 1] [-o benchmarks/results/choose_settings.json]
"""

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import torch

import pellucid
from benchmarks.machine import machine

CANDIDATES: list[dict[str, Any]] = [
    {},
    {"precision": "float32"},
    {"epochs": 6},
    {"epochs": 3},
    {"learning_rate": 2e-3},
    {"learning_rate": 5e-3, "batch_size": 512},
    {"schedule": "warmup-cosine"},
    {"weight_decay": 0.1},
    {"label_smoothing": 0.0},
    {"optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 5e-4},
]


def main() -> None:
    """Train every candidate with every seed and write the validation accuracies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "results/choose_settings.json")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    whole = pellucid.read("fashion-mnist")
    dataset = pellucid.Dataset(
        whole.name, {name: whole.split(name) for name in ("train", "validation")}, whole.class_names
    )
    rows = []
    for candidate in CANDIDATES:
        accuracies, seconds = [], 0.0
        for seed in range(arguments.seeds):
            network = pellucid.mlp(784, (512, 512), 10, seed=seed)
            run = pellucid.train(network, dataset, pellucid.Settings(**candidate, seed=seed), device="cpu")
            accuracies.append(run.history.best.validation_accuracy or 0.0)
            seconds += run.seconds
        mean = statistics.mean(accuracies)
        rows.append({"settings": candidate, "mean": mean, "accuracies": accuracies, "seconds": seconds})
        print(f"{mean:.2%}  {seconds / arguments.seeds:5.1f} s a run  {candidate}", flush=True)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps({"machine": machine(arguments.threads), "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
