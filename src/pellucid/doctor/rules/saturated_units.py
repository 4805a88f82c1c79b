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
from pellucid.doctor.evidence.flow import Flow, Operation, TrainingFlows, maker
from pellucid.doctor.finding import Finding
from pellucid.doctor.progress import remaining
from pellucid.doctor.replay import Surgery
from pellucid.doctor.trial import Change, Trials

SEVERITY = "warning"
FAMILY = "dynamics"
FOLDS = ("vanishing-gradients", "unchanged-weights", "loss-not-decreasing", "collapsed-output", "cannot-fit-one-batch",
         "learning-rate-too-low", "unsuited-optimizer", "too-few-epochs", "overfitting")  # fmt: skip
# The slope is at most 1 (after scaling); below this share of it a unit counts as flat.
FLAT = 0.05


def find(flows: TrainingFlows, dynamics: Dynamics, trials: Trials) -> Iterator[Finding]:
    """Compute a step again with the final weights, look for flat units, and try a gentler slope from the start."""
    flow = flows.first
    left = remaining(dynamics, flow)
    if dynamics.count < 20 or left is None or left < 0.1:
        return
    again, begun = trials.values(flow, at="end"), trials.values(flow, at="start")
    answers = _answers(flow)
    is_from_start = False
    found: dict[tuple[Any, ...], tuple[Operation, float, int, float]] = {}
    for operation in flow.path:
        output, before = operation.output, operation.main
        if operation.name not in ("sigmoid", "tanh") or output is None or before is None or operation.index in answers:
            continue
        final, taken = again.of(output), again.of(before)
        if final is None or taken is None or final.ndim < 2 or final.shape[0] < 16 or final.shape[1] < 4:
            continue
        if any(user.name == "mul" and len(user.inputs) > 1 for user in output.users):
            continue  # a gate may stand open
        flat = _flat(operation.name, final)
        share = float(flat.float().mean())
        if share >= 0.5:
            first = begun.of(output)
            is_from_start |= first is not None and float(_flat(operation.name, first).float().mean()) >= 0.5
            found.setdefault(_key(operation), (operation, share, len(flat), float(taken.float().abs().median())))
    if not found:
        return
    steepness = {key: max(2.0, size) for key, (_, _, _, size) in found.items()}

    def gentler(operation: Operation) -> Callable[..., Tensor] | None:
        by = steepness.get(_key(operation))
        return (lambda x, *_, **__: operation.function(x / by)) if by else None

    measured = ""
    if is_from_start:
        comparison = trials.compare(Change("a gentler slope", surgery=Surgery(replace=gentler)), steps=60)
        measured = f"; {comparison.text()}" if comparison.improves(0.8) else ""
    if not measured and left < 0.8:
        return
    for operation, share, count, size in list(found.values())[:2]:
        yield Finding(
            where=operation.where,
            place=operation.place,
            evidence=f"{round(share * count)} of {count} units of the {operation.name} are at their ends for over 90 % "
            f"of the examples; the median size of what goes in is {size:.3g}{measured}",
            fix=f"divide what goes into the {operation.name} by about {max(2.0, size):.2g}, put nn.LayerNorm({count}) "
            "before it, or take nn.ReLU()",
            confidence=0.9 if measured else 0.75,
        )


def _flat(name: str, tensor: Tensor) -> Tensor:
    """Return for each unit whether it is flat for over 90 % of the examples."""
    tensor = tensor.float()
    slope = 1 - tensor**2 if name == "tanh" else 4 * tensor * (1 - tensor)
    # Units stand along dimension 1 of rows and images, and along the last one of sequences.
    unit = 1 if tensor.ndim in (2, 4) else tensor.ndim - 1
    return (slope.movedim(unit, 0).flatten(1) < FLAT).float().mean(1) > 0.9


def _answers(flow: Flow) -> set[int]:
    """Return the operations that give a network's output or go into a loss: confident answers may be extreme."""
    ends = [value for call in flow.network_calls for value in call.outputs]
    ends += [loss.outputs for loss in flow.losses]
    return {made_by.index for value in ends if (made_by := maker(value)) is not None}


def _key(operation: Operation) -> tuple[Any, ...]:
    return operation.name, operation.path, operation.place


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    first, second, last = nn.Linear(8, 32), nn.Linear(32, 32), nn.Linear(32, 3)
    optimizer = torch.optim.SGD([*first.parameters(), *second.parameters(), *last.parameters()], lr=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        hidden = torch.tanh(60 * second(torch.tanh(60 * first(inputs))))
        nn.functional.cross_entropy(last(hidden), labels).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    first, second, last = nn.Linear(8, 32), nn.Linear(32, 32), nn.Linear(32, 3)
    optimizer = torch.optim.SGD([*first.parameters(), *second.parameters(), *last.parameters()], lr=0.3)
    for _ in range(60):
        optimizer.zero_grad()
        hidden = torch.tanh(second(torch.tanh(first(inputs))))
        nn.functional.cross_entropy(last(hidden), labels).backward()
        optimizer.step()
