"""Three or more layers in a row end in sigmoid or tanh, with neither normalisation nor a shortcut between them.

Why: The slope of a sigmoid is at most 1/4, that of a tanh at most 1, and each layer multiplies the gradient by it.
After a few layers next to nothing is left for the first ones: they stay as they were initialised.

Fix: Use nn.ReLU() (or nn.GELU()) in the hidden layers, or put normalisation or shortcuts between them.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from pellucid.doctor.evidence.flow import Operation, TrainingFlows, users
from pellucid.doctor.evidence.kinds import AFFINE, DROPOUTS, POOLS, SATURATING, VIEWS
from pellucid.doctor.finding import Finding, Mend
from pellucid.doctor.replay import Surgery
from pellucid.doctor.trial import Change, Trials

SEVERITY = "warning"
FAMILY = "architecture"
FOLDS = (
    "vanishing-gradients", "learning-rate-too-low", "unsuited-optimizer", "loss-not-decreasing", "too-few-epochs",
    "saturated-units", "dead-at-start", "collapsed-output", "badly-scaled-weights", "unchanged-weights",
    "cannot-fit-one-batch", "inputs-ignored", "surprising-first-loss", "odd-optimizer-settings", "oscillating-loss",
)  # fmt: skip
BETWEEN = AFFINE | VIEWS | DROPOUTS | POOLS | {"add", "mul", "div", "sub"}


def find(flows: TrainingFlows, trials: Trials) -> Iterator[Finding]:
    """Look for a chain whose gradient fades, and try another activation on a copy."""
    for flow in flows.per_loss():
        chains = [_chain(operation) for operation in flow.gradient_path if operation.name in SATURATING]
        chain, layers = max(chains, key=lambda entry: len(entry[0]), default=([], []))
        if len(chain) < 3:
            continue
        shares = [_relative_gradient(layer) for layer in (layers[-1], layers[0])]
        is_sigmoid = sum("sigmoid" in operation.name for operation in chain) >= 2
        fade = shares[0] / shares[1] if shares[0] is not None and shares[1] else 1.0
        if fade > (0.1 if is_sigmoid else 0.05):
            continue
        spots = {(operation.place, operation.path) for operation in chain}

        def instead(operation: Operation, spots: Any = spots) -> Any:
            is_meant = operation.name in SATURATING and (operation.place, operation.path) in spots
            return _rectified if is_meant else None

        comparison = trials.compare(Change("ReLU in their place", surgery=Surgery(replace=instead)), steps=80)
        if not comparison.improves(0.75 if is_sigmoid else 0.5):
            continue
        first, last = chain[-1], chain[0]
        yield Finding(
            where=f"{first.where} … {last.where}",
            place=first.place,
            evidence=f"{len(chain)} {last.name} layers in a row, and the first gets {fade:.1g} times the gradient "
            f"of the last; {comparison.text()}",
            fix=f"replace the {len(chain)} {last.name} activations by nn.ReLU()",
            mend=Mend("relu", tuple(dict.fromkeys(path for operation in chain for path in operation.paths))),
            confidence=0.9,
        )


def _rectified(values: Tensor, *_: Any, **__: Any) -> Tensor:
    return torch.relu(values)


def _chain(operation: Operation) -> tuple[list[Operation], list[Operation]]:
    """Walk back through layers and saturating activations; return both, the last one first."""
    chain: list[Operation] = []
    layers: list[Operation] = []
    seen: set[int] = set()
    # An activation on the outputs, which no layer follows, is the loss's business.
    if operation.output is None or not any(
        _is_layer(user) for user in users(operation.output, VIEWS | DROPOUTS | POOLS)
    ):
        return chain, layers
    step: Operation | None = operation
    while step is not None and (step.name in SATURATING or step.name in BETWEEN):
        if _is_layer(step):
            weights = {id(weight) for weight in step.weights}
            if weights & seen:
                break  # the same layer again: a network that goes through time
            seen |= weights
            layers.append(step)
        elif step.name in SATURATING and len(layers) == len(chain):
            chain.append(step)
        if step.name in BETWEEN - VIEWS and sum(value.kind == "made" for value in step.inputs) > 1:
            break  # a shortcut
        step = step.main.maker if step.main is not None else None
    return (chain, layers) if len(layers) >= len(chain) else (chain[: len(layers)], layers)


def _is_layer(operation: Operation) -> bool:
    return operation.name in AFFINE and any(weight.is_trainable for weight in operation.weights)


def _relative_gradient(layer: Operation) -> float | None:
    """Return the size of a layer's gradient against that of its weights."""
    value = next((v for v in layer.inputs if v.weight is not None and v.gradient is not None), None)
    if value is None or value.gradient is None or value.facts is None:
        return None
    return value.gradient.std / max(value.facts.std, 1e-12)


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    layers: list[nn.Module] = []
    for width in (8, 16, 16, 16):
        layers += [nn.Linear(width, 16), nn.Sigmoid()]
    network = nn.Sequential(*layers, nn.Linear(16, 3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    for _ in range(80):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    layers: list[nn.Module] = []
    for width in (8, 16, 16, 16):
        layers += [nn.Linear(width, 16), nn.ReLU()]
    network = nn.Sequential(*layers, nn.Linear(16, 3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    for _ in range(80):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
