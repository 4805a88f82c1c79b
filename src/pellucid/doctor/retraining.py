"""Training a copy as it was and a mended copy, briefly and alike: does the fix help?"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.devices import random_state_kept
from pellucid.doctor.checkup import Checkup
from pellucid.doctor.evidence.flow import Flow, TrainingFlows
from pellucid.doctor.evidence.loop import Optimizers
from pellucid.doctor.evidence.networks import Network, Networks
from pellucid.doctor.gathering import Evidence
from pellucid.errors import SettingError
from pellucid.rendering.blocks import Block, Note
from pellucid.rendering.result import Result

STEPS = 100
FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    name: getattr(functional, name)
    for name in (
        "cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits", "mse_loss", "l1_loss",
        "smooth_l1_loss", "huber_loss",
    )
}  # fmt: skip


@dataclass(frozen=True)
class Retraining(Result):
    """What a fix changes.

    Attributes:
        fixes: That were made, as the findings say them.
        steps: Of each training.
        before: Mean loss of the last tenth of the steps, as written; None if the program cannot run.
        after: The same, mended.
    """

    fixes: tuple[str, ...]
    steps: int
    before: float | None
    after: float

    def to_dict(self) -> dict[str, Any]:
        """Return the facts."""
        return {"fixes": list(self.fixes), "steps": self.steps, "before": self.before, "after": self.after}

    def blocks(self) -> list[Block]:
        """Say both in a sentence."""
        before = "does not run" if self.before is None else f"{self.before:.4g}"
        told = f"Mended ({'; '.join(self.fixes)}): after {self.steps} steps on a copy, loss {before} as written, "
        return [Note(f"{told}{self.after:.4g} mended.")]


def retrained(evidence: Evidence, checkup: Checkup, steps: int = STEPS) -> Retraining:
    """Train the network as it started, and mended, on the batches that were recorded; nothing of the user's is touched.

    Args:
        evidence: Of the watched run.
        checkup: Of the same run.
        steps: Of each training.

    Raises:
        SettingError: If no cause has a mechanical fix, or the recorded steps cannot be run again.
    """
    causes = [finding for finding in checkup.causes if finding.mend is not None and finding.mend.is_possible]
    if not causes:
        raise SettingError(
            "no finding has a fix that can be made by a machine", fix="follow the fix that each finding names"
        )
    start, batches, make, group = recorded(evidence)
    settings = checkup.settings
    has_change = any(finding.mend is not None and finding.mend.action != "set" for finding in causes)
    fixed = checkup.mend(start) if has_change else copy.deepcopy(start)
    other = getattr(torch.optim, str(settings["optimizer"])) if "optimizer" in settings else make
    changed = {name: value for name, value in settings.items() if name != "optimizer"}
    before = _losses(start, batches, make, group, steps)
    after = _losses(fixed, batches, other, {**({} if other is not make else group), **changed}, steps)
    if after is None:
        raise SettingError("the mended network cannot run on the recorded batches", fix="mend it by hand")
    return Retraining(tuple(finding.fix.splitlines()[0] for finding in causes), steps, before, after)


def trained_as_written(evidence: Evidence, steps: int = STEPS) -> float | None:
    """Train the network as it started on the batches that were recorded; return the mean loss of the last tenth.

    Args:
        evidence: Of the watched run.
        steps: Of the training.

    Raises:
        SettingError: If the recorded steps cannot be run again.
    """
    return _losses(*recorded(evidence), steps)


def recorded(evidence: Evidence) -> tuple[nn.Module, list["Batch"], Any, dict[str, Any]]:
    """Return the network as it started, its batches with their loss, and the optimizer's class and settings.

    Args:
        evidence: Of the watched run.

    Raises:
        SettingError: If the recorded steps cannot be run again.
    """
    flows, networks = evidence.found.get(TrainingFlows), evidence.found.get(Networks)
    optimizers = evidence.found.get(Optimizers)
    if not isinstance(flows, TrainingFlows) or not isinstance(networks, Networks):
        raise SettingError("the program did not train, so that there is nothing to train again", fix="mend it by hand")
    network = max(networks.networks, key=lambda one: one.training_calls)
    batches = [batch for flow in flows.flows if (batch := _batch(flow)) is not None]
    if not batches:
        raise SettingError(
            "the recorded steps cannot be run again: one tensor in, one loss of PyTorch's is what can",
            fix="mend it by hand, and check the program again",
        )
    facts = optimizers.first if isinstance(optimizers, Optimizers) else None
    make = facts.optimizer.__class__ if facts is not None else torch.optim.Adam
    group = dict(facts.groups[0]) if facts is not None else {"lr": 1e-3}
    return _as_it_started(network), batches, make, group


Batch = tuple[tuple[Tensor, ...], Tensor, Callable[[Tensor, Tensor], Tensor]]


def _batch(flow: Flow) -> Batch | None:
    """Return inputs, targets and loss function of a step whose loss takes what the network gives."""
    calls, losses = flow.network_calls, flow.losses
    if len(calls) != 1 or len(losses) != 1 or losses[0].kind not in FUNCTIONS or losses[0].targets is None:
        return None
    inputs = tuple(value.tensor for value in calls[0].inputs)
    targets = losses[0].targets.tensor
    if targets is None or any(tensor is None for tensor in inputs):
        return None
    function = FUNCTIONS[losses[0].kind]
    shape = losses[0].outputs.shape
    given = {name: losses[0].arguments[name] for name in ("weight", "label_smoothing") if name in losses[0].arguments}
    given = {name: value for name, value in given.items() if isinstance(value, float) or torch.is_tensor(value)}

    def loss(outputs: Tensor, labels: Tensor) -> Tensor:
        # What stood between the network and its loss were views.
        if outputs.numel() == torch.Size(shape).numel():
            outputs = outputs.reshape(shape)
        return function(outputs, labels, **given)

    return tuple(tensor for tensor in inputs if tensor is not None), targets, loss


def _as_it_started(network: Network) -> nn.Module:
    made = copy.deepcopy(network.module)
    tensors = {**dict(made.named_parameters()), **dict(made.named_buffers())}
    with torch.no_grad():
        for weight in network.weights:
            target = tensors.get(weight.name)
            if target is not None and weight.initial is not None and target.shape == weight.initial.shape:
                target.copy_(weight.initial)
    return made.train()


def _losses(network: nn.Module, batches: list[Batch], make: Any, settings: dict[str, Any], steps: int) -> float | None:
    """Train, and return the mean loss of the last tenth; None if it cannot run."""
    allowed = {name: value for name, value in settings.items() if name not in ("params", "initial_lr", "foreach")}
    losses = []
    with random_state_kept(torch.device("cpu"), seed=0), torch.enable_grad():
        try:
            optimizer = make(network.parameters(), **allowed)
            for step in range(steps):
                inputs, labels, function = batches[step % len(batches)]
                optimizer.zero_grad()
                value = function(network(*inputs), labels)
                value.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                losses.append(value.item())
        except Exception:  # noqa: BLE001 a faulty program may raise anything
            return None
    last = losses[-max(1, steps // 10) :]
    return sum(last) / len(last)
