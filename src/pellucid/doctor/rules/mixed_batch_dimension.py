"""Examples of a batch are mixed: a view, a transpose or a sequence layer takes the batch axis for another one.

Why: A view keeps the numbers in their order: to swap axes one must transpose. nn.LSTM, nn.GRU, nn.MultiheadAttention
take [steps, examples, features] unless batch_first=True. Else an answer depends on the other examples of its batch.

Fix: batch_first=True; x.transpose(0, 1) in place of a view; keep the examples first: x.flatten(1), not x.flatten().
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.data import Batches
from pellucid.doctor.evidence.ending import Ending
from pellucid.doctor.evidence.flow import Operation, TrainingFlows, Value, ancestors
from pellucid.doctor.evidence.kinds import LOSSES
from pellucid.doctor.finding import Finding
from pellucid.doctor.mixing import examples_in, first_mixing
from pellucid.doctor.trial import Trials

SEVERITY = "error"
FAMILY = "architecture"
FOLDS = (
    "shape-mismatch", "wrong-target-type", "silent-broadcast", "too-few-outputs", "loss-not-decreasing", "overfitting",
    "unsuited-optimizer", "learning-rate-too-low", "learning-rate-too-high", "too-few-epochs", "collapsed-output",
    "softmax-over-wrong-dim", "metric-does-not-fit", "never-stepped", "cannot-fit-one-batch", "inputs-ignored",
    "labels-out-of-range", "stale-statistics", "oscillating-loss",
)  # fmt: skip
SEQUENCES = frozenset(("lstm", "gru", "rnn_tanh", "rnn_relu", "multi_head_attention_forward"))
SWAPS = frozenset(("transpose", "permute", "movedim", "T", "mT"))
CUTS = frozenset(("view", "reshape", "flatten", "unflatten", "squeeze"))


def find(
    flows: TrainingFlows | None, ending: Ending, trials: Trials | None, batches: Batches | None
) -> Iterator[Finding]:
    """Look at sequence layers and views with the batch axis in the wrong place; move one example, see which change."""
    raised = ending.operation
    if raised is not None and raised.error is not None:
        yield from _refused(raised)
        return
    for flow in flows.per_loss() if flows is not None else ():
        count = examples_in(flow, batches)
        if count is None or count < 4 or not flow.losses:
            continue
        way = ancestors(flow.losses[0].outputs)
        culprit = next((op for op in way if _takes_examples_for_steps(op, count)), None)
        if culprit is not None:
            yield _sequence(culprit, count)
        elif trials is not None and any(_moves_examples(op, count) for op in way):
            mixing = first_mixing(flow, way, trials, count)
            yield from _blamed(*mixing, count) if mixing is not None else ()


def _sequence(layer: Operation, count: int) -> Finding:
    assert layer.main is not None
    steps = layer.main.shape[1]
    return Finding(
        where=layer.where,
        place=layer.place,
        evidence=f"{layer.where} got {list(layer.main.shape)} and without batch_first it goes through the {count} "
        f"examples as if they were steps of {steps} sequences",
        fix=f"make {layer.where} with batch_first=True",
        confidence=0.96,
    )


def _takes_examples_for_steps(layer: Operation, count: int) -> bool:
    if layer.name not in SEQUENCES or layer.arguments.get("batch_first") is True or layer.main is None:
        return False
    shape = layer.main.shape
    # One sequence whose steps are the examples is a choice.
    return len(shape) == 3 and shape[0] == count and shape[1] not in (1, count)


def _moves_examples(operation: Operation, count: int) -> bool:
    if operation.name not in SWAPS | CUTS or operation.main is None or operation.output is None:
        return False
    before, after = operation.main.shape, operation.output.shape
    return count in before and bool(after) and (before[0] == count) != (after[0] == count)


def _blamed(operation: Operation, value: Value, rows: int, count: int) -> Iterator[Finding]:
    blamed: Operation | None = operation
    if operation.name not in SEQUENCES | SWAPS | CUTS:
        # A layer over the batch axis: what brought that axis there?
        blamed = operation.main.maker if operation.main is not None else None
        if not operation.weights or blamed is None or not _moves_examples(blamed, count):
            return
    assert blamed is not None and blamed.main is not None and blamed.output is not None
    yield Finding(
        where=blamed.where,
        place=blamed.place,
        evidence=f"{blamed.where} makes {list(blamed.output.shape)} of {list(blamed.main.shape)}; with one example "
        f"changed on a copy, {rows} of {value.shape[0]} rows of the result changed",
        fix="keep the examples on the first axis: x.transpose or x.permute to swap axes, x.flatten(1) to flatten",
        confidence=0.93,
    )


def _refused(raised: Operation) -> Iterator[Finding]:
    """Look for what changed the number of rows, when a loss or a layer refused what it got."""
    if raised.name in LOSSES and len(raised.inputs) > 1:
        outputs, targets = raised.inputs[:2]
        if not outputs.shape or not targets.shape or outputs.shape[0] == targets.shape[0]:
            return
        count = targets.shape[0]
        way = ancestors(outputs)
        layer = next((op for op in way if _takes_examples_for_steps(op, count)), None)
        if layer is not None:
            yield _sequence(layer, count)
            return
        names = SWAPS | CUTS | {"index", "select"}
        step = next((op for op in way if op.name in names and _loses_examples(op, count)), None)
        told = f"the outputs are {list(outputs.shape)} for {count} labels"
    elif raised.name == "linear" and raised.main is not None and len(raised.main.shape) == 1:
        step = raised.main.maker if raised.main.maker is not None and raised.main.maker.name in CUTS else None
        told = f"{raised.where} got all examples in one row of {raised.main.shape[0]}"
    else:
        return
    if step is None or step.main is None or step.output is None or len(step.main.shape) < 2:
        return
    size = step.main.size // step.main.shape[0]
    yield Finding(
        where=step.where,
        place=step.place,
        evidence=f"{step.name} makes {list(step.output.shape)} of {list(step.main.shape)}: {told}",
        fix=f"x = x.flatten(1)  # {step.main.shape[0]} examples of {size} numbers"
        if step.name in CUTS
        else "select from the axis of the steps: x[:, -1]",
        confidence=0.92,
    )


def _loses_examples(operation: Operation, count: int) -> bool:
    before, after = operation.main, operation.output
    if before is None or after is None or not before.shape or before.kind == "data":
        return False
    return before.shape[0] == count and (not after.shape or after.shape[0] != count)


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(128, 6, 4)
    labels = (inputs[:, :3].mean((1, 2)) > 0).long() + (inputs[:, 3:].mean((1, 2)) > 0).long()

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(4, 16)
            self.head = nn.Linear(16, 3)

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            steps, _ = self.gru(rows)
            outputs: torch.Tensor = self.head(steps[:, -1])
            return outputs

    network = Classifier()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(40):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(128, 6, 4)
    labels = (inputs[:, :3].mean((1, 2)) > 0).long() + (inputs[:, 3:].mean((1, 2)) > 0).long()

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(4, 16, batch_first=True)
            self.head = nn.Linear(16, 3)

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            steps, _ = self.gru(rows)
            outputs: torch.Tensor = self.head(steps[:, -1])
            return outputs

    network = Classifier()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(40):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
