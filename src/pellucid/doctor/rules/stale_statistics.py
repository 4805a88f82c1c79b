"""The running statistics of batch normalisation are far from those of the data: evaluation gives other outputs.

Why: In training each batch is normalised by its own mean and variance, in evaluation by the running ones. If those
have not settled, the network that is evaluated is not the one that was trained.

Fix: Use a momentum around 0.1 (PyTorch's is the share of the new batch), train for longer, or take larger batches.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from pellucid.doctor.evidence.flow import Call, EvaluationFlows, Operation, TrainingFlows
from pellucid.doctor.evidence.loop import Loop
from pellucid.doctor.finding import Finding
from pellucid.doctor.replay import Surgery
from pellucid.doctor.trial import Trials

SEVERITY = "warning"
FAMILY = "loop"
FOLDS = ("overfitting", "collapsed-output")


def find(flows: TrainingFlows, evaluations: EvaluationFlows, loop: Loop, trials: Trials) -> Iterator[Finding]:
    """Compute traced steps again with the final weights, normalised by the batch and by the running statistics."""
    evaluated = {id(call.network) for flow in evaluations.flows for call in flow.network_calls if not call.training}
    steps = [flow for flow in flows.flows if any(_is_running(op, evaluated) for op in flow.path)]
    steps = [flow for flow in steps if flow.backward_place == steps[0].backward_place][:4]
    if not steps or loop.steps < 10:
        return
    training, evaluation = 0.0, 0.0
    worst: tuple[float, str, Operation | None] = (0.0, "", None)
    for flow in steps:
        again = trials.values(flow, at="end")
        training += again.loss / len(steps)
        evaluation += trials.values(flow, at="end", surgery=Surgery(replace=_settled)).loss / len(steps)
        for operation in flow.path:
            values = again.of(operation.inputs[0]) if _is_running(operation, evaluated) else None
            if values is not None and values.ndim > 1:
                distance, text = _distance(operation, values)
                worst = max(worst, (distance, text, operation), key=lambda entry: entry[0])
    start = flows.first.loss.facts.mean if flows.first.loss is not None and flows.first.loss.facts else training
    if worst[2] is None or worst[0] < 1 or evaluation < 1.5 * abs(training) + 0.15 * abs(start):
        return
    module: Any = worst[2].module
    yield Finding(
        where=worst[2].where,
        place=worst[2].place,
        evidence=f"on the same training batches, with the final weights, the loss is {training:.3g} normalised by the "
        f"batch and {evaluation:.3g} by the running statistics; {worst[1]}; "
        f"momentum is {getattr(module, 'momentum', 'not known')} and there were {loop.steps} steps",
        fix="nn.BatchNorm2d(channels, momentum=0.1)  # and BatchNorm1d likewise",
        confidence=0.9,
    )


def _is_running(operation: Operation, evaluated: set[int]) -> bool:
    call: Call | None = operation.call
    has_statistics = len([weight for weight in operation.weights if weight.is_buffer]) >= 2
    is_on = operation.name == "batch_norm" and operation.arguments.get("training") is True
    return is_on and has_statistics and call is not None and id(call.network) in evaluated


def _settled(operation: Operation) -> Callable[..., Any] | None:
    """Normalise by the running statistics."""
    if operation.name != "batch_norm" or not any(weight.is_buffer for weight in operation.weights):
        return None

    def normalised(
        x: Tensor, mean: Tensor, var: Tensor, weight: Any = None, bias: Any = None, *_: Any, **more: Any
    ) -> Any:
        weight, bias = more.get("weight", weight), more.get("bias", bias)
        return torch.nn.functional.batch_norm(x, mean, var, weight, bias, training=False, eps=more.get("eps", 1e-5))

    return normalised


def _distance(operation: Operation, values: Tensor) -> tuple[float, str]:
    """Return how far the running statistics are from a batch's (1 is clearly too far), and how to say it."""
    mean, var = (weight.live.detach() for weight in [w for w in operation.weights if w.is_buffer][:2])
    channels = values.movedim(1, 0).flatten(1)
    shift = float(((channels.mean(1) - mean).abs() / channels.std(1).clamp_min(1e-6)).median())
    ratio = float((var / channels.var(1).clamp_min(1e-12)).log2().abs().median())
    text = (
        f"the median channel's running mean is {shift:.2g} standard deviations off, its running variance "
        f"by a factor of {2**ratio:.2g}"
    )
    return max(2 * shift, ratio), text


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(
        nn.Linear(8, 16, bias=False), nn.BatchNorm1d(16, momentum=1e-4), nn.ReLU(), nn.Linear(16, 3)
    )
    inputs = 2 * inputs + 3
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(5):
        network.train()
        for rows in torch.randperm(256).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            print((network(inputs).argmax(1) == labels).float().mean().item())


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16, bias=False), nn.BatchNorm1d(16, momentum=0.1), nn.ReLU(), nn.Linear(16, 3))
    inputs = 2 * inputs + 3
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(5):
        network.train()
        for rows in torch.randperm(256).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(inputs[rows]), labels[rows]).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            print((network(inputs).argmax(1) == labels).float().mean().item())
