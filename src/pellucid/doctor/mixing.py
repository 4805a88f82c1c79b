"""Whether the examples of a batch stay by themselves: one is changed on a copy, and what else changes is looked at."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pellucid.doctor.evidence.data import Batches
from pellucid.doctor.evidence.flow import Flow, Operation, Value, origin
from pellucid.doctor.evidence.kinds import DROPOUTS
from pellucid.doctor.replay import Surgery, input_values
from pellucid.doctor.trial import Trials


def examples_in(flow: Flow, batches: Batches | None) -> int | None:
    """Return the size of the batch, if it is sure to be the first axis of the inputs."""
    given = [value for call in flow.network_calls for value in call.inputs if value.shape] or list(input_values(flow))
    if not given or not flow.losses or flow.losses[0].targets is None:
        return None
    inputs, targets = given[0].shape, flow.losses[0].targets.shape
    loader = origin(given[0]).loader
    if batches is not None and loader is not None and batches.loaders[loader].batch_size == inputs[0]:
        return inputs[0]
    if not targets or targets[0] != inputs[0] or (len(inputs) > 1 and inputs[1] == inputs[0]):
        return None
    return None if len(targets) > 1 and len(inputs) > 1 and targets[1] == inputs[1] else inputs[0]


def first_mixing(
    flow: Flow, way: Sequence[Operation], trials: Trials, count: int
) -> tuple[Operation, Value, int] | None:
    """Change one example on a copy, and look for the first operation whose result is not of one example any more.

    Args:
        flow: The step to compute again.
        way: The operations to look at, in order.
        trials: That compute it.
        count: How many examples the batch has, on the first axis of the inputs.

    Returns:
        The operation, its result, and how many rows of it changed; None if every example stays by itself.

    Raises:
        TrialImpossible: If the step cannot be computed again.
    """
    chosen = count // 3
    entered = {value.index for call in flow.network_calls for value in call.inputs}

    def moved(tensor: Tensor) -> Tensor:
        if tensor.ndim == 0 or tensor.shape[0] != count:
            return tensor
        changed = tensor.clone()
        changed[chosen] = 1.0 - changed[chosen]
        return changed

    def embedded(operation: Operation) -> Any:
        if operation.name == "embedding" and any(origin(v).index in entered for v in operation.inputs):
            return lambda *args, **keywords: moved(operation.function(*args, **keywords))
        return None

    # Normalisation over the batch is meant to mix; dropout is drawn alike in both.
    plain = Surgery(skip=lambda op: op.name in DROPOUTS | {"batch_norm"})
    other = Surgery(skip=plain.skip, inputs=moved, replace=embedded)
    before, after = (trials.values(flow, at="start", surgery=surgery) for surgery in (plain, other))
    for operation in way:
        for value in operation.outputs:
            first, second = before.of(value), after.of(value)
            first = first if first is not None else value.tensor
            if first is None or second is None or first.shape != second.shape:
                continue
            touched = (first != second).nonzero()
            if len(touched) and not _is_one_example(touched, tuple(first.shape), chosen, count):
                return operation, value, len(torch.unique(touched[:, 0]))
    return None


def _is_one_example(touched: Tensor, shape: tuple[int, ...], chosen: int, count: int) -> bool:
    """Return whether all that changed belongs to one example, as a slice, a block of rows or every n-th row."""
    for axis, size in enumerate(shape):
        if size % count == 0 and size:
            places = touched[:, axis]
            if bool((places // (size // count) == chosen).all()) or bool((places % count == chosen).all()):
                return True
    return False
