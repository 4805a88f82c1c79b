"""The logits pass through a sigmoid, a tanh or another bounded function before the loss.

Why: Softmax and sigmoid need logits without bounds to say that they are sure. Between bounds no class can get a
probability near 1, so the loss cannot come near 0, and the gradient fades where the bounded function saturates.

Fix: Let the last layer be linear: take the activation after it away.
"""

import math
from collections.abc import Iterator

from pellucid.doctor.evidence.flow import Loss, TrainingFlows, Value, maker
from pellucid.doctor.evidence.ranges import Range, axis, output_range
from pellucid.doctor.finding import Finding, Mend

SEVERITY = "error"
FAMILY = "contract"
FOLDS = (
    "learning-rate-too-low", "learning-rate-too-high", "unsuited-optimizer", "too-few-epochs", "cannot-fit-one-batch",
    "output-cannot-reach-targets", "saturated-units", "dead-at-start", "loss-not-decreasing", "collapsed-output",
    "surprising-first-loss", "excessive-weight-decay", "deep-sigmoid",
)  # fmt: skip
TOLERATED = 0.05  # nats that the loss cannot go below


def find(flows: TrainingFlows) -> Iterator[Finding]:
    """Look at the range of the logits of each softmax or sigmoid loss."""
    for flow in flows.per_loss():
        for loss in flow.losses:
            logits = _logits(loss)
            bounds = output_range(logits) if logits is not None else None
            if logits is None or bounds is None or bounds.operation.name in ("softmax", "softmin", "gumbel_softmax"):
                continue
            if loss.kind == "binary_cross_entropy_with_logits" and "sigmoid" in bounds.operation.name:
                continue  # double-sigmoid
            least = _least_loss(loss, logits, bounds)
            if least is None or least < TOLERATED:
                continue
            last = bounds.operation
            facts = logits.facts
            yield Finding(
                where=last.where,
                place=last.place,
                evidence=f"{last.name} keeps what {loss.kind} takes for logits between {bounds.low:g} and "
                f"{bounds.high:g}" + (f" (seen: {facts.low:.2g} to {facts.high:.2g})" if facts else "")
                + f": the loss cannot go below {least:.2g}, however long it trains",
                fix=f"remove {last.where}: return the output of the layer before it",
                mend=Mend("remove", last.paths),
                confidence=0.97,
            )  # fmt: skip


def _logits(loss: Loss) -> Value | None:
    if loss.kind in ("cross_entropy", "binary_cross_entropy_with_logits"):
        return loss.outputs
    last = maker(loss.outputs)
    if loss.kind == "nll_loss" and last is not None and last.name == "log_softmax" and axis(last) == 1:
        return last.main
    return None


def _least_loss(loss: Loss, logits: Value, bounds: Range) -> float | None:
    """Return the loss if every logit stood at the better end of its range."""
    if not (math.isfinite(bounds.low) and math.isfinite(bounds.high)):
        return None
    if loss.kind == "binary_cross_entropy_with_logits":
        facts = loss.targets.facts if loss.targets is not None else None
        share = min(max(facts.mean, 0.0), 1.0) if facts else 0.5
        return share * math.log1p(math.exp(-bounds.high)) + (1 - share) * math.log1p(math.exp(bounds.low))
    if len(logits.shape) < 2 or logits.shape[1] < 2 or bounds.high - bounds.low > 700:
        return None
    return math.log1p((logits.shape[1] - 1) * math.exp(bounds.low - bounds.high))


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3), nn.Sigmoid())
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
