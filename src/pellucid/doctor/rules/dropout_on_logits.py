"""Dropout is applied after the last layer: to the outputs that the loss judges.

Why: Dropout sets outputs to zero at random and enlarges the others. In training an answer is wiped out however right
it was, so the loss cannot fall below that noise, and the network learns exaggerated outputs.

Fix: Move the dropout in front of the last layer: after its activation, never after the outputs.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.flow import Loss, Operation, TrainingFlows, maker, trunk, users
from pellucid.doctor.evidence.kinds import AFFINE, DROPOUTS, RECURRENT, SOFTMAXES, VIEWS
from pellucid.doctor.finding import Finding, Mend

SEVERITY = "error"
FAMILY = "architecture"
FOLDS = (
    "heavy-dropout", "unsuited-optimizer", "learning-rate-too-low", "learning-rate-too-high", "oscillating-loss",
    "loss-not-decreasing", "too-few-epochs", "cannot-fit-one-batch", "surprising-first-loss", "dropout-before-norm",
    "stale-statistics", "odd-optimizer-settings",
)  # fmt: skip
# Losses that compare embeddings take what the network gives as a representation, and dropout may be meant.
JUDGED = frozenset((
    "cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits", "mse_loss", "l1_loss",
    "smooth_l1_loss", "huber_loss", "poisson_nll_loss", "multi_margin_loss", "multilabel_soft_margin_loss", "kl_div",
    "soft_margin_loss", "ctc_loss", "own",
))  # fmt: skip
LINKS = SOFTMAXES | frozenset(("sigmoid", "tanh", "log", "clamp", "exp", "softplus", "relu", "hardtanh"))


def find(flows: TrainingFlows) -> Iterator[Finding]:
    """Look for an active dropout between the last layer and the loss."""
    for flow in flows.per_loss():
        for loss in flow.losses:
            dropped = _dropout(loss)
            if dropped is None or dropped.output is None or loss.targets is None:
                continue
            if loss.targets.kind == "made" and loss.targets.requires_grad:
                continue
            layer = next((op for op in trunk(dropped.output) if op.name in AFFINE | RECURRENT and op.weights), None)
            facts = dropped.output.facts
            yield Finding(
                where=dropped.where,
                place=dropped.place,
                evidence=f"{dropped.where} drops outputs with p={dropped.arguments.get('p', 0.5)} after the last layer "
                f"({layer.where if layer else 'none'}): {facts.zeros if facts else 0:.0%} of the values that the loss "
                f"judged were 0",
                fix=f"move the dropout in front of {layer.where if layer else 'the last layer'}, or remove it",
                mend=Mend("remove", dropped.paths),
                confidence=0.95 if loss.kind != "own" else 0.8,
            )


def _dropout(loss: Loss) -> Operation | None:
    """Walk back from what the loss takes, through output activations, to an active dropout."""
    step = maker(loss.outputs)
    while step is not None and step.name in LINKS and step.main is not None:
        step = maker(step.main)
    if step is None or step.name not in DROPOUTS or not step.arguments.get("p", 0.5) or step.output is None:
        return None
    if step.arguments.get("training", step.arguments.get("train", True)) is not True or not step.output.requires_grad:
        return None
    if any(user.name in AFFINE for user in users(step.output, VIEWS)):
        return None
    return step


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3), nn.Dropout(0.4))
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
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.4), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
