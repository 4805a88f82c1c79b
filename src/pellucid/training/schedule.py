"""How the learning rate moves over a run that knows how long it will be: in steps, or in seconds."""

import math
from time import perf_counter

from pellucid.training.settings import Settings

# A run by the clock is cut into so many parts, as one by epochs is cut into steps.
PARTS = 10_000


class Budget:
    """What the steps of a run may take: so many of them, or the seconds that are left from now on.

    Attributes:
        started: When it began, in seconds of the clock.
        steps: Of the whole run; None in a run by the clock.
        epochs: Of the whole run, a last part of one counted in; None in a run by the clock.

    Args:
        settings: Epochs or seconds.
        steps_per_epoch: Batches of one pass.
        spent: Seconds that have gone into choosing.
    """

    def __init__(self, settings: Settings, steps_per_epoch: int, spent: float = 0.0) -> None:
        self._seconds = None if settings.seconds is None else max(settings.seconds - spent, 1e-3)
        self.started = perf_counter()
        self.steps: int | None = None
        self.epochs: int | None = None
        if self._seconds is None:
            assert settings.epochs is not None, "left to choose"
            self.steps = max(round(settings.epochs * steps_per_epoch), 1)
            self.epochs = math.ceil(settings.epochs)

    def position(self, step: int) -> tuple[int, int]:
        """Return where the schedule is, and where it ends.

        Args:
            step: From 0, of the whole run.
        """
        if self._seconds is None:
            assert self.steps is not None
            return step, self.steps
        share = (perf_counter() - self.started) / self._seconds
        return min(int(share * PARTS), PARTS), PARTS

    def is_spent(self, seconds_ahead: float = 0.0) -> bool:
        """Return whether the time is over, or will be in so many seconds; never so of a run by epochs."""
        return self._seconds is not None and perf_counter() - self.started + seconds_ahead >= self._seconds


def learning_rate_at(step: int, steps: int, settings: Settings) -> float:
    """Return the learning rate of one step.

    Args:
        step: From 0 to steps - 1.
        steps: Of the whole run.
        settings: Schedule, warm-up and highest learning rate.

    Example:
        >>> settings = Settings(learning_rate=1.0, schedule="one-cycle", warmup=0.5)
        >>> [learning_rate_at(step, 8, settings) for step in range(8)]
        [0.25, 0.5, 0.75, 1.0, 1.0, 0.75, 0.5, 0.25]
    """
    highest = settings.learning_rate
    assert highest is not None, "left to choose"
    rising = round(settings.warmup * steps)
    if step < rising:
        return highest * (step + 1) / rising
    # From 0 at the first step after the warm-up to just under 1 at the last: no step is wasted on a rate of zero.
    progress = (step - rising) / max(steps - rising, 1)
    match settings.schedule:
        case "warmup-cosine":
            return highest * 0.5 * (1 + math.cos(math.pi * progress))
        case "one-cycle":
            return highest * (1 - progress)
        case "constant":
            return highest
