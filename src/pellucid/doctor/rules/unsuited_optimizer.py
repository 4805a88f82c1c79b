"""Another optimizer, given the same steps, provably does far better.

Why: Each optimizer expects something of its gradients: Rprop and LBFGS that they come from all examples, plain SGD that
all weights need steps of one size. Where that does not hold, no learning rate helps.

Fix: Take torch.optim.Adam(network.parameters(), lr=1e-3), or SGD with momentum.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.flow import TrainingFlows
from pellucid.doctor.evidence.loop import Optimizers
from pellucid.doctor.finding import Finding
from pellucid.doctor.progress import remaining
from pellucid.doctor.replay import input_values
from pellucid.doctor.trial import Change, Comparison, Trials

SEVERITY = "warning"
FAMILY = "optimizer"
FOLDS = ("oscillating-loss", "loss-not-decreasing", "collapsed-output", "too-few-epochs", "dead-units")
# They compare the gradients of successive steps as if all came from the same examples.
FULL_BATCH = frozenset(("Rprop", "LBFGS"))


def find(flows: TrainingFlows, dynamics: Dynamics, optimizers: Optimizers, trials: Trials) -> Iterator[Finding]:
    """Where training came to little, try Adam; and whether another learning rate would have done as well."""
    if len(optimizers.optimizers) > 1 or dynamics.count < 50:
        return
    left, facts = remaining(dynamics, flows.first), optimizers.first
    if left is None or left < 0.5 or "Adam" in facts.kind:
        return
    tried = [trials.compare(Change(f"Adam, lr={rate}", optimizer=_adam(rate)), steps=60) for rate in (0.003, 0.01)]
    best = min(tried, key=lambda comparison: comparison.loss_changed)
    is_misfed = facts.kind in FULL_BATCH and _batches_differ(flows)
    if is_misfed:
        # The trial repeats few batches, which suits such an optimizer better than the run did: the run counts.
        actual = (dynamics.mean_loss(0.9, 1),) * len(best.after)
        best = Comparison(best.label, actual, best.after)
    elif not best.improves(0.4) or best.loss_as_written < 0.6 * best.before[0]:
        return
    else:
        for factor in (0.1, 10.0, 100.0, 0.01, 1000.0):
            other = trials.compare(Change("another rate", rate_factor=factor), steps=60)
            if other.loss_changed < 2 * best.loss_changed:
                return
    if not best.improves(0.7):
        return
    seen = f"{best.text()}; {facts.kind} with 0.01 to 1000 times its learning rate does not come near"
    if is_misfed:
        seen = (
            f"{facts.kind} compares the gradients of successive steps, but each sees another batch; it ends at "
            f"{best.loss_as_written:.3g}, {best.label} at {best.loss_changed:.3g} after {len(best.after)} trial steps"
        )
    yield Finding(
        where="the optimizer",
        place=facts.place,
        evidence=seen,
        fix=f"optimizer = torch.optim.{best.label.replace(', ', '(network.parameters(), ')})",
        confidence=0.9,
    )


def _adam(rate: float) -> Callable[[list[Tensor]], torch.optim.Optimizer]:
    def make(parameters: list[Tensor]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, lr=rate)

    return make


def _batches_differ(flows: TrainingFlows) -> bool:
    seen = [tuple(value.facts for value in input_values(flow)[:1]) for flow in flows.flows[:3]]
    return len(set(seen)) > 1


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(1024, 8)
    labels = (inputs[:, 0] * inputs[:, 1] > 0).long() + (inputs[:, 2] > 0).long()
    network = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 3))
    optimizer = torch.optim.Rprop(network.parameters(), lr=0.01)
    for _ in range(4):
        for rows in torch.randperm(1024).split(16):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
            optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(1024, 8)
    labels = (inputs[:, 0] * inputs[:, 1] > 0).long() + (inputs[:, 2] > 0).long()
    network = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(4):
        for rows in torch.randperm(1024).split(16):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
            optimizer.step()
