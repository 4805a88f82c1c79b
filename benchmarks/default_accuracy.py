"""The test accuracy of the default network with the default settings, over several seeds.

    python -m benchmarks.default_accuracy [--seeds 5] [--threads 2] [-o benchmarks/results/default_accuracy.json]

The settings were compared on the validation split (`benchmarks/choose_settings.py`); here each network is judged on the
test split once, after its training.
"""

import argparse
import json
import statistics
from pathlib import Path

import torch

import pellucid
from benchmarks.machine import machine, spread


def main() -> None:
    """Train with each seed and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "results/default_accuracy.json")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    dataset = pellucid.read("fashion-mnist")
    test, validation, seconds = [], [], []
    for seed in range(arguments.seeds):
        run = pellucid.train(
            pellucid.mlp(784, (512, 512), 10, seed=seed), dataset, pellucid.Settings(seed=seed), device="cpu"
        )
        assert run.evaluation is not None
        test.append(run.evaluation.score)
        validation.append(run.history.best.validation_accuracy or 0.0)
        seconds.append(run.seconds)
        print(f"seed {seed}: validation {validation[-1]:.2%}, test {test[-1]:.2%}, {run.seconds:.1f} s")
    result = {
        "machine": machine(arguments.threads),
        "settings": pellucid.Settings().to_dict(),
        "test_accuracy": {"mean": statistics.mean(test), **spread(test)},
        "validation_accuracy": {"mean": statistics.mean(validation), **spread(validation)},
        "seconds": spread(seconds),
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    print(f"test accuracy, mean of {arguments.seeds} seeds: {statistics.mean(test):.2%}")


if __name__ == "__main__":
    main()
