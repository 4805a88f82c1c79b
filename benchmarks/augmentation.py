"""What augmentation is worth where examples are few: validation accuracy with and without it.

    python -m benchmarks.augmentation [--examples 2000] [--epochs 30] [--seeds 3] [--threads 1]

The default convolutional network on the first training examples of Fashion-MNIST. Only the validation split is looked
at; each accuracy is that of the best epoch.
"""

import argparse
import json
import statistics
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

import pellucid
from benchmarks.machine import machine, spread
from pellucid.cli.starting import network_for
from pellucid.data.augmentation import Augmentation
from pellucid.data.augmenting import augmented

CANDIDATES = (
    "none",
    "flip",
    "shift",
    "shift,flip",
    "shift,flip,erase",
    "shift,flip,rotate:10,crop:0.2",
    "shift,flip,mixup:0.2",
)
BLOCK = 4096


def main() -> None:
    """Train with each augmentation and seed, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "results/augmentation.json")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    whole = pellucid.read("fashion-mnist")
    train = whole.train.take(np.arange(arguments.examples))
    few = replace(whole, splits={"train": train, "validation": whole.validation})
    rows = []
    accuracies: dict[str, list[float]] = {text: [] for text in CANDIDATES}
    for seed in range(arguments.seeds):
        for text in CANDIDATES:
            network = network_for(few, "cnn", hidden="", activation="relu", seed=seed).network
            settings = pellucid.Settings(
                epochs=arguments.epochs, start="whitened", augment=text, seed=seed, threads=arguments.threads
            )
            accuracy = pellucid.train(network, few, settings, device="cpu").history.best.validation_accuracy
            assert accuracy is not None
            accuracies[text].append(accuracy)
            print(f"seed {seed}  {text:32} {accuracy:.2%}", flush=True)
    for text in CANDIDATES:
        microseconds = spread([cost(whole, text) for _ in range(5)])
        mean = statistics.mean(accuracies[text])
        rows.append(
            {
                "augment": text,
                "validation_accuracy": {"mean": mean, **spread(accuracies[text])},
                "microseconds_per_image": microseconds,
            }
        )
        print(f"{text:32} {mean:.2%}  {microseconds['median']:.1f} us per image", flush=True)
    facts = {
        "machine": machine(arguments.threads),
        "dataset": whole.name,
        "examples": arguments.examples,
        "epochs": arguments.epochs,
        "rows": rows,
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(facts, indent=2) + "\n")


def cost(dataset: pellucid.Dataset, text: str) -> float:
    """Return the microseconds that augmenting one image of a block takes."""
    images = torch.from_numpy(dataset.train.inputs[:BLOCK])
    labels = torch.eye(len(dataset.class_names))[torch.from_numpy(dataset.train.labels[:BLOCK])]
    augmentation, generator = Augmentation.parse(text), torch.Generator().manual_seed(0)
    started = perf_counter()
    augmented(images, labels, augmentation, generator)
    return (perf_counter() - started) / len(images) * 1e6


if __name__ == "__main__":
    main()
