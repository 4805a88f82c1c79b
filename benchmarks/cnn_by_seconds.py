"""The default convolutional network, trained by the clock: what accuracy so many seconds buy.

    python -m benchmarks.cnn_by_seconds [--seeds 3] [--threads 2] [-o benchmarks/results/cnn_by_seconds.json]

As `pellucid train --network cnn --seconds S`, with `--flip` from 15 seconds on. The seconds are those of the run:
choosing, training and validation. Each network is judged on the test split once, which chooses nothing; from 15 seconds
on also with the answers averaged over the mirror image, as `pellucid evaluate --flip` does.
"""

import argparse
import json
import statistics
from pathlib import Path

import torch

import pellucid
from benchmarks.machine import machine, spread
from pellucid.cli.starting import network_for

LENGTHS = (9, 19, 39)
# Mirrored images are new ones, which pay where there are several epochs.
FLIPS_FROM = 15


def main() -> None:
    """Train with each seed for each time, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "results/cnn_by_seconds.json")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    dataset = pellucid.read("fashion-mnist")
    rows = []
    for seconds in LENGTHS:
        accuracies, mirrored, epochs, taken = [], [], [], []
        for seed in range(arguments.seeds):
            network = network_for(dataset, "cnn", hidden="", activation="relu", seed=seed).network
            settings = pellucid.Settings(seconds=seconds, start="whitened", flip=seconds >= FLIPS_FROM, seed=seed)
            run = pellucid.train(network, dataset, settings, device="cpu")
            assert run.evaluation is not None
            accuracies.append(run.evaluation.score)
            epochs.append(len(run.history.epochs))
            taken.append(run.seconds)
            if settings.flip:
                judged = pellucid.evaluate(run.classifier, dataset, flip=True)
                mirrored.append(judged.score)
        mean = statistics.mean(accuracies)
        rows.append(
            {
                "seconds": seconds,
                "flip": seconds >= FLIPS_FROM,
                "test_accuracy": {"mean": mean, **spread(accuracies)},
                "with_mirror": {"mean": statistics.mean(mirrored), **spread(mirrored)} if mirrored else None,
                "epochs": epochs,
                "seconds_taken": spread(taken),
            }
        )
        print(
            f"--seconds {seconds}: test accuracy {mean:.2%}, mean of {arguments.seeds} seeds, epochs {epochs}"
            + (f", with the mirror image {statistics.mean(mirrored):.2%}" if mirrored else ""),
            flush=True,
        )
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps({"machine": machine(arguments.threads), "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
