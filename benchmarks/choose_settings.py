"""How the default settings were chosen: candidates compared on validation splits; no test split is loaded.

    python -m benchmarks.choose_settings [--seeds 3] [--threads 1] [--only NAME] [-o FILE]

The datasets: Fashion-MNIST; its first 5,000 examples; scikit-learn's digits; a table of 60,000 rows; coloured shapes
of 32x32 (the last two are made, see `benchmarks/made_sets.py`). The network has two hidden layers of 512.
"""

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import pellucid
from benchmarks import made_sets
from benchmarks.machine import machine
from pellucid.data.dataset import Dataset

CANDIDATES: list[dict[str, Any]] = [
    {},
    {"start": "plain"},
    {"precision": "float32"},
    {"learning_rate": 3e-3},
    {"learning_rate": 6e-3},
    {"schedule": "warmup-cosine"},
    {"beta2": 0.999},
    {"weight_decay": 0.05},
    {"label_smoothing": 0.0},
    {"optimizer": "sgd"},
]


def datasets() -> dict[str, Dataset]:
    """Return the datasets by name; each with a training and a validation split only."""
    whole = pellucid.read("fashion-mnist")
    fashion = {name: whole.split(name) for name in ("train", "validation")}
    few = {"train": fashion["train"].take(np.arange(5_000)), "validation": fashion["validation"]}
    found = {
        "fashion-mnist": Dataset("fashion-mnist", fashion, whole.class_names),
        "5,000 of fashion-mnist": Dataset("few", few, whole.class_names),
    }
    made: dict[str, tuple[NDArray[Any], NDArray[Any]]] = {
        "digits": made_sets.digits(),
        "table": made_sets.long_table(60_000),
        "coloured shapes": made_sets.coloured_shapes(12_000),
    }
    for name, (inputs, labels) in made.items():
        splits = made_sets.cut(inputs, labels)
        kept = {split: pellucid.Split(*splits[split]) for split in ("train", "validation")}
        classes = int(labels.max()) + 1
        found[name] = Dataset(name, kept, tuple(str(number) for number in range(classes)))
    return found


def main() -> None:
    """Train every candidate with every seed on every dataset and write the validation accuracies."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", help="the name of one dataset")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "results/choose_settings.json")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    rows = []
    for name, dataset in datasets().items():
        if arguments.only not in (None, name):
            continue
        for candidate in CANDIDATES:
            accuracies, seconds = [], 0.0
            for seed in range(arguments.seeds):
                network = pellucid.mlp(dataset.input_shape, (512, 512), len(dataset.class_names), seed=seed)
                settings = pellucid.Settings(**candidate, seed=seed, threads=arguments.threads)
                run = pellucid.train(network, dataset, settings, device="cpu")
                accuracies.append(run.history.best.validation_accuracy or 0.0)
                seconds += run.seconds
            mean = statistics.mean(accuracies)
            rows.append(
                {"dataset": name, "settings": candidate, "mean": mean, "accuracies": accuracies, "seconds": seconds}
            )
            print(f"{name:24}{mean:.2%}  {seconds / arguments.seeds:5.1f} s a run  {candidate}", flush=True)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps({"machine": machine(arguments.threads), "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
