"""The most memory that a training takes, beside what it cannot do without: data, network and the optimizer's state.

    python -m benchmarks.memory [--copies 1 5 20] [--rounds 3] [--threads 2] [-o benchmarks/results/memory.json]

Fashion-MNIST, and sets of several times its size, which are its training images shifted by a few pixels; the default
network with the default settings, and with `Settings(reference=True)`. Each run is a process of its own, in turn:
"peak" is the most that was resident at once, less what was after `import torch`.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

import pellucid
from benchmarks.machine import machine, spread
from benchmarks.peers.pellucid_train import needed_bytes
from benchmarks.peers.race import HIDDEN, memory

KINDS = ("default", "reference")


def main() -> None:
    """Measure in fresh processes, print a table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, nargs="+", default=[1, 5, 20], help="times the training images")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--kind", choices=KINDS, help="run once, in this process, and print its figures")
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    if arguments.kind:
        print(json.dumps(measured(arguments.kind, arguments.copies[0], arguments.threads)))
        return
    runs: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for _ in range(arguments.rounds):
        for copies in arguments.copies:
            for kind in KINDS:
                command = [sys.executable, "-m", "benchmarks.memory", "--kind", kind, "--copies", str(copies)]
                command += ["--threads", str(arguments.threads)]
                printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                runs.setdefault((kind, copies), []).append(json.loads(printed))
    rows = []
    for (kind, copies), found in runs.items():
        peak = spread([run["peak_bytes"] for run in found])
        needed = found[0]["needed_bytes"]
        ratio = peak["median"] / needed
        rows.append({"kind": kind, "copies": copies, **found[0], "peak_bytes": peak, "ratio": ratio})
        print(
            f"{kind:9} {found[0]['examples']:>9,} images: {peak['median'] / 1e6:6,.0f} MB "
            f"({peak['lowest'] / 1e6:,.0f}-{peak['highest'] / 1e6:,.0f}), "
            f"needed {needed / 1e6:6,.0f}: {ratio:.2f} times"
        )
    if arguments.output:
        result = {"machine": machine(arguments.threads), "rows": rows}
        arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def measured(kind: str, copies: int, threads: int) -> dict[str, Any]:
    """Train in this process; return what it took."""
    torch.set_num_threads(threads)
    before = memory("VmRSS")
    dataset = enlarged(pellucid.read("fashion-mnist"), copies)
    network = pellucid.mlp(784, (HIDDEN, HIDDEN), 10)
    run = pellucid.train(network, dataset, pellucid.Settings(reference=kind == "reference"), device="cpu")
    peak = memory("VmHWM")
    if before is None or peak is None:
        raise SystemExit("this system does not say how much memory a process takes at most")
    return {
        "examples": sum(map(len, dataset.splits.values())),
        "epochs": run.settings.epochs,
        "peak_bytes": peak - before,
        "needed_bytes": needed_bytes(dataset, network),
    }


def enlarged(dataset: pellucid.Dataset, copies: int) -> pellucid.Dataset:
    """Return the dataset with so many times the training images, each time shifted by other pixels."""
    if copies == 1:
        return dataset
    train = dataset.train
    inputs = np.empty((copies * len(train), *train.inputs.shape[1:]), train.inputs.dtype)
    for copy in range(copies):
        part = inputs[copy * len(train) : (copy + 1) * len(train)]
        for start in range(0, len(train), 1_000):
            shift = (copy % 5 - 2, copy // 5 - 2)
            part[start : start + 1_000] = np.roll(train.inputs[start : start + 1_000], shift, axis=(2, 3))
    splits = {**dataset.splits, "train": pellucid.Split(inputs, np.tile(train.labels, copies))}
    return pellucid.Dataset(f"fashion-mnist, {copies} times", splits, dataset.class_names)


if __name__ == "__main__":
    main()
