"""Reading data: images a second against a PyTorch DataLoader, rows a second against pandas.

    pip install pandas
    python -m benchmarks.data [--rounds 5] [--threads 2] [-o benchmarks/results/data.json]

Measured in turn within one process; what is read is made under a temporary folder, and is in the page cache.

Images: two folders with a folder for each class, one of JPEG files of 320 x 240 pixels in colour and one of PNG files
of 28 x 28 in grey; both are brought to one size.
first         `read_image_folder` with an empty cache: list, decode in as many threads, keep in the cache, cut splits
again         the same from the cache
loader        a DataLoader with as many workers over a dataset like torchvision's ImageFolder: open, convert, resize, to
              a uint8 tensor; batches of 256; one pass, workers started anew
loader_next   a second pass of the same DataLoader, its workers kept

Rows: 64 float32 columns and a label, in one Parquet file of row groups of 100,000.
pandas        `pandas.read_parquet`, the columns `to_numpy`, `torch.from_numpy`; rows of the result are not contiguous
pandas_rows   the same, made contiguous, so that a batch of rows can be taken
read          `pellucid.read` into memory: columns looked through, splits cut
stream        a pass of `StreamBatches` over the opened stream: every row once, shuffled, as batches of 256; one reader
stream_two    the same with two readers
stream_open   `pellucid.read(..., stream=True)`: all labels and a sample; once for a dataset
"""

import argparse
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

import pellucid
from benchmarks.machine import machine, spread
from pellucid.data.images.folder import read_image_folder
from pellucid.data.options import ReadOptions
from pellucid.data.streaming.batches import StreamBatches

COLUMNS, ROWS, ROWS_PER_GROUP = 64, 1_000_000, 100_000
SETS = {"jpeg": ("RGB", (320, 240), (96, 128), 3_000), "png": ("L", (28, 28), (28, 28), 10_000)}
CLASSES = 5
BATCH = 256


class ImageFolder(TorchDataset[tuple[Tensor, int]]):
    """Images in a folder for each class, as torchvision has it, decoded when they are asked for."""

    def __init__(self, folder: Path, mode: str, size: tuple[int, int]) -> None:
        names = sorted(path.name for path in folder.iterdir())
        self.files = [(path, label) for label, name in enumerate(names) for path in sorted((folder / name).iterdir())]
        self._mode = mode
        self._size = size

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        path, label = self.files[index]
        height, width = self._size
        with Image.open(path) as image:
            pixels = np.array(image.convert(self._mode).resize((width, height), Image.Resampling.BILINEAR))
        values = torch.from_numpy(pixels)
        return (values[None] if values.ndim == 2 else values.permute(2, 0, 1)), label


def make_images(folder: Path, kind: str) -> None:
    """Write images that compress about as photographs do: smooth colours with a little noise."""
    mode, (width, height), _, count = SETS[kind]
    random = np.random.default_rng(0)
    for number in range(count):
        channels = len(mode)
        coarse = random.integers(0, 256, (6, 8, channels), np.uint8)
        smooth = Image.fromarray(coarse[..., 0] if channels == 1 else coarse).resize((width, height))
        noisy = np.asarray(smooth, np.int16) + random.integers(-12, 13, np.asarray(smooth).shape)
        path = folder / f"class-{number % CLASSES}" / f"{number:05}.{'jpg' if kind == 'jpeg' else 'png'}"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(path)


def measure(contestants: dict[str, Callable[[], float]], rounds: int) -> dict[str, Any]:
    """Return units a second of each, in turn within each round; a contestant returns its units and has seconds."""
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            started = perf_counter()
            units = contestant()
            rates[name].append(units / (perf_counter() - started))
    return {name: spread(values) for name, values in rates.items()}


def measure_images(folder: Path, kind: str, threads: int, rounds: int) -> dict[str, Any]:
    """Compare readers of a folder of images."""
    mode, _, size, _ = SETS[kind]
    images = ImageFolder(folder, mode, size)
    cache = folder.parent / "cache"
    os.environ["PELLUCID_CACHE"] = str(cache)
    loader: list[DataLoader[tuple[Tensor, int]]] = []

    def first() -> float:
        shutil.rmtree(cache, ignore_errors=True)
        return again()

    def again() -> float:
        dataset = read_image_folder(folder, ReadOptions(image_size=size))
        return sum(len(split) for split in dataset.splits.values())

    def fresh() -> float:
        loader[:] = [DataLoader(images, BATCH, num_workers=threads, persistent_workers=True)]
        return following()

    def following() -> float:
        return float(sum(len(labels) for _, labels in loader[0]))

    found = measure({"first": first, "again": again, "loader": fresh, "loader_next": following}, rounds)
    loader.clear()
    return {"images": len(images), "brought_to": list(size), "workers": threads, "images_per_second": found}


def measure_rows(path: Path, rounds: int) -> dict[str, Any]:
    """Compare readers of a Parquet file."""
    names = [f"x{place}" for place in range(COLUMNS)]
    random = np.random.default_rng(0)
    inputs = random.standard_normal((ROWS, COLUMNS), np.float32)
    columns = {name: inputs[:, place] for place, name in enumerate(names)}
    labels = (inputs[:, 0] > 0).astype(np.int64) + (inputs[:, 1] > 0)
    pq.write_table(pa.table({**columns, "label": labels}), path, row_group_size=ROWS_PER_GROUP, use_dictionary=False)
    opened = pellucid.read(path, stream=True)
    assert opened.stream is not None
    streams = [replace(opened.stream, readers=readers) for readers in (1, 2)]
    device = torch.device("cpu")
    one, two = (StreamBatches(stream, lambda raw: raw, batch_size=BATCH, device=device) for stream in streams)

    def tensors(*, is_contiguous: bool) -> float:
        frame = pd.read_parquet(path)
        values = torch.from_numpy(frame[names].to_numpy())
        answers = torch.from_numpy(frame["label"].to_numpy(copy=True))
        if is_contiguous:
            values = values.contiguous()
        assert values.shape == (len(answers), COLUMNS)
        return len(answers)

    def in_memory() -> float:
        return sum(len(split) for split in pellucid.read(path, stream=False).splits.values())

    def streamed(batches: StreamBatches) -> float:
        return float(sum(len(answers) for _, answers in batches))

    def opening() -> float:
        pellucid.read(path, stream=True)
        return ROWS

    contestants = {
        "pandas": lambda: tensors(is_contiguous=False),
        "pandas_rows": lambda: tensors(is_contiguous=True),
        "read": in_memory,
        "stream": lambda: streamed(one),
        "stream_two": lambda: streamed(two),
        "stream_open": opening,
    }
    found = measure(contestants, rounds)
    return {"rows": ROWS, "columns": COLUMNS, "bytes": path.stat().st_size, "rows_per_second": found}


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "results/data.json")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    # pandas gives what is not to be written to.
    warnings.filterwarnings("ignore", "The given NumPy array is not writable")
    result: dict[str, Any] = {
        "machine": machine(arguments.threads) | {"pandas": pd.__version__, "pyarrow": pa.__version__}
    }
    with tempfile.TemporaryDirectory(prefix="data-") as made:
        for kind in SETS:
            folder = Path(made) / kind
            folder.mkdir()
            make_images(folder, kind)
            result[kind] = measure_images(folder, kind, arguments.threads, arguments.rounds)
        result["parquet"] = measure_rows(Path(made) / "rows.parquet", arguments.rounds)
    for kind, facts in result.items():
        for name, rate in facts.get("images_per_second", facts.get("rows_per_second", {})).items():
            print(
                f"{kind:8} {name:12} {rate['median']:12,.0f} a second ({rate['lowest']:,.0f} to {rate['highest']:,.0f})"
            )
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
