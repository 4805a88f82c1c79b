"""Gradients of several batches are added up for one step, and not divided by their number.

Why: The sum of k mean gradients is k times a mean gradient: the steps are k times as large as the learning rate says,
and training becomes unstable.

Fix: Divide each loss by the number of batches per step: (loss / accumulate).backward().
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.flow import Flow, TrainingFlows
from pellucid.doctor.evidence.loop import Loop, Optimizers
from pellucid.doctor.finding import Finding
from pellucid.doctor.replay import TrialImpossible
from pellucid.doctor.trial import Change, Trials

SEVERITY = "warning"
FAMILY = "loop"
FOLDS = ("learning-rate-too-high", "oscillating-loss", "exploding-gradients", "dead-units", "nonfinite-values",
         "loss-not-decreasing", "unsuited-optimizer", "saturated-units", "collapsed-output", "odd-optimizer-settings",
         "unscaled-inputs", "excessive-weight-decay", "cannot-fit-one-batch", "summed-loss")  # fmt: skip
# Their steps do not grow with the gradient.
SCALELESS = frozenset(("Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Adagrad", "Adadelta", "Rprop", "LBFGS",
                       "Adafactor", "SparseAdam"))  # fmt: skip


def find(
    flows: TrainingFlows, dynamics: Dynamics, optimizers: Optimizers, loop: Loop, trials: Trials
) -> Iterator[Finding]:
    """Count the backward passes per step and how each loss was scaled; then train a copy with the mean."""
    facts = optimizers.first
    if len(optimizers.optimizers) > 1 or facts.kind in SCALELESS or loop.steps < 3:
        return
    number = round((loop.backwards - 0.5) / loop.steps)
    passes = [flow for flow in flows.flows if flow.step == flows.last.step]
    scale = _scale(passes[0])
    shapes = {tuple(weight.live.shape) for weight in passes[-1].weights}
    after = [
        op for op in passes[-1].operations if op.index > (passes[-1].backward_index or 0) and op.output is not None
    ]
    is_divided = any(op.name in ("div", "mul") and op.output and op.output.shape in shapes for op in after)
    if (
        number < 2
        or number > 1000
        or len({flow.backward_place for flow in flows.flows}) > 1
        or _longest_run(loop) < 2
        or any(step.clipped_to is not None or step.was_clean is False for step in dynamics.steps[1:])
        or scale is None
        or scale * number < 1.5
        or is_divided
    ):
        return
    # A trial step replays every backward pass: where there is no time, the run itself must have failed.
    try:
        comparison = trials.compare(Change(f"the mean of {number} gradients", rate_factor=1 / number), steps=40)
        text = comparison.text() if comparison.improves(0.8) else None
    except TrialImpossible:
        start, end = dynamics.losses[0], dynamics.mean_loss(0.8, 1)
        text = None if end < 0.9 * start else f"the loss was {start:.3g} at the start and {end:.3g} at the end"
    if text is not None:
        yield Finding(
            where="the training loop",
            place=loop.backward_place,
            evidence=f"{number} backward passes add up before each step, each with factor {scale:.3g}; {text}",
            fix=f"(loss / {number}).backward()",
            confidence=0.93,
        )


def _scale(flow: Flow) -> float | None:
    """Return the factor between the loss functions' means and what `backward` was called on."""
    total = sum(loss.operation.output.facts.mean for loss in flow.losses if loss.operation.output is not None
                and loss.operation.output.facts is not None)  # fmt: skip
    if flow.loss is None or flow.loss.facts is None or not total:
        return None
    return flow.loss.facts.mean / total


def _longest_run(loop: Loop) -> int:
    """Return the most backward passes between a clearing or a step and the next."""
    best = current = 0
    for event in loop.events:
        current = 0 if event.kind in ("zero_grad", "step") else current + (event.kind == "backward")
        best = max(best, current)
    return best


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.3, momentum=0.9)
    for _ in range(30):
        optimizer.zero_grad()
        for rows in torch.randperm(256).split(8):
            loss = nn.functional.cross_entropy(network(inputs[rows]), labels[rows])
            loss.backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.3, momentum=0.9)
    for _ in range(30):
        optimizer.zero_grad()
        for rows in torch.randperm(256).split(8):
            loss = nn.functional.cross_entropy(network(inputs[rows]), labels[rows])
            (loss / 32).backward()
        optimizer.step()
