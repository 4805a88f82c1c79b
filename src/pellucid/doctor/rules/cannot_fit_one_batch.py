"""A copy of the network cannot even memorise one small batch.

Why: With more weights than answers any sound network can learn a single batch by heart. One that cannot loses the
inputs on the way, or its output cannot become what the targets ask.

Fix: Look at the layer that the finding names: where do different examples become the same? Pool later, widen it, or
remove it.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.flow import TrainingFlows
from pellucid.doctor.evidence.kinds import AFFINE, DROPOUTS, RECURRENT
from pellucid.doctor.evidence.loop import Optimizers
from pellucid.doctor.finding import Finding
from pellucid.doctor.progress import CLASS_LOSSES, guess, remaining, supervised
from pellucid.doctor.replay import Surgery
from pellucid.doctor.spread import bottleneck
from pellucid.doctor.trial import Change, Trials

SEVERITY = "error"
FAMILY = "dynamics"
FOLDS = ("collapsed-output", "loss-not-decreasing", "unsuited-optimizer", "too-few-epochs", "learning-rate-too-low",
         "oscillating-loss", "unchanged-weights", "dead-units")  # fmt: skip


def find(flows: TrainingFlows, dynamics: Dynamics, optimizers: Optimizers, trials: Trials) -> Iterator[Finding]:
    """Where training came to nothing, train copies on the first batch alone, with Adam and without dropout."""
    flow = flows.first
    loss = supervised(flow)
    left = remaining(dynamics, flow)
    if loss is None or loss.targets is None or len(optimizers.optimizers) > 1 or dynamics.count < 20:
        return
    if left is None or left < 0.7 or dynamics.first_nonfinite is not None or loss.outputs.facts is None:
        return
    rows = loss.targets.size if loss.kind in CLASS_LOSSES else loss.outputs.size
    weights = sum(weight.live.numel() for weight in flow.weights if weight.is_trainable)
    # A linear model, or one with few weights, need not be able to: that is no fault.
    layers = [operation for operation in flow.gradient_path if operation.name in AFFINE | RECURRENT]
    if weights < 5 * rows or len(layers) < 2 or not 4 <= rows <= 1024:
        return
    undropped = Surgery(skip=lambda operation: operation.name in DROPOUTS)
    reached: list[tuple[float, int]] = []
    start = 0.0
    for rate in (0.01, 0.002):
        change = Change("Adam", optimizer=_adam(rate), is_one_batch=True, surgery=undropped)
        losses = trials.run(change, steps=150)
        start = losses[0]
        if min(losses) < 0.6 * min(start, guess(flow) or start) or len(losses) < 60:
            return
        reached.append((min(losses), len(losses)))
    best, steps = min(reached)
    culprit, lost = bottleneck(flow, trials)
    yield Finding(
        where=culprit.where if culprit is not None else "the network",
        place=culprit.place if culprit is not None else loss.operation.place,
        evidence=f"trained on the first batch alone ({rows} answers, {weights} weights), a copy gets from {start:.3g} "
        f"no lower than {best:.3g} in {steps} steps of Adam{lost}",
        fix=f"move {culprit.where} behind the layers that learn, or remove it"
        if culprit is not None
        else "print((outputs.std(0)).mean()) after each layer to find where the examples become equal",
        confidence=0.95 if culprit is not None else 0.85,
    )


def _adam(rate: float) -> Callable[[list[Tensor]], torch.optim.Optimizer]:
    return lambda parameters: torch.optim.Adam(parameters, lr=rate)


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.rand(256, 1, 6, 6)
    labels = (inputs[:, 0, :3].mean((1, 2)) > inputs[:, 0, 3:].mean((1, 2))).long()
    body = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Flatten())
    network = nn.Sequential(body, nn.Linear(16, 32), nn.Tanh(), nn.Linear(32, 2))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.005)
    for _ in range(20):
        for rows in torch.randperm(256).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
            optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.rand(256, 1, 6, 6)
    labels = (inputs[:, 0, :3].mean((1, 2)) > inputs[:, 0, 3:].mean((1, 2))).long()
    body = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
    network = nn.Sequential(body, nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 2))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.005)
    for _ in range(20):
        for rows in torch.randperm(256).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
            optimizer.step()
