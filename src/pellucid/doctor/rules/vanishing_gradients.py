"""Early layers get next to no gradient.

Why: On its way back the gradient is multiplied once per layer; where each factor is below 1 nothing is left for the
first layers. They keep their random weights, and the last layers have only noise to learn from.

Fix: Add residual connections or a normalisation between the layers, initialise for the activation (He for ReLU,
Xavier for tanh), or take fewer layers.
"""

import math
from collections.abc import Iterator
from statistics import median

from torch import Tensor

from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.flow import Facts, Flow, TrainingFlows, Weight
from pellucid.doctor.evidence.kinds import AFFINE, RECTIFIERS, SATURATING
from pellucid.doctor.finding import Finding
from pellucid.doctor.progress import remaining
from pellucid.doctor.trial import Change, Trials

SEVERITY = "error"
FAMILY = "dynamics"
FOLDS = ("learning-rate-too-low", "learning-rate-too-high", "unsuited-optimizer", "unchanged-weights",
         "loss-not-decreasing", "collapsed-output", "too-few-epochs", "cannot-fit-one-batch",
         "odd-optimizer-settings", "dead-units")  # fmt: skip


def find(flows: TrainingFlows, dynamics: Dynamics, trials: Trials) -> Iterator[Finding]:
    """Compare the gradients of the first and last layers at the start, where training never got going."""
    layers = _layers(flows.first)
    if len(layers) < 4 or dynamics.count < 20:
        return
    first, last = median(size for *_, size in layers[:2]), median(size for *_, size in layers[-2:])
    if not 0 < first < 1e-3 * last:
        return
    left = remaining(dynamics, flows.first)
    start = dynamics.mean_loss(0, min(0.02, 3 / len(dynamics.losses)))
    if left is None or (left < 0.7 and dynamics.mean_loss(0.3, 0.5) < 0.9 * start):
        return
    activations = {operation.name for operation in flows.first.path}
    kind = "ReLU" if activations & RECTIFIERS else "tanh" if activations & SATURATING else "linear"
    gain = {"ReLU": 2.0, "tanh": 25 / 9, "linear": 1.0}[kind]
    matrices = {id(weight) for weight, *_ in layers}

    def initialise(weights: dict[Weight, Tensor]) -> None:
        for weight, tensor in weights.items():
            if id(weight) in matrices:
                tensor.normal_(0, math.sqrt(gain / max(1, tensor[0].numel())))

    comparison = trials.compare(Change(f"weights initialised for {kind}", initialise=initialise), steps=60)
    helps = comparison.improves(0.9)
    places = [place for _, place, _ in layers if place]
    init = "nn.init.kaiming_normal_(layer.weight)" if kind == "ReLU" else "nn.init.xavier_normal_(layer.weight, 5 / 3)"
    yield Finding(
        where=layers[0][0].name,
        place=places[0] if places else flows.first.backward_place,
        evidence=f"over {len(layers)} layers the gradient shrinks from {last:.2g} (last layers' weights) to "
        f"{first:.2g} (first layers')" + (f"; {comparison.text()}" if helps else f"; the loss ends at {left:.0%}"),
        fix=f"x = x + block(x)  # a residual connection around each layer, or for each layer: {init}",
        confidence=0.95 if helps else 0.8,
    )


def _layers(flow: Flow) -> list[tuple[Weight, str | None, float]]:
    """Return each weight matrix on the way in order, its place, and the typical size of its gradient."""
    found: dict[int, tuple[Weight, str | None, float]] = {}
    for operation in flow.gradient_path:
        for value in operation.inputs if operation.name in AFFINE else ():
            facts = value.gradient
            if value.weight is not None and value.weight.is_trainable and len(value.shape) > 1 and facts is not None:
                found.setdefault(id(value.weight), (value.weight, operation.place, _size(facts)))
    return list(found.values())


def _size(facts: Facts) -> float:
    return math.hypot(facts.mean, facts.std)


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    layers = nn.ModuleList([nn.Linear(8, 16), *(nn.Linear(16, 16) for _ in range(14))])
    last = nn.Linear(16, 3)
    network = nn.ModuleList([layers, last])
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
    for _ in range(60):
        hidden = inputs
        for layer in layers:
            hidden = nn.functional.gelu(layer(hidden))
        optimizer.zero_grad()
        nn.functional.cross_entropy(last(hidden), labels).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    layers = nn.ModuleList([nn.Linear(8, 16), *(nn.Linear(16, 16) for _ in range(14))])
    last = nn.Linear(16, 3)
    network = nn.ModuleList([layers, last])
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
    for _ in range(60):
        hidden = layers[0](inputs)
        for layer in layers[1:]:
            hidden = hidden + nn.functional.gelu(layer(hidden))
        optimizer.zero_grad()
        nn.functional.cross_entropy(last(hidden), labels).backward()
        optimizer.step()
