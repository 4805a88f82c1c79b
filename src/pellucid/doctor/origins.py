"""How a weight came to its values, and what a layer that does not learn is there for."""

from collections.abc import Collection

import torch

from pellucid.doctor.evidence.flow import Flow, Operation, Value, Weight, ancestors
from pellucid.doctor.evidence.kinds import VIEWS

DRAWING = frozenset(
    ("uniform", "normal", "trunc_normal", "orthogonal", "random", "kaiming_uniform", "kaiming_normal", "xavier_uniform",
     "xavier_normal")
)  # fmt: skip


def is_still(weight: Weight) -> bool:
    """Return whether a weight ended as it started."""
    return weight.initial is not None and weight.initial.equal(weight.live.detach())


def is_as_drawn(first: Flow, weight: Weight) -> bool:
    """Return whether a weight started as random numbers that nothing has trained.

    Either its last writing in the run was a random draw, or none was seen and its numbers fill just the bounds of
    PyTorch's default, one over the square root of the inputs, which trained ones leave.

    Args:
        first: The first training flow: its operations begin with those that made the network.
        weight: Whose initial values are judged.
    """
    initial = weight.initial
    if initial is None or initial.ndim < 2:
        return False
    written = [
        op for op in first.operations if op.name not in VIEWS and any(value.weight is weight for value in op.outputs)
    ]
    spread = float(torch.std(initial.float(), correction=0))
    if written:
        facts = written[-1].output.facts if written[-1].output is not None else None
        return (
            written[-1].name in DRAWING
            and facts is not None
            and (initial.numel() > 1 << 20 or abs(facts.std - spread) <= 1e-3 * facts.std)
        )
    bound = float(initial[0].numel()) ** -0.5
    largest = float(initial.abs().max())
    return initial.numel() >= 64 and 0.97 * bound < largest <= 1.000001 * bound and 0.9 < spread / bound * 3**0.5 < 1.1


def is_between(operation: Operation, learning: Collection[Weight]) -> bool:
    """Return whether layers that learn stand before or behind a frozen one.

    One that stands alone is a teacher or a target; one beside a layer that learns on the same input is an adapter's.
    """
    output, main = operation.output, operation.main
    if output is None:
        return False
    for user in output.users:
        for other in user.inputs if user.name == "add" else ():
            makers = ancestors(other) if other is not output else ()
            if any(main in op.inputs for op in makers) and any(w in learning for op in makers for w in op.weights):
                return False
    left: list[Value] = list(operation.outputs)
    seen: set[int] = set()
    while left:
        for user in left.pop().users:
            if user.index not in seen:
                seen.add(user.index)
                if any(weight in learning for weight in user.weights):
                    return True
                left.extend(user.outputs)
    return output.requires_grad
