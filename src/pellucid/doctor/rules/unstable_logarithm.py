"""A hand-written log, exp, sqrt or division meets 0, or overflows.

Why: A float32 sigmoid or softmax is exactly 0 or 1 as soon as the network is sure, and the logarithm of 0 is infinite:
the loss or its gradient becomes infinite or NaN, and one such step spoils all weights.

Fix: Use the loss that does both in one go (cross_entropy, binary_cross_entropy_with_logits, logsumexp), or clamp.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.flow import Operation, TrainingFlows, origin
from pellucid.doctor.evidence.kinds import SELECTIONS, VIEWS
from pellucid.doctor.evidence.labels import is_learned
from pellucid.doctor.finding import Finding
from pellucid.doctor.replay import TrialImpossible
from pellucid.doctor.trial import Trials

SEVERITY = "error"
FAMILY = "contract"
FOLDS = (
    "nonfinite-values", "learning-rate-too-high", "exploding-gradients", "oscillating-loss", "dead-units",
    "loss-not-decreasing", "collapsed-output", "cannot-fit-one-batch", "unsuited-optimizer", "overfitting",
    "saturated-units", "surprising-first-loss", "flipped-loss", "unchanged-weights", "rectified-logits",
    "badly-scaled-weights", "vanishing-gradients", "output-cannot-reach-targets", "too-few-epochs",
)  # fmt: skip
LOGARITHMS = ("log", "log2", "log10")
FRAGILE = (*LOGARITHMS, "log1p", "exp", "expm1", "sqrt", "rsqrt", "div", "rdiv", "reciprocal", "pow", "acos", "asin")
TINY = 1e-6
ADVICE = {
    "log": "loss = nn.functional.cross_entropy(logits, labels)  # or binary_cross_entropy_with_logits; "
    "else: torch.log(p.clamp_min(1e-7))",
    "exp": "torch.softmax(x, dim) or torch.logsumexp(x, dim) instead of exp: they take the largest value off first",
}


def find(flows: TrainingFlows, dynamics: Dynamics | None, trials: Trials | None) -> Iterator[Finding]:
    """Look for an operation that made infinity of finite numbers; then for bare logarithms that come close to it."""
    for flow in flows.flows:
        culprit = next((op for op in flow.gradient_path if _breaks(op)), None)
        if culprit is not None:
            yield _finding(culprit, f"it made {_share(culprit):.0%} NaN or infinite out of finite numbers", 0.96)
            return
    bare = [op for op in flows.first.gradient_path if _is_bare(op)]
    if not bare:
        return
    if dynamics is not None and dynamics.first_nonfinite is not None:
        yield _finding(bare[0], f"the loss is not finite from backward {dynamics.first_nonfinite + 1} on", 0.9)
        return
    for flow in flows.flows:
        for operation in (op for op in flow.gradient_path if _is_bare(op)):
            low = operation.main.facts.low if operation.main is not None and operation.main.facts else 1.0
            if low < TINY:
                yield _finding(operation, f"its input came down to {low:.2g} at step {flow.step}", 0.9)
                return
    yield from _at_the_end(flows, trials)


def _at_the_end(flows: TrainingFlows, trials: Trials | None) -> Iterator[Finding]:
    """Compute traced steps again with the final weights."""
    for flow in flows.flows[:4] if trials is not None else ():
        try:
            again = trials.values(flow, at="end")  # type: ignore[union-attr]
        except TrialImpossible:
            return
        for operation in (op for op in flow.gradient_path if _is_bare(op) and op.main is not None):
            numbers = again.of(operation.main)  # type: ignore[arg-type]
            if numbers is not None and numbers.numel() and float(numbers.min()) < TINY:
                yield _finding(operation, f"with the final weights its input is {float(numbers.min()):.2g}", 0.9)
                return


def _breaks(operation: Operation) -> bool:
    return (
        operation.name in FRAGILE
        and _share(operation) > 0
        and all(value.facts is None or not value.facts.nonfinite for value in operation.inputs)
        and any(is_learned(value) for value in operation.inputs)
    )


def _share(operation: Operation) -> float:
    return max((value.facts.nonfinite for value in operation.outputs if value.facts is not None), default=0.0)


def _is_bare(operation: Operation) -> bool:
    """Return whether this is the logarithm of a probability, with nothing that keeps it from 0."""
    if operation.name not in LOGARITHMS or operation.main is None:
        return False
    source = origin(operation.main, VIEWS | SELECTIONS)
    made_by = source.maker
    if made_by is not None and made_by.name in ("rsub", "sub") and len(made_by.inputs) == 1:  # 1 - p
        made_by = origin(made_by.inputs[0], VIEWS | SELECTIONS).maker
    return made_by is not None and made_by.name in ("sigmoid", "softmax", "relu", "div", "exp") and _is_free(made_by)


def _is_free(operation: Operation) -> bool:
    return operation.output is not None and is_learned(operation.output)


def _finding(operation: Operation, seen: str, confidence: float) -> Finding:
    facts = operation.main.facts if operation.main is not None else None
    between = f" of numbers from {facts.low:.3g} to {facts.high:.3g}" if facts is not None else ""
    return Finding(
        where=operation.where,
        place=operation.place,
        evidence=f"{operation.name}{between}, written by hand without a bound: {seen}",
        fix=ADVICE.get(operation.name[:3], f"keep the input of {operation.name} away from 0: x.clamp_min(1e-7)"),
        confidence=confidence,
    )


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8) * 4
    labels = (inputs[:, 0] > 0).float()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.03)
    for _ in range(60):
        optimizer.zero_grad()
        p = torch.sigmoid(network(inputs)[:, 0])
        (-(labels * torch.log(p) + (1 - labels) * torch.log(1 - p)).mean()).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8) * 4
    labels = (inputs[:, 0] > 0).float()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.03)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(network(inputs)[:, 0], labels).backward()
        optimizer.step()
