"""Before training begins, most units of a layer are zero or saturated for every example.

Why: A ReLU that is 0 for all examples, or a sigmoid or tanh at its end, lets no gradient through: its unit starts dead
and mostly stays so. The fault lies in the initial weights and biases, or in inputs far from unit scale.

Fix: Start biases at 0, weights with nn.init.kaiming_normal_ or PyTorch's own, and standardise the inputs.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from pellucid.doctor.evidence.flow import Operation, TrainingFlows, maker, trunk
from pellucid.doctor.evidence.kinds import AFFINE, RECTIFIERS
from pellucid.doctor.finding import Finding, Mend

SEVERITY = "warning"
FAMILY = "weights"
FOLDS = (
    "dead-units", "saturated-units", "vanishing-gradients", "collapsed-output", "inputs-ignored", "unchanged-weights",
    "loss-not-decreasing", "learning-rate-too-low", "learning-rate-too-high", "unsuited-optimizer",
    "cannot-fit-one-batch", "too-few-epochs", "surprising-first-loss", "odd-optimizer-settings", "overfitting",
)  # fmt: skip


def find(flows: TrainingFlows) -> Iterator[Finding]:
    """Look at the activations of the first batch, before any weight has moved."""
    flow = flows.first
    ends = {m.index for loss in flow.losses if (m := maker(loss.outputs)) is not None}
    for operation in flow.gradient_path if flow.step == 0 else ():
        found = operation.output.tensor if operation.output is not None else None
        if found is None or found.ndim < 2 or found.shape[0] < 16 or operation.index in ends:
            continue
        # Units stand along dimension 1 of rows and images, and along the last one of sequences.
        units = found.movedim(1 if found.ndim in (2, 4) else -1, 0).flatten(1).float()
        before = next((op for op in trunk(operation.outputs[0]) if op.name in AFFINE), None)
        if len(units) < 8 or before is None or not torch.isfinite(units).all():
            continue
        dead = _dead(operation.name, units)
        if dead is None:
            continue
        # Where examples look alike (deep layers, tiny inputs), half of the units is off for all of them by chance.
        share = float(dead.float().mean())
        if share < 0.8:
            continue
        yield Finding(
            where=before.where,
            place=before.place,
            evidence=f"{int(dead.sum())} of {len(dead)} units of {operation.where} are "
            f"{'0' if operation.name in RECTIFIERS else 'saturated'} for all {found.shape[0]} examples of the first "
            f"batch{_bias(before)}",
            fix=f"nn.init.kaiming_normal_(layer.weight); nn.init.zeros_(layer.bias)  # layer: {before.where}",
            mend=Mend("reset", before.paths),
            confidence=0.6 + 0.35 * share,
        )


def _dead(name: str, units: Tensor) -> Tensor | None:
    """Return which units let no gradient through for any example."""
    if name in RECTIFIERS:
        return units.amax(1) <= 0
    if name == "tanh":
        return units.abs().amin(1) > 0.99
    if name == "sigmoid":
        return torch.minimum(units, 1 - units).amax(1) < 0.005
    return None


def _bias(layer: Operation) -> str:
    biases = [weight.initial for weight in layer.weights if weight.initial is not None and weight.initial.ndim == 1]
    return f"; its bias starts at {float(biases[0].float().mean()):.3g} on average" if biases else ""


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    first = nn.Linear(8, 16)
    network = nn.Sequential(first, nn.ReLU(), nn.Linear(16, 3))
    nn.init.constant_(first.bias, -8.0)
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
    first = nn.Linear(8, 16)
    network = nn.Sequential(first, nn.ReLU(), nn.Linear(16, 3))
    nn.init.constant_(first.bias, 0.1)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
