"""The network has nothing to train.

Why: A network's parameters are those of the layers that its __init__ assigns. If that method is misspelt, does not
call super().__init__(), or makes no layers, there is nothing that an optimizer could move.

Fix: Write def __init__(self) with two underscores on both sides, call super().__init__() first, then make the layers.
"""

import difflib
from collections.abc import Iterator
from types import FrameType

from torch import nn

from pellucid.doctor.evidence.ending import Ending
from pellucid.doctor.evidence.flow import TrainingFlows
from pellucid.doctor.evidence.loop import Optimizers
from pellucid.doctor.evidence.networks import Networks
from pellucid.doctor.finding import Finding
from pellucid.doctor.strangers import empty_networks

SEVERITY = "error"
FAMILY = "architecture"
FOLDS = ("never-stepped", "loss-not-connected", "parameters-not-optimized", "loss-not-decreasing", "shape-mismatch",
         "inputs-ignored", "collapsed-output", "too-few-outputs", "more-outputs-than-classes")  # fmt: skip


def find(
    ending: Ending, networks: Networks | None, flows: TrainingFlows | None, optimizers: Optimizers | None
) -> Iterator[Finding]:
    """Look at what raised for want of parameters, and at networks that ran without any."""
    refused = empty_networks(ending.error)
    unset = _not_set_up(ending.error)
    if unset is not None:
        yield _finding(unset, ending.place, f"{type(ending.error).__name__}: {ending.error}")
    elif refused:
        yield _finding(refused[0], ending.place, "the optimizer was given an empty list")
    elif networks is not None and not networks.networks and optimizers is None and networks.empty:
        # Functional code trains tensors; then the gradient reaches some.
        is_tried = (flows is not None and not any(flow.weights for flow in flows.flows)) or (
            flows is None and isinstance(ending.error, RuntimeError) and "require grad" in str(ending.error)
        )
        if is_tried:
            yield _finding(networks.empty[0], ending.place, "no optimizer stepped, and the loss reaches no weight")


def _finding(network: nn.Module, place: str | None, consequence: str) -> Finding:
    name = type(network).__name__
    misspelt = _misspelt(type(network))
    evidence = f"{name} has no parameters"
    fix = f"make the layers in {name}.__init__: self.layer = nn.Linear(…)"
    if misspelt:
        evidence += f": its {misspelt} is not __init__, so Python never calls it"
        fix = f"rename {misspelt} to __init__ (two underscores on both sides)"
    elif network.__dict__.get("_modules") is None:
        evidence = f"{name}.__init__ makes layers before super().__init__() was called"
        fix = "super().__init__()  # first line of __init__"
    return Finding(where=name, place=place, evidence=f"{evidence}; {consequence}", fix=fix, confidence=0.97)


def _misspelt(kind: type) -> str | None:
    if "__init__" in vars(kind):
        return None
    own = [name for name, entry in vars(kind).items() if callable(entry) and name != "__call__" and "in" in name]
    close = difflib.get_close_matches("__init__", own, n=1, cutoff=0.6)
    return close[0] if close else None


def _not_set_up(error: BaseException | None) -> nn.Module | None:
    """Return the network that PyTorch refused to set up, or that lacks what its misspelt __init__ would have made."""
    frame: FrameType | None = None
    trace = error.__traceback__ if isinstance(error, AttributeError | TypeError) else None
    while trace is not None:
        frame, trace = trace.tb_frame, trace.tb_next
    if frame is None or not frame.f_globals.get("__name__", "").startswith("torch.nn.modules.module"):
        return None
    network = frame.f_locals.get("self")
    if not isinstance(network, nn.Module):
        return None
    if frame.f_code.co_name == "__setattr__":
        return network if "before Module.__init__" in str(error) else None
    is_bare = not network.__dict__.get("_parameters") and not network.__dict__.get("_modules")
    return network if is_bare and _misspelt(type(network)) else None


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()

    class Classifier(nn.Module):
        def _init_(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(8, 16), nn.Linear(16, 3)

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            outputs: torch.Tensor = self.last(torch.relu(self.first(rows)))
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

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            outputs: torch.Tensor = self.last(torch.relu(self.first(rows)))
            return outputs

    network = Classifier()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
