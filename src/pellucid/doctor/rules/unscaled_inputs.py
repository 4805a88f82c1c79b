"""The inputs' range, or the scales of single features, are more than the first layer and the learning rate can take.

Why: The gradient of a first-layer weight is proportional to its input: features in the hundreds get steps hundreds of
times as large as features around 1. Training swings, or learns from the largest feature alone.

Fix: Subtract the mean of each feature and divide by its standard deviation, both computed on the training examples.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.flow import TrainingFlows
from pellucid.doctor.finding import Finding
from pellucid.doctor.replay import Surgery, input_values
from pellucid.doctor.trial import Change, Trials

SEVERITY = "warning"
FAMILY = "data"
FOLDS = (
    "learning-rate-too-high", "learning-rate-too-low", "unsuited-optimizer", "oscillating-loss",
    "exploding-gradients", "dead-units", "dead-at-start", "saturated-units", "surprising-first-loss",
    "loss-not-decreasing", "cannot-fit-one-batch", "too-few-epochs", "odd-optimizer-settings",
    "badly-scaled-weights", "constant-input", "collapsed-output", "nonfinite-values",
)  # fmt: skip


def find(flows: TrainingFlows, dynamics: Dynamics, trials: Trials) -> Iterator[Finding]:
    """Look for a large range, then train a copy on standardised inputs."""
    for value in input_values(flows.first)[:1]:
        inputs = value.tensor
        facts = value.facts
        if inputs is None or facts is None or inputs.ndim < 2 or facts.nonfinite:
            continue
        if max(abs(facts.low), abs(facts.high)) < 12 and facts.std < 8:
            continue
        axes = [axis for axis in range(inputs.ndim) if axis != 1] if inputs.ndim > 2 else [0]
        mean = inputs.float().mean(axes, keepdim=True)
        std = inputs.float().std(axes, keepdim=True).clamp_min(1e-6)

        def scaled(tensor: Tensor, mean: Tensor = mean, std: Tensor = std) -> Tensor:
            return ((tensor.float() - mean) / std).clamp(-10, 10).to(tensor.dtype)

        comparison = trials.compare(Change("standardised inputs", surgery=Surgery(inputs=scaled)), steps=80)
        # A run that ended far below what the change reached in the trial got there without it.
        if not comparison.improves(0.6) or dynamics.mean_loss(0.9, 1) < 0.25 * comparison.loss_changed:
            continue
        call = flows.first.network_calls[0] if flows.first.network_calls else None
        stds = torch.squeeze(std)
        yield Finding(
            where="the inputs",
            place=call.place if call else flows.first.backward_place,
            evidence=f"inputs range from {facts.low:.3g} to {facts.high:.3g}, the spread of single features from "
            f"{float(stds.min()):.2g} to {float(stds.max()):.2g}; {comparison.text()}",
            fix="mean, std = train_inputs.mean(0), train_inputs.std(0)\ninputs = (inputs - mean) / std",
            confidence=0.9,
        )


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    inputs = inputs * torch.tensor([300.0, 40.0, 1, 1, 5, 1, 900.0, 1]) + 100
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
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
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
