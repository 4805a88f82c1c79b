"""`find_suspects`: training examples whose label looks wrong to networks that never saw them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pellucid.data.dataset import Dataset
from pellucid.data.summary import as_pixels
from pellucid.devices import DeviceChoice
from pellucid.rendering.blocks import Block, Column, Gallery, Image, Note, Table, number
from pellucid.rendering.result import Result, to_frame
from pellucid.tasks import Task
from pellucid.training.judging.confident import doubts_of
from pellucid.training.judging.cross_validation import CrossValidation, cross_validate
from pellucid.training.judging.trainings import MakeNetwork, Watcher
from pellucid.training.settings import Settings

FOLDS = 4
# A target that is so many robust standard deviations from what is expected stands out (Iglewicz and Hoaglin 1993, "How
# to Detect and Handle Outliers").
OUTLYING = 3.5
# The standard deviation of a normal distribution, in median absolute deviations.
NORMAL = 1.4826
LISTED, PICTURED, PAIRS = 20, 10, 10


@dataclass(frozen=True, eq=False)
class Suspect:
    """A label that looks wrong.

    Attributes:
        example: Its position in the training split.
        source: Where the example comes from, as a path; "" if nobody knows.
        label: As given; of several labels at once "sky: yes"; of a regression the number.
        suggested: What the network would say, likewise.
        label_probability: That a network which never saw the example gives to its label; None of a regression.
        suggested_probability: That it gives to the suggested one; None of a regression.
        deviations: How far a number is from what is expected, in robust standard deviations of such distances; None of
            other tasks.
        picture: The input, uint8; None if it is no image.
    """

    example: int
    source: str
    label: str
    suggested: str
    label_probability: float | None
    suggested_probability: float | None
    deviations: float | None
    picture: NDArray[np.uint8] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the facts; the picture is left out."""
        return {key: value for key, value in vars(self).items() if key != "picture"}


@dataclass(frozen=True, eq=False)
class Suspects(Result):
    """Training examples whose label looks wrong, the clearest first; nothing of the dataset is changed.

    Attributes:
        dataset: Its name.
        task: Of its labels.
        examples: Training examples that were looked at.
        labels: Given labels that were looked at: one for each example, or for each example and label or target.
        wrong: Estimated number of wrong labels, by the confident joint, which counts hard examples too where classes
            overlap; None of a regression.
        suspects: In order.
        cross_validation: That the doubts come from.
    """

    dataset: str
    task: Task
    examples: int
    labels: int
    wrong: float | None
    suspects: tuple[Suspect, ...]
    cross_validation: CrossValidation

    def to_frame(self) -> Any:
        """Return one row per suspect as a pandas DataFrame."""
        return to_frame([suspect.to_dict() for suspect in self.suspects])

    def to_dict(self) -> dict[str, Any]:
        """Return the facts; pictures are left out."""
        return {
            "dataset": self.dataset,
            "task": self.task,
            "examples": self.examples,
            "labels": self.labels,
            "wrong": self.wrong,
            "suspects": [suspect.to_dict() for suspect in self.suspects],
            "cross_validation": self.cross_validation.to_dict(),
        }

    def listing(self) -> Table:
        """Return the table of all suspects, as a CSV file holds it."""
        return self._table(self.suspects)

    def blocks(self) -> Sequence[Block]:
        """Show how many labels look wrong, between which classes, and the clearest ones."""
        if not self.suspects:
            return [self.headline(), self.cross_validation.headline()]
        shown = self.suspects[:LISTED]
        more = len(self.suspects) - len(shown)
        pictures = [
            Image(suspect.picture, f"{suspect.example}: {suspect.label}, rather {suspect.suggested}")
            for suspect in self.suspects[:PICTURED]
            if suspect.picture is not None
        ]
        return [
            self.headline(),
            self._table(shown),
            *(
                [Note(f"{more:,} more are in the list: write it with -o suspects.csv, or ask to_frame()")]
                if more
                else []
            ),
            *([Gallery(pictures)] if pictures else []),
            *([self._pairs()] if self.task != "regression" else []),
            self.cross_validation.headline(),
            Note("look at them before you change a label: what is rare or hard looks wrong too"),
        ]

    def headline(self) -> Note:
        """Return how many labels look wrong, in one line."""
        listed = f"{len(self.suspects):,} of {self.labels:,} labels look wrong"
        if self.wrong is None:
            return Note(f"{listed}: further than {OUTLYING} robust standard deviations from what is expected")
        share = self.wrong / max(self.labels, 1)
        return Note(
            f"{listed}; confident learning estimates {self.wrong:,.0f} wrong ones ({share:.1%}), "
            "and where classes overlap counts hard examples too"
        )

    def _table(self, suspects: Sequence[Suspect]) -> Table:
        has_sources = any(suspect.source for suspect in self.suspects)
        columns = [
            number("example", "d"),
            *([Column("source")] if has_sources else []),
            Column("label"),
            Column("rather"),
        ]
        if self.task == "regression":
            columns.append(number("deviations", ".1f"))
        else:
            columns += [number("label probability", ".1%"), number("rather probability", ".1%")]
        rows = []
        for one in suspects:
            numbers = (
                (one.deviations,) if self.task == "regression" else (one.label_probability, one.suggested_probability)
            )
            rows.append((one.example, *([one.source] if has_sources else []), one.label, one.suggested, *numbers))
        return Table(columns, rows, title=f"{self.dataset}: training examples whose label looks wrong")

    def _pairs(self) -> Table:
        counts = Counter((suspect.label, suspect.suggested) for suspect in self.suspects)
        rows = [(label, suggested, count) for (label, suggested), count in counts.most_common(PAIRS)]
        return Table([Column("label"), Column("rather"), number("suspects")], rows, title="most frequent pairs")


def find_suspects(
    make_network: MakeNetwork,
    dataset: Dataset,
    settings: Settings | None = None,
    *,
    folds: int = FOLDS,
    groups: NDArray[np.generic] | None = None,
    device: str | DeviceChoice | None = None,
    watcher: Watcher | None = None,
) -> Suspects:
    """Find training examples that are likely mislabelled, by what networks say that never saw them.

    Classes by confident learning (Northcutt et al. 2021), see `doubts_of`; of several labels at once each as a yes or
    no of its own; numbers by their distance from what is expected, in robust standard deviations. Nothing of the
    dataset is changed. PyTorch's random generator is left as it was.

    Args:
        make_network: Builds a new network from a seed.
        dataset: Its training split is looked at.
        settings: Of every training; the seed goes up by one with each.
        folds: Trainings, each without the examples that it is asked about.
        groups: [training examples]; those with an equal value are held out together: copies of an example would
            otherwise vouch for its label.
        device: See `train`.
        watcher: Called with a `Progress` at most ten times a second, and a `Trained` after each fold.

    Raises:
        DataError: If there are fewer examples or groups than folds.
        DeviceError: If the device is not there.
        SettingError: If folds or make_network is none.
        ShapeError: If there is not one group for each training example.
    """
    validated = cross_validate(
        make_network, dataset, settings, folds=folds, groups=groups, device=device, watcher=watcher
    )
    find = {"multilabel": _among_yes_and_no, "regression": _among_numbers}.get(dataset.task, _among_classes)
    found, wrong = find(dataset, validated)
    return Suspects(
        dataset=dataset.name,
        task=dataset.task,
        examples=len(dataset.train),
        labels=dataset.train.labels.size,
        wrong=wrong,
        suspects=tuple(found),
        cross_validation=validated,
    )


def _suspect(
    dataset: Dataset,
    place: int,
    label: str,
    suggested: str,
    probabilities: tuple[float, float] | None,
    far: float | None,
) -> Suspect:
    split = dataset.train
    return Suspect(
        example=place,
        source=split.sources[place] if split.sources else "",
        label=label,
        suggested=suggested,
        label_probability=probabilities[0] if probabilities else None,
        suggested_probability=probabilities[1] if probabilities else None,
        deviations=far,
        picture=as_pixels(split.inputs[place]) if split.inputs.ndim == 4 else None,
    )


def _among_classes(dataset: Dataset, validated: CrossValidation) -> tuple[list[Suspect], float | None]:
    probabilities = validated.logits.double().softmax(dim=1).numpy()
    labels = dataset.train.labels
    doubts = doubts_of(probabilities, labels)
    names = dataset.class_names
    found = []
    for place in doubts.places.tolist():
        label, suggested = int(labels[place]), int(doubts.suggested[place])
        both = (float(probabilities[place, label]), float(probabilities[place, suggested]))
        found.append(_suspect(dataset, place, names[label], names[suggested], both, None))
    return found, doubts.wrong


def _among_yes_and_no(dataset: Dataset, validated: CrossValidation) -> tuple[list[Suspect], float | None]:
    held = validated.logits.double().sigmoid().numpy()
    ranked: list[tuple[float, Suspect]] = []
    wrong = 0.0
    for number_of, name in enumerate(dataset.class_names):
        labels = dataset.train.labels[:, number_of].astype(np.int64)
        both = np.stack([1 - held[:, number_of], held[:, number_of]], axis=1)
        doubts = doubts_of(both, labels)
        wrong += doubts.wrong
        for place in doubts.places.tolist():
            given = int(labels[place])
            words = [f"{name}: {'yes' if value else 'no'}" for value in (given, 1 - given)]
            pair = (float(both[place, given]), float(both[place, 1 - given]))
            ranked.append((float(doubts.margins[place]), _suspect(dataset, place, words[0], words[1], pair, None)))
    return [suspect for _, suspect in sorted(ranked, key=lambda entry: entry[0])], wrong


def _among_numbers(dataset: Dataset, validated: CrossValidation) -> tuple[list[Suspect], float | None]:
    labels = torch.from_numpy(dataset.train.labels).double()
    misses = (labels - validated.logits.double()).numpy()
    middle = np.median(misses, axis=0)
    spread = np.median(np.abs(misses - middle), axis=0) * NORMAL
    # Where half of the answers are exact, nothing can be said of what is usual.
    far = np.where(spread > 0, np.abs(misses - middle) / np.where(spread > 0, spread, 1.0), 0.0)
    is_one = len(dataset.class_names) == 1
    found = []
    for flat in np.argsort(-far, axis=None, kind="stable").tolist():
        place, target = divmod(flat, far.shape[1])
        if far[place, target] <= OUTLYING:
            break
        before = "" if is_one else f"{dataset.class_names[target]}: "
        given, expected = float(labels[place, target]), float(validated.logits[place, target])
        words = (f"{before}{given:.6g}", f"{before}{expected:.6g}")
        found.append(_suspect(dataset, place, words[0], words[1], None, float(far[place, target])))
    return found, None
