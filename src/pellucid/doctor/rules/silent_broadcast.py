"""Outputs and targets have different shapes, and the loss compares every output with every target.

Why: Shapes (n, 1) and (n,) are spread to (n, n) before they are subtracted, so each output is compared with the targets
of all examples. The best answer is then the mean of all targets, whatever the input.

Fix: Give both the same shape: outputs.squeeze(1), or targets.unsqueeze(1).
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.flow import Flow, Operation, TrainingFlows, Value, users
from pellucid.doctor.evidence.kinds import VIEWS
from pellucid.doctor.finding import Finding

SEVERITY = "error"
FAMILY = "contract"
FOLDS = (
    "collapsed-output", "loss-not-decreasing", "cannot-fit-one-batch", "too-few-epochs", "learning-rate-too-low",
    "learning-rate-too-high", "unsuited-optimizer", "inputs-ignored", "overfitting", "excessive-weight-decay",
    "unscaled-targets", "metric-does-not-fit", "output-cannot-reach-targets", "surprising-first-loss", "dead-units",
    "unscaled-inputs", "oscillating-loss", "narrow-bottleneck", "badly-scaled-weights", "wrong-target-type",
)  # fmt: skip
ELEMENTWISE = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "poisson_nll_loss")
ARITHMETIC = ("sub", "rsub", "mul", "div")
# After these there is still one number for each pair.
PAIRWISE = VIEWS | {"pow", "square", "abs", "mul", "add", "sub", "neg", "div", "sqrt", "log", "exp", "clamp", "where"}


def find(flows: TrainingFlows) -> Iterator[Finding]:
    """Look for a loss, or arithmetic on the way to it, that spreads two tensors over each other."""
    for flow in flows.per_loss():
        for operation in flow.gradient_path:
            tensors = [value for value in operation.inputs if value.size > 1]
            if len(tensors) < 2 or (operation.call is not None and operation.call.has_parameters):
                continue
            outputs, targets = tensors[:2]
            if outputs.shape == targets.shape:
                continue
            is_loss = operation.name in ELEMENTWISE and operation.arguments.get("reduction", "mean") != "none"
            is_outer = _spread(outputs.shape, targets.shape) > max(outputs.size, targets.size)
            if not is_loss and not (is_outer and operation.name in ARITHMETIC and _is_accidental(operation, flow)):
                continue
            spread = "both are spread to every pair of them" if is_outer else "one is repeated to fit the other"
            yield Finding(
                where="the loss",
                place=operation.place,
                evidence=f"{operation.name} is given shapes {outputs.shape} and {targets.shape}: {spread}",
                fix="loss = loss_function(outputs.squeeze(-1), targets)"
                if len(outputs.shape) > len(targets.shape)
                else "loss = loss_function(outputs, targets.view_as(outputs))",
                confidence=0.97 if is_outer else 0.75,
            )


def _spread(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """Return how many numbers two shapes make together."""
    length = max(len(one), len(other))
    size = 1
    for a, b in zip((1,) * (length - len(one)) + one, (1,) * (length - len(other)) + other, strict=True):
        size *= max(a, b)
    return size


def _is_accidental(operation: Operation, flow: Flow) -> bool:
    """Return whether shapes of different length meet, one learned and one given, and all pairs go into one number."""
    outputs, targets = (value for value in operation.inputs if value.size > 1)
    if len(outputs.shape) == len(targets.shape) or outputs.requires_grad == targets.requires_grad:
        return False
    # Only (n, 1) against (n,): a row of weights for each column is meant.
    longer, shorter = sorted((outputs.shape, targets.shape), key=len, reverse=True)
    if longer[-1] != 1 or longer[0] != shorter[0]:
        return False
    return operation.output is not None and _ends_in_one_number(operation.output, operation.output.size, flow, 0)


def _ends_in_one_number(value: Value, size: int, flow: Flow, depth: int) -> bool:
    for user in users(value):
        if user.output is None or depth > 12 or (flow.backward_index or user.index) < user.index:
            continue
        if user.name in ("mean", "sum") and user.output.size == 1:
            return True
        if (
            user.name in PAIRWISE
            and user.output.size == size
            and _ends_in_one_number(user.output, size, flow, depth + 1)
        ):
            return True
    return False


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    targets = inputs[:, 0] + inputs[:, 1] ** 2 - 1
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        (network(inputs) - targets).square().mean().backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    targets = inputs[:, 0] + inputs[:, 1] ** 2 - 1
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        (network(inputs).squeeze(1) - targets).square().mean().backward()
        optimizer.step()
