"""The network's softmax output is given to a cross-entropy that applies softmax itself.

Why: Softmax twice squeezes all classes towards equal probability: the loss can never come near 0, and its gradients are
small. The network still learns something, slowly, which hides the fault.

Fix: Return the logits; the loss applies softmax. For probabilities at prediction time, apply softmax there.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.flow import TrainingFlows, maker
from pellucid.doctor.finding import Finding, Mend

SEVERITY = "error"
FAMILY = "contract"
FOLDS = (
    "learning-rate-too-low", "unsuited-optimizer", "too-few-epochs", "cannot-fit-one-batch",
    "softmax-in-hidden-layer", "output-cannot-reach-targets",
)  # fmt: skip


def find(flows: TrainingFlows) -> Iterator[Finding]:
    """Look at what made the logits of each cross-entropy."""
    for flow in flows.per_loss():
        for loss in flow.losses:
            last = maker(loss.outputs)
            if loss.kind != "cross_entropy" or last is None or last.name != "softmax":
                continue
            facts = loss.outputs.facts
            yield Finding(
                where=last.where,
                place=last.place,
                evidence=f"softmax is the last layer before cross_entropy, which applies softmax itself; what the loss "
                f"takes for logits lies between {facts.low if facts else 0:.2g} and {facts.high if facts else 1:.2g}",
                fix=f"remove {last.where}: return the output of the layer before it",
                mend=Mend("remove", last.paths),
                confidence=0.98,
            )


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3), nn.Softmax(dim=1))
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
