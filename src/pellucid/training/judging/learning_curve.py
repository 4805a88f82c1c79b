"""`learning_curve`: how the score rises with the number of examples, and whether more of them would help."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.dataset import Dataset, Split
from pellucid.data.splitting import split_indices, strata_of, stratified
from pellucid.devices import DeviceChoice
from pellucid.errors import DataError, SettingError
from pellucid.rendering.blocks import Block, Curves, Note, Table, number
from pellucid.rendering.result import Result, to_frame
from pellucid.tasks import Task
from pellucid.training.judging.forecasting import Forecast, forecast
from pellucid.training.judging.scores import measure_of, pattern_of, shown
from pellucid.training.judging.trainings import MakeNetwork, Trainings, Watcher
from pellucid.training.settings import Settings

SHARES = (0.1, 0.2, 0.4, 0.7, 1.0)
REPEATS = 4
# A network learns nothing that could be judged from fewer.
FEWEST_EXAMPLES = 8
# Places at which the fitted curve is drawn.
DRAWN = 60


@dataclass(frozen=True)
class Point:
    """The trainings on one number of examples.

    Attributes:
        examples: That weights were fitted on.
        share: Of the training split.
        scores: Of each training, on validation examples that chose nothing.
    """

    examples: int
    share: float
    scores: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class LearningCurve(Result):
    """How the score rises with the number of examples.

    Attributes:
        dataset: Its name.
        task: Of its labels.
        points: From few examples to all.
        forecast: What twice the examples would give.
        notes: What is to be known of it, in sentences.
        seconds: Of all trainings.
    """

    dataset: str
    task: Task
    points: tuple[Point, ...]
    forecast: Forecast
    notes: tuple[str, ...]
    seconds: float

    @property
    def measure(self) -> str:
        """What the scores are: "accuracy" or "R²"."""
        return measure_of(self.task)

    @property
    def answer(self) -> str:
        """Whether more data would help, in a sentence."""
        said = self.forecast
        score, now, low, high = (shown(value, self.task) for value in (said.score, said.now, said.low, said.high))
        numbers = f"{said.examples:,}, twice as many: about {score} instead of {now} (between {low} and {high})"
        match said.verdict:
            case "helps":
                return f"more examples would help; {numbers}"
            case "flat":
                return f"more examples would hardly help; {numbers}"
            case "unclear":
                unknown = "how much" if said.low > said.now else "whether"
                return f"too noisy to say {unknown} more examples would help; {numbers}"

    def to_frame(self) -> Any:
        """Return one row per training as a pandas DataFrame."""
        rows = [
            {"examples": point.examples, "share": point.share, "repeat": repeat + 1, "score": score}
            for point in self.points
            for repeat, score in enumerate(point.scores)
        ]
        return to_frame(rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the facts."""
        return {
            "dataset": self.dataset,
            "task": self.task,
            "measure": self.measure,
            "points": [asdict(point) for point in self.points],
            "forecast": asdict(self.forecast),
            "answer": self.answer,
            "notes": list(self.notes),
            "seconds": self.seconds,
        }

    def blocks(self) -> Sequence[Block]:
        """Show the answer, the scores and the curve."""
        pattern = pattern_of(self.task)
        table = Table(
            [
                number("examples"), number("share", ".0%"), number(f"median {self.measure}", pattern),
                number("lowest", pattern), number("highest", pattern), number("on the curve", pattern),
            ],
            [
                (
                    p.examples, p.share, median(p.scores), min(p.scores), max(p.scores),
                    1 - self.forecast.law.at(p.examples),
                )
                for p in self.points
            ],
            title=f"{self.dataset}: {self.measure} by training examples",
        )  # fmt: skip
        return [Note(self.answer), table, self._curves(), *(Note(note) for note in self.notes)]

    def _curves(self) -> Curves:
        last = self.forecast.examples
        drawn = np.linspace(self.points[0].examples, last, DRAWN)
        medians = {float(point.examples): median(point.scores) for point in self.points}
        x = sorted({*drawn.tolist(), *medians})
        return Curves(
            x,
            {
                "measured": [medians.get(place, math.nan) for place in x],
                "fitted": [1 - self.forecast.law.at(place) for place in x],
            },
            title=f"{self.measure} by training examples, fitted up to twice as many",
        )


def learning_curve(
    make_network: MakeNetwork,
    dataset: Dataset,
    settings: Settings | None = None,
    *,
    shares: Sequence[float] = SHARES,
    repeats: int = REPEATS,
    device: str | DeviceChoice | None = None,
    watcher: Watcher | None = None,
) -> LearningCurve:
    """Train networks of one kind on growing parts of the training split, and fit how the error falls.

    Each part holds every class in its share, and within one repeat the smaller part stands in the larger. What the
    settings leave to choose is chosen for each part, so that few examples are passed over more often. One half of the
    validation split chooses the best epoch and the other judges it, in turn; the test split is not looked at.
    PyTorch's random generator is left as it was.

    Args:
        make_network: Builds a new network from a seed.
        dataset: Without a validation split, one is cut off the training split.
        settings: Of every training; the seed goes up by one with each.
        shares: Of the training split, at least three, over 0 and up to 1.
        repeats: Trainings on each share, at least 2, with other examples and other starting weights.
        device: See `train`.
        watcher: Called with a `Progress` at most ten times a second, and a `Trained` after each training.

    Raises:
        DataError: If there are too few examples.
        DeviceError: If the device is not there.
        SettingError: If shares, repeats or make_network cannot be used.
    """
    _check(shares, repeats)
    train, (one, other) = _judges(dataset)
    sizes = _sizes(train, dataset.task, shares)
    trainings = Trainings(make_network, dataset, settings or Settings(), len(sizes) * repeats, device, watcher)
    started = perf_counter()
    scores: dict[float, list[float]] = {share: [] for share in sizes}
    for repeat in range(repeats):
        choosing, judging = (one, other) if repeat % 2 == 0 else (other, one)
        for share, places in _parts(train, dataset.task, sizes, seed=repeat).items():
            part = replace(dataset, splits={"train": train.take(places), "validation": choosing}, stream=None)
            _, score = trainings.judged(part, judging, f"{len(places):,} examples")
            scores[share].append(score)
    points = tuple(Point(examples, examples / len(train), tuple(scores[share])) for share, examples in sizes.items())
    left_out = sorted(set(shares) - sizes.keys())
    notes = [f"judged on {len(one) + len(other):,} validation examples, one half of which chooses the epoch, in turn"]
    if left_out:
        notes.append(
            f"left out, since they hold too few or the same examples: {', '.join(f'{s:.0%}' for s in left_out)}"
        )
    return LearningCurve(
        dataset=dataset.name,
        task=dataset.task,
        points=points,
        forecast=forecast([point.examples for point in points], [point.scores for point in points]),
        notes=tuple(notes),
        seconds=perf_counter() - started,
    )


def _check(shares: Sequence[float], repeats: int) -> None:
    if len(set(shares)) < 3 or not all(0 < share <= 1 for share in shares):
        raise SettingError(
            f"shares is {tuple(shares)!r}", fix="give at least three numbers over 0 and up to 1, as in 0.1, 0.4, 1"
        )
    if not isinstance(repeats, int) or isinstance(repeats, bool) or repeats < 2:
        raise SettingError(
            f"repeats is {repeats!r}", fix="give a whole number of at least 2: one training says nothing of the spread"
        )


def _judges(dataset: Dataset) -> tuple[Split, tuple[Split, Split]]:
    """Return the training examples, and the validation examples in two halves.

    Raises:
        DataError: If there are too few.
    """
    train, validation = dataset.train, dataset.splits.get("validation")
    if validation is None or not len(validation):
        parts = split_indices(train.labels, dataset.task, cut=("validation",))
        train, validation = train.take(parts["train"]), train.take(parts["validation"])
    first = stratified(strata_of(validation.labels, dataset.task), 0.5)
    if not first.any() or first.all():
        raise DataError(
            f"{len(validation)} validation examples are too few to judge a learning curve",
            fix="add examples, or give a larger validation split",
        )
    return train, (validation.take(np.flatnonzero(first)), validation.take(np.flatnonzero(~first)))


def _sizes(train: Split, task: Task, shares: Sequence[float]) -> dict[float, int]:
    """Return the number of examples of each share, rising; without shares that hold too few, or the same.

    Raises:
        DataError: If fewer than three are left.
    """
    sizes: dict[float, int] = {}
    for share in sorted(set(shares)):
        examples = int(_counts(train, task, share)[1].sum())
        if examples >= FEWEST_EXAMPLES and examples not in sizes.values():
            sizes[share] = examples
    if len(sizes) < 3:
        raise DataError(
            f"{len(train)} training examples are too few for a learning curve of these shares",
            fix="add examples, or give larger shares",
        )
    return sizes


def _counts(train: Split, task: Task, share: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the stratum of each example, and how many of each stratum a share takes: at least one."""
    _, strata, counts = np.unique(strata_of(train.labels, task), return_inverse=True, return_counts=True)
    return strata.reshape(-1), np.maximum(np.round(counts * share), 1).astype(np.int64)


def _parts(train: Split, task: Task, shares: dict[float, int], seed: int) -> dict[float, NDArray[np.int64]]:
    """Return the positions of each share's examples; the smaller share stands in the larger."""
    order = np.random.default_rng(seed).permutation(len(train))
    strata = _counts(train, task, 1.0)[0][order]
    # How many of its own stratum stand before each example, in the drawn order.
    before = np.empty(len(train), np.int64)
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        before[members] = np.arange(len(members))
    return {share: np.sort(order[before < _counts(train, task, share)[1][strata]]) for share in shares}
