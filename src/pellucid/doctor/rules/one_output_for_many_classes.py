"""A single output unit is to tell more than two classes apart.

Why: One sigmoid says how likely class 1 is against class 0, and can name no third class. A target of 2 pushes it
towards 1 without end.

Fix: One output per class, and nn.CrossEntropyLoss on the class numbers.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.data import Batches
from pellucid.doctor.evidence.ending import Ending
from pellucid.doctor.evidence.flow import TrainingFlows
from pellucid.doctor.evidence.labels import are_classes, misfit_of, targets_of
from pellucid.doctor.finding import Finding, Mend

SEVERITY = "error"
FAMILY = "contract"
FOLDS = (
    "output-cannot-reach-targets", "flipped-loss", "metric-does-not-fit", "surprising-first-loss", "unscaled-targets",
    "loss-not-decreasing", "collapsed-output", "cannot-fit-one-batch", "too-few-epochs", "learning-rate-too-low",
    "learning-rate-too-high", "unsuited-optimizer", "too-few-outputs", "labels-out-of-range", "softmax-over-one-unit",
    "exploding-gradients", "logits-into-bce-loss", "wrong-target-type", "oscillating-loss", "overfitting",
    "sigmoid-for-exclusive-classes", "never-stepped",
)  # fmt: skip
BINARY = ("binary_cross_entropy", "binary_cross_entropy_with_logits")
LOGARITHMS = frozenset(("log", "log_sigmoid", "softplus", "log1p"))


def find(flows: TrainingFlows | None, batches: Batches | None, ending: Ending) -> Iterator[Finding]:
    """Count the classes that one output is compared with."""
    misfit = misfit_of(ending, flows, batches)
    if misfit is not None and misfit.width == 1 and len(misfit.classes) > 2:
        yield _finding(misfit.place, sorted(misfit.classes))
    for flow in flows.per_loss() if flows is not None else ():
        for loss in flow.losses:
            is_own = loss.kind == "own" and any(operation.name in LOGARITHMS for operation in flow.gradient_path)
            if not (loss.kind in BINARY or is_own) or not loss.outputs.shape:
                continue
            targets = targets_of(loss, flows.flows if flows is not None else (), batches)
            if targets is None or targets.is_made_up or loss.outputs.size != loss.outputs.shape[0]:
                continue
            assert loss.targets is not None
            classes = targets.classes()
            if loss.targets.size == loss.targets.shape[0] and len(classes) > 2 and are_classes(classes):
                yield _finding(loss.operation.place, sorted(classes))


def _finding(place: str | None, classes: list[int]) -> Finding:
    return Finding(
        where="the last layer",
        place=place,
        evidence=f"the network has a single output for {len(classes)} classes: the labels are "
        + ", ".join(map(str, classes)),
        fix=f"last = nn.Linear(width, {max(classes) + 1})  # one output per class\n"
        "loss = nn.CrossEntropyLoss()(outputs, labels)  # labels: int64 of shape (batch,)",
        mend=Mend("resize", outputs=max(classes) + 1),
        confidence=0.97,
    )


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(network(inputs)[:, 0], labels.float()).backward()
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
