"""Trials: some tens of steps on copies, as written and with a fix, so that a verdict is measured and not guessed."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from time import thread_time
from typing import Any

import torch
from torch import Tensor

from pellucid.doctor.evidence.flow import Flow, TrainingFlows, Value, Weight
from pellucid.doctor.evidence.loop import OptimizerFacts, Optimizers, Step
from pellucid.doctor.replay import AS_IT_WAS, Replay, Surgery, TrialImpossible, copies, seeded


@dataclass(frozen=True)
class Change:
    """What a trial does differently from the program.

    Attributes:
        label: As the finding names it: "lr 0.003", "inputs scaled".
        rate_factor: Multiplies every learning rate.
        learning_rate: Replaces every learning rate.
        settings: Replaces hyperparameters of every group: {"weight_decay": 0.0}.
        optimizer: Makes another optimizer from the parameters.
        initialise: Changes the copied weights before the first step; is given {Weight: Tensor}.
        surgery: Operations left out or replaced, inputs or targets changed.
        is_one_batch: Whether every step uses the first batch.
    """

    label: str = "the change"
    rate_factor: float = 1.0
    learning_rate: float | None = None
    settings: Mapping[str, Any] | None = None
    optimizer: Callable[[list[Tensor]], torch.optim.Optimizer] | None = None
    initialise: Callable[[dict[Weight, Tensor]], None] | None = None
    surgery: Surgery = AS_IT_WAS
    is_one_batch: bool = False


AS_WRITTEN = Change("as written")


@dataclass(frozen=True)
class Comparison:
    """Two trials of the same steps.

    Attributes:
        label: Of the change.
        before: Loss of each step as written (before the step's update); NaN and infinity as infinity.
        after: The same with the change.
    """

    label: str
    before: tuple[float, ...]
    after: tuple[float, ...]

    @property
    def loss_as_written(self) -> float:
        """Mean of the last quarter."""
        return _end(self.before)

    @property
    def loss_changed(self) -> float:
        """Mean of the last quarter."""
        return _end(self.after)

    def improves(self, factor: float = 0.7) -> bool:
        """Return whether the change ends at a fraction of the loss as written, and below where it started."""
        if not math.isfinite(self.loss_changed) or self.loss_changed > self.after[0]:
            return False
        if not math.isfinite(self.loss_as_written):
            return True
        gain = self.loss_as_written - self.loss_changed
        return gain > (1 - factor) * max(abs(self.loss_as_written), 1e-6)

    def text(self) -> str:
        """Return both as a finding quotes them."""
        return (
            f"after {len(self.after)} trial steps on a copy: loss {self.loss_as_written:.3g} as written, "
            f"{self.loss_changed:.3g} with {self.label}"
        )


@dataclass(frozen=True, eq=False)
class Replayed:
    """A flow computed again: every value on its way, and the gradients if they were asked for.

    Attributes:
        loss: As a number.
        values: Tensors by `Value.index`.
        gradients: Of values by `Value.index`.
        weight_gradients: Of weights by name.
    """

    loss: float
    values: dict[int, Tensor]
    gradients: dict[int, Tensor]
    weight_gradients: dict[str, Tensor]

    def of(self, value: Value) -> Tensor | None:
        """Return the tensor of a value, if it was computed."""
        return self.values.get(value.index)


class Trials:
    """Experiments on copies; nothing is computed before a rule asks. Raises `TrialImpossible` if it cannot be done."""

    def __init__(
        self, flows: TrainingFlows, optimizers: Optimizers, steps: Sequence[Step], *, seconds: float = 6.0
    ) -> None:
        self._flows = flows
        self._optimizers = optimizers
        self._steps = steps
        self._left = seconds
        self._cache: dict[tuple[Any, ...], tuple[float, ...]] = {}

    @property
    def seconds_left(self) -> float:
        """Time that is left for all further trials."""
        return self._left

    def compare(self, change: Change, *, steps: int = 60, at: str = "start") -> Comparison:
        """Train a copy as written and another with the change, the same steps with the same seeds.

        Args:
            change: What is done differently.
            steps: How many.
            at: "start": from the weights the program started with; "end": from those it ended with.

        Raises:
            TrialImpossible: If the steps cannot be computed again, or the time is up.
        """
        before = self.run(AS_WRITTEN if not change.is_one_batch else Change(is_one_batch=True), steps=steps, at=at)
        after = self.run(change, steps=steps, at=at)
        shared = min(len(before), len(after))
        if shared < min(steps, 10):
            raise TrialImpossible("the trial ran out of time")
        return Comparison(change.label, before[:shared], after[:shared])

    def run(self, change: Change = AS_WRITTEN, *, steps: int = 60, at: str = "start") -> tuple[float, ...]:
        """Train a copy and return the loss of each step; fewer if the time ran out.

        Raises:
            TrialImpossible: If the steps cannot be computed again, or the time is up.
        """
        key = (id(change) if change is not AS_WRITTEN else 0, steps, at)
        if change is AS_WRITTEN and key in self._cache:
            return self._cache[key]
        if self._left <= 0.05:
            raise TrialImpossible("no time is left for trials")
        started = thread_time()
        try:
            losses = self._train(change, steps, at, started + max(self._left / 2, 0.3))
        except TrialImpossible:
            raise
        except Exception as error:
            raise TrialImpossible(f"the step could not be computed again: {type(error).__name__}: {error}") from error
        finally:
            self._left -= thread_time() - started
        if change is AS_WRITTEN:
            self._cache[key] = losses
        return losses

    def values(
        self, flow: Flow, *, at: str = "end", with_gradients: bool = False, surgery: Surgery = AS_IT_WAS
    ) -> Replayed:
        """Compute a traced step again with the weights of the start or the end.

        Raises:
            TrialImpossible: If it cannot be computed again.
        """
        started = thread_time()
        try:
            with seeded():
                weights = copies(flow.weights, at=at)
                loss, values = Replay(flow, surgery).run(weights, keep=True)
                gradients: dict[int, Tensor] = {}
                if with_gradients:
                    wanted = [(index, tensor) for index, tensor in values.items() if tensor.requires_grad]
                    leaves = [weight for weight in flow.weights if weights[id(weight)].requires_grad]
                    given = torch.autograd.grad(
                        loss.sum(), [t for _, t in wanted] + [weights[id(w)] for w in leaves], allow_unused=True
                    )
                    gradients = {i: g for (i, _), g in zip(wanted, given, strict=False) if g is not None}
                    named = {w.name: g for w, g in zip(leaves, given[len(wanted) :], strict=True) if g is not None}
                else:
                    named = {}
        except TrialImpossible:
            raise
        except Exception as error:
            raise TrialImpossible(f"the step could not be computed again: {type(error).__name__}: {error}") from error
        finally:
            self._left -= thread_time() - started
        return Replayed(float(loss.detach().sum()), {i: t.detach() for i, t in values.items()}, gradients, named)

    # -- inside ------------------------------------------------------------------------------------------------------

    def _batches(self, is_one_batch: bool) -> list[list[Flow]]:
        """Return the flows of the traced steps, those of one step together.

        Raises:
            TrialImpossible: If none reaches a weight.
        """
        steps: dict[int, list[Flow]] = {}
        for flow in self._flows.flows:
            if any(weight.is_trainable for weight in flow.weights):
                steps.setdefault(flow.step, []).append(flow)
        found = list(steps.values())[:8]
        if not found:
            raise TrialImpossible("no traced step reaches a weight")
        return found[:1] if is_one_batch else found

    def _train(self, change: Change, steps: int, at: str, deadline: float) -> tuple[float, ...]:
        batches = self._batches(change.is_one_batch)
        weights = tuple(dict.fromkeys(weight for flows in batches for flow in flows for weight in flow.weights))
        facts = self._optimizer_for(weights)
        if facts.kind == "LBFGS":
            batches = [flows[:1] for flows in batches]  # its closure's passes are one batch again and again
        replays = [[Replay(flow, change.surgery) for flow in flows] for flows in batches]
        losses: list[float] = []
        with seeded():
            tensors = copies(weights, at=at)
            if change.initialise is not None:
                with torch.no_grad():
                    change.initialise({weight: tensors[id(weight)] for weight in weights})
            held = {id(parameter) for parameter in facts.parameters}
            trained = [tensors[id(w)] for w in weights if id(w.live) in held and tensors[id(w)].requires_grad]
            if not trained:
                raise TrialImpossible("the optimizer holds no weight of the traced steps")
            optimizer = self._made(facts, weights, tensors, change)
            own = [step for step in self._steps if step.optimizer == self._optimizers.optimizers.index(facts)]
            for number in range(steps):
                if thread_time() > deadline:
                    break
                if change.optimizer is None:
                    self._set_rates(optimizer, own, number, change)
                current = replays[number % len(replays)]

                def closure(current: list[Replay] = current) -> Tensor:
                    optimizer.zero_grad()
                    total = 0.0
                    for replay in current:
                        loss, _ = replay.run(tensors)
                        if loss.requires_grad:
                            loss.sum().backward()  # type: ignore[no-untyped-call]
                        total += float(loss.detach().sum())
                    return torch.tensor(total / len(current))

                if facts.kind == "LBFGS" and change.optimizer is None:
                    value = float(optimizer.step(closure))  # type: ignore[arg-type]
                else:
                    value = float(closure())
                    optimizer.step()
                losses.append(value if math.isfinite(value) else math.inf)
                if len(losses) >= 5 and all(math.isinf(loss) for loss in losses[-5:]):
                    losses.extend([math.inf] * (steps - len(losses)))
                    break
        return tuple(losses)

    def _optimizer_for(self, weights: tuple[Weight, ...]) -> OptimizerFacts:
        ids = {id(weight.live) for weight in weights}
        return max(self._optimizers.optimizers, key=lambda entry: sum(id(p) in ids for p in entry.parameters))

    def _made(
        self, facts: OptimizerFacts, weights: tuple[Weight, ...], tensors: dict[int, Tensor], change: Change
    ) -> torch.optim.Optimizer:
        by_live = {id(weight.live): tensors[id(weight)] for weight in weights}
        groups = []
        for group, settings in zip(facts.optimizer.param_groups, facts.groups, strict=False):
            parameters = [by_live[id(p)] for p in group["params"] if id(p) in by_live and by_live[id(p)].requires_grad]
            if parameters:
                groups.append({**settings, **(change.settings or {}), "params": parameters})
        if change.optimizer is not None:
            return change.optimizer([p for group in groups for p in group["params"]])
        try:
            return type(facts.optimizer)(groups)  # type: ignore[call-arg]
        except Exception as error:
            raise TrialImpossible(f"{facts.kind} cannot be made anew: {error}") from error

    def _set_rates(self, optimizer: torch.optim.Optimizer, steps: list[Step], number: int, change: Change) -> None:
        """Follow the learning rates that the program had at its first steps."""
        if not steps and change.rate_factor == 1.0 and change.learning_rate is None:
            return
        rates = steps[min(number, len(steps) - 1)].learning_rates if steps else ()
        for position, group in enumerate(optimizer.param_groups):
            own = rates[position] if position < len(rates) else group["lr"]
            if not steps and "base" not in group:
                group["base"] = group["lr"]
            base = own if steps else group["base"]
            group["lr"] = change.learning_rate if change.learning_rate is not None else base * change.rate_factor


def _end(losses: tuple[float, ...]) -> float:
    part = losses[-max(1, len(losses) // 4) :]
    return fmean(part)
