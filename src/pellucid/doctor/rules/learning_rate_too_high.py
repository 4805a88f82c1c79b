"""The learning rate is so high that a lower one provably does better.

Why: Each step jumps past the place it aims at: the loss swings, grows, or stays where it is. It looks like a network
that cannot learn.

Fix: Lower the learning rate; the finding names one that did better on a copy.
"""

import math
from collections.abc import Iterator

from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.loop import Optimizers
from pellucid.doctor.finding import Finding, Mend
from pellucid.doctor.trial import Change, Trials

SEVERITY = "error"
FAMILY = "optimizer"
FOLDS = ("oscillating-loss", "dead-units", "saturated-units", "nonfinite-values",
         "loss-not-decreasing", "collapsed-output", "unchanged-weights", "unsuited-optimizer", "odd-optimizer-settings",
         "cannot-fit-one-batch")  # fmt: skip


def find(dynamics: Dynamics, optimizers: Optimizers, trials: Trials) -> Iterator[Finding]:
    """Suspect a loss that ends no better than it began, or a first step that made it much worse; then try."""
    losses = dynamics.losses
    if len(optimizers.optimizers) > 1 or len(losses) < 8:
        return
    start = losses[0]
    early = [loss if math.isfinite(loss) else math.inf for loss in losses[1:30]]
    is_suspect = max(early) > 1.5 * abs(start) + 0.1 or not dynamics.mean_loss(0.8, 1) < 0.6 * start
    if not is_suspect:
        return
    rate = optimizers.first.learning_rate
    best = None
    for factor in (0.1, 0.01, 0.001):
        comparison = trials.compare(Change(f"lr {rate * factor:.1g}", rate_factor=factor), steps=60)
        if best is None or comparison.loss_changed < best.loss_changed:
            best = comparison
    # As written it must really fail: a lower rate that is merely somewhat better within 60 steps is no error.
    if best is None or not best.improves(0.5) or best.loss_as_written < 0.5 * best.before[0]:
        return
    yield Finding(
        where="the optimizer",
        place=optimizers.first.place,
        evidence=f"lr is {rate:g}; {best.text()}",
        fix=f"torch.optim.{optimizers.first.kind}(network.parameters(), {best.label.replace(' ', '=')})",
        mend=Mend("set", settings={"lr": float(best.label.removeprefix("lr "))}),
        confidence=0.9,
    )


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=1.0)
    for _ in range(60):
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
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
