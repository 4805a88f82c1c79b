"""The inputs are all but constant: scaled twice, or divided by far too much.

Why: What a first-layer weight learns in a step is proportional to its input, and what tells two examples apart is their
difference. If both are a hundred times too small, training is as slow as with a hundredth of the learning rate or less.

Fix: Scale once: to the range 0..1, or to mean 0 and standard deviation 1 over the training examples.
"""

from collections.abc import Iterator

from torch import Tensor

from pellucid.doctor.evidence.flow import TrainingFlows
from pellucid.doctor.finding import Finding
from pellucid.doctor.replay import Surgery, input_values
from pellucid.doctor.trial import Change, Trials

SEVERITY = "warning"
FAMILY = "data"
FOLDS = (
    "unscaled-inputs", "learning-rate-too-low", "unsuited-optimizer", "too-few-epochs", "loss-not-decreasing",
    "vanishing-gradients", "collapsed-output", "unchanged-weights", "odd-optimizer-settings", "badly-scaled-weights",
    "cannot-fit-one-batch", "inputs-ignored", "excessive-weight-decay", "learning-rate-too-high", "oscillating-loss",
    "dead-at-start", "dead-units",
)  # fmt: skip


def find(flows: TrainingFlows, trials: Trials) -> Iterator[Finding]:
    """Look for a tiny spread, then train a copy on inputs of spread 1."""
    for value in input_values(flows.first)[:1]:
        inputs, facts = value.tensor, value.facts
        if inputs is None or facts is None or facts.nonfinite or inputs.shape[0] < 2 or value.requires_grad:
            continue
        spread = float((inputs.float() - inputs.float().mean(0)).square().mean().sqrt())
        # Mostly zeros (bags of words): the numbers that are there count.
        spread /= max(1e-6, 1 - facts.zeros) ** 0.5 if facts.zeros > 0.9 else 1.0
        if not 0 < spread < 0.03:
            continue
        center, scale = facts.mean, facts.std

        def stretched(tensor: Tensor, center: float = center, scale: float = scale) -> Tensor:
            return (tensor - center) / scale

        comparison = trials.compare(Change("inputs of spread 1", surgery=Surgery(inputs=stretched)), steps=80)
        if not comparison.improves(0.7):
            continue
        call = flows.first.network_calls[0] if flows.first.network_calls else None
        yield Finding(
            where="the inputs",
            place=call.place if call else flows.first.backward_place,
            evidence=f"inputs range from {facts.low:.3g} to {facts.high:.3g}, and examples differ by {spread:.2g} only "
            f"(about 1 is right); {comparison.text()}",
            fix="# divide once only, or\ninputs = (inputs - train_inputs.mean()) / train_inputs.std()",
            confidence=0.9,
        )


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (256, 16)).float()
    labels = (pixels[:, 0] > 128).long() + (pixels[:, 1] > 128).long()
    inputs = pixels / 255
    inputs = inputs / 255
    network = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(80):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (256, 16)).float()
    labels = (pixels[:, 0] > 128).long() + (pixels[:, 1] > 128).long()
    inputs = pixels / 255
    network = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 3))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(80):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
