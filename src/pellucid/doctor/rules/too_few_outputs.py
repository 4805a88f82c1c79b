"""Labels reach beyond the network's last output.

Why: Cross-entropy looks up the output of the right class, and there is none for the highest class numbers. On a GPU the
lookup fails later and without a clear word.

Fix: Make the last layer as wide as there are classes.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.data import Batches
from pellucid.doctor.evidence.ending import Ending
from pellucid.doctor.evidence.flow import TrainingFlows
from pellucid.doctor.evidence.labels import is_one_hot, misfit_of
from pellucid.doctor.finding import Finding, Mend

SEVERITY = "error"
FAMILY = "contract"
FOLDS = ("never-stepped", "labels-out-of-range", "softmax-over-one-unit", "wrong-target-type", "shape-mismatch",
         "loss-not-connected")  # fmt: skip


def find(ending: Ending, flows: TrainingFlows | None, batches: Batches | None) -> Iterator[Finding]:
    """Look at the class numbers of the loss that raised."""
    misfit = misfit_of(ending, flows, batches)
    if misfit is not None:
        low, high = min(misfit.classes), max(misfit.classes)
        # No class 0 and no more classes than outputs: the numbers are wrong, not the width.
        if low < 0 or (0 not in misfit.classes and len(misfit.classes) <= misfit.width):
            return
        yield _finding(misfit.place, misfit.width, low, high)
    operation = ending.operation
    if operation is not None and operation.name.startswith(("binary_cross", "mse")) and len(operation.inputs) > 1:
        outputs, targets = operation.inputs[:2]
        has_rows = len(outputs.shape) == 2 and is_one_hot(targets.tensor) and outputs.shape[0] == targets.shape[0]
        if has_rows and 1 < outputs.shape[1] < targets.shape[1]:
            yield _finding(operation.place, outputs.shape[1], 0, targets.shape[1] - 1)


def _finding(place: str | None, width: int, low: int, high: int) -> Finding:
    return Finding(
        where="the last layer",
        place=place,
        evidence=f"the network has {width} output{'s' if width > 1 else ''}, for class numbers up to {width - 1}; the "
        f"labels go from {low} to {high}",
        fix=f"make the last layer {high + 1} wide instead of {width}",
        mend=Mend("resize", outputs=high + 1),
        confidence=0.97,
    )


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
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
