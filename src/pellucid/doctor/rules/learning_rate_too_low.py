"""The learning rate is so low that a higher one provably does better.

Why: Each step moves the weights by next to nothing, so the training ends long before it arrives. It looks like a
network that cannot learn.

Fix: Raise the learning rate; the finding names one that did better on a copy.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.flow import TrainingFlows
from pellucid.doctor.evidence.loop import Optimizers
from pellucid.doctor.finding import Finding, Mend
from pellucid.doctor.progress import movement, remaining
from pellucid.doctor.trial import Change, Trials

SEVERITY = "warning"
FAMILY = "optimizer"
FOLDS = ("unchanged-weights", "too-few-epochs", "loss-not-decreasing", "collapsed-output",
         "unsuited-optimizer")  # fmt: skip


def find(flows: TrainingFlows, dynamics: Dynamics, optimizers: Optimizers, trials: Trials) -> Iterator[Finding]:
    """Suspect tiny steps and a loss that hardly fell, then try higher rates."""
    if len(optimizers.optimizers) > 1 or dynamics.count < 20 or dynamics.first_nonfinite is not None:
        return
    left, share = remaining(dynamics, flows.first), movement(dynamics)
    rate = optimizers.first.learning_rate
    if left is None or left < 0.75 or share is None or not 0 < share <= 1e-3 or rate <= 0:
        return
    best = None
    # Rates at which a step moves the weights by about a hundredth of their size, or ten times more or less.
    for moved in (1e-2, 1e-1, 1e-3):
        factor = max(3.0, moved / share)
        comparison = trials.compare(Change(f"lr={rate * factor:.1g}", rate_factor=factor), steps=60)
        if best is None or comparison.loss_changed < best.loss_changed:
            best = comparison
    # As written it must stand nearly still, also with gradients as backward gave them.
    if best is None or not best.improves(0.6) or best.loss_as_written < 0.85 * best.before[0]:
        return
    yield Finding(
        where="the optimizer",
        place=optimizers.first.place,
        evidence=f"lr is {rate:g}: a step moves the weights by {share:.1e} of their size, and {dynamics.count} steps "
        f"brought the loss to {left:.0%} of its start; {best.text()}",
        fix=f"torch.optim.{optimizers.first.kind}(network.parameters(), {best.label})",
        mend=Mend("set", settings={"lr": float(best.label.removeprefix("lr="))}),
        confidence=0.9,
    )


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-6)
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
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
