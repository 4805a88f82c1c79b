"""What happened over the steps."""

from dataclasses import dataclass
from statistics import fmean

from pellucid.doctor.evidence.loop import Step


@dataclass(frozen=True, eq=False)
class Dynamics:
    """Losses and steps over the run. Never without a step.

    Attributes:
        losses: Every value on which `backward` was called, in order (all losses of all networks).
        steps: Optimizer steps: the first 1000, the last 1000, and those looked at between.
        count: How many steps there were in all.
        first_nonfinite: Index in `losses` of the first NaN or infinite one; None if there is none.
        changes: Of each parameter by name: norm of (end - start) over norm at the start; absent if the start was not
            kept.
        scale_changes: Of each trained network, by parameter name: (std at start, std at end).
    """

    losses: tuple[float, ...]
    steps: tuple[Step, ...]
    count: int
    first_nonfinite: int | None
    changes: dict[str, float]
    scale_changes: dict[str, tuple[float, float]]

    @property
    def looked_at(self) -> tuple[Step, ...]:
        """The steps whose gradients and updates were measured."""
        return tuple(step for step in self.steps if step.gradients is not None)

    def mean_loss(self, start: float, end: float) -> float:
        """Return the mean loss over a stretch of the run, as shares: `mean_loss(0.9, 1)` is the last tenth."""
        first = min(int(start * len(self.losses)), len(self.losses) - 1)
        return fmean(self.losses[first : max(first + 1, int(end * len(self.losses)))])
