"""A layer with parameters is made anew in every forward pass.

Why: Each pass starts with other random weights, which the optimizer has never seen: the layer cannot learn, and the
network behind it must follow a target that jumps at every step.

Fix: Make the layer once, in __init__, and call it in forward (nn.LazyLinear if its width is not known yet).
"""

from collections.abc import Iterator

from pellucid.doctor.evidence.flow import TrainingFlows
from pellucid.doctor.evidence.loop import Loop, Optimizers
from pellucid.doctor.finding import Finding
from pellucid.doctor.strangers import unregistered

SEVERITY = "error"
FAMILY = "architecture"
FOLDS = (
    "hidden-modules", "parameters-not-optimized", "unchanged-weights", "oscillating-loss", "loss-not-decreasing",
    "unsuited-optimizer", "learning-rate-too-low", "learning-rate-too-high", "too-few-epochs", "cannot-fit-one-batch",
    "overfitting", "unused-parameters", "stale-statistics", "odd-optimizer-settings", "identical-weights",
)  # fmt: skip


def find(flows: TrainingFlows, optimizers: Optimizers | None, loop: Loop) -> Iterator[Finding]:
    """Look for weights in a network's operations that are others in each step."""
    held = optimizers.ids() if optimizers is not None else frozenset[int]()
    steps = [step for step in (unregistered(flow, held) for flow in flows.flows) if step]
    made = [entry for entry in loop.modules_made if entry[2]]
    if not steps:
        return
    fresh = {
        weight: operation
        for number, step in enumerate(steps)
        for weight, operation in step.items()
        if not any(weight in other for other in steps[:number] + steps[number + 1 :])
    }
    if not fresh or (len(steps) == 1 and not made):
        return
    # One that is made once, at the first call, is late and not made anew.
    places = {operation.place for operation in fresh.values()}
    for place in places:
        weights = [weight for weight, operation in fresh.items() if operation.place == place]
        operation = fresh[weights[0]]
        seen_in = sum(any(op.place == place and w in fresh for w, op in step.items()) for step in steps)
        kinds = [kind for kind, where, count in made if where == place]
        if len(steps) > 1 and seen_in < 2:
            continue
        layer = kinds[0] if kinds else operation.name
        where = operation.where
        if operation.module is not None and not operation.path and operation.call is not None:
            where = f"{layer} in {operation.call.name}"
        shapes = [list(weight.live.shape) for weight in weights[: max(1, len(weights) // seen_in)]]
        fix = f"self.layer = nn.{layer}(…)  # once, in __init__\nx = self.layer(x)  # in forward"
        yield Finding(
            where=where,
            place=place,
            evidence=f"the weights {shapes} of {layer} were new ones in each of {seen_in} traced steps; the "
            f"optimizer holds none of them",
            fix=fix if kinds else "self.weight = nn.Parameter(…)  # once, in __init__",
            confidence=0.97,
        )


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(8, 16), nn.Linear(16, 3)

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            rows = torch.relu(self.first(rows))
            rows = torch.relu(nn.Linear(16, 16)(rows))
            outputs: torch.Tensor = self.last(rows)
            return outputs

    network = Classifier()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
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

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(8, 16), nn.Linear(16, 3)
            self.second = nn.Linear(16, 16)

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            rows = torch.relu(self.first(rows))
            rows = torch.relu(self.second(rows))
            outputs: torch.Tensor = self.last(rows)
            return outputs

    network = Classifier()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
