"""The test accuracy of the default network with the default settings, over several seeds.

    python -m benchmarks.default_accuracy [--seeds 5] [--threads 2] [-o benchmarks/results/default_accuracy.json]

The settings were compared on the validation split (`benchmarks/choose_settings.py`); here each network is judged on the
test split once, after its training. Each is trained again with what was chosen, but in float32: what does the
precision cost?
"""

import argparse
import json
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

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
    runs: dict[str, list[pellucid.Run]] = {"as chosen": [], "float32": []}
    for seed in range(arguments.seeds):
        settings = pellucid.Settings(seed=seed)
        for kind, found in runs.items():
            network = pellucid.mlp(784, (512, 512), 10, seed=seed)
            found.append(pellucid.train(network, dataset, settings, device="cpu"))
            print(
                f"seed {seed}, {kind}: test {tested(found[-1]):.2%}, {found[-1].seconds:.1f} s, {found[-1].precision}"
            )
            settings = replace(found[-1].settings, precision="float32")
    chosen, exact = ([tested(run) for run in found] for found in runs.values())
    validation = [run.history.best.validation_accuracy or 0.0 for run in runs["as chosen"]]
    result: dict[str, Any] = {
        "machine": machine(arguments.threads),
        "settings": pellucid.Settings().to_dict(),
        "precision": runs["as chosen"][0].precision,
        "test_accuracy": {"mean": statistics.mean(chosen), **spread(chosen)},
        "test_accuracy_in_float32": {"mean": statistics.mean(exact), **spread(exact)},
        "validation_accuracy": {"mean": statistics.mean(validation), **spread(validation)},
        "seconds": spread([run.seconds for run in runs["as chosen"]]),
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    mean, mean_in_float32 = (result[key]["mean"] for key in ("test_accuracy", "test_accuracy_in_float32"))
    print(f"test accuracy, mean of {arguments.seeds} seeds: {mean:.2%}, in float32 {mean_in_float32:.2%}")


def tested(run: pellucid.Run) -> float:
    """Return the test accuracy of a run."""
    assert run.evaluation is not None
    return run.evaluation.score


if __name__ == "__main__":
    main()
