"""What is wrong with how a prediction is made of the outputs, or with what it is compared."""

from collections.abc import Iterator

from pellucid.doctor.evidence.answers import DECISIONS, answer, is_count, passed
from pellucid.doctor.evidence.exclusion import is_given, is_multilabel
from pellucid.doctor.evidence.flow import Loss, Operation, Value, users
from pellucid.doctor.evidence.kinds import VIEWS
from pellucid.doctor.evidence.ranges import axis, output_range


def misfits(operation: Operation, losses: list[Loss]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with one operation of a measure of success: its kind, and the evidence.

    Args:
        operation: Outside of the networks.
        losses: That the networks are trained with.
    """
    name, value = operation.name, operation.main
    if value is None or operation.output is None:
        return
    if name in ("argmax", "max") and (name == "argmax" or len(operation.outputs) > 1):
        yield from _of_argmax(operation, value, losses)
    if name in ("eq", "ne") and len(operation.inputs) == 2:
        yield from _of_equality(operation, losses)
    if name in ("gt", "ge", "lt", "le") and len(operation.inputs) == 1:
        yield from _of_threshold(operation, value, losses)
    if name == "div" and operation.output.facts is not None and operation.output.size == 1:
        accuracy = operation.output.facts.high
        if accuracy > 1.0001 and is_count(value):
            yield "count", f"the share of right answers comes out as {accuracy:.4g}, and it cannot be above 1"


def _of_argmax(operation: Operation, value: Value, losses: list[Loss]) -> Iterator[tuple[str, str]]:
    indices = operation.outputs[-1]
    if not indices.users and operation.name == "max":
        return
    along, shape = axis(operation), value.shape
    is_compared = any(user.name in ("eq", "ne") for user in users(indices))
    if answer(value) is None:
        if (
            is_compared
            and along
            and value.tensor is not None
            and is_given(value)
            and is_multilabel(value.tensor, along)
        ):
            yield "several", "argmax takes one label of targets that have several ones in a row"
        return
    if along is not None and shape[along] == 1 and value.size > 1 and (along > 0 or len(shape) == 1):
        yield "unit", f"{operation.name} over an axis of one output, {list(shape)}: all {indices.size} answers are 0"
    elif len(shape) == 2 and min(shape) > 1 and shape[0] != shape[1] and is_compared and not along:
        what = "over the examples" if along == 0 else "of all numbers at once"
        if any(len(loss.outputs.shape) == 2 and loss.outputs.shape[1] == shape[1] for loss in losses):
            yield "axis", f"{operation.name} {what} of {list(shape)}, not over the {shape[1]} classes of each example"


def _of_equality(operation: Operation, losses: list[Loss]) -> Iterator[tuple[str, str]]:
    first, second = operation.inputs
    guess, truth = (first, second) if answer(first) is not None else (second, first)
    base, result = answer(guess), operation.output
    if base is None or answer(truth) is not None or not is_given(truth) or truth.size < 2 or result is None:
        return
    if result.size > max(guess.size, truth.size):
        yield "shape", (f"predictions {list(guess.shape)} are compared with labels {list(truth.shape)}, which makes "
                        f"{result.size} answers for {truth.size} examples")  # fmt: skip
        return
    names = {step.name for step in passed(guess)}
    numbers = truth.tensor
    equal = result.facts.mean if result.facts is not None else 1.0
    equal = 1 - equal if operation.name == "ne" else equal
    if (
        numbers is not None
        and numbers.dtype.is_floating_point
        and float((numbers != numbers.round()).double().mean()) > 0.5
    ):
        yield (
            "real",
            f"targets that are no whole numbers are tested for equality: {equal:.0%} of {truth.size} are equal",
        )
    elif not names & DECISIONS and guess.dtype.is_floating_point and equal < 0.05:
        yield "real", f"outputs that are real numbers are tested for equality: {equal:.0%} of {truth.size} are equal"
    elif "round" in names and "sigmoid" not in names and output_range(base) is None and _is_logit(base, losses):
        facts = guess.facts
        if facts is not None and (facts.low < 0 or facts.high > 1):
            yield "threshold", f"logits are rounded: predictions from {facts.low:g} to {facts.high:g}, labels 0 and 1"


def _of_threshold(operation: Operation, value: Value, losses: list[Loss]) -> Iterator[tuple[str, str]]:
    limit = next((entry for entry in operation.template[0] if isinstance(entry, int | float)), None)
    base = answer(value)
    if limit is None or base is None or isinstance(limit, bool):
        return
    bounds = output_range(value)
    is_compared = any(u.name in ("eq", "ne") for output in operation.outputs for u in users(output))
    if bounds is not None:
        is_empty = limit <= bounds.low or limit >= bounds.high
        if is_empty and is_compared and bounds.operation.name in ("sigmoid", "softmax", "log_softmax"):
            yield "threshold", (f"{bounds.operation.name} gives {bounds.low:g} to {bounds.high:g}: compared with "
                                f"{limit:g} every answer is the same")  # fmt: skip
        return
    numbers = value.tensor
    names = {step.name for step in passed(value)}
    if limit == 0.5 and not names - VIEWS and _is_logit(base, losses) and numbers is not None:
        between = float(((numbers > 0) & (numbers <= 0.5)).double().mean())
        if between >= 0.01:
            yield "threshold", (f"logits are compared with 0.5, which is a probability of 0.62: {between:.0%} of "
                                f"{numbers.numel()} answers lie between")  # fmt: skip


def _is_logit(base: Value, losses: list[Loss]) -> bool:
    return any(
        loss.kind == "binary_cross_entropy_with_logits" and output_range(loss.outputs) is None
        and len(losses) == 1 and loss.outputs.shape[1:] == base.shape[1:]
        for loss in losses
    )  # fmt: skip
