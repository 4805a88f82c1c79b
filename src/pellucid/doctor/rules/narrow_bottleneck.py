"""One or two units stand between wider layers, and everything must pass through them.

Why: A layer of one unit can only put the examples in a line, one of two in a plane: whatever else the layers before
found out is lost. However wide the layers behind are, they cannot bring it back.

Fix: Make the narrow layer wider: at least as many units as there are classes or outputs.
"""

import functools
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.doctor.evidence.flow import Flow, Operation, TrainingFlows, Value, trunk, users, whole
from pellucid.doctor.evidence.kinds import ACTIVATIONS, DROPOUTS, NORMS, SOFTMAXES, VIEWS
from pellucid.doctor.evidence.loop import Optimizers
from pellucid.doctor.finding import Finding
from pellucid.doctor.replay import Surgery
from pellucid.doctor.trial import Change, Trials

SEVERITY = "warning"
FAMILY = "architecture"
FOLDS = (
    "cannot-fit-one-batch", "learning-rate-too-low", "learning-rate-too-high", "unsuited-optimizer", "too-few-epochs",
    "dead-at-start", "dead-units", "loss-not-decreasing", "collapsed-output", "vanishing-gradients", "inputs-ignored",
    "badly-scaled-weights", "unchanged-weights", "odd-optimizer-settings", "saturated-units", "oscillating-loss",
)  # fmt: skip
LINEAR = frozenset(("linear", "matmul", "addmm"))
BETWEEN = VIEWS | DROPOUTS | NORMS | (ACTIVATIONS - SOFTMAXES) | {"add"}


def find(flows: TrainingFlows, optimizers: Optimizers, trials: Trials) -> Iterator[Finding]:
    """Look for a narrow cut of the flow, then train a copy that is wider there."""
    flow = flows.first
    if len(optimizers.optimizers) > 1 or not flow.losses:
        return
    for narrow in flow.gradient_path:
        wide = _next(narrow)
        if wide is None or not _is_cut(flow, narrow) or _rebuilds_inputs(flow):
            continue
        width = min(32, _sizes(narrow)[0], _sizes(wide)[1])
        comparison = trials.compare(_wider(narrow, wide, width, optimizers), steps=80)
        if not comparison.improves(0.7):
            continue
        units = _sizes(narrow)[1]
        yield Finding(
            where=narrow.where,
            place=narrow.place,
            evidence=f"{narrow.where} squeezes {_sizes(narrow)[0]} values into {units}, and {wide.where} makes "
            f"{_sizes(wide)[1]} of them again; {comparison.text()}",
            fix=f"make {narrow.where} {width} units wide instead of {units}, and {wide.where} for {width} inputs",
            confidence=0.92,
        )


def _sizes(layer: Operation) -> tuple[int, int]:
    """Return how many values a layer takes and gives."""
    if layer.main is None or layer.output is None or not layer.main.shape or not layer.output.shape:
        return 0, 0
    return layer.main.shape[-1], layer.output.shape[-1]


def _next(narrow: Operation) -> Operation | None:
    """Return the layer that widens again what this one has narrowed."""
    if narrow.name not in LINEAR or narrow.output is None or not any(w.live.ndim == 2 for w in narrow.weights):
        return None
    given, units = _sizes(narrow)
    if units not in (1, 2) or given <= 2 * units:
        return None
    following = [user for user in users(narrow.output, BETWEEN) if user.output is not None]
    layers = [user for user in following if user.name in LINEAR and any(w.live.ndim == 2 for w in user.weights)]
    is_wider = len(layers) == 1 and layers[0].main is not None and _sizes(layers[0])[1] > 2 * units
    return layers[0] if is_wider and _sizes(layers[0])[0] == units else None


def _is_cut(flow: Flow, narrow: Operation) -> bool:
    """Return whether no data reach the outputs but through this layer."""
    learned = {op.index for op in trunk(narrow.output)} if narrow.output is not None else set()
    entries = {v.index for call in flow.network_calls for v in call.inputs if v.kind in ("data", "made") and v.shape}
    left: list[Value] = [flow.losses[0].outputs]
    seen: set[int] = set()
    while left:
        value = left.pop()
        if value.index in seen or value.maker is narrow:
            continue
        seen.add(value.index)
        if value.index in entries or (value.maker is not None and value.maker.index in learned):
            return False
        if value.maker is not None:
            left.extend(value.maker.inputs)
    return True


def _rebuilds_inputs(flow: Flow) -> bool:
    """Return whether the targets are the inputs: an autoencoder's narrow code is meant."""
    sources = {whole(value).index for call in flow.network_calls for value in call.inputs}
    for loss in flow.losses:
        if loss.targets is None:
            continue
        shapes = [value.shape for call in flow.network_calls for value in call.inputs]
        if whole(loss.targets).index in sources or loss.targets.shape in shapes:
            return True
    return False


def _through(layer: nn.Linear, values: Tensor, *_: Any, **__: Any) -> Tensor:
    return layer(values)  # type: ignore[no-any-return]


def _wider(narrow: Operation, wide: Operation, width: int, optimizers: Optimizers) -> Change:
    generator_state = torch.get_rng_state()
    torch.manual_seed(0)
    first, second = nn.Linear(_sizes(narrow)[0], width), nn.Linear(width, _sizes(wide)[1])
    torch.set_rng_state(generator_state)
    facts = optimizers.first
    settings = {key: value for key, value in facts.groups[0].items() if key not in ("params", "initial_lr")}

    def replace(operation: Operation) -> Any:
        for known, layer in ((narrow, first), (wide, second)):
            if operation.name == known.name and operation.weights == known.weights:
                return functools.partial(_through, layer)
        return None

    def skip(operation: Operation) -> bool:
        sizes = [value.shape[-1] for value in operation.inputs if value.weight is not None and value.shape]
        return operation.name in NORMS | {"add"} and bool(sizes) and set(sizes) == {_sizes(narrow)[1]}

    def optimizer(parameters: list[Tensor]) -> torch.optim.Optimizer:
        groups = [{**settings, "params": [*parameters, *first.parameters(), *second.parameters()]}]
        return type(facts.optimizer)(groups)  # type: ignore[call-arg]

    return Change(f"{width} units", optimizer=optimizer, surgery=Surgery(skip=skip, replace=replace))


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, :3] > 0).long() @ torch.tensor([1, 2, 4])
    network = nn.Sequential(
        nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1), nn.ReLU(), nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 8)
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(80):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, :3] > 0).long() @ torch.tensor([1, 2, 4])
    network = nn.Sequential(
        nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 8)
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(80):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
