"""From a prediction back to what the network returned."""

from collections.abc import Iterator

from pellucid.doctor.evidence.flow import Operation, Value
from pellucid.doctor.evidence.kinds import VIEWS, words

# Operations that make a decision of numbers.
DECISIONS = words("gt ge lt le argmax max topk round sign floor ceil trunc where")
_THROUGH = VIEWS | DECISIONS | words("sigmoid softmax log_softmax tanh exp index clamp select")


def passed(value: Value) -> Iterator[Operation]:
    """Yield the operations between what a network returned and a value made of it."""
    operation = value.maker
    while operation is not None and operation.name in _THROUGH and operation.main is not None:
        if operation.call is not None and operation.call.has_parameters:
            return
        yield operation
        operation = operation.main.maker


def answer(value: Value) -> Value | None:
    """Return what a network returned, if the value is made of that alone."""
    for operation in passed(value):
        assert operation.main is not None
        value = operation.main
    made_by = value.maker
    if made_by is None:
        return None
    is_inside = made_by.call is not None and made_by.call.has_parameters
    return value if is_inside or any(weight.is_trainable for weight in made_by.weights) else None


def is_count(value: Value) -> bool:
    """Return whether a value is a plain sum of right answers, one for each example."""
    left = [value]
    has_answers = False
    while left:
        operation = left.pop().maker
        if operation is None:
            continue
        if operation.name == "eq" and operation.output is not None and len(operation.output.shape) == 1:
            has_answers = has_answers or any(answer(entry) is not None for entry in operation.inputs)
        elif operation.name in VIEWS | {"add", "sum"}:
            left.extend(operation.inputs)
        else:
            return False
    return has_answers
