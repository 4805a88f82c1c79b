"""Weights start so small or so large that the signal dies out or explodes on its way through the layers.

Why: Each layer multiplies the spread of the signal by its weights' spread times the square root of its number of
inputs. Where that is far from 1, a few layers are enough to make all examples look alike, or to drown the loss.

Fix: Take the hand-made initialisation away, or use nn.init.kaiming_normal_ before ReLU, xavier_normal_ before tanh.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from pellucid.doctor.evidence.flow import Flow, Operation, TrainingFlows, Value, Weight, maker, origin, users
from pellucid.doctor.evidence.kinds import AFFINE, CONVOLUTIONS, NORMS, RECTIFIERS, RECURRENT
from pellucid.doctor.evidence.loop import Optimizers
from pellucid.doctor.finding import Finding, Mend
from pellucid.doctor.trial import Change, Trials

SEVERITY = "warning"
FAMILY = "weights"
FOLDS = (
    "vanishing-gradients", "exploding-gradients", "surprising-first-loss", "dead-at-start", "dead-units",
    "saturated-units", "learning-rate-too-low", "learning-rate-too-high", "unsuited-optimizer", "too-few-epochs",
    "loss-not-decreasing", "cannot-fit-one-batch", "collapsed-output", "unchanged-weights", "oscillating-loss",
    "odd-optimizer-settings", "nonfinite-values", "inputs-ignored", "excessive-weight-decay",
)  # fmt: skip
# What a layer of PyTorch's own does to the spread (He et al. 2015 ask for up to the root of 2): 1/sqrt(3) to sqrt(2).
LEAST, MOST = 3**-0.5, 2**0.5


def find(flows: TrainingFlows, optimizers: Optimizers, trials: Trials) -> Iterator[Finding]:
    """Multiply up what the layers do to the spread; if it is far off, train a copy that starts well."""
    if len(optimizers.optimizers) > 1 or flows.first.step > 0:
        return
    layers = _layers(flows.first)
    last = {m.index for loss in flows.first.losses if (m := maker(loss.outputs)) is not None}
    shrinks = math.prod(min(1.0, gain / LEAST) for op, _, gain, _ in layers if op.index not in last)
    grows = math.prod(max(1.0, gain / MOST) for _, _, gain, _ in layers)
    if shrinks > 0.03 and grows < 8:
        return
    is_small = shrinks <= 0.03
    if is_small and _shrinks(flows.first, layers, last) > 0.03 and grows < 8:
        return
    bad = [entry for entry in layers if (entry[2] < 0.5 * LEAST if is_small else entry[2] > 1.5 * MOST)]
    if not bad:
        return
    stds = {weight: aim / math.sqrt(fan) for weight, fan, aim in ((e[1], *e[3]) for e in bad)}

    def again(weights: dict[Weight, Tensor]) -> None:
        for weight, std in stds.items():
            if weight in weights:
                weights[weight].copy_(torch.randn_like(weights[weight]) * std)

    comparison = trials.compare(Change("He initialisation", initialise=again), steps=60)
    if not comparison.improves(0.6):
        return
    operation, weight, gain, _ = min(bad, key=lambda e: e[2]) if is_small else max(bad, key=lambda e: e[2])
    yield Finding(
        where=operation.where,
        place=operation.place,
        evidence=f"{len(bad)} of {len(layers)} weights start far too {'small' if is_small else 'large'}: {weight.name} "
        f"multiplies the spread of the signal by {gain:.2g} (about 1 is right), all layers together by "
        f"{math.prod(e[2] for e in layers):.2g}; {comparison.text()}",
        fix=f"nn.init.kaiming_normal_({weight.name})  # std {stds[weight]:.2g} instead of "
        f"{float(weight.initial.float().std()) if weight.initial is not None else 0:.2g}; so for each such layer",
        mend=Mend("reset", tuple(dict.fromkeys(path for entry in bad for path in entry[0].paths))),
        confidence=0.9,
    )


def _shrinks(flow: Flow, layers: list[tuple[Operation, Weight, float, tuple[float, float]]], last: set[int]) -> float:
    """Return what the layers that the signal cannot go around leave of its spread, at worst between two norms."""
    gains: dict[int, float] = {}
    for operation, _, gain, _ in layers:
        gains[operation.index] = min(gains.get(operation.index, 1.0), gain / LEAST)
    given = {value.index for call in flow.network_calls for value in call.inputs}
    worst = left = 1.0
    for operation in flow.gradient_path:
        is_layer = operation.index in gains and operation.index not in last
        if (is_layer or operation.name in NORMS) and not _is_avoidable(flow, operation, given):
            left = left * gains[operation.index] if is_layer else 1.0
            worst = min(worst, left)
    return worst


def _is_avoidable(flow: Flow, avoided: Operation, given: set[int]) -> bool:
    """Return whether the network's inputs reach its answers by other ways, as past a residual branch."""
    reached = set(given)
    for operation in flow.path:
        # Labels may be made from the inputs too, outside of the network.
        is_within = operation.call is not None or (operation.output is not None and operation.output.requires_grad)
        if is_within and operation is not avoided and any(value.index in reached for value in operation.inputs):
            reached.update(value.index for value in operation.outputs)
    answers = [loss.outputs for loss in flow.losses] or ([flow.loss] if flow.loss is not None else [])
    return any(value.index in reached for value in answers)


def _layers(flow: Flow) -> list[tuple[Operation, Weight, float, tuple[float, float]]]:
    """Return each weight matrix once: its layer, what it does to the spread, its number of inputs and the aim."""
    found: dict[int, tuple[Operation, Weight, float, tuple[float, float]]] = {}
    for operation in flow.gradient_path:
        for position, value in enumerate(operation.inputs):
            weight, fan = origin(value).weight, _fan_in(operation, value, position)
            if weight is None or weight.initial is None or not weight.is_trainable or not fan or id(weight) in found:
                continue
            rms = float(weight.initial.float().square().mean().sqrt())
            takers = list(users(operation.outputs[0])) if operation.outputs else []
            if rms > 0 and not any(taker.name in NORMS for taker in takers):
                aim = 2**0.5 if any(taker.name in RECTIFIERS for taker in takers) else 1.0
                found[id(weight)] = (operation, weight, rms * math.sqrt(fan), (fan, aim))
    return list(found.values())


def _fan_in(operation: Operation, value: Value, position: int) -> int:
    shape = value.shape
    if len(shape) < 2 or operation.name not in AFFINE | RECURRENT:
        return 0
    if operation.name in CONVOLUTIONS:
        return math.prod(shape[2:]) * shape[0] if "transpose" in operation.name else math.prod(shape[1:])
    if operation.name in ("matmul", "addmm"):
        return shape[-1] if position == 0 else shape[-2]
    return shape[1] if len(shape) == 2 else 0


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()

    layers = [nn.Linear(8, 32), nn.Linear(32, 32), nn.Linear(32, 32)]
    for layer in layers:
        nn.init.normal_(layer.weight, std=0.01)
        nn.init.zeros_(layer.bias)
    first, second, third = layers
    network = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), third, nn.ReLU(), nn.Linear(32, 3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
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

    layers = [nn.Linear(8, 32), nn.Linear(32, 32), nn.Linear(32, 32)]
    for layer in layers:
        nn.init.kaiming_normal_(layer.weight)
        nn.init.zeros_(layer.bias)
    first, second, third = layers
    network = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), third, nn.ReLU(), nn.Linear(32, 3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
