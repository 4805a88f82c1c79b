"""Training ended while the loss was still falling steadily.

Why: The last epochs still brought large gains, so the network that is judged or saved is half trained. What it cannot
do yet says nothing about what it could.

Fix: Train for more epochs, until the validation loss stops falling.
"""

from collections.abc import Iterator
from itertools import pairwise
from statistics import fmean

from pellucid.doctor.evidence.data import Batches
from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.ending import Ending
from pellucid.doctor.evidence.flow import TrainingFlows
from pellucid.doctor.evidence.loop import Loop, Optimizers
from pellucid.doctor.finding import Finding
from pellucid.doctor.progress import passes, remaining, supervised
from pellucid.doctor.trial import AS_WRITTEN, Trials

SEVERITY = "warning"
FAMILY = "optimizer"
FOLDS = ("collapsed-output",)


def find(
    flows: TrainingFlows, dynamics: Dynamics, optimizers: Optimizers, loop: Loop, batches: Batches | None,
    ending: Ending, trials: Trials,
) -> Iterator[Finding]:  # fmt: skip
    """Suspect a short run that fell in every stretch to its end, then let a copy go on from where it stopped."""
    losses = dynamics.losses
    if ending.kind != "finished" or len(optimizers.optimizers) > 1 or supervised(flows.first) is None:
        return
    if not 4 <= len(losses) <= 200 or dynamics.first_nonfinite is not None:
        return
    epochs = passes(batches, len(losses))
    # A full batch in every step: only a handful of steps is surely too short.
    if epochs is None or epochs > 3.5 or (epochs >= 0.9 * len(losses) and len(losses) > 8):
        return
    left = remaining(dynamics, flows.first)
    size = len(losses) // 4
    quarters = [fmean(losses[place * size : (place + 1) * size]) for place in range(4)]
    is_falling = all(after < before for before, after in pairwise(quarters))
    if left is None or left < 0.4 or not is_falling or quarters[3] > 0.93 * quarters[2]:
        return
    further = trials.run(AS_WRITTEN, steps=max(20, min(len(losses), 60)), at="end")
    end = fmean(further[-max(1, len(further) // 4) :])
    if end > 0.7 * quarters[3]:
        return
    shown = ", ".join(f"{quarter:.3g}" for quarter in quarters)
    yield Finding(
        where="the training loop",
        place=loop.step_place,
        evidence=f"the loss fell in each quarter of the {len(losses)} steps ({shown}) "
        f"and was still falling after {epochs:.0f} {'pass' if round(epochs) == 1 else 'passes'} through the data; a "
        f"copy that goes on for {len(further)} steps reaches {end:.3g}",
        fix=f"epochs = {max(10, round(epochs) * 10)}",
        confidence=0.85,
    )


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(512, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(2):
        for rows in torch.randperm(512).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
            optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(512, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(12):
        for rows in torch.randperm(512).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
            optimizer.step()
