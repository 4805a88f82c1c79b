"""The replay: a traced step computed again, with other weights, other inputs, or without some of its operations."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pellucid.doctor.evidence.flow import Flow, Operation, Value, Weight
from pellucid.doctor.evidence.kinds import AFFINE, CONVOLUTIONS, RECURRENT
from pellucid.errors import PellucidError
from pellucid.tracing.capture import mapped, overwrites, tensors_in


class TrialImpossible(PellucidError, RuntimeError):  # noqa: N818 said as it is read
    """A step that cannot be computed again: the rule that asked is skipped with this reason."""

    def __init__(self, problem: str, fix: str = "nothing to do: the rule is skipped") -> None:
        super().__init__(problem, fix)


@dataclass(frozen=True)
class Surgery:
    """What is done differently in a replay.

    Attributes:
        skip: Operations to leave out: their first input passes through.
        replace: Gives another function to call with the same arguments, or None to leave an operation as it is.
        inputs: Applied to the network's inputs (the floating-point data that reach its first layer).
        targets: Applied to the targets of the losses.
    """

    skip: Callable[[Operation], bool] | None = None
    replace: Callable[[Operation], Callable[..., Any] | None] | None = None
    inputs: Callable[[Tensor], Tensor] | None = None
    targets: Callable[[Tensor], Tensor] | None = None


AS_IT_WAS = Surgery()


@dataclass(eq=False)
class Replay:
    """One flow, ready to be computed again and again."""

    flow: Flow
    surgery: Surgery = AS_IT_WAS

    def __post_init__(self) -> None:
        if not self.flow.is_complete:
            raise TrialImpossible("a part of the step could not be followed (a custom or compiled function)")
        self._inputs = {value.index for value in input_values(self.flow)} if self.surgery.inputs else set()
        targets = [loss.targets for loss in self.flow.losses if loss.targets is not None]
        self._targets = {value.index for value in targets} if self.surgery.targets else set()

    def run(self, weights: Mapping[int, Tensor], keep: bool = False) -> tuple[Tensor, dict[int, Tensor]]:
        """Compute the loss.

        Args:
            weights: The tensor to use for each weight, by `id(weight)`.
            keep: Whether to return every value too.

        Returns:
            The loss, and the tensors by `Value.index`.

        Raises:
            TrialImpossible: If the loss depends on no weight.
        """
        found: dict[int, Tensor] = {}

        def resolve(leaf: Any) -> Any:
            return self._tensor(leaf, found, weights) if isinstance(leaf, Value) else leaf

        for operation in self.flow.path:
            if all(out.tensor is not None for out in operation.outputs) and not self._moves(operation, found, weights):
                continue
            args, keywords = mapped(operation.template, resolve)
            outputs = self._apply(operation, args, dict(keywords))
            for value, tensor in zip(operation.outputs, outputs, strict=False):
                found[value.index] = self._changed(value, tensor)
        assert self.flow.loss is not None
        loss = found.get(self.flow.loss.index)
        if loss is None:
            raise TrialImpossible("the loss does not depend on any weight")
        return loss, found if keep else {}

    def _moves(self, operation: Operation, found: dict[int, Tensor], weights: Mapping[int, Tensor]) -> bool:
        """Return whether an operation gives other numbers than it did."""
        return any(
            value.index in found or value.index in self._inputs or value.index in self._targets
            or (value.weight is not None and id(value.weight) in weights)
            for value in operation.inputs
        )  # fmt: skip

    def _apply(self, operation: Operation, args: Any, keywords: dict[str, Any]) -> list[Tensor]:
        surgery = self.surgery
        if surgery.skip is not None and surgery.skip(operation):
            return [next(value for value in args if isinstance(value, Tensor))]
        function = operation.function
        if surgery.replace is not None:
            function = surgery.replace(operation) or function
        changed = None
        if overwrites(getattr(operation.function, "__name__", ""), keywords) and args:
            changed = args[0].clone()
            args = (changed, *args[1:])
        if operation.grad_enabled:
            output = function(*args, **keywords)
        else:
            with torch.no_grad():
                output = function(*args, **keywords)
        if changed is not None:
            return [changed]
        return tensors_in(output)

    def _tensor(self, value: Value, found: dict[int, Tensor], weights: Mapping[int, Tensor]) -> Tensor:
        if value.index in found:
            return found[value.index]
        if value.weight is not None:
            tensor = weights.get(id(value.weight))
            if tensor is None:
                tensor = value.weight.initial if value.weight.initial is not None else value.weight.live.detach()
            return tensor
        kept = value.tensor
        if kept is None:
            raise TrialImpossible("the step's data are no longer there, or were overwritten")
        found[value.index] = self._changed(value, kept)
        return found[value.index]

    def _changed(self, value: Value, tensor: Tensor) -> Tensor:
        if value.index in self._inputs and self.surgery.inputs is not None:
            return self.surgery.inputs(tensor)
        if value.index in self._targets and self.surgery.targets is not None:
            return self.surgery.targets(tensor)
        return tensor


def input_values(flow: Flow) -> tuple[Value, ...]:
    """Return the floating-point values that enter the networks of a flow: what a first layer is fed with."""
    learned: set[int] = set()
    for operation in flow.path:
        if any(v.index in learned or (v.weight is not None and v.weight.is_trainable) for v in operation.inputs):
            learned.update(value.index for value in operation.outputs)
    found: dict[int, Value] = {}
    for call in flow.network_calls:
        for value in call.inputs:
            if value.index not in learned and value.dtype.is_floating_point and len(value.shape) > 1:
                found[value.index] = value
    if not found:
        for operation in flow.path:
            main = operation.main
            if (
                operation.name in AFFINE | CONVOLUTIONS | RECURRENT
                and main is not None
                and main.index not in learned
                and main.kind in ("data", "made")
            ):
                found[main.index] = main
    return tuple(found.values())


@contextlib.contextmanager
def seeded(seed: int = 0) -> Iterator[None]:
    """Compute with the same random numbers each time, and leave the user's generators as they were."""
    from pellucid.devices import random_state_kept

    with random_state_kept(torch.device("cpu")), torch.enable_grad(), torch.inference_mode(False):
        torch.manual_seed(seed)
        yield


def copies(weights: tuple[Weight, ...], *, at: str) -> dict[int, Tensor]:
    """Return copies of weights as they were at the "start" or are at the "end", by `id(weight)`.

    Raises:
        TrialImpossible: If the start of one was not kept.
    """
    made = {}
    for weight in weights:
        source = weight.initial if at == "start" else weight.live
        if source is None:
            raise TrialImpossible(f"the start of {weight.name} was too large to keep")
        copy = source.detach().clone()
        made[id(weight)] = copy.requires_grad_(
            weight.is_trainable and not weight.is_buffer and copy.is_floating_point()
        )
    return made
