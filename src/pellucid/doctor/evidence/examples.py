"""Whether a softmax compares the examples of a batch with each other."""

from pellucid.doctor.evidence.exclusion import is_given
from pellucid.doctor.evidence.flow import Flow, Loss, Operation, Value, origin
from pellucid.doctor.evidence.ranges import axis

NORMALISING = ("softmax", "log_softmax", "softmin")


def over_examples(operation: Operation, flow: Flow, losses: list[Loss]) -> str | None:
    """Return why a softmax compares examples of the batch with each other."""
    value, call = operation.output, operation.call
    if operation.name not in NORMALISING or axis(operation) != 0 or value is None or len(value.shape) < 2:
        return None
    count = value.shape[0]
    # [examples, 1] weighs examples or positions; a square may compare examples with examples.
    if count < 2 or value.shape[1] in (1, count):
        return None
    if call is not None and call.has_parameters:
        if not call.inputs or not call.outputs or not _are_examples(call.inputs[0], call.outputs[0], count, losses):
            return None
    elif operation.main is None or not _is_answer(origin(operation.main), flow, losses):
        return None
    return f"axis 0 holds the {count} examples of the batch, which are thereby compared with each other"


def _are_examples(inputs: Value, outputs: Value, count: int, losses: list[Loss]) -> bool:
    """Return whether the first axis of inputs and outputs is that of the examples: one target for each."""
    if inputs.shape[:1] != (count,) or outputs.shape[:1] != (count,):
        return False
    wanted = [loss for loss in losses if loss.targets is not None and is_given(loss.targets)]
    return bool(wanted) and all(
        loss.targets is not None
        and (len(loss.targets.shape) == 1 or loss.targets.shape[1:] == loss.outputs.shape[1:])
        and len(loss.outputs.shape) <= 2
        and loss.targets.shape[:1] == loss.outputs.shape[:1]
        for loss in wanted
    )


def _is_answer(value: Value, flow: Flow, losses: list[Loss]) -> bool:
    """Return whether a value is what a network returned: [examples, classes], as its loss reads it."""
    returned = {origin(output).index for call in flow.network_calls for output in call.outputs}
    shapes = {(len(loss.outputs.shape), *loss.outputs.shape[1:]) for loss in losses if loss.targets is not None}
    return value.index in returned and len(value.shape) == 2 and (2, *value.shape[1:]) in shapes
