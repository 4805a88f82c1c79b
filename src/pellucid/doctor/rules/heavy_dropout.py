"""So much dropout that too few units are left to learn with.

Why: With p = 0.85 only 15 of 100 units take part in a step, and others in the next: each step trains another small
network, and their sum underfits. The training loss stays high, and is far above the loss in evaluation.

Fix: Use p between 0.1 and 0.5, or a much wider layer.
"""

from collections.abc import Iterator
from typing import Any

from torch import nn

from pellucid.doctor.evidence.flow import Operation, TrainingFlows
from pellucid.doctor.evidence.kinds import DROPOUTS, RECURRENT
from pellucid.doctor.evidence.loop import Optimizers
from pellucid.doctor.finding import Finding, Mend
from pellucid.doctor.replay import Surgery
from pellucid.doctor.trial import Change, Trials

SEVERITY = "warning"
FAMILY = "architecture"
FOLDS = (
    "dead-units",
    "learning-rate-too-low", "learning-rate-too-high", "too-few-epochs", "unsuited-optimizer", "cannot-fit-one-batch",
    "loss-not-decreasing", "oscillating-loss", "collapsed-output", "stale-statistics", "odd-optimizer-settings",
)  # fmt: skip
LIGHT = 0.2
HEAVY = 0.8
# With p above one half: fewer units than this are left.
FEW = 14


def find(flows: TrainingFlows, optimizers: Optimizers, trials: Trials) -> Iterator[Finding]:
    """Look for a large p, then train a copy with a small one."""
    if len(optimizers.optimizers) > 1:
        return
    heavy = [operation for operation in flows.first.gradient_path if _is_heavy(operation)]
    if not heavy:
        return
    comparison = trials.compare(Change(f"p={LIGHT}", surgery=Surgery(replace=_lighter)), steps=80)
    worst = max(heavy, key=_rate)
    if not comparison.improves(0.7 if _rate(worst) >= HEAVY else 0.6):
        return
    width = worst.output.shape[1] if worst.output is not None and len(worst.output.shape) > 1 else 0
    yield Finding(
        where=", ".join(dict.fromkeys(operation.where for operation in heavy)),
        place=worst.place,
        evidence=f"dropout with p={_rate(worst):g} leaves about {width * (1 - _rate(worst)):.0f} of {width} units in "
        f"each step; {comparison.text()}",
        fix=f"nn.Dropout({LIGHT})",
        mend=Mend("dropout", tuple(dict.fromkeys(p for op in heavy for p in op.paths)), rate=LIGHT),
        confidence=0.9,
    )


def _is_heavy(operation: Operation) -> bool:
    rate, value = _rate(operation), operation.main
    if value is None or value.kind == "data" or len(value.shape) < 2:
        return False
    return rate >= HEAVY or (rate > 0.5 and (1 - rate) * value.shape[1 if len(value.shape) != 3 else 2] < FEW)


def _rate(operation: Operation) -> float:
    """Return p of an active dropout, else 0."""
    given = operation.arguments
    if operation.name in DROPOUTS:
        is_active = given.get("training", given.get("train", True)) is True
        return float(given.get("p", 0.5)) if is_active else 0.0
    rate = given.get("dropout")
    is_stacked = operation.name in RECURRENT and given.get("train") is True and given.get("num_layers", 1) > 1
    return rate if is_stacked and isinstance(rate, float) else 0.0


def _lighter(operation: Operation) -> Any:
    if _rate(operation) <= 0.5:
        return None
    if operation.name in DROPOUTS:
        return lambda values, *_, **__: nn.functional.dropout(values, LIGHT, training=True)
    return lambda *args: operation.function(*args[:5], LIGHT, *args[6:])


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.9), nn.Linear(32, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
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
    network = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
