"""NLLLoss is given raw outputs or probabilities where it wants log-probabilities.

Why: NLLLoss only picks the label's number and changes its sign. With raw outputs it falls without bound as they grow;
with probabilities it stops at -1 and its gradient is weak.

Fix: End with log_softmax over the classes, or keep the raw outputs and use CrossEntropyLoss.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.flow import Loss, Operation, TrainingFlows, maker
from pellucid.doctor.evidence.kinds import AFFINE, SOFTMAXES
from pellucid.doctor.evidence.ranges import axis
from pellucid.doctor.finding import Finding

SEVERITY = "error"
FAMILY = "contract"
FOLDS = (
    "flipped-loss", "learning-rate-too-high", "learning-rate-too-low", "unsuited-optimizer", "oscillating-loss",
    "exploding-gradients", "nonfinite-values", "dead-units", "surprising-first-loss", "cannot-fit-one-batch",
    "too-few-epochs", "collapsed-output", "loss-not-decreasing", "unscaled-inputs", "excessive-weight-decay",
    "badly-scaled-weights", "softmax-in-hidden-layer", "output-cannot-reach-targets",
)  # fmt: skip
KINDS = {"nll_loss": 1, "ctc_loss": -1, "kl_div": -1}


def find(flows: TrainingFlows) -> Iterator[Finding]:
    """Measure whether what the loss is given are logarithms of probabilities."""
    for flow in flows.per_loss():
        for loss in flow.losses:
            if loss.kind not in KINDS:
                continue
            last = maker(loss.outputs)
            wrong = _wrong(loss, last)
            if wrong is None:
                continue
            where = last.where if last is not None else "the loss"
            fix = f"end with log_softmax(logits, dim={KINDS[loss.kind]}) before {loss.kind}"
            if loss.kind == "nll_loss" and (last is None or last.name not in SOFTMAXES):
                fix = "loss_fn = nn.CrossEntropyLoss()\n(or " + fix + ")"
            yield Finding(
                where=where,
                place=loss.operation.place,
                evidence=f"{loss.kind} takes log-probabilities, but {where} gives {wrong}",
                fix=fix,
                confidence=0.96,
            )


def _wrong(loss: Loss, last: Operation | None) -> str | None:
    facts, outputs = loss.outputs.facts, loss.outputs.tensor
    name = last.name if last is not None else ""
    if facts is None or facts.nonfinite == 1 or name in ("log_softmax", "neg"):
        return None
    if facts.high > 1e-3:
        what = "probabilities" if name in ("softmax", "sigmoid") else "numbers"
        sure = " (the logarithm of a probability is never above 0)"
        return f"{what} from {facts.low:.3g} to {facts.high:.3g}{sure}"
    inner = maker(last.main) if last is not None and last.name == "log" and last.main is not None else last
    is_raw = inner is not None and (
        inner.name == "log_sigmoid"
        or (inner.name == "sigmoid" and name == "log")
        or (inner is last and inner.name in AFFINE and any(weight.is_trainable for weight in inner.weights))
    )
    if loss.kind == "kl_div" or outputs is None or not is_raw:
        return None
    sums = outputs.double().exp().sum(KINDS[loss.kind])
    if bool(((sums - 1).abs() < 0.02).all()) or (inner is not None and axis(inner) is not None and inner is not last):
        return None
    return f"numbers whose exponentials sum to {float(sums.min()):.2g}…{float(sums.max()):.2g} over the classes, not 1"


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    loss_fn = nn.NLLLoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        loss_fn(network(inputs), labels).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3), nn.LogSoftmax(dim=1))
    loss_fn = nn.NLLLoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        loss_fn(network(inputs), labels).backward()
        optimizer.step()
