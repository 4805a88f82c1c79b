"""Which numbers an output can take at all, and along which axis a function works."""

import math
from dataclasses import dataclass
from typing import Any

from pellucid.doctor.evidence.flow import Operation, Value, origin
from pellucid.doctor.evidence.kinds import POOLS, SELECTIONS

_ALWAYS = {
    "sigmoid": (0.0, 1.0), "hardsigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "softmin": (0.0, 1.0),
    "gumbel_softmax": (0.0, 1.0), "tanh": (-1.0, 1.0), "softsign": (-1.0, 1.0), "sin": (-1.0, 1.0),
    "cos": (-1.0, 1.0), "relu": (0.0, math.inf), "relu6": (0.0, 6.0), "softplus": (0.0, math.inf),
    "exp": (0.0, math.inf), "abs": (0.0, math.inf), "square": (0.0, math.inf), "sqrt": (0.0, math.inf),
    "log_softmax": (-math.inf, 0.0), "log_sigmoid": (-math.inf, 0.0), "selu": (-1.7581, math.inf),
    "gelu": (-0.17, math.inf), "silu": (-0.2785, math.inf), "mish": (-0.3089, math.inf),
    "hardswish": (-0.375, math.inf),
}  # fmt: skip
# Operations whose results stay between the least and the greatest of what they are given.
_KEEPING = SELECTIONS | {"mean", "amax", "amin", *(name for name in POOLS if not name.startswith("lp"))}


@dataclass(frozen=True)
class Range:
    """What an output can be, whatever the weights.

    Attributes:
        low: No output is below; -infinity if there is no bound.
        high: No output is above.
        operation: The activation that sets the bounds.
        is_scaled: Whether numbers were multiplied or added after it.
    """

    low: float
    high: float
    operation: Operation
    is_scaled: bool = False


def output_range(value: Value) -> Range | None:
    """Return the bounds that the last activation sets, followed through views and arithmetic with constants."""
    value = origin(value)
    operation = value.maker
    if operation is None or operation.main is None:
        return None
    name = operation.name
    if name in _ALWAYS:
        return Range(*_ALWAYS[name], operation)
    numbers = operation.arguments
    if name in ("elu", "celu"):
        return Range(-abs(_number(numbers.get("alpha"), 1.0)), math.inf, operation)
    if name == "hardtanh":
        return Range(_number(numbers.get("min_val"), -1.0), _number(numbers.get("max_val"), 1.0), operation)
    if name == "clamp":
        if any(isinstance(numbers.get(side), Value) for side in ("min", "max")):
            return None
        return Range(_number(numbers.get("min"), -math.inf), _number(numbers.get("max"), math.inf), operation)
    if name == "pow" and _number(operation.template[0][-1], 1.0) % 2 == 0:
        return Range(0.0, math.inf, operation)
    if name in _KEEPING:
        return output_range(operation.main)
    return _scaled(operation)


def _scaled(operation: Operation) -> Range | None:
    name, operands = operation.name, operation.template[0]
    if name == "neg":
        operands, name = (operands[0], -1), "mul"
    if name not in ("add", "sub", "rsub", "mul", "div") or len(operands) != 2 or operation.template[1]:
        return None
    inner, constant, is_first = _operands(operands)
    if inner is None or constant is None:
        return None
    low, high = inner.low, inner.high
    if name == "add":
        low, high = low + constant[0], high + constant[1]
    elif name in ("sub", "rsub"):
        if is_first == (name == "sub"):
            low, high = low - constant[1], high - constant[0]
        else:
            low, high = constant[0] - high, constant[1] - low
    else:
        if name == "div":
            if not is_first or constant[0] <= 0 <= constant[1]:
                return None
            constant = (1 / constant[1], 1 / constant[0])
        corners = [0.0 if 0 in (a, b) else a * b for a in (low, high) for b in constant]
        low, high = min(corners), max(corners)
    return Range(low, high, inner.operation, is_scaled=True)


def _operands(operands: Any) -> tuple[Range | None, tuple[float, float] | None, bool]:
    first, second = operands
    for inner, other, is_first in ((first, second, True), (second, first, False)):
        if isinstance(inner, Value):
            found = output_range(inner)
            if found is not None:
                return found, _constant(other, inner), is_first
    return None, None, True


def _constant(entry: Any, beside: Value) -> tuple[float, float] | None:
    if isinstance(entry, Value):
        is_fixed = entry.kind == "data" or (entry.weight is not None and not entry.weight.is_trainable)
        is_per_example = len(entry.shape) == len(beside.shape) > 1 and entry.shape[0] == beside.shape[0] > 1
        if not is_fixed or is_per_example or entry.facts is None or entry.facts.nonfinite:
            return None
        return entry.facts.low, entry.facts.high
    return (float(entry), float(entry)) if isinstance(entry, int | float) else None


def _number(entry: Any, default: float) -> float:
    return float(entry) if isinstance(entry, int | float) else default


def axis(operation: Operation) -> int | None:
    """Return the axis, from 0, that a softmax or argmax works along; None if it is not one, or all of them."""
    value = operation.main
    if value is None:
        return None
    given = operation.arguments.get("dim", operation.arguments.get("axis"))
    if given is None:
        if operation.name not in ("softmax", "log_softmax", "softmin"):
            return None
        return 0 if len(value.shape) in (0, 1, 3) else 1  # as PyTorch guesses
    return given % max(len(value.shape), 1) if isinstance(given, int) else None
