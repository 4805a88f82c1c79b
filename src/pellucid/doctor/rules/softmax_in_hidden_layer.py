"""A softmax stands between two layers, where no attention is meant.

Why: Softmax makes the units of a layer share one sum of 1: with 64 units each passes on about 1/64, and one unit can
only grow at the expense of the others. What reaches the next layer is nearly constant, and the gradient is tiny.

Fix: Put nn.ReLU() (or another activation) in its place; softmax belongs after the last layer, if anywhere.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.flow import Operation, TrainingFlows, trunk, users
from pellucid.doctor.evidence.kinds import AFFINE, DROPOUTS, NORMS, POOLS, RECURRENT, VIEWS
from pellucid.doctor.finding import Finding, Mend

SEVERITY = "warning"
FAMILY = "architecture"
FOLDS = (
    "dead-units",
    "vanishing-gradients", "learning-rate-too-low", "unsuited-optimizer", "too-few-epochs", "loss-not-decreasing",
    "badly-scaled-weights", "cannot-fit-one-batch", "collapsed-output", "unchanged-weights", "inputs-ignored",
    "saturated-units", "dead-at-start", "deep-sigmoid",
)  # fmt: skip
BETWEEN = VIEWS | DROPOUTS | NORMS | POOLS


def find(flows: TrainingFlows) -> Iterator[Finding]:
    """Look for a softmax of a layer's output that goes into a further layer, and nowhere else."""
    for flow in flows.per_loss():
        on_path = {operation.index for operation in flow.path}
        for operation in flow.gradient_path:
            output = operation.output
            if operation.name not in ("softmax", "log_softmax", "softmin") or output is None or len(output.shape) < 2:
                continue
            takers = [user for user in users(output, BETWEEN) if user.index in on_path]
            if not takers or not all(_is_layer(user) for user in takers):
                continue
            # What one network gives to another (a text generator to its critic) are probabilities, and meant.
            if any(user.call is not operation.call for user in takers):
                continue
            if not any(before.name in AFFINE | RECURRENT and before.weights for before in trunk(output)):
                continue
            facts = output.facts
            spread = (
                f"its {output.shape[1]} outputs average {facts.mean:.2g} and spread by {facts.std:.2g}" if facts else ""
            )
            yield Finding(
                where=operation.where,
                place=operation.place,
                evidence=f"{operation.name} between {takers[0].where} and the layer before it: {spread}",
                fix=f"replace {operation.where} by nn.ReLU()",
                mend=Mend("relu", operation.paths),
                confidence=0.92,
            )


def _is_layer(user: Operation) -> bool:
    """Return whether it is a layer with bias: without one it mixes rows by their shares (a codebook, topics)."""
    if user.name in RECURRENT:
        return True
    trainable = [weight for weight in user.weights if weight.is_trainable]
    if user.name not in AFFINE or not trainable or user.output is None:
        return False
    if len(trainable) > 1:
        return True
    following = list(users(user.output))
    return bool(following) and all(
        next_.name in ("add", "batch_norm") and any(w.is_trainable and w.live.ndim == 1 for w in next_.weights)
        for next_ in following
    )


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.Softmax(1), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
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
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
