"""The flow of one traced step: every operation, its tensors, where it ran, and the way from the inputs to the loss."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor, nn

from pellucid.doctor.evidence.kinds import SELECTIONS, VIEWS


@dataclass(frozen=True)
class Facts:
    """What was measured of a tensor when it was made.

    Attributes:
        low: Smallest finite value.
        high: Largest finite value.
        mean: Of the finite values.
        std: Of the finite values.
        zeros: Share that is exactly 0.
        nonfinite: Share that is NaN or infinite.
    """

    low: float
    high: float
    mean: float
    std: float
    zeros: float
    nonfinite: float


@dataclass(eq=False, slots=True)
class Weight:
    """A parameter or buffer: one object for the whole run, whatever step it was seen in.

    Attributes:
        name: Path in its network ("fc1.weight"), or "tensor [64, 10]" for one that no network has registered.
        live: The user's own tensor, with the values at the end of the run: never change it.
        initial: A copy of its values at its first traced use; None if it was too large to keep.
        is_trainable: Whether it asked for gradients at its first use.
        is_registered: Whether a network that was called has it among its parameters or buffers.
        is_buffer: Whether it is a buffer.
        module: The innermost registered module that owns it; None if unregistered.
    """

    name: str
    live: Tensor = field(repr=False)
    initial: Tensor | None = field(repr=False)
    is_trainable: bool
    is_registered: bool
    is_buffer: bool
    module: nn.Module | None = field(default=None, repr=False)
    version: int = field(default=-1, repr=False)


@dataclass(eq=False, slots=True)
class Value:
    """A tensor at one moment of a traced step.

    Attributes:
        index: Number of the value in its run.
        kind: "made" by an operation that was seen; "weight" for a parameter, a buffer, or any leaf that asks for
            gradients (a loss of this kind, `torch.tensor(number, requires_grad=True)`, is connected to nothing);
            "data" for what came from outside without gradient (batches, labels, constants); "unseen" for a tensor
            with a gradient history that was not seen (a custom autograd Function, a compiled part).
        shape: As a tuple.
        dtype: Of PyTorch.
        requires_grad: Whether gradients were recorded for it.
        facts: Measured at that moment; None for what has no numbers to measure (empty, complex).
        maker: The operation that made it; None unless kind is "made".
        users: Operations that took it, in order.
        weight: The parameter or buffer; None unless kind is "weight".
        loader: Number of the DataLoader that gave it (`Batches.loaders`); None otherwise.
        gradient: Facts of its gradient, if it is a network's output or a weight of a traced step; else None.
    """

    index: int
    kind: Literal["made", "weight", "data", "unseen"]
    shape: tuple[int, ...]
    dtype: torch.dtype
    requires_grad: bool
    facts: Facts | None = None
    maker: "Operation | None" = field(default=None, repr=False)
    users: "list[Operation]" = field(default_factory=list, repr=False)
    weight: Weight | None = None
    loader: int | None = None
    gradient: Facts | None = None
    kept: Tensor | None = field(default=None, repr=False)
    version: int = -1

    @property
    def tensor(self) -> Tensor | None:
        """Its values as they were then, detached; None if not kept (later steps, large) or overwritten since."""
        kept = self.kept
        if kept is None or (self.version >= 0 and kept._version != self.version):  # noqa: SLF001
            return None
        return kept

    @property
    def size(self) -> int:
        """How many numbers it has."""
        count = 1
        for length in self.shape:
            count *= length
        return count


@dataclass(eq=False, slots=True)
class Call:
    """One call of a root module: a network, or a loss that is a module.

    Attributes:
        network: The module itself.
        name: Of the network in findings: its class, numbered if there are several.
        inputs: Tensors it was given, in order.
        outputs: Tensors it returned, in order.
        training: Its `training` flag at the call.
        modes: `training` of each inner module that behaves differently (dropout, normalisation), by path.
        grad_enabled: Whether gradients were recorded.
        place: "train.py:30".
        has_parameters: False for losses and activations that are modules.
    """

    network: nn.Module = field(repr=False)
    name: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    training: bool
    modes: dict[str, bool]
    grad_enabled: bool
    place: str | None
    has_parameters: bool


@dataclass(eq=False, slots=True)
class Operation:
    """One function of PyTorch as it was called: the finest layer.

    Attributes:
        index: Order in the run.
        name: One name for all spellings, as in `kinds` ("relu", "linear", "add", "index" for x[...], "cross_entropy").
        function: What was called.
        inputs: All tensors among its arguments, in order, also inside lists (weights too).
        outputs: All tensors it returned.
        arguments: Its other arguments by name where known, else by position ("1"); tensors stand as Value.
        module: The innermost nn.Module it ran in; None outside of modules.
        path: That module's dotted path in its root network ("" the root); None if outside, or if the module is not
            registered in the root (hidden in a list, made in forward).
        call: The root call that it ran in; None outside.
        place: "train.py:12": the innermost line of the user's.
        grad_enabled: Whether gradients were recorded.
        error: What it raised; None normally.
    """

    index: int
    name: str
    function: Any
    inputs: tuple[Value, ...] = field(repr=False)
    outputs: tuple[Value, ...] = field(repr=False)
    arguments: dict[str, Any] = field(repr=False)
    module: nn.Module | None = field(repr=False)
    path: str | None
    call: Call | None = field(repr=False)
    place: str | None
    grad_enabled: bool
    template: tuple[Any, Any] = field(default=((), {}), repr=False)
    error: BaseException | None = None

    @property
    def output(self) -> Value | None:
        """Its first output; None if it returned no tensor (`item`)."""
        return self.outputs[0] if self.outputs else None

    @property
    def main(self) -> Value | None:
        """The input that flows through: the first that is not a weight."""
        return next((value for value in self.inputs if value.kind != "weight"), None)

    @property
    def weights(self) -> tuple[Weight, ...]:
        """Parameters and buffers among its inputs."""
        return tuple(value.weight for value in self.inputs if value.weight is not None)

    @property
    def paths(self) -> tuple[str, ...]:
        """The path of its module in the network, as `Mend.layers` takes it; () for a function."""
        return (self.path,) if self.module is not None and self.path else ()

    @property
    def where(self) -> str:
        """The layer as a finding names it: "body.2 (ReLU)", "relu in Net.forward", or the function's name."""
        if self.module is not None and self.path:
            return f"{self.path} ({type(self.module).__name__})"
        if self.module is not None:
            return f"{self.name} in {type(self.module).__name__}"
        return self.name


@dataclass(frozen=True, eq=False)
class Loss:
    """A loss function on the way to `backward`.

    Attributes:
        kind: A key of `kinds.LOSSES` ("cross_entropy", "mse_loss" …), or "own" for one written by hand.
        operation: The loss function's; for an own loss, the last operation before `backward`.
        outputs: What it takes from the network (logits, probabilities, log-probabilities …).
        targets: What it compares with; None if there is nothing of the kind.
        reduction: "mean", "sum", "none"; "own" for an own loss.
    """

    kind: str
    operation: Operation
    outputs: Value
    targets: Value | None
    reduction: str

    @property
    def arguments(self) -> dict[str, Any]:
        """`weight`, `ignore_index`, `label_smoothing`, `pos_weight` … as given."""
        return self.operation.arguments


@dataclass(frozen=True, eq=False)
class Flow:
    """One traced stretch of the run.

    A training flow has one `backward`; its `operations` are all that ran since the previous optimizer step, also
    those beside the way to the loss and after `backward` (metrics, sums of losses). An evaluation flow has none.

    Attributes:
        kind: "training", "evaluation", or "broken" (an exception ended it, or no backward ever came).
        step: How many optimizer steps had been done before it.
        operations: In order.
        calls: Root modules called, in order (losses that are modules too: see `Call.has_parameters`).
        loss: The value on which `backward` (or `autograd.grad`) was called; None otherwise.
        losses: Loss functions recognised on the way to it (in an evaluation flow: anywhere).
        path: Operations on the way to the loss, in order: the ancestors of `loss`, also behind a detach or a no_grad
            (a teacher, a frozen part); `gradient_path` has only those that the gradient passes.
        backward_place: Where `backward` was called.
        backward_index: Operations with a larger `index` ran after `backward`; None if there was none.
    """

    kind: Literal["training", "evaluation", "broken"]
    step: int
    operations: tuple[Operation, ...]
    calls: tuple[Call, ...]
    loss: Value | None
    losses: tuple[Loss, ...]
    path: tuple[Operation, ...]
    backward_place: str | None
    backward_index: int | None

    @property
    def network_calls(self) -> tuple[Call, ...]:
        """Calls of modules that have parameters."""
        return tuple(call for call in self.calls if call.has_parameters)

    @cached_property
    def gradient_path(self) -> tuple[Operation, ...]:
        """The operations of `path` that the gradient passes: none behind a detach, a no_grad or a frozen part."""
        reached: set[int] = {self.loss.index} if self.loss is not None and self.loss.requires_grad else set()
        found = []
        for operation in reversed(self.path):
            if any(value.index in reached for value in operation.outputs):
                found.append(operation)
                reached.update(value.index for value in operation.inputs if value.requires_grad)
        return tuple(reversed(found))

    @cached_property
    def weights(self) -> tuple[Weight, ...]:
        """Parameters that the gradient reaches, and the buffers beside them, each once."""
        return tuple(
            dict.fromkeys(
                value.weight
                for operation in self.gradient_path
                for value in operation.inputs
                if value.weight is not None and (value.requires_grad or value.weight.is_buffer)
            )
        )

    @property
    def is_complete(self) -> bool:
        """Whether every tensor on the way to the loss has a known origin (else no replay)."""
        return not any(value.kind == "unseen" for operation in self.path for value in operation.inputs)


Passing = VIEWS | {"contiguous"}


def origin(value: Value, through: Collection[str] = VIEWS) -> Value:
    """Walk back through views and casts to the value whose numbers these are.

    Args:
        value: Where to start.
        through: Names of operations to walk through; add `kinds.SELECTIONS` to get from a batch to the whole data.
    """
    while value.maker is not None and value.maker.name in through and value.maker.main is not None:
        value = value.maker.main
    return value


def maker(value: Value) -> Operation | None:
    """Return the operation that gave these numbers, past views and casts; None for data and weights."""
    return origin(value).maker


def whole(value: Value) -> Value:
    """Return the data that a batch was taken from by indexing: all labels, if the loop does `y[rows]`; else itself."""
    return origin(value, VIEWS | SELECTIONS)


def users(value: Value, through: Collection[str] = VIEWS) -> Iterator[Operation]:
    """Yield the operations that take these numbers, past views and casts."""
    for operation in value.users:
        if operation.name in through:
            for output in operation.outputs:
                yield from users(output, through)
        else:
            yield operation


def ancestors(value: Value) -> tuple[Operation, ...]:
    """Return every operation that a value was computed by, in the order they ran."""
    found: dict[int, Operation] = {}
    left = [value]
    while left:
        made_by = left.pop().maker
        if made_by is not None and made_by.index not in found:
            found[made_by.index] = made_by
            left.extend(made_by.inputs)
    return tuple(found[index] for index in sorted(found))


def trunk(value: Value) -> Iterator[Operation]:
    """Yield the operations along the main line back from a value: always the first input that is no weight."""
    made_by = value.maker
    while made_by is not None:
        yield made_by
        value_before = made_by.main
        made_by = value_before.maker if value_before is not None else None


@dataclass(frozen=True, eq=False)
class TrainingFlows:
    """Training steps that were traced: the first few, then some on a schedule. Never empty.

    Attributes:
        flows: In order; the first two keep all their tensors (`Value.tensor`), the others their data.
    """

    flows: tuple[Flow, ...]

    @property
    def first(self) -> Flow:
        """The first training step, before any weight has moved."""
        return self.flows[0]

    @property
    def last(self) -> Flow:
        """The last that was traced."""
        return self.flows[-1]

    def per_loss(self) -> tuple[Flow, ...]:
        """Return the first flow of each place that calls `backward` (a GAN has two or three)."""
        return tuple({flow.backward_place: flow for flow in reversed(self.flows)}.values())[::-1]


@dataclass(frozen=True, eq=False)
class EvaluationFlows:
    """Evaluations that were traced: forwards without gradient or in eval mode, and what was computed from them."""

    flows: tuple[Flow, ...]
