"""A measure of success that says nothing: argmax of one output, equality of real numbers, the wrong threshold.

Why: A number is computed and printed, and it looks like an accuracy, but whatever the network learns does not show in
it. Decisions taken by it are taken by accident.

Fix: One logit: logits > 0. One probability: probability > 0.5. Classes: argmax(1). A regression: mean absolute error.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.answers import DECISIONS, answer, is_count, passed
from pellucid.doctor.evidence.exclusion import is_given, is_multilabel
from pellucid.doctor.evidence.flow import EvaluationFlows, Flow, Loss, Operation, TrainingFlows, Value, users
from pellucid.doctor.evidence.kinds import VIEWS
from pellucid.doctor.evidence.ranges import axis, output_range
from pellucid.doctor.finding import Finding

SEVERITY = "warning"
FAMILY = "contract"
FOLDS = ("collapsed-output", "overfitting", "loss-not-decreasing")
FIX = {
    "unit": "predicted = (logits.squeeze(1) > 0).float()  # one logit; > 0.5 for a probability",
    "axis": "predicted = outputs.argmax(1)",
    "shape": "predicted = predicted.squeeze(1)  # the same shape as the labels",
    "real": "error = (outputs - targets).abs().mean()  # for a regression; for classes compare argmax(1) or > 0",
    "threshold": "predicted = (logits > 0).float()  # or torch.sigmoid(logits) > 0.5",
    "count": "accuracy = correct / number_of_examples",
    "several": "predicted = (logits > 0).float()  # each label by itself",
}


def find(flows: TrainingFlows | None, evaluations: EvaluationFlows | None) -> Iterator[Finding]:
    """Look at how predictions are made of the outputs and what they are compared with."""
    training = flows.flows if flows is not None else ()
    losses = [loss for flow in training[:1] for loss in flow.losses]
    seen: set[str | None] = set()
    for flow in (*(evaluations.flows if evaluations is not None else ()), *training):
        for operation in _outside_networks(flow):
            for kind, evidence in _reasons(operation, losses):
                if operation.place in seen:
                    continue
                seen.add(operation.place)
                yield Finding(
                    where="the metric", place=operation.place, evidence=evidence, fix=FIX[kind], confidence=0.9
                )


def _outside_networks(flow: Flow) -> Iterator[Operation]:
    return (op for op in flow.operations if op.error is None and (op.call is None or not op.call.has_parameters))


def _reasons(operation: Operation, losses: list[Loss]) -> Iterator[tuple[str, str]]:
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


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(512, 8)
    labels = (inputs[:, 0] + inputs[:, 1] > 0).float()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(network(inputs[:384])[:, 0], labels[:384]).backward()
        optimizer.step()
    with torch.no_grad():
        print((network(inputs[384:]).argmax(1) == labels[384:]).float().mean().item())


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(512, 8)
    labels = (inputs[:, 0] + inputs[:, 1] > 0).float()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(network(inputs[:384])[:, 0], labels[:384]).backward()
        optimizer.step()
    with torch.no_grad():
        print(((network(inputs[384:])[:, 0] > 0).float() == labels[384:]).float().mean().item())
