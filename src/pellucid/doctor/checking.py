"""Checking a network before it is trained: one batch, its loss, its optimizer; under a second, and no mark."""

from collections.abc import Callable, Collection
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.doctor.checkup import Checkup
from pellucid.doctor.watching import Watch
from pellucid.tracing.snapshot import unmarked


def check(
    network: nn.Module,
    batch: tuple[Any, Any],
    *,
    loss: Callable[[Any, Any], Tensor],
    optimizer: torch.optim.Optimizer | None = None,
    ignore: Collection[str] = (),
    trial_seconds: float = 0.6,
) -> Checkup:
    """Say what is wrong with a network, from one batch.

    Args:
        network: Of any kind; it is left as it was, bit for bit.
        batch: Inputs and labels, as the training loop would give them.
        loss: As the training loop calls it: `loss(outputs, labels)`.
        optimizer: If given, its parameters and learning rate are judged too; it does not step.
        ignore: Names of rules to leave out.
        trial_seconds: For all trials together; with 0, rules that need one are skipped.

    Returns:
        The findings, cause first. What only a run can show is among the skipped.

    Example:
        >>> network = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3), nn.ReLU())
        >>> batch = torch.randn(32, 4), torch.arange(32) % 3
        >>> check(network, batch, loss=nn.functional.cross_entropy).causes[0].rule
        'rectified-logits'
    """
    inputs, labels = batch
    watched = Watch(network, optimizer, ignore=ignore, trial_seconds=trial_seconds)
    device = next((tensor.device for tensor in network.parameters()), torch.device("cpu"))
    with unmarked(list(network.modules()), device):
        for parameter in network.parameters():
            parameter.grad = None
        try:
            with watched, torch.enable_grad():
                arguments = inputs if isinstance(inputs, tuple) else (inputs,)
                value = loss(network(*arguments), labels)
                if value.requires_grad:
                    value.sum().backward() if value.numel() > 1 else value.backward()  # type: ignore[no-untyped-call]
        except Exception:  # noqa: BLE001, S110 a network that raises gets its findings
            pass
        finally:
            del inputs, labels
        return watched.checkup
