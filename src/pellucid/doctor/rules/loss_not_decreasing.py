"""The loss at the end is no better than at the start.

Why: After all its steps the network answers like one that never looked at its inputs. If it can memorise one batch,
network and optimizer work, and it is the data that do not belong together.

Fix: Print a few inputs beside their labels: were both put in the same order, split and shuffled together? Otherwise
look at the learning rate, and whether the gradient reaches the first layer.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.flow import TrainingFlows
from pellucid.doctor.evidence.loop import Optimizers
from pellucid.doctor.finding import Finding
from pellucid.doctor.progress import guess, remaining, supervised
from pellucid.doctor.trial import Change, Trials

SEVERITY = "error"
FAMILY = "dynamics"
FOLDS = ("too-few-epochs", "overfitting")


def find(flows: TrainingFlows, dynamics: Dynamics, optimizers: Optimizers, trials: Trials | None) -> Iterator[Finding]:
    """Compare the last tenth of the losses with the start and with a guess, then let a copy memorise one batch."""
    flow = flows.first
    loss = supervised(flow)
    if loss is None or len(optimizers.optimizers) > 1 or dynamics.count < 50 or dynamics.first_nonfinite is not None:
        return
    left = remaining(dynamics, flow)
    if left is None or left < 0.92:
        return
    uninformed = guess(flow)
    against = f"; the best answer that looks at no input costs {uninformed:.3g}" if uninformed is not None else ""
    memorised = ""
    can_memorise = False
    if trials is not None and trials.seconds_left > 0.3:
        losses = trials.run(Change("Adam", optimizer=_adam, is_one_batch=True), steps=100)
        can_memorise = len(losses) >= 20 and losses[-1] < 0.5 * losses[0]
        memorised = f"; one batch alone can be memorised ({losses[-1]:.2g} after {len(losses)} steps)"
    yield Finding(
        where="the loss",
        place=loss.operation.place,
        evidence=f"the loss begins at {dynamics.losses[0]:.3g}, and its mean over the last tenth of {dynamics.count} "
        f"steps is {dynamics.mean_loss(0.9, 1):.3g}{against}" + (memorised if can_memorise else ""),
        fix="order = torch.randperm(len(inputs)); inputs, labels = inputs[order], labels[order]  # one order for both"
        if can_memorise
        else "train on one batch until it is memorised, and look at what changes: the learning rate, the loss, the "
        "last layer",
        confidence=0.85 if can_memorise else 0.7,
    )


def _adam(parameters: list[Tensor]) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=0.01)


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(2048, 8)
    labels = ((inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long())[torch.randperm(2048)]
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for rows in (*torch.randperm(2048).split(32), *torch.randperm(2048).split(32)):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(2048, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for rows in (*torch.randperm(2048).split(32), *torch.randperm(2048).split(32)):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
        optimizer.step()
