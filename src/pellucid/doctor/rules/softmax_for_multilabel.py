"""The outputs are a softmax, one class against the others, but the labels name several classes at once.

Why: The outputs of a softmax sum to 1: two labels that both hold can get 0.5 each at best, and an example without any
label still gets one. No training takes the loss below that.

Fix: Use an independent sigmoid for each label: raw outputs and BCEWithLogitsLoss.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.exclusion import all_targets, is_given, is_multilabel, is_reconstruction
from pellucid.doctor.evidence.flow import Flow, Loss, Operation, TrainingFlows, maker
from pellucid.doctor.evidence.ranges import axis
from pellucid.doctor.finding import Finding

SEVERITY = "error"
FAMILY = "contract"
FOLDS = (
    "output-cannot-reach-targets", "learning-rate-too-low", "unsuited-optimizer", "too-few-epochs", "double-sigmoid",
    "cannot-fit-one-batch", "softmax-before-cross-entropy", "metric-does-not-fit", "surprising-first-loss",
    "collapsed-output", "wrong-target-type", "softmax-in-hidden-layer", "loss-not-decreasing", "overfitting",
    "regression-loss-on-classes", "learning-rate-too-high", "excessive-weight-decay",
)  # fmt: skip
KINDS = ("binary_cross_entropy", "binary_cross_entropy_with_logits", "mse_loss", "l1_loss", "own")


def find(flows: TrainingFlows) -> Iterator[Finding]:
    """Count the labels of each example where the outputs are a softmax."""
    for flow in flows.per_loss():
        for loss in flow.losses:
            softmax = _softmax(flow, loss)
            if loss.targets is None or (softmax is None and loss.kind != "cross_entropy"):
                continue
            along = axis(softmax) if softmax is not None else 1
            if loss.targets.shape != loss.outputs.shape or not along or loss.outputs.shape[along] < 2:
                continue
            if not is_given(loss.targets) or is_reconstruction(flow, loss):
                continue
            targets = all_targets(flows, loss)
            if targets is None or not is_multilabel(targets, along):
                continue
            counts = targets.double().sum(along)
            where = softmax.where if softmax is not None else "the loss"
            yield Finding(
                where=where,
                place=softmax.place if softmax is not None else loss.operation.place,
                evidence=f"{float((counts >= 2).double().mean()):.0%} of {counts.numel()} examples have two labels or "
                f"more (up to {int(counts.max())}, {float((counts == 0).double().mean()):.0%} have none), but "
                f"{where if softmax is not None else 'cross_entropy applies a softmax, which'} makes the "
                f"{loss.outputs.shape[along]} outputs sum to 1",
                fix="return the raw outputs (no softmax)\nloss_fn = nn.BCEWithLogitsLoss()\n"
                "predicted = torch.sigmoid(outputs) > 0.5",
                confidence=0.95,
            )


def _softmax(flow: Flow, loss: Loss) -> Operation | None:
    """Return the softmax that the outputs pass before they are compared."""
    if loss.kind not in KINDS:
        return None
    last = maker(loss.outputs)
    if last is not None and last.name in ("softmax", "log_softmax"):
        return last
    if loss.kind != "own" or last is None:
        return None
    behind = [op for op in flow.gradient_path if op.index > last.index and op.name in ("softmax", "log_softmax")]
    return behind[0] if len(behind) == 1 and maker(behind[0].inputs[0]) is last else None


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, :4] + inputs[:, 4:] > 0).float()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4), nn.Softmax(dim=1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy(network(inputs), labels).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, :4] + inputs[:, 4:] > 0).float()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4), nn.Sigmoid())
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy(network(inputs), labels).backward()
        optimizer.step()
