"""ReLU units are zero for every example.

Why: Where a ReLU gives 0 no gradient passes, so a unit that is 0 for all examples never changes again. The network is
narrower than it looks.

Fix: Lower the learning rate, or take nn.LeakyReLU or nn.GELU; check the initial biases and the scale of the inputs.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from pellucid.doctor.evidence.flow import Operation, TrainingFlows, Weight, trunk
from pellucid.doctor.evidence.kinds import AFFINE, NORMS, RECTIFIERS
from pellucid.doctor.evidence.loop import Loop
from pellucid.doctor.finding import Finding
from pellucid.doctor.trial import Change, Comparison, Trials

SEVERITY = "warning"
FAMILY = "dynamics"
FOLDS = ("vanishing-gradients", "unchanged-weights", "collapsed-output")
SHARE, NEARLY_ALL = 0.5, 0.9


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
            # A layer may be wider than its task needs: then nothing is lost with the units that fell asleep.
            woken = _woken(operation, dead, trials) if share < NEARLY_ALL else None
            if share < NEARLY_ALL and (woken is None or not woken.improves(0.75)):
                continue
            yield Finding(
                where=operation.where,
                place=operation.place,
                evidence=f"{int(dead.sum())} of {len(dead)} units of {operation.where} are 0 for all "
                f"{final.shape[0]} examples of a training batch after {loop.steps} steps"
                + (f"; going on from there, {woken.text()}" if woken is not None else ""),
                fix="lower the learning rate, or replace nn.ReLU() by nn.LeakyReLU(0.01)",
                confidence=min(0.95, 0.5 + share / 2),
            )


def _woken(operation: Operation, dead: Tensor, trials: Trials) -> Comparison | None:
    """Go on from the end, as it is and with the dead units drawn anew; at a smaller rate, which does not kill them."""
    before = [made_by for made_by, _ in zip(trunk(operation.inputs[0]), range(4), strict=False)]
    layer = next((made_by for made_by in before if made_by.name in AFFINE), None)
    if layer is None:
        return None
    norms = [made_by for made_by in before[: before.index(layer)] if made_by.name in NORMS]

    def wake(weights: dict[Weight, Tensor]) -> None:
        for weight, tensor in weights.items():
            if tensor.shape[:1] != dead.shape:
                continue
            if weight in layer.weights:
                bound = float(tensor[0].numel()) ** -0.5
                tensor[dead] = torch.rand_like(tensor[dead]) * 2 * bound - bound if tensor.ndim > 1 else 0.0
            for norm in norms:
                if weight in norm.weights and not weight.is_buffer:
                    tensor[dead] = 1.0 if weight is norm.weights[0] else 0.0

    asleep = trials.run(Change("as it is", rate_factor=0.3), steps=80, at="end")
    awake = trials.run(Change("these units woken", rate_factor=0.3, initialise=wake), steps=80, at="end")
    return Comparison("these units woken", asleep, awake) if min(len(asleep), len(awake)) >= 40 else None


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 2)
    labels = ((inputs[:, 0] > 0) ^ (inputs[:, 1] > 0)).long()
    first, last = nn.Linear(2, 16), nn.Linear(16, 2)
    optimizer = torch.optim.SGD([*first.parameters(), *last.parameters()], lr=0.5)
    for step in range(300):
        optimizer.zero_grad()
        nn.functional.cross_entropy(last(first(inputs).relu()), labels).backward()
        optimizer.step()
        if step == 20:
            with torch.no_grad():
                first.bias[:14] -= 8.0  # as one step that is far too large leaves them


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 2)
    labels = ((inputs[:, 0] > 0) ^ (inputs[:, 1] > 0)).long()
    first, last = nn.Linear(2, 16), nn.Linear(16, 2)
    optimizer = torch.optim.SGD([*first.parameters(), *last.parameters()], lr=0.5)
    for _ in range(300):
        optimizer.zero_grad()
        nn.functional.cross_entropy(last(first(inputs).relu()), labels).backward()
        optimizer.step()
