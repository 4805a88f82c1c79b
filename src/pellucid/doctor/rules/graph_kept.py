"""Losses are kept with their graph over many steps: a running sum or a list of tensors that still ask for gradients.

Why: A loss tensor holds on to everything that it was computed by. Adding it to a total, or keeping it in a list, keeps
the graph of every step alive: memory grows and each step gets slower.

Fix: Keep the number: total += loss.item(), losses.append(loss.item()); hidden = hidden.detach() between sequences.
"""

from collections.abc import Iterator
from typing import Any

from pellucid.doctor.evidence.ending import Ending
from pellucid.doctor.evidence.flow import EvaluationFlows, Operation, TrainingFlows, ancestors
from pellucid.doctor.evidence.loop import Loop
from pellucid.doctor.finding import Finding

SEVERITY = "warning"
FAMILY = "loop"
FOLDS = ()


def find(flows: TrainingFlows, evaluations: EvaluationFlows | None, loop: Loop, ending: Ending) -> Iterator[Finding]:
    """Look for what is made beside the loss from the losses of three steps or more, with its graph."""
    if "backward through the graph a second time" in str(ending.error):
        yield Finding(
            where="the training loop",
            place=ending.place,
            evidence="backward reached the graph of an earlier step, which was already freed: a tensor of that step "
            "(a hidden state, a running loss) is used again with its graph",
            fix="hidden = hidden.detach()  # at the start of each step",
            severity="error",
            confidence=0.9,
        )
        return
    for flow in reversed(flows.flows):
        path = {operation.index for operation in flow.path}
        for operation in reversed(flow.operations):
            if operation.index not in path and _is_kept(operation):
                made = {v.index for op in _graph(operation) for v in op.outputs}
                steps = [f.step for f in flows.flows if f.loss is not None and f.loss.index in made]
                if len(set(steps)) >= 3:
                    yield _finding(
                        operation, f"after step {flow.step} it holds the graphs of {len(steps)} traced losses"
                    )
                    return
        earlier = [f for f in flows.flows if f.step < flow.step]
        reached = {value.index for op in flow.gradient_path for value in op.outputs}
        carried = [f for f in earlier if any(v.index in reached for call in f.network_calls for v in call.outputs)]
        if len({f.step for f in carried}) >= 3:
            yield _finding(
                flow.gradient_path[0], f"the loss of step {flow.step} goes back to {len(carried)} earlier steps"
            )
            return
    for flow in evaluations.flows if evaluations is not None else ():
        sums = [op for op in flow.operations if op.name == "add" and _is_kept(op)]
        for operation in sums[-1:]:
            calls = {id(op.call) for op in _graph(operation) if op.call and op.call.has_parameters}
            if len(calls) >= 3:
                yield _finding(operation, f"in an evaluation it holds the graphs of {len(calls)} batches")
                return
    if loop.losses_alive >= 20:
        yield Finding(
            where="the training loop",
            place=loop.backward_place,
            evidence=f"{loop.losses_alive} losses of earlier steps are still held, each with its graph",
            fix="losses.append(loss.item())",
            confidence=0.9,
        )


def _is_kept(operation: Operation) -> bool:
    output = operation.output
    return output is not None and output.requires_grad and output.size == 1 and operation.grad_enabled


def _graph(operation: Operation) -> tuple[Operation, ...]:
    """Return the operations that a value's gradient would pass."""
    output = operation.output
    assert output is not None
    reached = {output.index}
    found = []
    for made_by in reversed(ancestors(output)):
        if any(value.index in reached for value in made_by.outputs):
            found.append(made_by)
            reached.update(value.index for value in made_by.inputs if value.requires_grad)
    return tuple(found)


def _finding(operation: Operation, evidence: str) -> Finding:
    return Finding(
        where=operation.where,
        place=operation.place,
        evidence=f"{operation.name} makes a tensor that asks for gradients: {evidence}",
        fix="total += loss.item()",
        confidence=0.93,
    )


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    total: Any = 0.0
    for _ in range(60):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(network(inputs), labels)
        loss.backward()
        optimizer.step()
        total += loss
    print(f"mean loss {total / 60:.3f}")


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    total: Any = 0.0
    for _ in range(60):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(network(inputs), labels)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"mean loss {total / 60:.3f}")
