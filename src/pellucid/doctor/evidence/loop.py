"""The order of events in the loop, and what each optimizer step did."""

from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Event:
    """Something the loop did.

    Attributes:
        kind: "forward" (a network was called; detail: its name, `training`, `grad`), "backward", "step" (of an
            optimizer), "zero_grad", "clip", "scheduler" (a step), "train", "eval", "epoch" (a DataLoader was started;
            detail: its number), "batch", "no_grad",
            "optimizer" (one was made; detail: its kind).
        step: Optimizer steps done before.
        order: Of the event in the run.
        detail: What it was done to: {"optimizer": 0}, {"network": "Net", "training": True, "grad": True},
            {"loader": 0}, {"scheduler": 0, "by": "StepLR"}.
        place: "train.py:12"; kept for the first events only.
    """

    kind: str
    step: int
    order: int
    detail: dict[str, Any]
    place: str | None


@dataclass(frozen=True)
class Step:
    """One optimizer step.

    Attributes:
        index: From 0, over all optimizers.
        optimizer: Number of the optimizer in `Optimizers`.
        losses: Values on which `backward` was called since the previous step.
        learning_rates: Of each parameter group, when it stepped.
        was_clean: Whether gradients were None or zero before the first backward of this step; None if not looked at.
        has_gradients: Whether any parameter had a gradient that is not zero when it stepped; None if not looked at.
        clipped_to: Argument of `clip_grad_norm_` or `clip_grad_value_` since the previous step.
        gradients: Norm of each parameter's gradient, by name; None unless this step was looked at.
        updates: Norm of each parameter's change; None unless looked at.
        weights: Norm of each parameter before; None unless looked at.
    """

    index: int
    optimizer: int
    losses: tuple[float, ...]
    learning_rates: tuple[float, ...]
    was_clean: bool | None
    has_gradients: bool | None
    clipped_to: float | None
    gradients: dict[str, float] | None
    updates: dict[str, float] | None
    weights: dict[str, float] | None


@dataclass(frozen=True, eq=False)
class Loop:
    """What the loop did, in order.

    Attributes:
        events: The first 3000 and the last 1000.
        counts: How often each kind occurred in the whole run.
        backwards: How often `backward` ran.
        steps: How many optimizer steps were done.
        clear_places: Where `zero_grad` was called.
        step_place: Where the first optimizer step was called.
        backward_place: Where the first backward was called.
        modules_made: Classes of modules with parameters made inside a network's forward, with their place and count.
        schedulers: Each learning-rate scheduler made: its class, its optimizer's number, how often it was stepped.
        losses_alive: How many of up to 128 losses of earlier steps the program still held, each with its graph.
    """

    events: tuple[Event, ...]
    counts: dict[str, int]
    backwards: int
    steps: int
    clear_places: tuple[str, ...]
    step_place: str | None
    backward_place: str | None
    modules_made: tuple[tuple[str, str | None, int], ...]
    schedulers: tuple["Scheduler", ...]
    losses_alive: int = 0


@dataclass(frozen=True, eq=False)
class Scheduler:
    """A learning-rate scheduler.

    Attributes:
        scheduler: The object.
        kind: Its class.
        optimizer: Number of its optimizer.
        steps: How often it was stepped, not counting the one at its making.
        place: Where it was first stepped; else where it was made.
    """

    scheduler: Any
    kind: str
    optimizer: int | None
    steps: int
    place: str | None


@dataclass(frozen=True, eq=False)
class OptimizerFacts:
    """One optimizer, as it was at its first step (or when `check` was given it).

    Attributes:
        optimizer: The object, with the state it has at the end.
        kind: Its class: "SGD", "Adam".
        groups: Hyperparameters of each group (`lr`, `momentum`, `weight_decay` …), without parameters.
        parameters: Its parameters, all groups in order.
        names: Their names in the networks that were seen; "tensor [3, 4]" for foreign ones.
        steps: How often it stepped.
        place: Where it first stepped.
    """

    optimizer: torch.optim.Optimizer
    kind: str
    groups: tuple[dict[str, Any], ...]
    parameters: tuple[torch.Tensor, ...]
    names: tuple[str, ...]
    steps: int
    place: str | None

    @property
    def learning_rate(self) -> float:
        """Of the first group."""
        return float(self.groups[0].get("lr") or 0.0)


@dataclass(frozen=True, eq=False)
class Optimizers:
    """Every optimizer that stepped or was given. Never empty."""

    optimizers: tuple[OptimizerFacts, ...]

    @property
    def first(self) -> OptimizerFacts:
        """The first that stepped."""
        return self.optimizers[0]

    def ids(self) -> frozenset[int]:
        """Return the identities of all parameters that some optimizer has."""
        return frozenset(id(parameter) for entry in self.optimizers for parameter in entry.parameters)
