"""The race that every peer runs: the same arrays, one clock, stopped while the test accuracy is looked at.

A peer is a file beside this one, run in a fresh process; it imports its framework first, makes a `Race` (the clock
starts), loads, trains, calls `lap` after each epoch, and at last `finish`, which prints one line of JSON.
"""

import argparse
import json
import statistics
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Setting = Literal["meant", "equal", "recipe"]
HIDDEN = 512
# Of "equal" and "recipe".
BATCH_SIZE = 256
# The best that anyone waits for.
GOAL = 0.90
# Given to every peer that takes it in the setting "recipe".
LEARNING_RATE, BETAS, LABEL_SMOOTHING, WARMUP = 6e-3, (0.9, 0.99), 0.1, 0.1
# What every example everywhere uses with Adam; in the other two settings.
ADAM_RATE = 1e-3
# Test examples that are judged at once, so that judging takes no memory worth mentioning.
JUDGED = 1000


class Race:
    """One peer's race: its orders from the command line, its clock, its laps and its memory."""

    def __init__(self) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("--data", type=Path, required=True, help="folder with train-inputs.npy and so on")
        parser.add_argument("--setting", choices=("meant", "equal", "recipe"), default="meant")
        parser.add_argument("--epochs", type=int, default=2)
        parser.add_argument("--examples", type=int, help="train on the first so many only")
        parser.add_argument("--goal", type=float, default=GOAL, help="stop here, after two epochs or more")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--option", default="", help="variant of a peer, or the settings of ours as JSON")
        orders = parser.parse_args()
        self.data: Path = orders.data
        self.setting: Setting = orders.setting
        self.epochs: int = orders.epochs
        self.examples: int | None = orders.examples
        self.seed: int = orders.seed
        self.option: str = orders.option
        self._goal: float = orders.goal
        self._laps: list[dict[str, float]] = []
        self._shift, self._spread = 0.0, 1.0
        self._peak: int | None = None
        self._at_start = memory("VmRSS")
        self._paused = 0.0
        self._started = perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds since the peer's import was finished, without those in which it was judged."""
        return perf_counter() - self._started - self._paused

    def batch_size(self, meant: int) -> int:
        """Return the batch size: the peer's own where it runs as it is meant to be used."""
        return meant if self.setting == "meant" else BATCH_SIZE

    def train_arrays(self) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return raw inputs [examples, channels, height, width] and labels, from the disk."""
        inputs, labels = (np.load(self.data / f"train-{kind}.npy")[: self.examples] for kind in ("inputs", "labels"))
        return inputs, labels

    def train_examples(self) -> tuple[NDArray[np.float32], NDArray[np.int64], int]:
        """Return inputs [examples, values], between 0 and 1 or normalised (not in "meant"), labels, and classes."""
        raw, labels = self.train_arrays()
        inputs = _flat(raw)
        if self.setting != "meant" and raw.dtype == np.uint8:
            self._shift, self._spread = float(inputs.mean(dtype=np.float64)), float(inputs.std(dtype=np.float64))
            inputs -= self._shift
            inputs /= self._spread
        return inputs, labels, int(labels.max()) + 1

    def lap(self, examples: int, answer: Callable[[NDArray[np.float32]], Any]) -> bool:
        """Judge the peer after an epoch, with the clock stopped.

        Args:
            examples: That it trained on since the last lap.
            answer: Maps inputs as `train_examples` gave them to logits or to the numbers of classes.

        Returns:
            Whether to go on: not once the goal was reached. With the recipe, whose rate ends at zero, always.
        """
        seconds = self.seconds
        stopped = perf_counter()
        if self._peak is None:
            self._peak = memory("VmHWM")  # before any judging, which takes memory too
        raw, labels = (np.load(self.data / f"test-{kind}.npy") for kind in ("inputs", "labels"))
        right = 0
        for start in range(0, len(labels), JUDGED):
            inputs = _flat(raw[start : start + JUDGED])
            answers = np.asarray(answer((inputs - self._shift) / self._spread))
            answers = answers.argmax(axis=1) if answers.ndim == 2 else answers
            right += int((answers == labels[start : start + JUDGED]).sum())
        self._laps.append({"examples": examples, "seconds": seconds, "accuracy": right / len(labels)})
        self._paused += perf_counter() - stopped
        is_done = self._laps[-1]["accuracy"] >= self._goal and len(self._laps) > 1
        return self.setting == "recipe" or not is_done

    def finish(self, **facts: Any) -> None:
        """Print the result as one line of JSON; facts of the peer's own replace what was measured here."""
        print(
            json.dumps(
                {
                    "laps": self._laps,
                    "images_per_second": images_per_second(self._laps),
                    "peak_bytes": self._peak,
                    "import_bytes": self._at_start,
                    **facts,
                }
            )
        )


def rate_at(step: int, steps: int) -> float:
    """Return the recipe's share of the highest learning rate: up over a tenth of all steps, then down to zero."""
    rising = max(1, round(steps * WARMUP))
    return (step + 1) / rising if step < rising else (steps - step) / max(1, steps - rising)


def images_per_second(laps: list[dict[str, float]]) -> float | None:
    """Return the median speed of all epochs but the first, which also loads and compiles; of one epoch, its own."""
    ends = [0.0, *(lap["seconds"] for lap in laps)]
    speeds = [lap["examples"] / (end - begin) for lap, (begin, end) in zip(laps, pairwise(ends), strict=True)]
    return statistics.median(speeds[1:] or speeds) if speeds else None


def memory(field: str) -> int | None:
    """Return what the kernel says about this process in bytes: VmRSS is resident now, VmHWM at most so far."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None


def _flat(inputs: NDArray[Any]) -> NDArray[np.float32]:
    flat = inputs.reshape(len(inputs), -1).astype(np.float32)
    if inputs.dtype == np.uint8:
        flat /= 255
    return flat
