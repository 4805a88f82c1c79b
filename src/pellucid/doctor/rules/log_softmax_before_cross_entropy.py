"""The logits pass through log-softmax before a cross-entropy, which does that itself.

Why: The logarithm of a softmax is left as it is by another one: loss and gradients are the same, and the work is done
twice. It does no harm, but says that somebody was unsure which loss takes what.

Fix: Return the logits, or keep the log-softmax and take NLLLoss.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.flow import TrainingFlows, maker
from pellucid.doctor.finding import Finding, Mend

SEVERITY = "note"
FAMILY = "contract"
FOLDS = ()


def find(flows: TrainingFlows) -> Iterator[Finding]:
    """Look for logits of a cross-entropy that are log-probabilities already."""
    for flow in flows.per_loss():
        for loss in flow.losses:
            last = maker(loss.outputs)
            logits = loss.outputs.tensor
            if loss.kind != "cross_entropy" or last is None or logits is None or loss.outputs.shape[1:2] in ((), (1,)):
                continue
            inner = maker(last.main) if last.name == "log" and last.main is not None else last
            if inner is None or inner.name not in ("softmax", "log_softmax"):
                continue
            sums = logits.double().exp().sum(1)
            if not bool(((sums - 1).abs() < 1e-3).all()):
                continue
            yield Finding(
                where=last.where,
                place=last.place,
                evidence=f"what cross_entropy takes for logits are log-probabilities: in all {sums.numel()} examples "
                f"of the first batch their exponentials sum to {float(sums.min()):.4f}…{float(sums.max()):.4f}",
                fix=f"remove {last.where} and return the logits (or keep it and use nn.NLLLoss())",
                mend=Mend("remove", last.paths),
                confidence=0.99,
            )


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3), nn.LogSoftmax(dim=1))
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
