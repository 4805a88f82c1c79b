"""The loss has the wrong sign: each step drives the outputs away from the targets, or it has no lower bound.

Why: An optimizer lowers the number it is given. A likelihood, a score or a negated error must change its sign first, or
training makes the network as wrong as it can be, and the loss falls for ever.

Fix: Give backward the error itself: the negative log-likelihood, 1 minus a score, without a minus too many.
"""

import math
from collections.abc import Iterator

from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.exclusion import is_given
from pellucid.doctor.evidence.flow import Flow, Loss, TrainingFlows, Value, maker, origin
from pellucid.doctor.evidence.kinds import AFFINE
from pellucid.doctor.evidence.loop import Optimizers
from pellucid.doctor.finding import Finding
from pellucid.doctor.pushing import pushed, share_away, shifted_losses

SEVERITY = "error"
FAMILY = "contract"
FOLDS = (
    "exploding-gradients", "nonfinite-values", "oscillating-loss", "learning-rate-too-high", "loss-not-decreasing",
    "saturated-units", "dead-units", "cannot-fit-one-batch", "unsuited-optimizer", "learning-rate-too-low",
    "too-few-epochs", "collapsed-output", "overfitting", "surprising-first-loss", "unstable-logarithm",
    "odd-optimizer-settings", "excessive-weight-decay", "unscaled-inputs", "vanishing-gradients", "stale-statistics",
)  # fmt: skip
KINDS = ("cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits", "mse_loss", "l1_loss",
         "smooth_l1_loss", "huber_loss", "own")  # fmt: skip


def find(flows: TrainingFlows, dynamics: Dynamics | None, optimizers: Optimizers | None) -> Iterator[Finding]:
    """Look at where the gradient sends each output, and whether that is towards its target."""
    # Two losses or two optimizers may be opponents, and then one of them is right to push away.
    if len(flows.per_loss()) > 1 or (optimizers is not None and len(optimizers.optimizers) > 1):
        return
    flow = flows.first
    groups = optimizers.first.groups if optimizers is not None else ()
    is_ascent = any(group.get("maximize") for group in groups)
    losses = [x for x in flow.losses if x.kind in KINDS and x.targets is not None and is_given(x.targets)]
    if not losses or len(losses) < len(flow.losses) or any(_is_weighted(flow, loss) for loss in losses):
        return
    if not is_ascent and not any(_is_suspect(flow, loss) for loss in losses):
        return
    story = ""
    if dynamics is not None:
        story = f"; the loss went from {dynamics.mean_loss(0, 0.02):.3g} to {dynamics.mean_loss(0.95, 1):.3g}"
    pushes = pushed(flow, [loss.outputs for loss in losses])
    shares = [
        share_away(x, push if push is None or not is_ascent else -push) for x, push in zip(losses, pushes, strict=True)
    ]
    known = [share for share in shares if share is not None]
    if known and min(known) > 0.98:
        cause = "the optimizer was made with maximize=True" if is_ascent else "the loss has the wrong sign"
        yield Finding(
            where="the loss",
            place=flow.loss.maker.place if flow.loss is not None and flow.loss.maker is not None else None,
            evidence=f"in {min(known):.0%} of the outputs of the first step, following the gradient moves the output "
            f"away from its target: {cause}{story}",
            fix="leave maximize=True out" if is_ascent else "loss = -loss  # minimise the error, not its opposite",
            confidence=0.96,
        )
        return
    raw = [
        (x, push)
        for x, push in zip(losses, pushes, strict=True)
        if x.kind == "own" and push is not None and _is_raw(x.outputs)
    ]
    if is_ascent or not raw or dynamics is None or dynamics.mean_loss(0.9, 1) > min(0.0, dynamics.losses[0]):
        return
    loss, push = raw[0]
    start, near, far = shifted_losses(flow, loss.outputs, push, (0.0, 1e2, 1e3))
    if math.isfinite(far) and start > near > far and far < -10 and start - far > 5 * (start - near):
        yield Finding(
            where="the loss",
            place=flow.backward_place,
            evidence=f"the loss has no lower bound: {start:.3g} at first, {near:.3g} with outputs 100 further along "
            f"the gradient, {far:.3g} with outputs 1000 further{story}",
            fix="use a loss with a least value: nn.CrossEntropyLoss(), nn.BCEWithLogitsLoss() or nn.MSELoss()",
            confidence=0.8,
        )


def _is_suspect(flow: Flow, loss: Loss) -> bool:
    if loss.kind == "own" or (flow.loss is not None and flow.loss.facts is not None and flow.loss.facts.low < 0):
        return True
    behind = [operation for operation in flow.gradient_path if operation.index > loss.operation.index]
    return any(operation.name not in ("mean", "sum", "add") for operation in behind)


def _is_weighted(flow: Flow, loss: Loss) -> bool:
    """Return whether examples count with numbers of both signs, as rewards do in policy gradients."""
    last = maker(loss.outputs)
    targets = origin(loss.targets).index if loss.targets is not None else -1
    return any(
        not value.requires_grad and value.dtype.is_floating_point and value.size > 1 and value.facts is not None
        and value.facts.low < 0 and origin(value).index != targets and value.weight is None
        for operation in flow.gradient_path if last is None or operation.index > last.index
        if operation.call is None or not operation.call.has_parameters
        for value in operation.inputs
    )  # fmt: skip


def _is_raw(outputs: Value) -> bool:
    last = maker(outputs)
    return last is not None and last.name in AFFINE | {"add"} and any(weight.is_trainable for weight in last.weights)


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        likelihood = torch.log_softmax(network(inputs), dim=1)[torch.arange(256), labels].mean()
        likelihood.backward()
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
        likelihood = torch.log_softmax(network(inputs), dim=1)[torch.arange(256), labels].mean()
        (-likelihood).backward()
        optimizer.step()
