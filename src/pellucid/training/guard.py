"""Stops a run whose loss is no longer a number, without asking the device at every step."""

import torch
from torch import Tensor

from pellucid.errors import NonfiniteLossError


class LossGuard:
    """Watches every loss on the device; from the first that is not finite on, the optimizer changes nothing.

    Fused optimizers read a tensor `found_inf` (made for gradient scaling) and skip the update where it is 1, so the
    weights are safe although the processor hears of it only at `check`.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, device: torch.device) -> None:
        self._is_bad = torch.zeros((), device=device)
        self._good_steps = torch.zeros((), device=device, dtype=torch.int64)
        optimizer.found_inf = self._is_bad  # type: ignore[attr-defined]

    def see(self, loss: Tensor) -> None:
        """Look at the loss of a step, before its update."""
        torch.maximum(self._is_bad, loss.detach().isfinite().logical_not().to(self._is_bad.dtype), out=self._is_bad)
        self._good_steps += self._is_bad == 0

    def check(self, steps_per_epoch: int) -> None:
        """Ask the device; one sync.

        Raises:
            NonfiniteLossError: If a loss was NaN or infinite; names the step, whose update was not made.
        """
        if not self._is_bad.item():
            return
        epoch, step = divmod(int(self._good_steps.item()), steps_per_epoch)
        raise NonfiniteLossError(
            f"the loss is not a finite number at epoch {epoch + 1}, step {step + 1} of {steps_per_epoch}; "
            "its update was not made",
            fix="lower the learning rate (--lr), limit the gradients (--clip-norm 1), or look for logarithms and "
            "divisions in the network",
        )
