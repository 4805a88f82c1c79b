"""What is measured of an optimizer's steps."""

import torch
from torch import Tensor

from pellucid.doctor.evidence.flow import Weight

LARGEST = 30_000_000


class OptimizerRecord:
    """What is known of one optimizer while the run lasts."""

    def __init__(self, optimizer: torch.optim.Optimizer, number: int, place: str | None) -> None:
        self.optimizer = optimizer
        self.number = number
        self.place = place
        self.groups = [{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups]
        self.parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        self.steps = 0
        self.losses: list[float] = []
        self.was_clean: bool | None = None
        self.before: dict[str, Tensor] | None = None
        self.gradients: dict[str, float] | None = None
        self.has_gradients: bool | None = None

    def look(self, names: dict[int, Weight]) -> None:
        """Measure the gradients, and keep the weights, before a step; a closure makes its gradients later."""
        self.parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        with torch.no_grad():
            if sum(p.numel() for p in self.parameters) <= LARGEST:
                self.before = {names[id(p)].name: p.detach().clone() for p in self.parameters if id(p) in names}
            self.has_gradients = any_gradient(self.parameters)
            self.gradients = {
                names[id(p)].name: _norm(p.grad)
                for p in self.parameters
                if p.grad is not None and id(p) in names and not p.grad.is_sparse
            }

    def moved(self, names: dict[int, Weight]) -> tuple[dict[str, float] | None, dict[str, float] | None]:
        """Return how far each weight moved in a step that was looked at, and its norm before."""
        before, self.before = self.before, None
        if before is None:
            return None, None
        with torch.no_grad():
            now = {names[id(p)].name: p.detach() for p in self.parameters if id(p) in names}
            updates = {name: _norm(tensor - before[name]) for name, tensor in now.items() if name in before}
            return updates, {name: _norm(tensor) for name, tensor in before.items()}


def _norm(tensor: Tensor) -> float:
    return float(torch.linalg.vector_norm(tensor.detach().float()))


def any_gradient(parameters: list[Tensor]) -> bool:
    """Return whether any parameter has a gradient that is not zero."""
    for parameter in parameters:
        gradient = parameter.grad
        if gradient is not None and (gradient.is_sparse or bool(torch.count_nonzero(gradient.detach()))):
            return True
    return False
