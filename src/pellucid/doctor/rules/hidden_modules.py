"""Layers stand in a plain list or dict (or are tensors of their own), where parameters() does not see them.

Why: A network registers the modules that are its attributes, not those inside a Python list. What it does not know is
not trained by the optimizer, not moved to the device and not saved: the layer stays as it was initialised.

Fix: Use nn.ModuleList, nn.ModuleDict or nn.Sequential, and nn.Parameter for single tensors.
"""

from collections.abc import Iterator

from torch import nn

from pellucid.doctor.evidence.ending import Ending
from pellucid.doctor.evidence.flow import TrainingFlows
from pellucid.doctor.evidence.loop import Loop, Optimizers
from pellucid.doctor.finding import Finding
from pellucid.doctor.strangers import empty_networks, unregistered

SEVERITY = "error"
FAMILY = "architecture"
FOLDS = (
    "parameters-not-optimized", "unchanged-weights", "no-parameters", "loss-not-decreasing", "too-few-epochs",
    "learning-rate-too-low", "unsuited-optimizer", "never-stepped", "loss-not-connected", "gradients-not-cleared",
    "cannot-fit-one-batch", "frozen-parameters", "oscillating-loss",
)  # fmt: skip


def find(flows: TrainingFlows | None, ending: Ending, optimizers: Optimizers | None, loop: Loop) -> Iterator[Finding]:
    """Look for weights in a network's operations that it has not registered, the same ones in each step."""
    if flows is None:
        yield from _before_training(ending)
        return
    held = optimizers.ids() if optimizers is not None else frozenset[int]()
    steps = [unregistered(flow, held) for flow in flows.flows]
    steps = [step for step in steps if step]
    if not steps:
        return
    kept = {weight: operation for weight, operation in steps[0].items() if all(weight in s for s in steps[1:])}
    # With one step seen they might be made anew in each.
    if not kept or (len(steps) == 1 and any(count for _, _, count in loop.modules_made)):
        return
    first = next(iter(kept.values()))
    assert first.call is not None
    holder = _holder(first.call.network, {id(weight.live) for weight in kept})
    count = sum(weight.live.numel() for weight in kept)
    yield Finding(
        where=holder[0] if holder else first.where,
        place=first.place,
        evidence=f"{len(kept)} weights ({count} numbers) that {first.call.name} computes with are not among its "
        f"{sum(1 for _ in first.call.network.parameters())} parameters, and no optimizer holds them",
        fix=holder[1] if holder else "register them: self.weight = nn.Parameter(torch.randn(…)), or nn.ModuleList([…])",
        confidence=0.97,
    )


def _holder(network: nn.Module, ids: set[int]) -> tuple[str, str] | None:
    """Return the attribute that hides the weights, and how to write it."""
    for path, module in network.named_modules():
        for name, entry in vars(module).items():
            if name.startswith("_") and name in ("_modules", "_parameters", "_buffers"):
                continue
            inside = list(entry.values()) if isinstance(entry, dict) else entry
            if not isinstance(inside, list | tuple):
                continue
            if any(id(p) in ids for part in inside if isinstance(part, nn.Module) for p in part.parameters()):
                kind = "nn.ModuleDict" if isinstance(entry, dict) else "nn.ModuleList"
                where = f"{path}.{name}".lstrip(".")
                return where, f"self.{name} = {kind}(self.{name})  # in {type(module).__name__}.__init__"
    return None


def _before_training(ending: Ending) -> Iterator[Finding]:
    """Look at the network whose parameters() was empty when the optimizer was made."""
    for module in empty_networks(ending.error):
        for name, entry in vars(module).items():
            inside = list(entry.values()) if isinstance(entry, dict) else entry
            if not isinstance(inside, list | tuple) or not any(_trains(part) for part in inside):
                continue
            kind = "nn.ModuleDict" if isinstance(entry, dict) else "nn.ModuleList"
            yield Finding(
                where=f"{type(module).__name__}.{name}",
                place=ending.place,
                evidence=f"{type(module).__name__}.{name} holds {len(inside)} layers in a {type(entry).__name__}, and "
                f"parameters() finds none of them",
                fix=f"self.{name} = {kind}(self.{name})",
                confidence=0.97,
            )
            return


def _trains(part: object) -> bool:
    return isinstance(part, nn.Module) and next(part.parameters(), None) is not None


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
            self.blocks = [nn.Linear(16, 16) for _ in range(2)]

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            rows = torch.relu(self.first(rows))
            for block in self.blocks:
                rows = torch.relu(block(rows))
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
            self.blocks = nn.ModuleList([nn.Linear(16, 16) for _ in range(2)])

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            rows = torch.relu(self.first(rows))
            for block in self.blocks:
                rows = torch.relu(block(rows))
            outputs: torch.Tensor = self.last(rows)
            return outputs

    network = Classifier()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
