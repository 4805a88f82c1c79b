"""Trainable parameters take part in the loss, but no optimizer holds them.

Why: They get gradients and never move: the layer stays as it was initialised. It happens when a layer is replaced or a
network copied after the optimizer was made, or when one part is forgotten.

Fix: Make the optimizer after the network is complete, from all of its parameters.
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.flow import TrainingFlows, Weight
from pellucid.doctor.evidence.loop import Loop, Optimizers
from pellucid.doctor.finding import Finding

SEVERITY = "error"
FAMILY = "optimizer"
FOLDS = ("unchanged-weights", "loss-not-decreasing", "learning-rate-too-low", "unsuited-optimizer", "too-few-epochs",
         "gradients-not-cleared")  # fmt: skip


def find(flows: TrainingFlows, optimizers: Optimizers, loop: Loop) -> Iterator[Finding]:
    """Look for weights on the way to the loss that never move and that no optimizer holds."""
    if not loop.steps:
        return
    held = optimizers.ids()
    left: dict[Weight, None] = {}
    for flow in flows.flows:
        # A flow that reaches none of an optimizer's parameters belongs to something else (a probe, an attack).
        if any(id(weight.live) in held for weight in flow.weights) or not left:
            left.update((w, None) for w in flow.weights if w.is_trainable and id(w.live) not in held and _is_still(w))
    names = [weight.name for weight in left if weight.is_registered and weight.live.requires_grad]
    if not names:
        return
    foreign = [name for name in optimizers.first.names if name.startswith("tensor")]
    stale = f"; it holds {len(foreign)} that the network does not have" if foreign else ""
    yield Finding(
        where=", ".join(names[:3]) + (" …" if len(names) > 3 else ""),
        place=optimizers.first.place,
        evidence=f"{len(names)} trainable parameters get gradients, and no optimizer holds them{stale}",
        fix="make the optimizer after the network is complete: torch.optim."
        f"{optimizers.first.kind}(network.parameters(), lr={optimizers.first.learning_rate:g})",
        confidence=0.97,
    )


def _is_still(weight: Weight) -> bool:
    return weight.initial is not None and weight.initial.equal(weight.live.detach())


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(network[2].parameters(), lr=0.01)
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
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
