"""A network has a method or attribute of its own called train, eval or __call__, which hides the one of nn.Module.

Why: PyTorch calls network.train(True) and network.train(False) to switch dropout and normalisation, and __call__ to run
hooks around forward. A method of the same name that does something else breaks both.

Fix: Give the method another name, such as fit or evaluate; let forward compute the outputs.
"""

import inspect
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from pellucid.doctor.evidence.networks import Networks
from pellucid.doctor.finding import Finding
from pellucid.doctor.places import is_users

SEVERITY = "error"
FAMILY = "loop"
FOLDS = ("evaluating-in-train-mode", "training-in-eval-mode", "dropout-active-in-eval", "stale-statistics",
         "never-stepped", "shape-mismatch", "ineffective-dropout")  # fmt: skip
NAMES = {"train": "fit", "eval": "evaluate", "__call__": "forward"}
# What a method of such a name mentions if it passes on to nn.Module, or does its work.
PASSING = {
    "train": {"train", "training"},
    "eval": {"eval", "train", "training"},
    "__call__": {"__call__", "_call_impl"},
}


def find(networks: Networks) -> Iterator[Finding]:
    """Look at which classes of the user's define the three names, and whether theirs can stand in."""
    for kind in networks.classes:
        for name, better in NAMES.items():
            method = inspect.unwrap(kind.__dict__[name]) if name in kind.__dict__ else None
            if not isinstance(method, FunctionType) or not is_users(method.__code__):
                continue
            fault = _fault(name, method)
            if fault is not None:
                yield Finding(
                    where=f"{kind.__name__}.{name}",
                    place=f"{method.__code__.co_filename.rpartition('/')[2]}:{method.__code__.co_firstlineno}",
                    evidence=f"{kind.__name__} defines {name}{inspect.signature(method)} over nn.Module's: {fault}",
                    fix=f"rename {kind.__name__}.{name} to {better}",
                    confidence=0.95,
                )
    for network in networks.networks:
        for path, module in network.modules.items():
            for name in sorted({"train", "eval"} & set(vars(module))):
                if not callable(vars(module).get(name)):
                    yield Finding(
                        where=f"{path or network.name}.{name}",
                        evidence=f"the attribute {name} hides the method of nn.Module: {name}() cannot be called",
                        fix=f"rename self.{name} to self.{name}_data",
                        confidence=0.9,
                    )


def _fault(name: str, method: FunctionType) -> str | None:
    """Return why a method cannot stand in for nn.Module's of the same name."""
    given: tuple[Any, ...] = {"train": (None, True), "eval": (None,)}.get(name, ())
    try:
        if given:
            inspect.signature(method).bind(*given)
    except TypeError as error:
        return f"network.{name}({'True' if name == 'train' else ''}) fails: {error}"
    words = {*method.__code__.co_names, *method.__code__.co_consts}
    if words & PASSING[name]:
        return None
    return "it neither sets the mode nor calls nn.Module's" if name != "__call__" else "forward and hooks never run"


def sick() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))

        def forward(self, x: torch.Tensor) -> Any:
            return self.layers(x)

        def train(self, epochs: int = 60) -> None:  # type: ignore[override]
            optimizer = torch.optim.Adam(self.parameters(), lr=0.01)
            for _ in range(epochs):
                optimizer.zero_grad()
                nn.functional.cross_entropy(self(inputs), labels).backward()
                optimizer.step()

    Classifier().train()


def healthy() -> None:
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs = torch.randn(256, 8)
    labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))

        def forward(self, x: torch.Tensor) -> Any:
            return self.layers(x)

        def fit(self, epochs: int = 60) -> None:
            optimizer = torch.optim.Adam(self.parameters(), lr=0.01)
            for _ in range(epochs):
                optimizer.zero_grad()
                nn.functional.cross_entropy(self(inputs), labels).backward()
                optimizer.step()

    Classifier().fit()
