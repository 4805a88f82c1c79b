"""The recorder: what the taps of a watched run report, and the schedule of tracing."""

import threading
import weakref
from array import array
from collections import Counter, deque
from collections.abc import Callable
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd

from pellucid.doctor.evidence.flow import Call, ancestors
from pellucid.doctor.evidence.loop import Event, Step
from pellucid.doctor.feeding import Feeds, LoaderRecord
from pellucid.doctor.limits import Limit, StopWatching
from pellucid.doctor.places import user_place
from pellucid.doctor.stepping import OptimizerRecord, any_gradient
from pellucid.doctor.tracer import Segment, Tracer, measured
from pellucid.tracing.capture import tensors_in

TRACED_STEPS = 6
TRACED_EVALUATIONS = 4
COST = 0.03


class Recorder:
    """State of one watched run. Taps call its `on_…` methods; each is guarded there."""

    def __init__(self, *, max_steps: int | None = None, max_seconds: float | None = None) -> None:
        self.tracer = Tracer(self.note_error)
        self.errors: list[tuple[str, str]] = []
        self.segments: list[Segment] = []
        self.networks: dict[int, tuple[nn.Module, str]] = {}
        self.known_weights = 0
        self.optimizers: dict[int, OptimizerRecord] = {}
        self.schedulers: dict[int, list[Any]] = {}
        self.loaders: dict[int, LoaderRecord] = {}
        self.iterators: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self.feeds = Feeds()
        self.events: list[Event] = []
        self.late_events: deque[Event] = deque(maxlen=1000)
        self.counts: Counter[str] = Counter()
        self.losses = array("d")
        self.loss_references: list[weakref.ref[Tensor]] = []
        self.losses_alive = 0
        self.early_steps: list[Step] = []
        self.late_steps: deque[Step] = deque(maxlen=1000)
        self.looked: list[Step] = []
        self.steps = self.order = 0
        self.depth = 0
        self.train_depth = 0
        self.clear_places: dict[str, None] = {}
        self.step_place: str | None = None
        self.backward_place: str | None = None
        self.clipped: float | None = None
        self.made: Counter[tuple[str, str | None]] = Counter()
        self.classes: dict[type[nn.Module], None] = {}
        self.started = perf_counter()
        self.spent = 0.0
        self.limit = Limit(max_steps, max_seconds)
        self.evaluations = 0
        self.last_evaluation_step = -1
        self.next_traced = TRACED_STEPS
        self.is_over = False
        self._thread = threading.get_ident()
        self._paths: dict[int, str] = {}
        self._names: dict[str, int] = {}

    def note_error(self, where: str, error: BaseException) -> None:
        """Keep what went wrong in ourselves."""
        if len(self.errors) < 20:
            self.errors.append((where, f"{type(error).__name__}: {error}"))

    def is_here(self) -> bool:
        """Whether this is the thread that is watched, and the watch still lasts."""
        return not self.is_over and threading.get_ident() == self._thread

    def is_affordable(self, share: float = COST) -> bool:
        """Whether watching has cost less than its share of the time so far."""
        return self.spent + self.tracer.spent < share * (perf_counter() - self.started)

    def event(self, kind: str, detail: dict[str, Any]) -> None:
        """Keep an event."""
        self.counts[kind] += 1
        self.order += 1
        place = user_place() if len(self.events) < 400 else None
        made = Event(kind, self.steps, self.order, detail, place)
        if len(self.events) < 3000:
            self.events.append(made)
        else:
            self.late_events.append(made)

    def start_tracing(self, *, is_evaluation: bool = False) -> None:
        """Begin a segment."""
        traced = sum(1 for segment in self.segments if segment.backwards)
        segment = Segment(self.steps, keeps_all=traced < 2 or is_evaluation, keeps_data=True)
        self.segments.append(segment)
        self.tracer.segment = segment
        self.tracer.is_on = self.tracer.enter_stack()

    def stop_tracing(self) -> None:
        """End the segment."""
        self.tracer.is_on = False
        self.tracer.segment = None
        self.tracer.leave_stack()

    def on_evaluation(self) -> None:
        """An evaluation begins: trace it if it is among the first, or if we can afford it."""
        if self.tracer.is_on or self.depth or not self.steps:
            return
        is_grown = self.steps >= 1.5 * self.last_evaluation_step
        if (self.evaluations < TRACED_EVALUATIONS and self.steps != self.last_evaluation_step) or (
            is_grown and self.is_affordable()
        ):
            self.evaluations += 1
            self.last_evaluation_step = self.steps
            self.start_tracing(is_evaluation=True)

    def name_of(self, network: nn.Module) -> str:
        """Return the name of a root module, and register its weights at first sight."""
        known = self.networks.get(id(network))
        if known is not None and known[0] is network:
            return known[1]
        kind = type(network).__name__
        number = self._names[kind] = self._names.get(kind, 0) + 1
        name = kind if number == 1 else f"{kind} {number}"
        self.networks[id(network)] = (network, name)
        self.register(network, name)
        return name

    def register(self, network: nn.Module, name: str) -> None:
        """Give every parameter and buffer of a network its record and its name."""
        used = {weight.name: weight for weight in self.tracer.weights.values()}
        for is_buffer, entries in ((False, network.named_parameters()), (True, network.named_buffers())):
            for path, tensor in entries:
                if nn.parameter.is_lazy(tensor):
                    continue
                other = used.get(path)
                label = path if other is None or other.live is tensor else f"{name}.{path}"
                try:
                    module = network.get_submodule(path.rpartition(".")[0])
                except AttributeError:
                    module = None
                record = self.tracer.weight(tensor, label, module, is_registered=True, is_buffer=is_buffer)
                self.tracer.start(record)

    def on_call(self, module: nn.Module, original: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """A module is called.

        Raises:
            StopWatching: If the time is up.
        """
        if not self.is_here():
            return original(module, *args, **kwargs)
        tracer = self.tracer
        if self.depth:
            if not tracer.is_on:
                return original(module, *args, **kwargs)
            tracer.stack.append((module, self._paths.get(id(module))))
            try:
                return original(module, *args, **kwargs)
            finally:
                if tracer.stack:
                    tracer.stack.pop()
        if type(module).__name__ == "OptimizedModule":
            # What compiles must see neither our mode nor our wrapper.
            is_on, segment = tracer.is_on, tracer.segment
            self.stop_tracing()
            wrapper = nn.Module.__call__
            nn.Module.__call__ = original  # type: ignore[method-assign]
            try:
                return original(module, *args, **kwargs)
            finally:
                nn.Module.__call__ = wrapper  # type: ignore[method-assign]
                if is_on:
                    tracer.segment = segment
                    tracer.is_on = tracer.enter_stack()
        self.limit.check_time()
        started = perf_counter()
        call: Call | None = None
        tracer.muted += 1
        try:
            call = self._before_call(module, args, kwargs)
        except StopWatching:
            raise
        except Exception as error:  # noqa: BLE001 the user's run goes on
            self.note_error("call", error)
        finally:
            tracer.muted -= 1
        self.depth = 1
        self.spent += perf_counter() - started
        try:
            output = original(module, *args, **kwargs)
        finally:
            self.depth = 0
            tracer.stack.clear()
            tracer.call = None
        if call is not None:
            started = perf_counter()
            try:
                call.outputs = tuple(tracer.value(tensor) for tensor in tensors_in(output))
            except Exception as error:  # noqa: BLE001 the user's run goes on
                self.note_error("call", error)
            self.spent += perf_counter() - started
        return output

    def _before_call(self, module: nn.Module, args: Any, kwargs: Any) -> Call | None:
        if torch._C._functorch.peek_interpreter_stack() is not None:  # noqa: SLF001
            return None  # inside torch.func: its tensors have no values to look at
        has_parameters = next(module.parameters(), None) is not None
        grad = torch.is_grad_enabled()
        tracer = self.tracer
        tensors: list[Tensor] = tensors_in(args) + tensors_in(kwargs)
        place = None
        if has_parameters:
            name = self.name_of(module)
            self.event("forward", {"network": name, "training": module.training, "grad": grad})
            place = user_place()
            # What another layer of the user's made is no data.
            if not any(tensor.grad_fn is not None for tensor in tensors):
                self.feeds.take((id(module), place, grad), name, tensors, training=module.training, step=self.steps)
            if not grad or not module.training:
                self.on_evaluation()
        else:
            name = type(module).__name__
            self.networks.setdefault(id(module), (module, name))
        if not tracer.is_on or tracer.segment is None:
            return None
        if has_parameters:
            self.register(module, name)
        paths = {id(inner): path for path, inner in module.named_modules()}
        self._paths = paths
        modes = {
            path: inner.training
            for path, inner in module.named_modules()
            if isinstance(inner, _DropoutNd | _NormBase) or getattr(inner, "dropout", None)
        }
        call = Call(
            module, name, tuple(tracer.value(t) for t in tensors), (), module.training, modes, grad,
            place or user_place(), has_parameters,
        )  # fmt: skip
        tracer.segment.calls.append(call)
        tracer.call = call
        tracer.stack.append((module, ""))
        return call

    def on_grad(self, outputs: Any, inputs: Any) -> None:
        """`autograd.grad` is about to run: a training step, if it asks for the gradients of weights only."""
        wanted = tensors_in(inputs)
        if wanted and all(tensor.is_leaf and tensor.requires_grad for tensor in wanted):
            self.on_backward(outputs, adds=False)

    def on_backward(self, tensors: Any, *, adds: bool = True) -> None:
        """`backward` is about to run; it adds to the gradients that are there, and `autograd.grad` does not."""
        place = user_place()
        self.backward_place = self.backward_place or place
        self.event("backward", {})
        scalars = [tensor for tensor in tensors_in(tensors) if tensor.numel() == 1]
        try:
            values = [float(tensor.detach()) for tensor in scalars]
        except RuntimeError:  # under vmap a loss stands for many, and is no number
            return
        self.losses.extend(values)
        self._count_alive(scalars)
        for record in self.optimizers.values():
            record.losses.extend(values)
        if adds and (self.steps < 24 or self._looks()):
            for record in self.optimizers.values():
                record.was_clean = bool(record.was_clean) or not any_gradient(record.parameters)
        tracer = self.tracer
        if tracer.is_on and tracer.segment is not None:
            for tensor in tensors_in(tensors):
                value = tracer.value(tensor)
                tracer.segment.backwards.append((value, place, tracer.position))
            path = {id(operation.call) for operation in ancestors(value)}
            self.feeds.per_step[place] = Counter(
                (id(call.network), call.place, call.grad_enabled)
                for call in tracer.segment.calls
                if id(call) in path and call.has_parameters
            )
        self.feeds.settle(place, after_backward=True)

    def _count_alive(self, scalars: list[Tensor]) -> None:
        """Count the losses of earlier steps that somebody still holds; those of traced steps we hold ourselves."""
        if self.tracer.is_on or len(self.loss_references) >= 128:
            return
        self.loss_references.extend(weakref.ref(tensor) for tensor in scalars)
        if len(self.loss_references) % 16 == 0:
            alive = [reference() for reference in self.loss_references[:-1]]
            count = sum(1 for tensor in alive if tensor is not None and tensor.grad_fn is not None)
            self.losses_alive = max(self.losses_alive, count)

    def after_backward(self) -> None:
        """`backward` has run: measure the gradients of a traced step."""
        segment = self.tracer.segment
        if not self.optimizers and segment is not None and len(segment.backwards) >= 12:
            self.stop_tracing()  # a loop without optimizer
        if self.tracer.is_on and segment is not None and len(segment.backwards) == 1:
            for operation in ancestors(segment.backwards[0][0]):
                for value in operation.inputs:
                    if value.weight is not None and value.gradient is None and value.weight.live.grad is not None:
                        value.gradient = measured(value.weight.live.grad)

    def _looks(self) -> bool:
        step = self.steps
        return step < 8 or (step & (step - 1)) == 0 or self.tracer.is_on or self.is_affordable(0.01)

    def optimizer_of(self, optimizer: torch.optim.Optimizer) -> OptimizerRecord:
        """Return the record of an optimizer."""
        record = self.optimizers.get(id(optimizer))
        if record is None:
            record = OptimizerRecord(optimizer, len(self.optimizers), user_place())
            self.optimizers[id(optimizer)] = record
            for parameter in record.parameters:
                self.tracer.start(
                    self.tracer.weight(
                        parameter, f"tensor {list(parameter.shape)}", None, is_registered=False, is_buffer=False
                    )
                )
        return record

    def before_step(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimizer is about to step."""
        is_first = not self.optimizers
        record = self.optimizer_of(optimizer)
        self.step_place = self.step_place or user_place()
        if is_first and not record.losses:
            record.losses.extend(self.losses[-self.counts["backward"] :] if self.losses else [])
            record.was_clean = True if self.counts["backward"] else None
        if record.steps == 0 and record.was_clean is None and self.counts["backward"]:
            record.was_clean = True
        record.before = record.gradients = record.has_gradients = None
        if self.tracer.is_before_training:
            for parameter in record.parameters:
                known = self.tracer.weights.get(id(parameter))
                if known is not None:
                    self.tracer.start(known)
            # Tensors that no network registers were first seen while they were being filled.
            for known in list(self.tracer.weights.values()):
                if not known.is_registered and not known.is_buffer:
                    self.tracer.start(known)
        self.tracer.is_stepping = True
        if self._looks():
            record.look(self.tracer.weights)

    def after_step(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimizer has stepped."""
        self.tracer.is_stepping = False
        record = self.optimizer_of(optimizer)
        self.event("step", {"optimizer": record.number})
        updates, weights = record.moved(self.tracer.weights)
        rates = tuple(float(group.get("lr") or 0.0) for group in optimizer.param_groups)
        step = Step(
            self.steps, record.number, tuple(record.losses[-32:]), rates, record.was_clean, record.has_gradients,
            self.clipped, record.gradients, updates, weights,
        )  # fmt: skip
        record.losses = []
        record.was_clean = None
        record.steps += 1
        self.clipped = None
        if len(self.early_steps) < 1000:
            self.early_steps.append(step)
        else:
            if updates is not None and len(self.looked) < 2000:
                self.looked.append(step)
            self.late_steps.append(step)
        self.steps += 1
        self.tracer.is_before_training = False
        self._roll()

    def _roll(self) -> None:
        """Decide whether the next step is traced."""
        tracer = self.tracer
        was_on = tracer.is_on
        has_flow = tracer.segment is not None and bool(tracer.segment.backwards)
        if was_on:
            tracer.forget()
        traced = sum(1 for segment in self.segments if segment.backwards)
        if was_on and not has_flow and self.steps < 50:
            return  # a second optimizer of the same step, or a step without backward: the segment goes on
        wanted = traced < TRACED_STEPS
        if not wanted and self.steps >= self.next_traced and self.is_affordable():
            wanted = True
            self.next_traced = int(self.steps * 1.5) + 1
        if wanted and len(self.segments) < 60:
            self.start_tracing()
        elif was_on:
            self.stop_tracing()
