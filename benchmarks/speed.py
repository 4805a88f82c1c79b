"""The race: our engine and its peers, in turn in fresh processes, on the same network and data; writes docs/speed.md.

    python -m benchmarks.speed [--python peers/bin/python] [--rounds 2] [--only pellucid JAX] [--parts meant equal]

Every run is a process of its own (`benchmarks/peers/`), A B C A B C …, with the same threads, for the network
784-512-512-10 on Fashion-MNIST. Parts:

meant    each as it is meant to be used: one race on all 55,000 training images, to 90 % test accuracy or --race-epochs;
         in the other rounds images per second on the first --examples only
equal    batch 256, float32, inputs normalised and in memory: images per second on the first --examples
recipe   one schedule, optimizer and label smoothing for all who take them, for --epochs epochs
ours     pellucid for each number of epochs in --lengths with --seeds seeds each
busy     pellucid, the plain loop and the JAX scan alone and beside a process that keeps one processor busy
sets     pellucid, the plain loop and scikit-learn on three other datasets

The interpreter of --python has the peers (`benchmarks/peers/requirements.txt`); those that it lacks are listed as such.
About a quarter of an hour on a quiet machine.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

import pellucid
from benchmarks import made_sets
from benchmarks.machine import machine, spread
from benchmarks.peers.lineup import BUSY, ELSEWHERE, EQUAL, MEANT, SAME_RECIPE, Entry, ours
from benchmarks.speed_page import page

ROOT = Path(__file__).parent.parent
PARTS = ("meant", "equal", "recipe", "ours", "busy", "sets")
# The first also compiles and warms up; the speed is the median of the other two.
SHORT_EPOCHS = 3
EPOCHS_ELSEWHERE = {"table": 1, "digits": 20, "shapes": 5}
MOST_SECONDS = 900
LENGTHS = (1.0, 2.0, 2.25, 2.5, 3.0, 4.0)


@dataclass
class Contest:
    """Runs peers and remembers who cannot run here.

    Attributes:
        python: The interpreter of the peers.
        threads: For each.
        only: Parts of the names of those that take part; all if empty.
        left_out: Why, by name.
        versions: Of everything that ran.
    """

    python: str
    threads: int
    only: Sequence[str] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def run(self, entry: Entry, setting: str, data: Path, **orders: Any) -> dict[str, Any] | None:
        """Run one peer in a fresh process; None if it does not take part or fails."""
        if entry.name in self.left_out or (self.only and not any(part in entry.name for part in self.only)):
            return None
        options = {"data": data, "setting": setting, "option": entry.option, **orders}
        if entry.most_epochs is not None and options.get("epochs", 0) > entry.most_epochs:
            options["epochs"] = entry.most_epochs
        words = [f"--{name}={value}" for name, value in options.items() if value not in {None, ""}]
        result = self._start(entry, words)
        if isinstance(result, str):
            self.left_out[entry.name] = result
            print(f"{setting:7} {entry.name}: {result}", flush=True)
            return None
        self.versions |= result.get("versions", {})
        last = result["laps"][-1]
        print(
            f"{setting:7} {entry.name:36} {result['images_per_second']:>9,.0f} images/s {last['accuracy']:8.2%} "
            f"{last['seconds']:7.2f} s",
            flush=True,
        )
        return result

    def gemm(self) -> dict[str, float]:
        """Return the floating point operations per second of matrix products."""
        result = self._start(Entry("gemm", "gemm"), [])
        if isinstance(result, str):
            raise SystemExit(f"the matrix products did not run: {result}")
        print(
            f"products: {', '.join(f'{name} {value / 1e9:.0f} GFLOP/s' for name, value in result.items())}", flush=True
        )
        return result

    def _start(self, entry: Entry, words: Sequence[str]) -> dict[str, Any] | str:
        threads = {f"{name}_NUM_THREADS": str(self.threads) for name in ("OMP", "MKL", "OPENBLAS")}
        surroundings = {
            **os.environ, **threads, "TF_NUM_INTRAOP_THREADS": str(self.threads), "TF_CPP_MIN_LOG_LEVEL": "3",
            "JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")]),
        }  # fmt: skip
        if entry.backend:
            surroundings["KERAS_BACKEND"] = entry.backend
        command = [self.python, "-m", f"benchmarks.peers.{entry.module}", *words]
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False, timeout=MOST_SECONDS
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return f"not done within {MOST_SECONDS} s"
        if done.returncode:
            return (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
        result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return result


def summed_up(runs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return for each peer its speeds over all rounds, and the first round in full."""
    kept = ("laps", "peak_bytes", "import_bytes", "needed_bytes", "precision", "first_inputs", "epochs", "settings",
            "training_seconds")  # fmt: skip
    return {
        name: {
            "images_per_second": spread([run["images_per_second"] for run in found]),
            **{key: found[0][key] for key in kept if key in found[0]},
        }
        for name, found in runs.items()
    }


def rounds_of(
    contest: Contest, entries: Sequence[Entry], setting: str, data: Path, orders: Sequence[dict[str, Any]]
) -> tuple[dict[str, Any], list[dict[str, float]]]:
    """Run all entries in turn, once for each of the orders; the machine's products are measured before each round."""
    runs: dict[str, list[dict[str, Any]]] = {}
    products = []
    for order in orders:
        products.append(contest.gemm())
        for entry in entries:
            whole = {"examples": None} if entry.is_ours and setting == "meant" else {}
            result = contest.run(entry, setting, data, **(order | whole))
            if result is not None:
                runs.setdefault(entry.name, []).append(result)
    return summed_up(runs), products


def seeds_of_ours(contest: Contest, data: Path, lengths: Sequence[float], seeds: int) -> list[dict[str, Any]]:
    """Return seconds and accuracies of pellucid for each number of epochs, over several seeds."""
    runs: dict[float, list[dict[str, Any]]] = {epochs: [] for epochs in lengths}
    for seed in range(seeds):
        for epochs, found in runs.items():
            result = contest.run(ours(f", --epochs {epochs:g}", epochs=epochs), "meant", data, seed=seed)
            if result is not None:
                found.append(result)
    return [
        {
            "epochs": epochs,
            "seconds": spread([run["laps"][-1]["seconds"] for run in found]),
            "training_seconds": spread([run["training_seconds"] for run in found]),
            "test_accuracy": spread([run["laps"][-1]["accuracy"] for run in found]),
            "validation_accuracy": spread([run["validation_accuracy"] for run in found]),
        }
        for epochs, found in runs.items()
        if found
    ]


def beside_a_neighbour(contest: Contest, data: Path, order: dict[str, Any]) -> dict[str, Any]:
    """Return the images per second of some peers alone, and while another process keeps one processor busy."""
    found: dict[str, Any] = {}
    for entry in BUSY:
        orders = {"epochs": order["epochs"]} if entry.is_ours else order
        alone = contest.run(entry, "meant" if entry.is_ours else "equal", data, **orders)
        neighbour = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        try:
            beside = contest.run(entry, "meant" if entry.is_ours else "equal", data, **orders)
        finally:
            neighbour.kill()
            neighbour.wait()
        if alone is not None and beside is not None:
            found[entry.name] = {"quiet": alone["images_per_second"], "busy": beside["images_per_second"]}
    return found


def elsewhere(contest: Contest, folder: Path, table_examples: int) -> dict[str, Any]:
    """Return what ours, the plain loop and scikit-learn do on three other datasets."""
    made: dict[str, Callable[[], tuple[NDArray[Any], NDArray[Any]]]] = {
        "table": lambda: made_sets.long_table(table_examples),
        "digits": made_sets.digits,
        "shapes": lambda: made_sets.coloured_shapes(12_000),
    }
    found: dict[str, Any] = {}
    for name, make in made.items():
        splits = made_sets.cut(*make())
        inputs, labels = splits["train"]
        made_sets.write_splits(folder / name, splits)
        epochs = EPOCHS_ELSEWHERE[name]
        runs = {}
        for entry in ELSEWHERE:
            taken = ours("", epochs=epochs) if entry.is_ours else entry
            result = contest.run(taken, "meant" if entry.is_ours else "equal", folder / name, epochs=epochs, goal=1.1)
            if result is not None:
                runs[entry.name] = {**result["laps"][-1], "images_per_second": result["images_per_second"]}
        found[name] = {
            "examples": len(labels), "shape": list(inputs.shape[1:]), "classes": int(labels.max()) + 1,
            "epochs": epochs, "runs": runs,
        }  # fmt: skip
    return found


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run all parts asked for."""
    contest = Contest(arguments.python, arguments.threads, arguments.only)
    load = [os.getloadavg()[0]]
    data = folder / "fashion-mnist"
    dataset = pellucid.read("fashion-mnist")
    made_sets.write_splits(data, {name: (split.inputs, split.labels) for name, split in dataset.splits.items()})
    short = {"epochs": SHORT_EPOCHS, "examples": arguments.examples, "goal": 1.1}
    result: dict[str, Any] = {
        "rounds": arguments.rounds, "race_epochs": arguments.race_epochs, "recipe_epochs": arguments.epochs,
        "examples": arguments.examples, "seeds": arguments.seeds,
    }  # fmt: skip
    products: list[dict[str, float]] = []
    orders: dict[str, tuple[Sequence[Entry], list[dict[str, Any]]]] = {
        "meant": (MEANT, [{"epochs": arguments.race_epochs}, *[short] * (arguments.rounds - 1)]),
        "equal": (EQUAL, [short] * arguments.rounds),
        "recipe": (SAME_RECIPE, [{"epochs": arguments.epochs}]),
    }
    for setting, (entries, asked) in orders.items():
        if setting in arguments.parts:
            result[setting], more = rounds_of(contest, entries, setting, data, asked)
            products += more
    if "ours" in arguments.parts:
        result["ours"] = seeds_of_ours(contest, data, arguments.lengths, arguments.seeds)
    if "busy" in arguments.parts:
        result["busy"] = beside_a_neighbour(contest, data, short)
    if "sets" in arguments.parts:
        result["sets"] = elsewhere(contest, folder, arguments.table_examples)
    products = products or [contest.gemm()]
    result["products"] = {name: spread([product[name] for product in products]) for name in products[0]}
    result["left_out"] = contest.left_out
    load.append(os.getloadavg()[0])
    return {"machine": {**machine(arguments.threads), **contest.versions, "load": load}, **result}


def main() -> None:
    """Measure, and write the figures and the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="interpreter that has the peers")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--only", nargs="+", default=(), help="names, or parts of them")
    parser.add_argument("--race-epochs", type=int, default=10, help="most epochs of a race")
    parser.add_argument("--epochs", type=int, default=3, help="of the part recipe")
    parser.add_argument("--examples", type=int, default=16_384, help="of a short epoch")
    parser.add_argument("--lengths", type=float, nargs="+", default=LENGTHS, help="epochs of the part ours")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--table-examples", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "results/speed.json")
    parser.add_argument("--page", type=Path, default=ROOT / "docs/speed.md")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if hasattr(os, "sched_setaffinity"):
        # JAX takes its threads from the processors that it may use; the children inherit them.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.threads])
    with tempfile.TemporaryDirectory() as folder:
        result = measure(arguments, Path(folder))
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    arguments.page.write_text(page(result), encoding="utf-8")
    print(f"wrote {arguments.output} and {arguments.page}")


if __name__ == "__main__":
    main()
