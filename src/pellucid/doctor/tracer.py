"""The tracer: a torch function mode that keeps every operation with its tensors while tracing is on."""

import contextlib
import inspect
import math
import threading
from collections.abc import Callable
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from pellucid.doctor.evidence.flow import Call, Facts, Operation, Value, Weight
from pellucid.doctor.evidence.kinds import POSITIONAL, canonical, words
from pellucid.doctor.places import user_place
from pellucid.tracing.capture import mapped, overwrites, tensors_in

# Questions about a tensor, not operations on one.
_SILENT = words(
    """
    size dim numel len repr str format hash is_floating_point is_complex stride set backward is_contiguous
    deepcopy register_hook retain_grad ndimension element_size data_ptr storage untyped_storage nelement
    get_device delete is_same_size reduce_ex has_torch_function iter dir contains is_storage is_tensor result_type
    can_cast share_memory pin_memory is_pinned storage_offset dlpack dlpack_device array manual_seed
    set_grad_enabled broadcast_shapes register_post_accumulate_grad_hook seed initial_seed set_default_dtype
    get_default_dtype
    """
)
_ATTRIBUTES = frozenset(("T", "mT", "H", "mH", "data", "real", "imag"))
_NUMBERS = frozenset(("item", "tolist", "numpy", "bool", "float", "int", "index"))
_LARGE = 1 << 20
KEPT_BYTES = 192 << 20
SEGMENT_OPERATIONS = 6000
SEGMENT_BYTES = 1 << 30


def measured(tensor: Tensor) -> Facts | None:
    """Measure a tensor; None if it has no numbers."""
    if tensor.numel() == 0 or tensor.is_complex() or tensor.is_meta or tensor.is_quantized or tensor.is_sparse:
        return None
    flat = tensor.detach().reshape(-1)
    if flat.numel() > _LARGE:
        flat = flat[:: flat.numel() // _LARGE + 1]
    numbers = flat.to(torch.float32 if flat.dtype != torch.float64 else torch.float64)
    nonfinite = 0.0
    std, mean = torch.std_mean(numbers, correction=0)
    low, high = torch.aminmax(numbers)
    if not (math.isfinite(low.item()) and math.isfinite(high.item())):
        finite = torch.isfinite(numbers)
        nonfinite = 1.0 - finite.float().mean().item()
        numbers = numbers[finite]
        if numbers.numel() == 0:
            return Facts(math.nan, math.nan, math.nan, math.nan, 0.0, 1.0)
        std, mean = torch.std_mean(numbers, correction=0)
        low, high = torch.aminmax(numbers)
    zeros = 1.0 - torch.count_nonzero(numbers).item() / numbers.numel()
    return Facts(low.item(), high.item(), mean.item(), std.item(), zeros, nonfinite)


class Segment:
    """One stretch of tracing: what ran between two optimizer steps, or an evaluation."""

    def __init__(self, step: int, *, keeps_all: bool, keeps_data: bool) -> None:
        self.step = step
        self.keeps_all = keeps_all
        self.keeps_data = keeps_data
        self.operations: list[Operation] = []
        self.calls: list[Call] = []
        self.backwards: list[tuple[Value, str | None, int]] = []
        self.bytes = 0
        self.is_cut = False


class Tracer(TorchFunctionMode):
    """Keeps operations of one thread. It is entered and left by its owner; errors of its own never reach the user."""

    def __init__(self, on_error: Callable[[str, BaseException], None]) -> None:
        super().__init__()
        self.is_on = False
        self.muted = 0
        self.is_stepping = False  # what an optimizer computes without gradients is not the user's
        self.is_before_training = True
        self.spent = 0.0
        self.segment: Segment | None = None
        self.weights: dict[int, Weight] = {}
        self.fresh: dict[int, tuple[Tensor, int]] = {}
        self.stack: list[tuple[nn.Module, str | None]] = []
        self.call: Call | None = None
        self._values: dict[int, tuple[Tensor, Value]] = {}
        self._count = 0
        self._kept = 0
        self._is_pushed = False
        self._initial = 0
        self._on_error = on_error
        self._thread = threading.get_ident()
        self._failing: BaseException | None = None

    # -- the mode ----------------------------------------------------------------------------------------------------

    def enter_stack(self) -> bool:
        """Go onto the stack of function modes; return whether we are on it."""
        modes = _modes()
        self._is_pushed = any(mode is self for mode in modes)
        if not self._is_pushed:
            # Only onto an empty stack: a user's `with` around us would otherwise take us off in its own stead.
            default = getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)  # noqa: SLF001 lies below all others
            if any(mode is not default for mode in modes):
                return False
            self.__enter__()  # type: ignore[no-untyped-call]
            self._is_pushed = True
        return True

    def leave_stack(self) -> None:
        """Go off the stack, if nobody stands on us."""
        if self._is_pushed and _modes()[-1:] == [self]:
            self.__exit__(None, None, None)  # type: ignore[no-untyped-call]
            self._is_pushed = False

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        keywords = kwargs or {}
        if (
            not self.is_on
            or self.muted
            or threading.get_ident() != self._thread
            or (self.is_stepping and not torch.is_grad_enabled())
        ):
            return func(*args, **keywords)
        started = perf_counter()
        try:
            before = self._before(func, args, keywords)
        except Exception as error:  # noqa: BLE001 the user's run goes on
            self._on_error("tracer", error)
            before = None
        if before is None:
            return func(*args, **keywords)
        self.spent += perf_counter() - started
        try:
            output = func(*args, **keywords)
        except Exception as error:
            self._after(func, before, (), error)
            raise
        started = perf_counter()
        self._after(func, before, output, None)
        self.spent += perf_counter() - started
        return output

    def _before(self, func: Any, args: Any, keywords: Any) -> tuple[Any, ...] | None:
        name = canonical(func)
        if name in _SILENT or (func.__name__ == "__get__" and name not in _ATTRIBUTES):
            return None
        if name == "is_leaf" or name.startswith("is_"):
            return None
        template = mapped((args, keywords), lambda leaf: self.value(leaf) if isinstance(leaf, Tensor) else leaf)
        changed = None
        if overwrites(func.__name__, keywords):
            targets = tensors_in(keywords["out"]) if "out" in keywords else tensors_in(args[:1])
            changed = targets[0] if targets else None
            if changed is not None:
                known = self.value(changed)
                if known.kept is not None and known.weight is None:
                    known.kept = known.kept.clone()
                    known.version = -1
        return name, template, changed

    def _after(self, func: Any, before: tuple[Any, ...], output: Any, error: BaseException | None) -> None:
        try:
            self._keep(func, before, output, error)
        except Exception as own:  # noqa: BLE001 the user's run goes on
            self._on_error("tracer", own)

    def _keep(self, func: Any, before: tuple[Any, ...], output: Any, error: BaseException | None) -> None:
        name, (args, keywords), changed = before
        segment = self.segment
        if segment is None:
            return
        outputs = [changed] if changed is not None and error is None else tensors_in(output)
        if error is not None and error is self._failing:
            return  # an outer function passes on what an inner one raised
        if not outputs and error is None and name not in _NUMBERS:
            return
        module, path = self.stack[-1] if self.stack else (None, None)
        inputs = tuple(_values_in((args, keywords)))
        operation = Operation(
            self._next(), name, func, inputs, (), _named(func, name, args, keywords), module, path, self.call,
            user_place(), torch.is_grad_enabled(), (args, keywords), error,
        )  # fmt: skip
        for value in dict.fromkeys(inputs):
            value.users.append(operation)
        operation.outputs = tuple(self._made(tensor, operation) for tensor in outputs)
        segment.operations.append(operation)
        if error is not None:
            self._failing = error
        if len(segment.operations) > SEGMENT_OPERATIONS or segment.bytes > SEGMENT_BYTES:
            segment.is_cut = True
            self.is_on = False

    # -- values ------------------------------------------------------------------------------------------------------

    def _next(self) -> int:
        self._count += 1
        return self._count

    @property
    def position(self) -> int:
        """The index of the last operation or value."""
        return self._count

    def _made(self, tensor: Tensor, operation: Operation) -> Value:
        weight = self.weights.get(id(tensor))
        if weight is not None and weight.live is tensor:
            # Initialised or updated in place: it stays a weight.
            value = self._new(tensor, "weight")
            value.weight = weight
            return value
        if tensor.is_leaf and tensor.requires_grad:
            self._values.pop(id(tensor), None)
            return self.value(tensor)  # torch.randn(..., requires_grad=True), requires_grad_()
        value = self._new(tensor, "made")
        value.maker = operation
        return value

    def value(self, tensor: Tensor) -> Value:
        """Return the value of a tensor; a tensor that is not known is a weight, or comes from outside."""
        known = self._values.get(id(tensor))
        # A parameter frozen since (`requires_grad = False` is no operation) is another value.
        if (
            known is not None
            and known[0] is tensor
            and (known[1].weight is None or known[1].requires_grad == tensor.requires_grad)
        ):
            return known[1]
        weight = self.weights.get(id(tensor))
        if weight is not None and weight.live is not tensor:
            weight = None
        if weight is None and (isinstance(tensor, nn.Parameter) or (tensor.is_leaf and tensor.requires_grad)):
            weight = self.weight(tensor, f"tensor {list(tensor.shape)}", None, is_registered=False, is_buffer=False)
        if weight is not None:
            self.start(weight)
            value = self._new(tensor, "weight")
            value.weight = weight
            return value
        return self._new(tensor, "unseen" if tensor.requires_grad else "data")

    def weight(
        self, tensor: Tensor, name: str, module: nn.Module | None, *, is_registered: bool, is_buffer: bool
    ) -> Weight:
        """Return the one record of a parameter or buffer."""
        known = self.weights.get(id(tensor))
        value = self._values.get(id(tensor))
        if value is not None and value[0] is tensor and value[1].weight is None:
            del self._values[id(tensor)]  # a buffer that was seen as it was made: from now on it is a weight
        if known is not None and known.live is tensor:
            if is_registered and not known.is_registered:
                known.name, known.module, known.is_registered, known.is_buffer = name, module, True, is_buffer
            return known
        made = Weight(name, tensor, None, tensor.requires_grad, is_registered, is_buffer, module)
        self.weights[id(tensor)] = made
        return made

    def start(self, weight: Weight) -> None:
        """Keep the values that a weight starts with."""
        if nn.parameter.is_lazy(weight.live):
            return
        version = -1 if weight.live.is_inference() else weight.live._version  # noqa: SLF001
        # Until the first step a weight may still be frozen, or initialised anew.
        if self.is_before_training and not weight.is_buffer:
            weight.is_trainable = weight.live.requires_grad
        is_open = self.is_before_training and not self.is_stepping  # a closure runs inside a step
        is_stale = is_open and not weight.is_buffer and version != weight.version
        if weight.initial is None or is_stale:
            self._initial -= 0 if weight.initial is None else weight.initial.numel() * weight.initial.element_size()
            weight.version = version
            size = weight.live.numel() * weight.live.element_size()
            if self._initial + size <= KEPT_BYTES:
                self._initial += size
                with torch.no_grad():
                    weight.initial = weight.live.detach().clone()

    def _new(self, tensor: Tensor, kind: Any) -> Value:
        value = Value(self._next(), kind, tuple(tensor.shape), tensor.dtype, tensor.requires_grad)
        segment = self.segment
        size = tensor.numel() * tensor.element_size()
        if torch._C._functorch.is_functorch_wrapped_tensor(tensor):  # noqa: SLF001 has no values of its own
            self._values[id(tensor)] = (tensor, value)
            return value
        value.facts = measured(tensor)
        if segment is not None and kind != "weight":
            if kind != "data":
                segment.bytes += size
            if (segment.keeps_all or (segment.keeps_data and kind == "data")) and (
                kind == "data" or self._kept + size <= KEPT_BYTES
            ):
                self._kept += size if kind != "data" else 0
                with torch.no_grad():
                    value.kept = tensor.detach()
                value.version = -1 if tensor.is_inference() else tensor._version  # noqa: SLF001
        fresh = self.fresh.get(id(tensor))
        if fresh is not None and fresh[0] is tensor:
            value.loader = fresh[1]
        self._values[id(tensor)] = (tensor, value)
        return value

    def forget(self) -> None:
        """Let go of the tensors of a step, but for sums over steps, the whole data, and what networks returned.

        A generator's examples go on into the step of another optimizer.
        """
        calls = self.segment.calls if self.segment is not None else []
        returned = {value.index for call in calls if call.has_parameters for value in call.outputs}
        self._values = {
            key: (tensor, value)
            for key, (tensor, value) in self._values.items()
            if value.kind != "weight"
            and (value.size == 1 or value.index in returned or (value.kind == "data" and value.size > 50_000))
        }
        if len(self._values) > 2000:
            self._values.clear()


def _values_in(template: Any) -> list[Value]:
    if isinstance(template, Value):
        return [template]
    if isinstance(template, tuple | list):
        return [value for entry in template for value in _values_in(entry)]
    if isinstance(template, dict):
        return [value for entry in template.values() for value in _values_in(entry)]
    return []


_NAMES: dict[Any, tuple[str, ...] | None] = {}


def _named(func: Any, name: str, args: tuple[Any, ...], keywords: dict[str, Any]) -> dict[str, Any]:
    """Return arguments by name where the function's signature is known, else by position."""
    if name in POSITIONAL:
        names: tuple[str, ...] | None = POSITIONAL[name]
    else:
        try:
            if func not in _NAMES:
                _NAMES[func] = tuple(inspect.signature(func).parameters)
            names = _NAMES[func]
        except (TypeError, ValueError):
            names = None
            with contextlib.suppress(TypeError):
                _NAMES[func] = None
    found = {
        names[place] if names is not None and place < len(names) else str(place): entry
        for place, entry in enumerate(args)
    }
    return found | keywords


def _modes() -> list[Any]:
    return list(torch.overrides._get_current_function_mode_stack())  # type: ignore[no-untyped-call]  # noqa: SLF001
