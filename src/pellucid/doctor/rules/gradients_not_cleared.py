"""Gradients are never cleared between steps: each step adds to all before it.

Why: `backward` adds to the gradients that are there. Without `zero_grad` each step follows the sum of all gradients so
far: the training picks up speed in old directions and swings or diverges.

Fix: Call optimizer.zero_grad() once per step, before backward.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.loop import Loop, Optimizers
from pellucid.doctor.finding import Finding

SEVERITY = "error"
FAMILY = "loop"
FOLDS = ("oscillating-loss", "exploding-gradients", "learning-rate-too-high", "dead-units", "nonfinite-values",
         "saturated-units", "unsuited-optimizer", "loss-not-decreasing", "collapsed-output", "unscaled-accumulation",
         "odd-optimizer-settings")  # fmt: skip


def find(dynamics: Dynamics, optimizers: Optimizers, loop: Loop) -> Iterator[Finding]:
    """Look at whether the gradients were empty at any backward of each step."""
    for number, optimizer in enumerate(optimizers.optimizers):
        looked = [s for s in dynamics.steps if s.optimizer == number and s.was_clean is not None and s.losses][1:]
        dirty = [step for step in looked if step.was_clean is False and step.has_gradients is not False]
        if len(looked) < 3 or len(dirty) < 0.9 * len(looked):
            continue
        yield Finding(
            where="the training loop",
            place=loop.step_place,
            evidence=f"in {len(dirty)} of {len(looked)} steps looked at, backward added to the gradients of the step "
            f"before, which {optimizer.kind} had already used",
            fix="optimizer.zero_grad()\nloss.backward()\noptimizer.step()",
            confidence=0.97,
        )


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(60):
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
