"""Stops a run whose loss is no longer a number, without asking the device at every step."""

import torch
from torch import Tensor

from pellucid.errors import NonfiniteLossError


class LossGuard:
    """Sums the losses of an epoch on the device; from the first that is not finite on, `is_bad` is 1.

    The weights change nothing where it is 1, so they are safe although the processor hears of it only at `check`.
    """

    def __init__(self, device: torch.device) -> None:
        self.is_bad = torch.zeros((), device=device)
        self._bad_steps = torch.zeros((), device=device)
        self._total = torch.zeros((), device=device, dtype=torch.float64)
        self._difference = torch.zeros((), device=device, dtype=torch.float64)

    def start_epoch(self) -> None:
        """Sum from zero."""
        self._total.zero_()

    def see(self, loss: Tensor, examples: int) -> None:
        """Look at the loss of a step, before its update."""
        self._total.add_(loss.detach(), alpha=examples)
        # What is infinite or NaN stays so in a sum, and differs from itself.
        torch.sub(self._total, self._total, out=self._difference)
        torch.ne(self._difference, 0, out=self.is_bad)
        self._bad_steps.add_(self.is_bad)

    def total_loss(self) -> float:
        """Return the sum of the epoch's losses, each times its examples; one sync."""
        return float(self._total.item())

    def check(self, step: int, steps_per_epoch: int) -> None:
        """Ask the device; one sync.

        Args:
            step: Steps done so far.
            steps_per_epoch: To name the epoch.

        Raises:
            NonfiniteLossError: If a loss was NaN or infinite; names the step, whose update was not made.
        """
        bad = int(self._bad_steps.item())
        if not bad:
            return
        epoch, first = divmod(step - bad, steps_per_epoch)
        raise NonfiniteLossError(
            f"the loss is not a finite number at epoch {epoch + 1}, step {first + 1} of {steps_per_epoch}; "
            "its update was not made",
            fix="lower the learning rate (--lr), limit the gradients (--clip-norm 1), or look for logarithms and "
            "divisions in the network",
        )
