"""Weights hardly move, though gradients reach them.

Why: A step that is a millionth of a weight's size changes nothing within the steps of a training. Something between
`backward` and `step` makes the gradients tiny, or the learning rate does.

Fix: Raise the bound of the gradient clipping (1.0 is usual), remove factors on the loss or the gradients, or raise the
learning rate.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.flow import TrainingFlows
from pellucid.doctor.evidence.loop import Loop, Optimizers
from pellucid.doctor.finding import Finding
from pellucid.doctor.progress import movement, remaining
from pellucid.doctor.trial import Change, Comparison, Trials

SEVERITY = "warning"
FAMILY = "dynamics"
FOLDS = ("loss-not-decreasing", "too-few-epochs", "unsuited-optimizer", "collapsed-output")


def find(
    flows: TrainingFlows, dynamics: Dynamics, optimizers: Optimizers, loop: Loop, trials: Trials
) -> Iterator[Finding]:
    """Suspect weights that stay where they began, then let a copy step with the gradients as backward gave them."""
    if len(optimizers.optimizers) > 1 or dynamics.count < 30 or dynamics.first_nonfinite is not None:
        return
    left, share = remaining(dynamics, flows.first), movement(dynamics)
    names = {weight.name for weight in flows.first.weights if weight.is_trainable and len(weight.live.shape) > 1}
    changes = [dynamics.changes[name] for name in names & set(optimizers.first.names) if name in dynamics.changes]
    if not changes or share is None or left is None or left < 0.9 or not max(changes) < 0.01 or share > 1e-3:
        return
    if optimizers.first.learning_rate == 0 or not any(step.has_gradients for step in dynamics.looked_at):
        return
    actual = dynamics.mean_loss(0.9, 1)
    bounds = [step.clipped_to for step in dynamics.steps if step.clipped_to is not None]
    # A trial steps with the gradients of backward: nothing that the program does to them afterwards.
    losses = trials.run(steps=60)
    free = Comparison("the gradients as backward gave them", (actual,) * len(losses), losses)
    change: Change | None = None
    if not free.improves(0.85):
        change = Change("100 times the learning rate", rate_factor=100.0)
        free = trials.compare(change, steps=60)
        if not free.improves(0.7):
            return
    if change is not None:
        fix = f"lr={optimizers.first.learning_rate * 100:.1g}"
    elif bounds:
        fix = "nn.utils.clip_grad_norm_(network.parameters(), max_norm=1.0)"
    else:
        fix = "remove what is done to the gradients between loss.backward() and optimizer.step()"
    clipped = f" after gradients were clipped to {min(bounds):.3g}" if bounds else ""
    yield Finding(
        where="the training step",
        place=loop.step_place,
        evidence=f"in {dynamics.count} steps no weight matrix moved by more than {max(changes):.2%} of its size (a "
        f"step moves it by {share:.1e}){clipped}; the loss ends at {actual:.3g}, after {len(losses)} trial steps with "
        f"{free.label} at {free.loss_changed:.3g}",
        fix=fix,
        confidence=0.95,
    )


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.3)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1e-4)
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.3)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
