"""Loss functions on the way to `backward`: PyTorch's by name, those written by hand by where the network ends."""

from collections.abc import Sequence

from pellucid.doctor.evidence.flow import Call, Loss, Operation, Value, origin
from pellucid.doctor.evidence.kinds import LOSSES

# Numbers that a loss makes for itself, not targets.
_MADE_UP = frozenset(
    ("arange", "zeros", "ones", "zeros_like", "ones_like", "full", "eye", "randn", "rand", "randn_like")
)


def losses_of(path: Sequence[Operation], calls: Sequence[Call]) -> tuple[Loss, ...]:
    """Return the losses among operations, in order; one of kind "own" if none has a name."""
    found = []
    for operation in path:
        if operation.name in LOSSES:
            output_name, target_name = LOSSES[operation.name]
            outputs = operation.arguments.get(output_name)
            targets = operation.arguments.get(target_name)
            if not isinstance(outputs, Value):
                outputs = operation.inputs[0] if operation.inputs else None
            if not isinstance(targets, Value):
                targets = operation.inputs[1] if len(operation.inputs) > 1 else None
            if outputs is not None:
                reduction = str(operation.arguments.get("reduction", "mean"))
                found.append(Loss(operation.name, operation, outputs, targets, reduction))
    if found or not path:
        return tuple(found)
    outputs = _network_end(path, calls)
    return (Loss("own", path[-1], outputs, _compared_with(path, outputs), "own"),) if outputs is not None else ()


def _network_end(path: Sequence[Operation], calls: Sequence[Call]) -> Value | None:
    indices = {operation.index for operation in path}
    for call in reversed(calls):
        if call.has_parameters:
            for value in call.outputs:
                if value.maker is not None and value.maker.index in indices:
                    return value
    for operation in reversed(path):
        if any(weight.is_trainable for weight in operation.weights):
            return operation.output
    return None


def _compared_with(path: Sequence[Operation], outputs: Value) -> Value | None:
    learned: set[int] = set()
    for operation in path:
        if any(v.index in learned or (v.weight is not None and v.weight.is_trainable) for v in operation.inputs):
            learned.update(value.index for value in operation.outputs)
    start = outputs.maker.index if outputs.maker is not None else 0
    for operation in path:
        if operation.index <= start or (operation.call is not None and operation.call.has_parameters):
            continue
        if not any(value.index in learned for value in operation.inputs):
            continue  # labels are picked or made ready
        for value in operation.inputs:
            source = origin(value)
            if (
                value.kind in ("data", "made")
                and value.index not in learned
                and value.shape
                and not (source.maker is not None and source.maker.name in _MADE_UP)
            ):
                return value
    return None
