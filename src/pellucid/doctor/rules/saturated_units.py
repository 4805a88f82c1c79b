"""Sigmoid or tanh units stand at their ends for nearly every example.

Why: At its ends a sigmoid or tanh is flat, so next to no gradient passes and the layers before it stop learning. The
unit also gives only two different answers, whatever its input.

Fix: Make what goes into the activation smaller (scaled inputs, smaller initial weights, no steep factor, a
normalisation before it), or take nn.ReLU or nn.GELU.
"""

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor

from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.flow import Operation, TrainingFlows
from pellucid.doctor.finding import Finding
from pellucid.doctor.progress import remaining
from pellucid.doctor.replay import Surgery
from pellucid.doctor.spread import answering, flat_units
from pellucid.doctor.trial import Change, Trials

SEVERITY = "warning"
FAMILY = "dynamics"
FOLDS = ("vanishing-gradients", "unchanged-weights", "loss-not-decreasing", "collapsed-output", "cannot-fit-one-batch",
         "learning-rate-too-low", "unsuited-optimizer", "too-few-epochs", "overfitting")  # fmt: skip


def find(flows: TrainingFlows, dynamics: Dynamics, trials: Trials) -> Iterator[Finding]:
    """Compute a step again with the final weights, look for flat units, and try a gentler slope from the start."""
    flow = flows.first
    left = remaining(dynamics, flow)
    answers = answering(flow)
    bent = [op for op in flow.path if op.name in ("sigmoid", "tanh") and op.index not in answers]
    if dynamics.count < 20 or left is None or left < 0.1 or not bent:
        return
    again, begun = trials.values(flow, at="end"), trials.values(flow, at="start")
    steepness: dict[tuple[Any, ...], float] = {}
    found: dict[tuple[Any, ...], tuple[Operation, float, int, float]] = {}
    for operation in bent:
        output, before = operation.output, operation.main
        if output is None or before is None:
            continue
        final, taken = again.of(output), again.of(before)
        if final is None or taken is None or final.ndim < 2 or final.shape[0] < 16 or final.shape[1] < 4:
            continue
        if any(user.name == "mul" and len(user.inputs) > 1 for user in output.users):
            continue  # a gate may stand open
        flat = flat_units(operation.name, final)
        share = float(flat.float().mean())
        if share >= 0.5:
            first, entering = begun.of(output), begun.of(before)
            if (
                first is not None
                and entering is not None
                and float(flat_units(operation.name, first).float().mean()) >= 0.5
            ):
                steepness.setdefault(_key(operation), max(2.0, float(entering.float().abs().median())))
            found.setdefault(_key(operation), (operation, share, len(flat), float(taken.float().abs().median())))
    if not found:
        return

    def gentler(operation: Operation) -> Callable[..., Tensor] | None:
        by = steepness.get(_key(operation))
        return (lambda x, *_, **__: operation.function(x / by)) if by else None

    measured = ""
    if steepness:
        comparison = trials.compare(Change("a gentler slope", surgery=Surgery(replace=gentler)), steps=60)
        measured = f"; {comparison.text()}" if comparison.improves(0.8) else ""
    if not measured and left < 0.8:
        return
    for operation, share, count, size in list(found.values())[:2]:
        yield Finding(
            where=operation.where,
            place=operation.place,
            evidence=f"{round(share * count)} of {count} units of the {operation.name} are at their ends for over 90 % "
            f"of the examples; what goes in has a median size of {size:.3g}{measured}",
            fix=f"divide what goes into the {operation.name} by about {max(2.0, size):.2g}, put nn.LayerNorm({count}) "
            "before it, or take nn.ReLU()",
            confidence=0.9 if measured else 0.75,
        )


def _key(operation: Operation) -> tuple[Any, ...]:
    return operation.name, operation.path, operation.place


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    first, second, last = nn.Linear(8, 32), nn.Linear(32, 32), nn.Linear(32, 3)
    optimizer = torch.optim.SGD([*first.parameters(), *second.parameters(), *last.parameters()], lr=0.2, momentum=0.9)
    for _ in range(60):
        optimizer.zero_grad()
        hidden = torch.tanh(300 * second(torch.tanh(300 * first(inputs))))
        nn.functional.cross_entropy(last(hidden), labels).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    first, second, last = nn.Linear(8, 32), nn.Linear(32, 32), nn.Linear(32, 3)
    optimizer = torch.optim.SGD([*first.parameters(), *second.parameters(), *last.parameters()], lr=0.2, momentum=0.9)
    for _ in range(60):
        optimizer.zero_grad()
        hidden = torch.tanh(second(torch.tanh(first(inputs))))
        nn.functional.cross_entropy(last(hidden), labels).backward()
        optimizer.step()
