"""Predicting with the default network, one image and 1024 images at a time: time as a share of the plain network's.

    pip install onnx onnxruntime
    python -m benchmarks.prediction [--rounds 100] [--threads 2] [-o benchmarks/results/prediction.json]

Measured in turn within one process, from raw bytes to logits, with the 784-512-512-10 network trained for one epoch on
Fashion-MNIST:

eager         the preparation and the network under `torch.inference_mode`, as one writes it by hand
plain         `Classifier.logits`: the same, and the network left as it was
float32       `Classifier.predictor(precision="float32", with_onnx=False)`
auto          `Classifier.predictor(with_onnx=False)`: from 32 images on bfloat16, near ties decided in float32
bfloat16      `Classifier.predictor(precision="bfloat16", with_onnx=False)`: near ties left as they are
onnx          `Classifier.predictor(precision="float32")`, for one image only: ONNX Runtime on one thread
int8          `Classifier.predictor()`, for one image only: ONNX Runtime in int8, near ties decided in float32
onnxruntime   ONNX Runtime itself on all threads, which spin while they wait

Their answers for the 10,000 test images are compared with those of the plain network.
"""

import argparse
import contextlib
import json
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

import pellucid
from benchmarks.machine import machine, spread
from pellucid.classifier.classifier import Classifier
from pellucid.classifier.onnx_runtime import OnnxRuntime
from pellucid.classifier.predictor import Answer
from pellucid.classifier.products import Float32
from pellucid.classifier.stacks import take_snapshot
from pellucid.data.preparing_images import ImagePreparation

CALLS = {1: 50, 1024: 1}
ONE_ONLY = {"onnx", "int8"}


def contestants(classifier: Classifier, threads: int) -> dict[str, Answer]:
    """Return what answers, by name."""

    def eager(inputs: Tensor) -> Tensor:
        with torch.inference_mode():
            logits: Tensor = classifier.network(classifier.preparation(inputs))
        return logits

    found: dict[str, Answer] = {
        "eager": eager,
        "plain": classifier.logits,
        "float32": classifier.predictor(precision="float32", with_onnx=False).logits,
        "auto": classifier.predictor(with_onnx=False).logits,
        "bfloat16": classifier.predictor(precision="bfloat16", with_onnx=False).logits,
    }
    with contextlib.suppress(ImportError):
        snapshot = take_snapshot(classifier.network, 784, 10)
        assert snapshot is not None and isinstance(classifier.preparation, ImagePreparation)
        runtime = OnnxRuntime(Float32(snapshot.layers, classifier.preparation).layers, threads)
        found["onnx"] = classifier.predictor(precision="float32").logits
        one_by_one = classifier.predictor().logits
        found["int8"] = lambda inputs: torch.cat([one_by_one(one) for one in torch.split(inputs, 1)])
        found["onnxruntime"] = lambda inputs: runtime(inputs.flatten(start_dim=1))
    return found


def measure(answers: dict[str, Answer], inputs: Tensor, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of a call of each, in turn within each round."""
    calls = CALLS[len(inputs)]
    seconds: dict[str, list[float]] = {name: [] for name in answers}
    for _ in range(rounds):
        for name, answer in answers.items():
            # The one before has filled the caches with its own weights.
            answer(inputs)
            started = perf_counter()
            for _ in range(calls):
                answer(inputs)
            seconds[name].append((perf_counter() - started) / calls)
    return seconds


def compared(answers: dict[str, Answer], inputs: Tensor) -> dict[str, Any]:
    """Return how far the answers are from those of the plain network."""
    exact = answers["plain"](inputs)
    facts = {}
    for name, answer in answers.items():
        logits = answer(inputs)
        facts[name] = {
            "other_classes": int((logits.argmax(dim=1) != exact.argmax(dim=1)).sum()),
            "largest_difference_of_a_probability": float((logits.softmax(1) - exact.softmax(1)).abs().max()),
        }
    return facts


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "results/prediction.json")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    dataset = pellucid.read("fashion-mnist")
    run = pellucid.train(pellucid.mlp(784, (512, 512), 10, seed=0), dataset, pellucid.Settings(epochs=1))
    inputs = torch.from_numpy(dataset.test.inputs)
    answers = contestants(run.classifier, arguments.threads)
    result: dict[str, Any] = {
        "machine": machine(arguments.threads),
        "answers_for_10000_images": compared(answers, inputs),
    }
    for count in CALLS:
        taking_part = {name: answer for name, answer in answers.items() if count == 1 or name not in ONE_ONLY}
        seconds = measure(taking_part, inputs[:count].clone(), arguments.rounds)
        print(f"{count} at a time")
        facts = {}
        for name, values in seconds.items():
            shares = [value / eager for value, eager in zip(values, seconds["eager"], strict=True)]
            time, share = spread(values), spread(shares)
            facts[name] = {
                "microseconds": {key: time[key] * 1e6 for key in ("median", "lowest", "highest")},
                "images_per_second": {"median": count / time["median"], "highest": count / time["lowest"]},
                "share_of_eager": {key: share[key] for key in ("median", "lowest", "highest")},
            }
            print(
                f"  {name:12} {time['median'] * 1e6:9,.1f} microseconds (lowest {time['lowest'] * 1e6:,.1f}), "
                f"{count / time['median']:9,.0f} images a second (highest {count / time['lowest']:,.0f}), "
                f"{share['median']:.2f} of eager"
            )
        result[f"{count}_at_a_time"] = facts
    result["engines"] = {
        "auto": str(run.classifier.predictor(with_onnx=False)),
        "with_onnx": str(run.classifier.predictor()),
    }
    print("\n".join(result["engines"].values()))
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
