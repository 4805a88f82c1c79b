"""The loss swings up again and again, or ends far above where it was.

Why: What was learned is thrown away and learned again. Where the training stops is then a matter of luck.

Fix: Lower the learning rate (or the top of its schedule), clip the gradients, or take larger batches.
"""

import math
from collections.abc import Iterator
from statistics import fmean

from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.flow import TrainingFlows
from pellucid.doctor.evidence.loop import Optimizers
from pellucid.doctor.finding import Finding
from pellucid.doctor.progress import Window, supervised, windows

SEVERITY = "warning"
FAMILY = "dynamics"
FOLDS = ("loss-not-decreasing", "dead-units", "saturated-units", "overfitting", "collapsed-output")


def find(flows: TrainingFlows, dynamics: Dynamics, optimizers: Optimizers) -> Iterator[Finding]:
    """Average the losses over stretches, and count rises that no noise of single batches explains."""
    losses = dynamics.losses
    if len(optimizers.optimizers) > 1 or supervised(flows.first) is None or len(losses) < 60:
        return
    if dynamics.first_nonfinite is not None or min(losses) < 0:
        return
    start = fmean(losses[:3])
    stretches = windows(losses, 40)[1:]
    rises = _rises(stretches, 0.3 * start)
    lowest = min(window.mean for window in stretches)
    end = stretches[-1].mean
    is_diverging = end > 1.3 * start and end > 2 * lowest
    if len(rises) < 2 and not is_diverging:
        return
    top = max(high for _, high in rises) if rises else end
    rates = [step.learning_rates[0] for step in dynamics.steps if step.learning_rates]
    span = f"; the learning rate moves between {min(rates):.2g} and {max(rates):.2g}" if len(set(rates)) > 1 else ""
    swings = f"rises {len(rises)} times from its low, up to {top:.3g}," if len(rises) > 1 else "rises"
    rate = (min(rates) if span else max(rates) / 10) if rates else 0.0
    yield Finding(
        where="the loss",
        place=optimizers.first.place,
        evidence=f"averaged over {len(losses) // 40 or 5} steps the loss {swings} and ends at {end:.3g}; it was "
        f"{start:.3g} at the start and {lowest:.3g} at best{span}",
        fix=f"lower the learning rate{' at the top of its schedule' * bool(span)}: at most {max(rate, 1e-6) * 3:.1g}",
        confidence=0.9 if len(rises) > 2 or is_diverging else 0.75,
    )


def _rises(stretches: tuple[Window, ...], least: float) -> list[tuple[float, float]]:
    """Return (low, high) of each sure rise; the next one counts only after the loss came down half the way again."""
    found: list[tuple[float, float]] = []
    low = stretches[0]
    high: Window | None = None
    for window in stretches[1:]:
        if high is None:
            noise = 4 * math.hypot(window.error, low.error)
            if window.mean - low.mean > max(least, low.mean, noise):
                high = window
                found.append((low.mean, window.mean))
            elif window.mean < low.mean:
                low = window
        elif window.mean > high.mean:
            high = window
            found[-1] = (found[-1][0], window.mean)
        elif window.mean < (found[-1][0] + high.mean) / 2:
            low, high = window, None
    return found


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.2)
    for step in range(200):
        if step > 80 and step % 40 < 15:
            optimizer.param_groups[0]["lr"] = 30.0
        else:
            optimizer.param_groups[0]["lr"] = 0.2
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.2)
    for step in range(200):
        if step > 80 and step % 40 < 15:
            optimizer.param_groups[0]["lr"] = 0.5
        else:
            optimizer.param_groups[0]["lr"] = 0.2
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
