"""Training on 10 GB: resident memory, rows a second, and how long the loop waited for them.

    python -m benchmarks.streaming [--gigabytes 10] [--seconds 60] [--threads 2] [-o benchmarks/results/streaming.json]

Makes a table of 64 float32 columns and a label of ten classes under a temporary folder, once as Parquet shards of a
million rows (row groups of 100,000, snappy) and once as .npy files; drops it from the page cache; and trains a network
of two hidden layers on it by the clock, in a process of its own, through `pellucid.read` and `pellucid.train` as a user
would. The files are deleted at the end.

VmHWM is the highest resident memory of that process, from its start, imports and all. RssAnon (its own) and RssFile
(pages of mapped files, programs among them) are looked at ten times a second.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

COLUMNS, CLASSES = 64, 10
ROWS_PER_SHARD, ROWS_PER_GROUP = 1_000_000, 100_000
ROW_BYTES = COLUMNS * 4 + 8


def made_rows(number: int, rows: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return inputs and labels of a shard: the class is the largest of ten weighted sums, with noise."""
    weights = np.random.default_rng(0).standard_normal((COLUMNS, CLASSES), np.float32)
    generator = np.random.default_rng(number + 1)
    inputs = generator.standard_normal((rows, COLUMNS), np.float32)
    scores = inputs @ weights + generator.standard_normal((rows, CLASSES), np.float32)
    return inputs, scores.argmax(axis=1)


def make_parquet(folder: Path, gigabytes: float) -> None:
    """Write shards."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for number, rows in enumerate(shard_sizes(gigabytes)):
        inputs, labels = made_rows(number, rows)
        columns = {f"x{place}": inputs[:, place] for place in range(COLUMNS)}
        table = pa.table({**columns, "label": labels})
        path = folder / f"part-{number:05}.parquet"
        pq.write_table(table, path, row_group_size=ROWS_PER_GROUP, use_dictionary=False)
        drop(path)


def make_npy(folder: Path, gigabytes: float) -> None:
    """Write one file of inputs and one of labels."""
    sizes = shard_sizes(gigabytes)
    inputs_path, labels_path = folder / "inputs.npy", folder / "labels.npy"
    with inputs_path.open("wb") as inputs_file, labels_path.open("wb") as labels_file:
        for file, shape, kind in ((inputs_file, (sum(sizes), COLUMNS), "<f4"), (labels_file, (sum(sizes),), "<i8")):
            header = {"descr": kind, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
        for number, rows in enumerate(sizes):
            inputs, labels = made_rows(number, rows)
            inputs.tofile(inputs_file)
            labels.tofile(labels_file)
    drop(inputs_path)
    drop(labels_path)


def shard_sizes(gigabytes: float) -> list[int]:
    """Return the rows of each shard."""
    rows = int(gigabytes * 1e9 / ROW_BYTES)
    return [min(ROWS_PER_SHARD, rows - start) for start in range(0, rows, ROWS_PER_SHARD)]


def drop(path: Path) -> None:
    """Take a file out of the page cache, so that it is read from the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class Memory:
    """The resident memory of this process, looked at by a thread."""

    def __init__(self) -> None:
        self.highest = {"RssAnon": 0, "RssFile": 0}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._over.wait(0.1):
            now = memory()
            for name in self.highest:
                self.highest[name] = max(self.highest[name], now[name])

    def facts(self) -> dict[str, int]:
        """Return the highest figures in bytes."""
        self._over.set()
        self._thread.join()
        return {"VmHWM": memory()["VmHWM"], **self.highest}


def memory() -> dict[str, int]:
    """Return what the kernel says of this process, in bytes."""
    lines = (line.split() for line in Path("/proc/self/status").read_text().splitlines())
    return {line[0].rstrip(":"): int(line[1]) * 1024 for line in lines if line[0].startswith(("VmHWM", "Rss"))}


def trained(path: Path, seconds: float, threads: int) -> dict[str, Any]:
    """Train on a dataset in this process, and return what happened."""
    watched = Memory()
    import torch

    import pellucid
    from pellucid.data.preparing import fit_preparation

    torch.set_num_threads(threads)
    imported = memory()["VmHWM"]
    started = perf_counter()
    dataset = pellucid.read(path, stream=True)
    opened = perf_counter() - started
    width = fit_preparation(dataset).prepared_shape[0]
    network = pellucid.mlp(width, (256, 128), CLASSES, seed=0)
    run = pellucid.train(network, dataset, pellucid.Settings(seconds=seconds), device="cpu")
    history, facts = run.history, watched.facts()
    assert history.waited_seconds is not None
    training = sum(epoch.seconds for epoch in history.epochs)
    rate = history.epochs[0].examples_per_second
    return {
        "bytes": sum(file.stat().st_size for file in path.iterdir()),
        "training_rows": dataset.training_examples,
        "seconds_to_open": opened,
        "seconds_trained": training,
        "batch_size": run.settings.batch_size,
        "rows_per_second": rate,
        "share_of_an_epoch": min(rate * training / dataset.training_examples, float(len(history.epochs))),
        "seconds_waited": history.waited_seconds,
        "share_waited": history.waited_seconds / training,
        "accuracy": run.evaluation.metrics()["accuracy"] if run.evaluation else None,
        "bytes_after_imports": imported,
        "highest_resident_bytes": facts["VmHWM"],
        "highest_anonymous_bytes": facts["RssAnon"],
        "highest_mapped_file_bytes": facts["RssFile"],
    }


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=10)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--train", type=Path, help="only train on this folder, and print what happened as JSON")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "results/streaming.json")
    arguments = parser.parse_args()
    if arguments.train is not None:
        print(json.dumps(trained(arguments.train, arguments.seconds, arguments.threads)))
        return
    from benchmarks.machine import machine

    result: dict[str, Any] = {"machine": machine(arguments.threads), "columns": COLUMNS, "classes": CLASSES}
    for kind, make in (("parquet", make_parquet), ("npy", make_npy)):
        folder = Path(tempfile.mkdtemp(prefix="streaming-"))
        try:
            make(folder, arguments.gigabytes)
            command = [sys.executable, "-m", "benchmarks.streaming", "--train", str(folder)]
            command += ["--seconds", str(arguments.seconds), "--threads", str(arguments.threads)]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        finally:
            shutil.rmtree(folder)
        facts = result[kind] = json.loads(printed.splitlines()[-1])
        print(
            f"{kind:8} {facts['bytes'] / 1e9:.1f} GB, {facts['rows_per_second']:,.0f} rows a second, waited "
            f"{facts['share_waited']:.1%}, {facts['highest_resident_bytes'] / 2**20:,.0f} MiB resident "
            f"({facts['highest_anonymous_bytes'] / 2**20:,.0f} of its own)"
        )
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
