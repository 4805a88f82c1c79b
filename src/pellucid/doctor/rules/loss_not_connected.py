"""No gradient can flow from the loss back to the weights.

Why: `backward` follows the operations that made the loss. `item`, `detach`, `argmax`, `round`, numpy, a new
`torch.tensor(...)` and `torch.no_grad` end the trail: the weights get no gradient and stay as they are.

Fix: Compute the loss from the network's outputs with differentiable operations only, and call backward on that.
"""

from collections.abc import Iterator, Sequence

from pellucid.doctor.evidence.ending import Ending
from pellucid.doctor.evidence.flow import Flow, Operation, TrainingFlows, Weight
from pellucid.doctor.evidence.labels import is_learned
from pellucid.doctor.evidence.loop import Optimizers
from pellucid.doctor.finding import Finding

SEVERITY = "error"
FAMILY = "contract"
FOLDS = (
    "never-stepped", "unchanged-weights", "loss-not-decreasing", "collapsed-output", "parameters-not-optimized",
    "frozen-parameters", "unused-parameters", "cannot-fit-one-batch", "learning-rate-too-low", "zero-learning-rate",
    "unsuited-optimizer", "too-few-epochs", "inputs-ignored", "overfitting", "metric-does-not-fit", "graph-kept",
    "vanishing-gradients", "surprising-first-loss",
)  # fmt: skip
FLAT = frozenset(("round", "floor", "ceil", "sign", "trunc", "heaviside", "fix"))  # their gradient is 0 everywhere
CUTS = ("item", "tolist", "numpy", "detach", "data", "argmax", "tensor", "float", "int", "array")


def find(flows: TrainingFlows | None, optimizers: Optimizers | None, ending: Ending) -> Iterator[Finding]:
    """Follow each loss back, and see whether it meets a weight that is trained."""
    error = str(ending.error) if ending.error is not None else ""
    if flows is None:
        if isinstance(ending.error, AttributeError) and "no attribute 'backward'" in error:
            yield _finding(ending.flow, ending.place, f"backward was called on no tensor: {error}")
        return
    if not all(flow.is_complete for flow in flows.flows):
        return
    if "does not require grad" in error:
        if any(weight.is_trainable for op in flows.last.operations for weight in op.weights):
            yield _finding(flows.last, flows.last.backward_place, "the loss has no gradient, and backward raised")
        return
    held = optimizers.ids() if optimizers is not None else frozenset()
    reached = {id(weight.live) for flow in flows.flows for weight in _reached(flow)}
    for flow in flows.per_loss():
        trained = [weight for weight in _reached(flow) if weight.is_registered or id(weight.live) in held or not held]
        # A gradient for inputs alone, through a network, is meant: saliency, adversarial examples, style transfer.
        is_for_inputs = bool(_reached(flow)) and any(w.is_registered for op in flow.path for w in op.weights)
        if not trained and not is_for_inputs and _has_trainable(flow.operations):
            yield _finding(flow, flow.backward_place, "the gradient of the loss reaches no weight of the network")
            return
    for entry in optimizers.optimizers if optimizers is not None else ():
        own = {id(parameter) for parameter in entry.parameters if parameter.requires_grad}
        behind = [flow for flow in flows.flows if any(id(w.live) in own for op in flow.path for w in op.weights)]
        if own and entry.steps and behind and not own & reached and len(optimizers.optimizers) > 1:  # type: ignore[union-attr]
            seen = f"none of the {len(own)} parameters of an {entry.kind} gets a gradient from any loss"
            yield _finding(behind[-1], entry.place, seen)


def _reached(flow: Flow) -> list[Weight]:
    """Return the trainable weights that a gradient other than 0 can reach."""
    left = {flow.loss.index} if flow.loss is not None and flow.loss.requires_grad else set()
    found: dict[Weight, None] = {}
    for operation in reversed(flow.path):
        if operation.name not in FLAT and any(value.index in left for value in operation.outputs):
            left.update(value.index for value in operation.inputs if value.requires_grad)
            found.update((value.weight, None) for value in operation.inputs if value.weight and value.requires_grad)
    return list(found)


def _has_trainable(operations: Sequence[Operation]) -> bool:
    return any(weight.is_trainable for operation in operations for weight in operation.weights)


def _finding(flow: Flow | None, place: str | None, seen: str) -> Finding:
    last = flow.backward_index if flow is not None and flow.backward_index is not None else None
    before = [op for op in (flow.operations if flow is not None else ()) if last is None or op.index <= last]
    cut = next((op for op in reversed(before) if op.name in FLAT or ((op.name in CUTS and op.inputs)
                and is_learned(op.inputs[0]))), None)  # fmt: skip
    if cut is None:
        cut = next((op for op in before if not op.grad_enabled and any(w.is_trainable for w in op.weights)), None)
        name = "torch.no_grad()"
    else:
        name = f"{cut.name}()"
    return Finding(
        where="the loss",
        place=cut.place if cut is not None and cut.place else place,
        evidence=seen + (f"; the trail ends at {name}, {cut.place}" if cut is not None else ""),
        fix=("take " + name + " away from the way to the loss:\n" if cut is not None else "")
        + "loss = loss_function(network(inputs), labels)\nloss.backward()",
        confidence=0.97,
    )


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        outputs = network(inputs).detach().requires_grad_()
        nn.functional.cross_entropy(outputs, labels).backward()
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
