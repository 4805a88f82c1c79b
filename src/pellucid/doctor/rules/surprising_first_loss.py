"""The loss before training is far above that of an uninformed guess.

Why: A network that knows nothing should be as wrong as a constant guess. One that starts far worse is confidently
wrong, and spends its first steps, often all of them, on unlearning how its last layer was set up.

Fix: Start the last layer with small weights, and its bias at 0 or at the mean of the targets as the loss sees them.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from pellucid.doctor.evidence.flow import Loss, TrainingFlows, Value, Weight, trunk
from pellucid.doctor.evidence.kinds import AFFINE
from pellucid.doctor.finding import Finding, Mend
from pellucid.doctor.trial import Change, Trials
from pellucid.tracing.capture import mapped

SEVERITY = "warning"
FAMILY = "weights"
FOLDS = (
    "learning-rate-too-low", "learning-rate-too-high", "unsuited-optimizer", "too-few-epochs", "loss-not-decreasing",
    "cannot-fit-one-batch", "exploding-gradients", "oscillating-loss", "odd-optimizer-settings", "saturated-units",
)  # fmt: skip
REGRESSION = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")


def find(flows: TrainingFlows, trials: Trials) -> Iterator[Finding]:
    """Compute the loss of a constant guess on the first batch; if the first loss is far above, start a copy anew."""
    for loss in flows.first.losses if flows.first.step == 0 else ():
        found, guess = loss.operation.output, _uninformed(loss)
        if found is None or found.facts is None or not guess or not found.facts.mean > 4 * guess:
            continue
        last = next(
            (op for op in trunk(loss.outputs) if op.name in AFFINE and any(w.is_trainable for w in op.weights)), None
        )
        if last is None:
            continue
        fresh = last.weights

        def again(weights: dict[Weight, Tensor], fresh: tuple[Weight, ...] = fresh) -> None:
            for weight in fresh:
                if weight in weights:
                    tensor = weights[weight]
                    bound = 1 / math.sqrt(max(1, tensor[0].numel())) if tensor.ndim > 1 else 0.0
                    tensor.uniform_(-bound, bound) if bound else tensor.zero_()

        comparison = trials.compare(Change(f"{last.where} started anew", initialise=again), steps=60)
        if not comparison.improves(0.7) or comparison.after[0] > 0.5 * comparison.before[0]:
            continue
        outputs = loss.outputs.facts
        yield Finding(
            where=last.where,
            place=last.place,
            evidence=f"the first loss is {found.facts.mean:.3g}, a constant guess gives {guess:.3g}"
            + (f"; the outputs start at {outputs.mean:.3g} ± {outputs.std:.2g}" if outputs is not None else "")
            + f"; {comparison.text()}",
            fix="with torch.no_grad():\n    last_layer.reset_parameters()\n    last_layer.bias.zero_()"
            "  # last_layer: " + last.where,
            mend=Mend("reset", last.paths),
            confidence=0.85,
        )


def _uninformed(loss: Loss) -> float | None:
    """Return the loss of the better known constants: 0 and the mean for numbers, equal shares for classes."""
    outputs, targets = loss.outputs.tensor, loss.targets.tensor if loss.targets is not None else None
    if outputs is None or targets is None or not outputs.is_floating_point():
        return None
    if loss.kind in REGRESSION and targets.is_floating_point() and targets.shape == outputs.shape:
        guesses = [
            torch.zeros_like(outputs),
            torch.zeros_like(outputs) + targets.mean(0, keepdim=True).to(outputs.dtype),
        ]
    elif loss.kind in ("cross_entropy", "binary_cross_entropy_with_logits"):
        guesses = [torch.zeros_like(outputs)]
    elif loss.kind == "nll_loss" and outputs.ndim > 1:
        guesses = [torch.full_like(outputs, -math.log(outputs.shape[1]))]
    elif loss.kind == "binary_cross_entropy":
        guesses = [torch.full_like(outputs, 0.5)]
    else:
        return None
    return max(_value(loss, guess) for guess in guesses)


def _value(loss: Loss, guess: Tensor) -> float:
    def resolve(leaf: Any) -> Any:
        if not isinstance(leaf, Value):
            return leaf
        if leaf is loss.outputs:
            return guess
        return leaf.weight.initial if leaf.weight is not None else leaf.tensor

    args, keywords = mapped(loss.operation.template, resolve)
    return float(loss.operation.function(*args, **keywords).float().mean())


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    prices = 150 + 40 * inputs[:, :1] + 20 * inputs[:, 1:2] ** 2
    targets = (prices - prices.mean()) / prices.std()

    last = nn.Linear(16, 1)
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), last)
    nn.init.constant_(last.bias, prices.mean().item())
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(80):
        optimizer.zero_grad()
        nn.functional.mse_loss(network(inputs), targets).backward()
        optimizer.step()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    prices = 150 + 40 * inputs[:, :1] + 20 * inputs[:, 1:2] ** 2
    targets = (prices - prices.mean()) / prices.std()

    last = nn.Linear(16, 1)
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), last)
    nn.init.constant_(last.bias, targets.mean().item())
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(80):
        optimizer.zero_grad()
        nn.functional.mse_loss(network(inputs), targets).backward()
        optimizer.step()
