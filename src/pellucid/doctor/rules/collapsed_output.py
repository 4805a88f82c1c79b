"""Every input gets the same answer.

Why: The network has stopped telling its inputs apart: it gives one class, or one number, for all of them. The loss can
look fine while nothing was learned that depends on the input.

Fix: Look at what makes one answer cheap: class weights that are zero, units that are dead, a learning rate that threw
the weights away. Print how often each class is predicted.
"""

from collections.abc import Iterator

import torch

from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.flow import TrainingFlows, Value
from pellucid.doctor.finding import Finding
from pellucid.doctor.progress import guess, remaining, supervised
from pellucid.doctor.spread import commonest_answer, is_constant
from pellucid.doctor.trial import Trials

SEVERITY = "error"
FAMILY = "dynamics"
FOLDS = ("loss-not-decreasing", "overfitting", "imbalanced-labels")


def find(flows: TrainingFlows, dynamics: Dynamics, trials: Trials) -> Iterator[Finding]:
    """Answer the recorded batches again with the final weights, and compare the spread of answers and targets."""
    loss = supervised(flows.first)
    left = remaining(dynamics, flows.first)
    if loss is None or left is None or dynamics.count < 40:
        return
    # A network that still learns may well begin with one answer for all.
    if left > 0.1 and dynamics.mean_loss(0.8, 1) < 0.97 * dynamics.mean_loss(0.5, 0.75):
        return
    outputs, targets = [], []
    for flow in flows.flows[:6]:
        own = supervised(flow)
        if own is None or own.targets is None or own.operation.place != loss.operation.place:
            continue
        again = trials.values(flow, at="end")
        given = again.of(own.outputs)
        wanted = again.of(own.targets)
        wanted = wanted if wanted is not None else own.targets.tensor
        if given is not None and wanted is not None:
            outputs.append(given.detach())
            targets.append(wanted.detach())
    if not outputs or any(given.shape[1:] != outputs[0].shape[1:] for given in outputs):
        return
    given = torch.cat(outputs)
    seen = commonest_answer(loss, given, torch.cat(targets))
    if seen is None:
        return
    answer, share, common, count = seen
    if count < 32 or share < 0.995 or common > 0.75:
        return
    # One best guess for all is right where inputs say nothing: only outputs that are truly equal are a collapse then.
    uninformed = guess(flows.first)
    if uninformed is not None and 0.9 < dynamics.mean_loss(0.9, 1) / uninformed < 1.1 and not is_constant(given):
        return
    weight = loss.arguments.get("weight")
    weights = weight.tensor if isinstance(weight, Value) else None
    zeros = int((weights == 0).sum()) if weights is not None and weights.ndim == 1 else 0
    seen_classes = weights.numel() if weights is not None else 0
    cause = f"; the class weights of the loss are 0 for {zeros} of {seen_classes} classes" if zeros else ""
    yield Finding(
        where="the output",
        place=loss.operation.place,
        evidence=f"with the final weights {share:.0%} of {count} training examples get the answer {answer}, which is "
        f"right for at most {common:.0%} of them{cause}",
        fix="weight = len(labels) / (len(counts) * counts.float())  # no class may weigh 0"
        if zeros
        else "print(outputs.std(0), outputs.argmax(-1).bincount()) layer by layer to see where examples become equal; "
        "lower the learning rate and start anew",
        confidence=0.95 if zeros else 0.85,
    )


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    weight = torch.tensor([0.0, 1.0, 0.0])
    for _ in range(80):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels, weight=weight).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    weight = torch.tensor([2.0, 1.0, 2.0])
    for _ in range(80):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels, weight=weight).backward()
        optimizer.step()
