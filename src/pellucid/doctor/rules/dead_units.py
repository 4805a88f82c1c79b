"""ReLU units are zero for every example.

Why: Where a ReLU gives 0 no gradient passes, so a unit that is 0 for all examples never changes again. The network is
narrower than it looks.

Fix: Lower the learning rate, or take nn.LeakyReLU or nn.GELU; check the initial biases and the scale of the inputs.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.flow import TrainingFlows
from pellucid.doctor.evidence.kinds import RECTIFIERS
from pellucid.doctor.evidence.loop import Loop
from pellucid.doctor.finding import Finding
from pellucid.doctor.trial import Trials

SEVERITY = "warning"
FAMILY = "dynamics"
FOLDS = ("vanishing-gradients", "unchanged-weights")
SHARE = 0.5


def find(flows: TrainingFlows, loop: Loop, trials: Trials) -> Iterator[Finding]:
    """Compute a traced step again with the final weights, and look for units that no example wakes."""
    if loop.steps < 20:
        return
    flow = flows.first
    again = trials.values(flow, at="end")
    for operation in flow.path:
        output = operation.output
        if operation.name not in RECTIFIERS or output is None or len(output.shape) < 2:
            continue
        final = again.of(output)
        if final is None or final.shape[1] < 4:
            continue
        # Units stand along dimension 1 of rows and images, and along the last one of sequences.
        unit = 1 if final.ndim in (2, 4) else final.ndim - 1
        dead = final.movedim(unit, 0).flatten(1).amax(1) <= 0
        share = float(dead.float().mean())
        if share >= SHARE and final.shape[0] >= 16:
            yield Finding(
                where=operation.where,
                place=operation.place,
                evidence=f"{int(dead.sum())} of {len(dead)} units of {operation.where} are 0 for all "
                f"{final.shape[0]} examples of a training batch after {loop.steps} steps",
                fix="lower the learning rate, or replace nn.ReLU() by nn.LeakyReLU(0.01)",
                confidence=min(0.95, 0.5 + share / 2),
            )


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()

    first = nn.Linear(8, 32)
    with torch.no_grad():
        first.bias[:24] = -20.0
    network = nn.Sequential(first, nn.ReLU(), nn.Linear(32, 3))
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
