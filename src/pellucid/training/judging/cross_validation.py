"""`cross_validate`: each training example held out once, for datasets too small for a test split."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.data.dataset import Dataset, Split
from pellucid.data.splitting import split_indices
from pellucid.devices import DeviceChoice
from pellucid.errors import DataError
from pellucid.rendering.blocks import Block, Note, Table, number
from pellucid.rendering.result import Result, to_frame
from pellucid.tasks import Task
from pellucid.training.judging.folds import fold_numbers
from pellucid.training.judging.scores import measure_of, pattern_of, score_of, shown
from pellucid.training.judging.trainings import MakeNetwork, Trainings, Watcher
from pellucid.training.settings import Settings


@dataclass(frozen=True)
class Fold:
    """One training of a cross-validation.

    Attributes:
        fold: From 1.
        trained_on: Examples that weights were fitted on.
        examples: That were held out and judged.
        score: On those.
    """

    fold: int
    trained_on: int
    examples: int
    score: float


@dataclass(frozen=True, eq=False)
class CrossValidation(Result):
    """How good networks of one kind are on examples that they never saw, over all training examples.

    Attributes:
        dataset: Its name.
        task: Of its labels.
        folds: Of each training, in order.
        score: Of all examples together, each answered by the network that never saw it.
        logits: Float32 [examples, outputs], of the training split in its order, likewise.
        fold_of: Int64 [examples], from 0: in which fold each was held out.
        notes: What is to be known of it, in sentences.
        seconds: Of all trainings.
    """

    dataset: str
    task: Task
    folds: tuple[Fold, ...]
    score: float
    logits: Tensor
    fold_of: NDArray[np.int64]
    notes: tuple[str, ...]
    seconds: float

    @property
    def measure(self) -> str:
        """What the scores are: "accuracy" or "R²"."""
        return measure_of(self.task)

    @property
    def mean(self) -> float:
        """Of the folds' scores."""
        return statistics.fmean(fold.score for fold in self.folds)

    @property
    def deviation(self) -> float:
        """Standard deviation of the folds' scores."""
        return statistics.stdev(fold.score for fold in self.folds)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the mean.

        Claude Nadeau and Yoshua Bengio (2003), "Inference for the Generalization Error": the folds share most of their
        training examples, so the variance of the mean is not deviation² / folds but deviation² (1 / folds + held out /
        trained on), with Student's t.
        """
        held_out = statistics.fmean(fold.examples for fold in self.folds)
        trained_on = statistics.fmean(fold.trained_on for fold in self.folds)
        half = student(len(self.folds) - 1) * self.deviation * math.sqrt(1 / len(self.folds) + held_out / trained_on)
        low, high = self.mean - half, min(self.mean + half, 1.0)
        return (low if self.task == "regression" else max(low, 0.0)), high

    def to_frame(self) -> Any:
        """Return one row per fold as a pandas DataFrame."""
        return to_frame([asdict(fold) for fold in self.folds])

    def to_dict(self) -> dict[str, Any]:
        """Return the facts; the logits are left out."""
        return {
            "dataset": self.dataset,
            "task": self.task,
            "measure": self.measure,
            "mean": self.mean,
            "deviation": self.deviation,
            "interval": list(self.interval),
            "score": self.score,
            "folds": [asdict(fold) for fold in self.folds],
            "notes": list(self.notes),
            "seconds": self.seconds,
        }

    def headline(self) -> Note:
        """Return mean, spread and interval in one line."""
        low, high = (shown(end, self.task) for end in self.interval)
        return Note(
            f"{self.measure} {shown(self.mean, self.task)} ± {shown(self.deviation, self.task)} "
            f"(mean and standard deviation of {len(self.folds)} folds; 95 % interval {low} to {high})"
        )

    def blocks(self) -> Sequence[Block]:
        """Show the score and its folds."""
        table = Table(
            [number("fold"), number("trained on"), number("held out"), number(self.measure, pattern_of(self.task))],
            [(fold.fold, fold.trained_on, fold.examples, fold.score) for fold in self.folds],
            title=f"{self.dataset}: each training example held out once",
        )
        return [self.headline(), table, *(Note(note) for note in self.notes)]


def cross_validate(
    make_network: MakeNetwork,
    dataset: Dataset,
    settings: Settings | None = None,
    *,
    folds: int = 5,
    groups: NDArray[np.generic] | None = None,
    device: str | DeviceChoice | None = None,
    watcher: Watcher | None = None,
) -> CrossValidation:
    """Train as many networks as there are folds of the training split, each judged on the fold that it never saw.

    The best epoch of each is chosen on the validation split, or, without one, on a part of what it is trained on; the
    test split is not looked at. PyTorch's random generator is left as it was.

    Args:
        make_network: Builds a new network from a seed.
        dataset: Its training split is cut into folds: by class, or by the size of the target.
        settings: Of every training; the seed goes up by one with each.
        folds: How many, at least 2.
        groups: [training examples]; those with an equal value are held out together.
        device: See `train`.
        watcher: Called with a `Progress` at most ten times a second, and a `Trained` after each fold.

    Raises:
        DataError: If there are fewer examples or groups than folds.
        DeviceError: If the device is not there.
        SettingError: If folds or make_network is none.
        ShapeError: If there is not one group for each training example.
    """
    settings = settings or Settings()
    train = dataset.train
    fold_of = fold_numbers(train.labels, dataset.task, folds, groups=groups)
    trainings = Trainings(make_network, dataset, settings, folds, device, watcher)
    started = perf_counter()
    logits = torch.zeros(len(train), len(dataset.class_names))
    found: list[Fold] = []
    notes: dict[str, None] = {}
    for fold in range(folds):
        held_out, rest = np.flatnonzero(fold_of == fold), np.flatnonzero(fold_of != fold)
        part, note = with_validation(dataset, rest, groups)
        if note:
            notes[note] = None
        answers, score = trainings.judged(part, train.take(held_out), f"fold {fold + 1}")
        logits[torch.from_numpy(held_out)] = answers
        found.append(Fold(fold + 1, len(part.train), len(held_out), score))
    if dataset.task in ("multiclass", "binary"):
        counts = np.bincount(train.labels, minlength=len(dataset.class_names))
        few = [name for name, count in zip(dataset.class_names, counts, strict=True) if 0 < count < folds]
        if few:
            notes[f"fewer examples than folds: {', '.join(few)}; some folds hold none of them"] = None
    return CrossValidation(
        dataset=dataset.name,
        task=dataset.task,
        folds=tuple(found),
        score=score_of(logits, torch.from_numpy(train.labels), dataset.task),
        logits=logits,
        fold_of=fold_of,
        notes=tuple(notes),
        seconds=perf_counter() - started,
    )


def with_validation(
    dataset: Dataset, places: NDArray[np.int64], groups: NDArray[np.generic] | None = None
) -> tuple[Dataset, str]:
    """Return a dataset of some training examples, with something to choose the best epoch on, and a note on it.

    Args:
        dataset: Its validation split is taken where it has one; else a part of the examples is cut off.
        places: Positions in the training split.
        groups: Of all training examples; those with an equal value stay together.
    """
    chosen = dataset.train.take(places)
    splits: dict[str, Split] = {"train": chosen}
    note = ""
    if len(dataset.splits.get("validation", ())):
        splits["validation"] = dataset.validation
    else:
        of_chosen = None if groups is None else groups[places]
        try:
            parts = split_indices(chosen.labels, dataset.task, groups=of_chosen, cut=("validation",))
            splits = {name: chosen.take(part) for name, part in parts.items()}
        except DataError:
            note = "the weights are those of the last epoch, since there are too few examples to choose one on"
    return replace(dataset, splits=splits, stream=None), note


def student(degrees: int) -> float:
    """Return the 97.5 % quantile of Student's t: 95 % lie between it and its negative.

    Args:
        degrees: Of freedom, at least 1.

    Example:
        >>> round(student(4), 3), round(student(1000), 2)
        (2.776, 1.96)
    """
    # With t = sqrt(degrees) tan(angle) the density becomes a power of the cosine, on a finite range.
    angles = np.linspace(0, math.pi / 2, 200_001)
    below = np.cumsum(np.cos(angles) ** (degrees - 1))
    angle = float(np.interp(0.95 * below[-1], below, angles))
    return math.sqrt(degrees) * math.tan(angle)
