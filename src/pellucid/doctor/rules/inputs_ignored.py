"""The outputs do not depend on the inputs, or on a large part of them.

Why: What never reaches the outputs, the network cannot use: all time steps but the first, two channels of three, or all
of the data. It then learns from less than it is given.

Fix: Follow the inputs to the outputs and look for a wrong index or a variable used instead of another.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from pellucid.doctor.evidence.flow import Flow, TrainingFlows, Value
from pellucid.doctor.evidence.kinds import RECURRENT
from pellucid.doctor.finding import Finding
from pellucid.doctor.replay import Surgery, input_values
from pellucid.doctor.trial import Trials

SEVERITY = "error"
FAMILY = "data"
FOLDS = (
    "collapsed-output", "loss-not-decreasing", "learning-rate-too-low", "learning-rate-too-high", "unsuited-optimizer",
    "cannot-fit-one-batch", "too-few-epochs", "overfitting", "unchanged-weights", "vanishing-gradients",
    "odd-optimizer-settings", "unused-parameters", "constant-input",
)  # fmt: skip


def find(flows: TrainingFlows, trials: Trials) -> Iterator[Finding]:
    """Compute the gradient of the loss for the inputs, at the start and at the end: where is it exactly 0 for all?"""
    flow = flows.first
    entering = [value for value in input_values(flow) if not value.requires_grad]
    values = [value for value in (*entering, *_embedded(flow)) if len(value.shape) > 1 and value.shape[0] >= 8]
    if not values:
        return
    tracked = Surgery(inputs=lambda tensor: tensor.detach().clone().requires_grad_())
    replayed = [trials.values(flow, at=at, with_gradients=True, surgery=tracked) for at in ("start", "end")]
    for value in values:
        data = replayed[0].of(value)
        data = value.tensor if data is None else data
        gradients = [again.gradients.get(value.index) for again in replayed]
        if data is None or data.ndim < 2 or not torch.isfinite(data).all():
            continue
        varies = data.float().std(0) > 1e-6
        if any(gradient is None for gradient in gradients):
            part = "the whole input" if varies.any() and _is_dead_end(flow, value, entering, trials) else None
        else:
            ignored = torch.stack([(g == 0).all(0) for g in gradients if g is not None]).all(0)
            part = _part(ignored, varies, _may_fade(flow, data))
        if part is None:
            continue
        call = flow.network_calls[0] if flow.network_calls else None
        yield Finding(
            where="the inputs",
            place=next((op.place for op in value.users if op.place), call.place if call else flow.backward_place),
            evidence=f"the outputs do not change with {part} of the input {list(data.shape)}: its gradient is exactly "
            f"0 for all {len(data)} examples, before and after training",
            fix="use what is left out, e.g. states[:, -1] (the last step) instead of states[:, 0] (the first)"
            if data.ndim == 3
            else "look in forward for an index, or for a variable that stands where the input should",
            confidence=0.9,
        )
        return


def _embedded(flow: Flow) -> list[Value]:
    """Return the vectors that were looked up for tokens of the data."""
    tokens = [op for op in flow.gradient_path if op.name == "embedding" and op.outputs and op.main is not None]
    return [op.outputs[0] for op in tokens if len(op.outputs[0].shape) == 3]


def _part(ignored: Tensor, varies: Tensor, may_fade: bool) -> str | None:
    """Name the part that is ignored, if it is at least half of what varies; margins and strides are no fault."""
    if not varies.any() or not (ignored & varies).any():
        return None
    if bool((ignored | ~varies).all()):
        return "any part"
    for axis in range(ignored.ndim):
        rows = [other for other in range(ignored.ndim) if other != axis]
        seen = ignored.amin(rows) if rows else ignored
        moving = varies.amax(rows) if rows else varies
        run = best = end = 0
        for position in range(len(seen)):
            run = run + 1 if seen[position] and moving[position] else 0
            best, end = (run, position + 1) if run >= best else (best, end)
        # In a long recurrence the gradient of early steps fades to exactly 0: only what comes after is then left out.
        if may_fade and end < len(seen):
            continue
        if best < 2 and ignored.ndim > 1:
            continue
        if ignored.ndim == 1 and float((seen & moving).sum()) >= 0.5 * float(moving.sum()):
            return f"{int((seen & moving).sum())} of {int(moving.sum())} features"
        if best >= 0.5 * float(moving.sum()):
            return f"positions {end - best} to {end - 1} of dimension {axis + 1}"
    return None


def _may_fade(flow: Flow, data: Tensor) -> bool:
    return any(op.name in RECURRENT for op in flow.path) or (data.ndim == 3 and data.shape[1] > 60)


def _is_dead_end(flow: Flow, value: Value, entering: list[Value], trials: Trials) -> bool:
    """Return whether the loss is the same with other inputs: that no gradient came proves nothing alone."""
    if value not in entering or len(entering) > 1 or not flow.is_complete:
        return False
    reached = {value.index}
    for operation in flow.path:
        # Of these only the shape counts.
        if not operation.name.endswith("_like") and any(entry.index in reached for entry in operation.inputs):
            reached.update(output.index for output in operation.outputs)
    if flow.loss is not None and flow.loss.index not in reached:
        return True
    moved = Surgery(inputs=lambda tensor: tensor.roll(1, 0) + 0.5 * tensor)
    return trials.values(flow, at="end").loss == trials.values(flow, at="end", surgery=moved).loss


def sick() -> None:
    import torch
    from torch import nn

    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.memory = nn.GRU(4, 24, batch_first=True)
            self.out = nn.Linear(24, 3)

        def forward(self, series: torch.Tensor) -> torch.Tensor:
            states, _ = self.memory(series)
            logits: torch.Tensor = self.out(states[:, 0])
            return logits

    torch.manual_seed(0)
    inputs = torch.randn(192, 5, 4)
    labels = (inputs[:, 4, 0] > 0).long() + (inputs[:, 4, 1] > 0).long()
    network = Reader()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.memory = nn.GRU(4, 24, batch_first=True)
            self.out = nn.Linear(24, 3)

        def forward(self, series: torch.Tensor) -> torch.Tensor:
            states, _ = self.memory(series)
            logits: torch.Tensor = self.out(states[:, -1])
            return logits

    torch.manual_seed(0)
    inputs = torch.randn(192, 5, 4)
    labels = (inputs[:, 4, 0] > 0).long() + (inputs[:, 4, 1] > 0).long()
    network = Reader()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
