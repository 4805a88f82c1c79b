"""The network is never trained: no step, no backward, or an order in which the gradients are gone at the step.

Why: Learning is three calls in this order: zero_grad, backward, step. Without one of them, or with zero_grad between
backward and step, the weights stay as they were initialised.

Fix: optimizer.zero_grad(), then loss.backward(), then optimizer.step(), for every batch.
"""

from collections.abc import Iterator
from itertools import pairwise

from pellucid.doctor.evidence.dynamics import Dynamics
from pellucid.doctor.evidence.flow import TrainingFlows
from pellucid.doctor.evidence.loop import Loop, Optimizers
from pellucid.doctor.evidence.networks import Networks
from pellucid.doctor.finding import Finding
from pellucid.doctor.origins import is_still

SEVERITY = "error"
FAMILY = "loop"
FOLDS = ("unchanged-weights", "loss-not-decreasing", "learning-rate-too-low", "too-few-epochs", "unsuited-optimizer",
         "gradients-not-cleared", "collapsed-output", "scheduler-out-of-step", "unscaled-accumulation",
         "zero-learning-rate", "frozen-parameters", "odd-optimizer-settings", "parameters-not-optimized",
         "excessive-weight-decay", "cannot-fit-one-batch", "surprising-first-loss", "graph-kept")  # fmt: skip


def find(
    loop: Loop,
    flows: TrainingFlows | None,
    dynamics: Dynamics | None,
    optimizers: Optimizers | None,
    networks: Networks | None,
) -> Iterator[Finding]:
    """Look at which of the three calls came, and in which order."""
    order = [
        event.kind for event in loop.events if event.kind in ("zero_grad", "backward", "step") and event.order >= 0
    ]
    seen = None
    if loop.steps and not loop.backwards:
        weights = [weight for network in networks.networks for weight in network.weights] if networks else []
        if loop.steps >= 2 and weights and all(is_still(w) for w in weights if not w.is_buffer):
            seen = f"the optimizer stepped {loop.steps} times and backward was never called"
    elif not loop.steps and flows is not None:
        if _is_left_undone(flows) and loop.backwards >= 5:
            made = "an optimizer was made, " if loop.counts.get("optimizer") else ""
            seen = f"{made}backward was called {loop.backwards} times, no optimizer stepped and no weight changed"
    elif dynamics is not None and optimizers is not None:
        steps = [step for step in dynamics.steps if step.has_gradients is not None][1:]
        empty = [step for step in steps if not step.has_gradients]
        undone = _share_before(order, "backward", "zero_grad")
        if len(empty) >= 3 and len(empty) >= 0.9 * len(steps) and _share_before(order, "zero_grad", "step") > 0.9:
            seen = (
                f"in {len(empty)} of {len(steps)} steps looked at, zero_grad had cleared every gradient before the step"
            )
        elif (
            undone > 0.8
            and loop.backwards >= 10
            and _is_one_place(loop)
            and optimizers.first.kind != "LBFGS"
            and flows is not None
            and not any(_has_leaf(flow.weights) for flow in flows.flows)
        ):
            seen = f"{undone:.0%} of {loop.backwards} backward passes were cleared before any of {loop.steps} steps"
    if seen is not None:
        yield Finding(
            where="the training loop",
            place=loop.step_place or loop.backward_place,
            evidence=seen,
            fix="optimizer.zero_grad()\nloss.backward()\noptimizer.step()",
            confidence=0.97,
        )


def _share_before(order: list[str], first: str, second: str) -> float:
    """Return after which share of one kind of call another kind is the next; only calls before the last step count."""
    last = max((place for place, kind in enumerate(order) if kind == "step"), default=0)
    follows = [two for one, two in pairwise(order[: last + 1]) if one == first]
    return sum(two == second for two in follows) / max(1, len(follows))


def _is_one_place(loop: Loop) -> bool:
    return len({event.place for event in loop.events if event.kind == "backward" and event.place}) == 1


def _has_leaf(weights: tuple) -> bool:  # type: ignore[type-arg]
    """Return whether the gradient of an input is asked for: an attack, a picture, no training."""
    return any(weight.is_trainable and not weight.is_registered and not weight.is_buffer for weight in weights)


def _is_left_undone(flows: TrainingFlows) -> bool:
    """Return whether the same weights got gradients again and again, and never changed."""
    first, last = flows.first, flows.last
    calls = [call for flow in flows.flows for call in flow.network_calls]
    weights = [weight for weight in first.weights if not weight.is_buffer]
    return (
        len(flows.flows) > 2
        and bool(weights and first.losses)
        and any(loss.targets is not None for loss in first.losses)
        and first.weights == last.weights
        and len(first.gradient_path) == len(last.gradient_path)
        and all(is_still(weight) for weight in weights)
        and all(call.training for call in calls)
        and (not calls or not _has_leaf(first.weights))
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
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.zero_grad()
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
