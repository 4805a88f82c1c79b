"""BCELoss is given raw or rectified outputs where it wants probabilities.

Why: BCELoss takes the logarithm of its input and of 1 minus its input: outside of 0 to 1 there is none, and PyTorch
stops with an error as soon as one output leaves that range.

Fix: Use BCEWithLogitsLoss on the raw outputs, which is also exact for large ones, or end with a sigmoid.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.ending import Ending
from pellucid.doctor.evidence.flow import TrainingFlows, Value, maker
from pellucid.doctor.evidence.kinds import AFFINE, RECTIFIERS
from pellucid.doctor.evidence.ranges import output_range
from pellucid.doctor.finding import Finding

SEVERITY = "error"
FAMILY = "contract"
FOLDS = (
    "dead-units", "dead-at-start", "nonfinite-values", "unstable-logarithm", "surprising-first-loss", "shape-mismatch",
    "learning-rate-too-high", "wrong-target-type", "collapsed-output", "metric-does-not-fit", "unsuited-optimizer",
    "cannot-fit-one-batch", "output-cannot-reach-targets", "labels-out-of-range", "never-stepped", "unused-parameters",
)  # fmt: skip


def find(flows: TrainingFlows | None, ending: Ending) -> Iterator[Finding]:
    """Look at what each BCELoss was given, also where it raised."""
    given: list[tuple[Value, str | None, bool]] = []
    raised = ending.operation
    if raised is not None and raised.name == "binary_cross_entropy" and raised.error is not None:
        outputs = raised.arguments.get("input")
        if isinstance(outputs, Value):
            given.append((outputs, raised.place, True))
    for flow in flows.per_loss() if flows is not None else ():
        given += [(x.outputs, x.operation.place, False) for x in flow.losses if x.kind == "binary_cross_entropy"]
    seen = set()
    for outputs, place, has_raised in given:
        facts, last = outputs.facts, maker(outputs)
        bounds = output_range(outputs)
        if facts is None or facts.nonfinite or (bounds is not None and bounds.low >= 0 and bounds.high <= 1):
            continue
        is_outside = facts.low < 0 or facts.high > 1
        is_raw = last is not None and any(weight.is_trainable for weight in last.weights) and last.name in AFFINE
        if not is_outside and not is_raw and not (last is not None and last.name in RECTIFIERS):
            continue
        where = last.where if last is not None else "the outputs"
        if where in seen:
            continue
        seen.add(where)
        yield Finding(
            where=where,
            place=last.place if last is not None else place,
            evidence=f"BCELoss (line {place}) wants probabilities, but {where} gives numbers from {facts.low:.3g} to "
            f"{facts.high:.3g}" + (f", and raised: {str(raised.error)[:90]}" if has_raised and raised else "")
            + ("" if is_outside else ": within 0 to 1 only by luck, nothing keeps them there"),
            fix="loss_fn = nn.BCEWithLogitsLoss()  # on the raw outputs\n(or return torch.sigmoid(outputs))",
            confidence=0.97 if is_outside else 0.85,
        )  # fmt: skip


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, :1] + inputs[:, 1:2] > 0).float()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    loss_fn = nn.BCELoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        loss_fn(network(inputs), labels).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, :1] + inputs[:, 1:2] > 0).float()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid())
    loss_fn = nn.BCELoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        loss_fn(network(inputs), labels).backward()
        optimizer.step()
