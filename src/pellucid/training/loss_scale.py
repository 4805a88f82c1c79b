"""What float16 needs to train: a factor on the loss, so that small gradients do not become zero."""

import torch
from torch import Tensor

from pellucid.errors import NonfiniteLossError

# As in PyTorch's `torch.amp.GradScaler`: the first factor, what it is multiplied by after an overflow, and what after
# so many steps without one.
FIRST, BACK, UP, UP_AFTER = 2.0**16, 0.5, 2.0, 2000
# Gradients that overflow even so are not made finite by a smaller factor.
SMALLEST = 2.0**-10


class LossScale:
    """A factor on the loss that is as large as float16 gradients allow (Micikevicius et al. 2018, section 3.2).

    A step whose gradients overflow makes no update and halves the factor. Only `check` waits for the device.

    Attributes:
        found: Float32 scalar on the device: 1 after a step that must not update anything, else 0.

    Args:
        device: Of the weights.
    """

    def __init__(self, device: torch.device) -> None:
        self._factor = torch.full((), FIRST, device=device)
        self._good_steps = torch.zeros((), dtype=torch.int32, device=device)
        self.found = torch.zeros((), device=device)

    def of(self, loss: Tensor) -> Tensor:
        """Return the loss to go backward from."""
        return loss * self._factor

    def undo(self, gradients: list[Tensor], is_bad: Tensor) -> None:
        """Give gradients their own size again, in place; look whether all are finite, and set the next factor.

        Args:
            gradients: Float32.
            is_bad: Scalar; where it is 1, the loss itself was no number.
        """
        self.found.copy_(is_bad)
        # The kernels of GradScaler, which itself wants an optimizer.
        torch._amp_foreach_non_finite_check_and_unscale_(gradients, self.found, self._factor.reciprocal())
        torch._amp_update_scale_(self._factor, self._good_steps, self.found, UP, BACK, UP_AFTER)

    def check(self) -> None:
        """Ask the device; one sync.

        Raises:
            NonfiniteLossError: If the gradients overflow whatever the factor.
        """
        if self._factor.item() < SMALLEST:
            raise NonfiniteLossError(
                "the gradients are not finite in float16, whatever the loss is multiplied by",
                fix="train in float32: --precision float32",
            )


def go_back(loss: Tensor, scale: LossScale | None) -> None:
    """Make the gradients of a loss, multiplied by the factor if there is one."""
    (loss if scale is None else scale.of(loss)).backward()  # type: ignore[no-untyped-call]
