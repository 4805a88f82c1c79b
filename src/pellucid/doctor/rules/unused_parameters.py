"""Layers are registered in the network, and the forward pass never reaches them.

Why: They get no gradient and stay as they were initialised, yet they are counted, saved and given to the optimizer.
Usually a line of forward is missing, or calls another layer than was meant.

Fix: Call the layer in forward, or remove it.
"""

from collections.abc import Iterator

from torch import nn

from pellucid.doctor.evidence.ending import Ending
from pellucid.doctor.evidence.flow import EvaluationFlows, Operation, TrainingFlows, Weight
from pellucid.doctor.evidence.kinds import VIEWS
from pellucid.doctor.evidence.networks import Network, Networks
from pellucid.doctor.finding import Finding
from pellucid.doctor.places import _rank

SEVERITY = "warning"
FAMILY = "architecture"
FOLDS = ("unchanged-weights", "parameters-not-optimized")


def find(
    flows: TrainingFlows, networks: Networks, evaluations: EvaluationFlows | None, ending: Ending
) -> Iterator[Finding]:
    """Look for trainable parameters that no traced operation took, and that have neither gradient nor moved."""
    everything = flows.flows + (evaluations.flows if evaluations else ())
    operations = [op for flow in everything for op in flow.operations] + list(
        ending.flow.operations if ending.flow else ()
    )
    # Initialising a weight in place is no use of it.
    used = {id(w.live) for op in operations if op.call is not None or _makes(op) for w in op.weights}
    for network in networks.networks:
        trainable = [weight for weight in network.weights if weight.live.requires_grad and not weight.is_buffer]
        idle = [weight for weight in trainable if id(weight.live) not in used and _is_still(weight)]
        if (
            not idle
            or len(idle) == len(trainable)
            or not any(id(w.live) in used and w.live.ndim > 1 for w in trainable)
        ):
            continue
        owners = _owners(network, idle)
        if not owners:
            continue
        count = sum(weight.live.numel() for weight in idle)
        names = ", ".join(owners)
        yield Finding(
            where=names,
            place=_forward_of(network.module),
            evidence=f"{names} ({count} parameters) took part in none of the {len(everything)} traced steps and "
            f"evaluations, got no gradient and did not move",
            fix=f"call {names} in {type(network.module).__name__}.forward, or remove it",
            confidence=0.93,
        )


def _makes(operation: Operation) -> bool:
    """Return whether an operation makes another tensor of its inputs."""
    return operation.name not in VIEWS and any(value.kind == "made" for value in operation.outputs)


def _is_still(weight: Weight) -> bool:
    gradient = weight.live.grad
    if gradient is not None and bool(gradient.count_nonzero()):
        return False
    return weight.initial is None or (
        weight.initial.shape == weight.live.shape and weight.initial.equal(weight.live.detach())
    )


def _owners(network: Network, idle: list[Weight]) -> list[str]:
    """Return the outermost modules that are unused as a whole, if a class of the user's should call them."""
    left = {id(weight.live) for weight in idle}
    found: list[str] = []
    for path, module in network.modules.items():
        own = [id(parameter) for parameter in module.parameters()]
        if not path or not own or not left.issuperset(own) or any(path.startswith(f"{outer}.") for outer in found):
            continue
        parent = network.modules.get(path.rpartition(".")[0])
        while parent is not None and type(parent) in (nn.ModuleList, nn.ModuleDict, nn.Sequential):
            path_above = next((p for p, m in network.modules.items() if m is parent), "")
            parent = network.modules.get(path_above.rpartition(".")[0]) if path_above else None
        # What a library's network leaves out by itself is its own affair; what was added to it last, the user's.
        is_last = parent is not None and list(parent.children())[-1:] == [module]
        if parent is None or _is_users(parent) or is_last:
            found.append(path)
    inside = {id(p) for path in found for p in network.modules[path].parameters()}
    single = [w.name for w in idle if id(w.live) not in inside and w.module is not None and _is_users(w.module)]
    return found + single


def _is_users(module: nn.Module) -> bool:
    code = getattr(type(module).forward, "__code__", None)
    return code is not None and _rank(code) == 2


def _forward_of(module: nn.Module) -> str | None:
    code = getattr(type(module).forward, "__code__", None)
    if code is None or _rank(code) != 2:
        return None
    return f"{code.co_filename.rpartition('/')[2]}:{code.co_firstlineno}"


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(8, 16), nn.Linear(16, 16)
            self.last = nn.Linear(16, 3)

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            rows = torch.relu(self.first(rows))
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
            self.first, self.second = nn.Linear(8, 16), nn.Linear(16, 16)
            self.last = nn.Linear(16, 3)

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
