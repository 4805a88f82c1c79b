"""What happened while a network trained."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pellucid.rendering.blocks import Block, Note, Table, number
from pellucid.rendering.result import Result, to_frame

Ending = Literal["finished", "patience", "until", "interrupted"]


@dataclass(frozen=True)
class Progress:
    """Where a run is within an epoch.

    Attributes:
        epoch: From 1.
        epochs: In all; None in a run by the clock.
        share: Of the whole run that is done, 0 to 1.
        seconds_left: Estimated.
        loss: Of the last step.
        learning_rate: Of the last step.
        examples_per_second: In this epoch so far.
        note: What else to tell the user, as "1 thread: the machine is busy".
    """

    epoch: int
    epochs: int | None
    share: float
    seconds_left: float
    loss: float
    learning_rate: float
    examples_per_second: float
    note: str | None = None


@dataclass(frozen=True)
class Epoch:
    """One pass over the training examples.

    Attributes:
        epoch: From 1.
        train_loss: Mean over the examples, each measured before its step; with label smoothing, if any.
        validation_loss: Afterwards, see `Score`; None without validation examples.
        validation_accuracy: Share of right answers afterwards; None without validation examples, or of a regression.
        validation_r2: Of a regression afterwards: share of the targets' variance that is explained; else None.
        learning_rate: Of the last step.
        examples_per_second: Trained, without validation.
        seconds: Of training and validation.
        is_best: Whether its weights are the best so far.
    """

    epoch: int
    train_loss: float
    validation_loss: float | None
    validation_accuracy: float | None
    validation_r2: float | None
    learning_rate: float
    examples_per_second: float
    seconds: float
    is_best: bool


@dataclass(frozen=True)
class History(Result):
    """The epochs of a run and how it ended.

    Attributes:
        epochs: In order; the last one may be cut short.
        ending: "finished", "patience" (no better for so long), "until" (accurate enough) or "interrupted".
        best_epoch: Whose weights the network has now.
        waited_seconds: That training waited for examples to be read; None if they were in memory.
    """

    epochs: tuple[Epoch, ...]
    ending: Ending
    best_epoch: int
    waited_seconds: float | None = None

    @property
    def best(self) -> Epoch:
        """The epoch whose weights the network has."""
        return self.epochs[self.best_epoch - 1]

    def to_frame(self) -> Any:
        """Return one row per epoch as a pandas DataFrame."""
        return to_frame([asdict(epoch) for epoch in self.epochs])

    def to_dict(self) -> dict[str, Any]:
        """Return the facts."""
        return {
            "ending": self.ending,
            "best_epoch": self.best_epoch,
            **({} if self.waited_seconds is None else {"waited_seconds": self.waited_seconds}),
            "epochs": [asdict(epoch) for epoch in self.epochs],
        }

    def blocks(self) -> Sequence[Block]:
        """Show a table of the epochs."""
        is_regression = any(epoch.validation_r2 is not None for epoch in self.epochs)
        judged = number("R²", ".4f") if is_regression else number("accuracy", ".2%")
        table = Table(
            [
                number("epoch"), number("train loss", ".4f"), number("validation loss", ".4f"),
                judged, number("examples/s", ",.0f"), number("seconds", ".1f"),
            ],
            [
                (
                    e.epoch, e.train_loss, e.validation_loss,
                    e.validation_r2 if is_regression else e.validation_accuracy, e.examples_per_second, e.seconds,
                )
                for e in self.epochs
            ],
        )  # fmt: skip
        notes = [Note(f"the weights are those of epoch {self.best_epoch}")]
        if self.waited_seconds is not None:
            share = self.waited_seconds / max(sum(epoch.seconds for epoch in self.epochs), 1e-9)
            notes.append(Note(f"waited {self.waited_seconds:.1f} s ({share:.1%}) for examples to be read"))
        return [table, *notes]
