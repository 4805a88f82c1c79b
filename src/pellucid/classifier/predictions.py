"""What a classifier says of inputs: one class, several labels, or numbers, each shown and written the same way."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pellucid.rendering.blocks import Bar, Bars, Block, Column, Note, Table, number
from pellucid.rendering.result import Result, to_frame


@dataclass(frozen=True)
class Prediction:
    """What a classifier says of one input, of which one class is right.

    Attributes:
        source: The file or row, or the place among the inputs.
        label: The most probable class.
        probability: Of that class.
        probabilities: Of every class, by name, the most probable first.
        notes: What was done to the input before it was judged.
        looks_inverted: Whether a picture looks light where the training images are dark.
    """

    source: str
    label: str
    probability: float
    probabilities: dict[str, float]
    notes: tuple[str, ...] = ()
    looks_inverted: bool = False

    def to_dict(self, top: int | None = None) -> dict[str, Any]:
        """Return the facts; probabilities of the `top` classes, or of all."""
        return {
            "source": self.source,
            "label": self.label,
            "probability": self.probability,
            "probabilities": dict(list(self.probabilities.items())[:top]),
            "notes": list(self.notes),
            "looks_inverted": self.looks_inverted,
        }

    def row(self) -> dict[str, Any]:
        """Return the facts as one row of a table."""
        return {"source": self.source, "label": self.label, **self.probabilities}

    def line(self) -> dict[str, Any]:
        """Return the facts as one line of a table that is shown."""
        return {"source": self.source, "label": self.label, "probability": self.probability}

    def bars(self, top: int) -> Bars:
        """Return the most probable classes."""
        shown = list(self.probabilities.items())[:top]
        return Bars([Bar(name, share, f"{share:.1%}") for name, share in shown], title=f"{self.source}: {self.label}")


@dataclass(frozen=True)
class LabelsPrediction:
    """What a classifier says of one input that may have several labels.

    Attributes:
        source: The file or row, or the place among the inputs.
        labels: Those that are more probable than not, the most probable first.
        probabilities: Of every label, by name, the most probable first; each is a yes or no of its own.
        notes: What was done to the input before it was judged.
        looks_inverted: Whether a picture looks light where the training images are dark.
    """

    source: str
    labels: tuple[str, ...]
    probabilities: dict[str, float]
    notes: tuple[str, ...] = ()
    looks_inverted: bool = False

    @property
    def label(self) -> str:
        """The labels in one line, or "none"."""
        return ", ".join(self.labels) or "none"

    def to_dict(self, top: int | None = None) -> dict[str, Any]:
        """Return the facts; probabilities of the `top` labels, or of all."""
        return {
            "source": self.source,
            "labels": list(self.labels),
            "probabilities": dict(list(self.probabilities.items())[:top]),
            "notes": list(self.notes),
            "looks_inverted": self.looks_inverted,
        }

    def row(self) -> dict[str, Any]:
        """Return the facts as one row of a table."""
        return {"source": self.source, "labels": self.label, **self.probabilities}

    def line(self) -> dict[str, Any]:
        """Return the facts as one line of a table that is shown; the probability is that of all labels together."""
        shares = [share if name in self.labels else 1 - share for name, share in self.probabilities.items()]
        return {"source": self.source, "label": self.label, "probability": math.prod(shares)}

    def bars(self, top: int) -> Bars:
        """Return the labels that hold, and others up to so many."""
        shown = list(self.probabilities.items())[: max(top, len(self.labels))]
        return Bars([Bar(name, share, f"{share:.1%}") for name, share in shown], title=f"{self.source}: {self.label}")


@dataclass(frozen=True)
class NumbersPrediction:
    """What a classifier trained for a regression says of one input.

    Attributes:
        source: The file or row, or the place among the inputs.
        values: The number of each target, by name, in the units of the training labels.
        notes: What was done to the input before it was judged.
        looks_inverted: Whether a picture looks light where the training images are dark.
    """

    source: str
    values: dict[str, float]
    notes: tuple[str, ...] = ()
    looks_inverted: bool = False

    @property
    def label(self) -> str:
        """The numbers in one line."""
        if len(self.values) == 1:
            return f"{next(iter(self.values.values())):.6g}"
        return ", ".join(f"{name} {value:.6g}" for name, value in self.values.items())

    def to_dict(self, top: int | None = None) -> dict[str, Any]:
        """Return the facts, always all."""
        del top
        return {
            "source": self.source,
            "values": self.values,
            "notes": list(self.notes),
            "looks_inverted": self.looks_inverted,
        }

    def row(self) -> dict[str, Any]:
        """Return the facts as one row of a table."""
        return {"source": self.source, **self.values}

    def line(self) -> dict[str, Any]:
        """Return the facts as one line of a table that is shown."""
        return self.row()

    def bars(self, top: int) -> Note:
        """Return the numbers, which have no shares."""
        del top
        return Note(f"{self.source}: {self.label}")


# More than so many answers are shown as the lines of a table.
MOST_ONE_BY_ONE = 12
AnyPrediction = Prediction | LabelsPrediction | NumbersPrediction


@dataclass(frozen=True)
class Predictions(Result):
    """What a classifier says of some inputs, in their order.

    Attributes:
        predictions: One for each input: `Prediction`, `LabelsPrediction` or `NumbersPrediction`, by the task.
        top: How many classes are shown of each.
        engine: What computed the answers, in words.
        notes: What is to be said of all inputs together.
    """

    predictions: tuple[AnyPrediction, ...]
    top: int = 3
    engine: str = ""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.predictions)

    def __getitem__(self, index: int) -> AnyPrediction:
        return self.predictions[index]

    @property
    def labels(self) -> list[str]:
        """The most probable class of each input; its labels, or its numbers, in a line."""
        return [prediction.label for prediction in self.predictions]

    def to_frame(self) -> Any:
        """Return one row per input as a pandas DataFrame."""
        return to_frame([prediction.row() for prediction in self.predictions])

    def to_dict(self) -> dict[str, Any]:
        """Return the facts; probabilities of the `top` classes."""
        return {
            "predictions": [prediction.to_dict(self.top) for prediction in self.predictions],
            "engine": self.engine,
            "notes": list(self.notes),
        }

    def listing(self) -> Table:
        """Return a row for each input, with the number of every class, label or target: what a CSV file holds."""
        rows = [prediction.row() for prediction in self.predictions]
        names = list(dict.fromkeys(name for row in rows for name in row))
        return Table([Column(name) for name in names], [tuple(map(row.get, names)) for row in rows])

    def blocks(self) -> Sequence[Block]:
        """Show the label and a bar for each of the most probable classes; of many inputs a line each."""
        blocks: list[Block] = [Note(note) for note in self.notes]
        if len(self) > MOST_ONE_BY_ONE:
            return [*blocks, self._table(), *self._remarks()]
        for prediction in self.predictions:
            blocks.append(prediction.bars(self.top))
            if prediction.notes:
                blocks.append(Note("; ".join(prediction.notes)))
            if prediction.looks_inverted:
                blocks.append(Note("looks inverted against the training images: try --invert", is_warning=True))
        return blocks

    def _table(self) -> Table:
        rows = [prediction.line() for prediction in self.predictions]
        if all(isinstance(prediction, NumbersPrediction) for prediction in self.predictions):
            targets = list(dict.fromkeys(name for row in rows for name in row if name != "source"))
            columns = [number(name, ".6g") for name in targets]
            return Table([Column("input"), *columns], [(row["source"], *map(row.get, targets)) for row in rows])
        columns = [Column("input"), Column("answer"), number("probability", ".1%")]
        return Table(columns, [(row["source"], row["label"], row["probability"]) for row in rows])

    def _remarks(self) -> list[Block]:
        """Return what was done to the inputs, each with how many it was done to."""
        counts = Counter(note for prediction in self.predictions for note in prediction.notes)
        blocks: list[Block] = [Note(f"{note} ({count:,} of {len(self):,})") for note, count in counts.most_common()]
        inverted = sum(prediction.looks_inverted for prediction in self.predictions)
        if inverted:
            blocks.append(
                Note(f"{inverted:,} look inverted against the training images: try --invert", is_warning=True)
            )
        return blocks
