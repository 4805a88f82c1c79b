"""How the learning rate moves over a run that knows how many steps it has."""

import math

from pellucid.training.settings import Settings


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
    rising = round(settings.warmup * steps)
    if step < rising:
        return settings.learning_rate * (step + 1) / rising
    # From 0 at the first step after the warm-up to just under 1 at the last: no step is wasted on a rate of zero.
    progress = (step - rising) / max(steps - rising, 1)
    match settings.schedule:
        case "warmup-cosine":
            return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))
        case "one-cycle":
            return settings.learning_rate * (1 - progress)
        case "constant":
            return settings.learning_rate
