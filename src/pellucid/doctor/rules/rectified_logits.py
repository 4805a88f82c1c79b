"""The logits pass through a ReLU before the loss.

Why: Softmax needs logits of both signs: a ReLU cuts off every negative one, and where a logit is cut no gradient
passes. Classes whose logit starts negative are never learned.

Fix: Let the last layer be linear: take the activation after it away.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.flow import TrainingFlows, maker
from pellucid.doctor.evidence.kinds import RECTIFIERS
from pellucid.doctor.finding import Finding, Mend

SEVERITY = "error"
FAMILY = "contract"
FOLDS = ("dead-units", "dead-at-start", "loss-not-decreasing", "collapsed-output", "unsuited-optimizer",
         "learning-rate-too-low", "learning-rate-too-high", "cannot-fit-one-batch", "too-few-epochs",
         "surprising-first-loss", "output-cannot-reach-targets")  # fmt: skip
LOGIT_LOSSES = ("cross_entropy", "binary_cross_entropy_with_logits")


def find(flows: TrainingFlows) -> Iterator[Finding]:
    """Look at what made the logits of each softmax or sigmoid loss."""
    for flow in flows.per_loss():
        for loss in flow.losses:
            last = maker(loss.outputs)
            if loss.kind not in LOGIT_LOSSES or last is None or last.name not in RECTIFIERS or last.output is None:
                continue
            facts = last.output.facts
            yield Finding(
                where=last.where,
                place=last.place,
                evidence=f"{last.name} is the last layer before {loss.kind}: of its outputs "
                f"{facts.zeros if facts else 0:.0%} are 0, and none is negative",
                fix=f"remove {last.where}: return the output of the layer before it",
                mend=Mend("remove", last.paths),
                confidence=0.97,
            )


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3), nn.ReLU())
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(40):
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
    for _ in range(40):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
