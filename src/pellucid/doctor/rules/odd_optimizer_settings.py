"""A setting of the optimizer is so far from what works that its default provably does better.

Why: eps keeps a division from failing; one as large as the gradients turns the adaptive step off. Momentum and betas
say how many past steps count: hundreds to thousands carry on in directions that are long out of date.

Fix: Take the defaults: Adam with betas=(0.9, 0.999) and eps=1e-8, SGD with momentum=0.9 and dampening=0.
"""

from collections.abc import Iterator
from typing import Any

from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.loop import Optimizers
from pellucid.doctor.finding import Finding, Mend
from pellucid.doctor.trial import Change, Trials

SEVERITY = "warning"
FAMILY = "optimizer"
FOLDS = ("learning-rate-too-low", "learning-rate-too-high", "unsuited-optimizer", "too-few-epochs", "oscillating-loss",
         "unchanged-weights", "loss-not-decreasing", "cannot-fit-one-batch", "collapsed-output", "dead-units",
         "exploding-gradients", "nonfinite-values")  # fmt: skip


def find(dynamics: Dynamics, optimizers: Optimizers, trials: Trials) -> Iterator[Finding]:
    """Look for settings out of all proportion where the loss stayed high; then train a copy with the usual ones."""
    if len(optimizers.optimizers) > 1 or dynamics.mean_loss(0.8, 1) < 0.2 * abs(dynamics.losses[0]):
        return
    facts = optimizers.first
    odd: dict[str, tuple[Any, Any]] = {}
    for group in facts.groups:
        odd.update(_odd(group))
    if not odd:
        return
    label = ", ".join(f"{name}={usual}" for name, (_, usual) in odd.items())
    change = Change(label, settings={name: usual for name, (_, usual) in odd.items()})
    comparison = trials.compare(change, steps=min(max(dynamics.count, 30), 80))
    if comparison.improves(0.75):
        given = ", ".join(f"{name}={value}" for name, (value, _) in odd.items())
        yield Finding(
            where="the optimizer",
            place=facts.place,
            evidence=f"{facts.kind} has {given}; {comparison.text()}",
            fix=f"torch.optim.{facts.kind}(network.parameters(), lr={facts.learning_rate:g}, {label})",
            mend=Mend("set", settings={name: usual for name, (_, usual) in odd.items()}),
            confidence=0.92,
        )


def _odd(group: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the settings of a group that are out of all proportion: as they are, and as usual."""
    found: dict[str, tuple[Any, Any]] = {}
    eps, betas = group.get("eps"), group.get("betas")
    if isinstance(eps, float | int) and eps >= 1e-3:
        found["eps"] = (eps, 1e-8)
    if isinstance(betas, tuple | list) and len(betas) == 2:
        first, second = (float(beta) for beta in betas)
        if first > 0.98 or second < 0.5 or second > 0.99995:
            found["betas"] = ((first, second), (0.9, 0.999))
    momentum = group.get("momentum")
    if isinstance(momentum, float | int) and (momentum > 0.985 or momentum < 0):
        found["momentum"] = (momentum, 0.9)
    if group.get("dampening") and momentum and group["dampening"] > 0.5:
        found["dampening"] = (group["dampening"], 0.0)
    alpha = group.get("alpha")
    if isinstance(alpha, float | int) and "centered" in group and (alpha < 0.5 or alpha > 0.9999):
        found["alpha"] = (alpha, 0.99)
    if "lr_decay" in group and group["lr_decay"] and group["lr_decay"] > 0.1:
        found["lr_decay"] = (group["lr_decay"], 0.0)
    return found


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01, eps=10.0)
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
