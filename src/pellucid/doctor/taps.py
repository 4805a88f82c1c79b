"""The taps: PyTorch's entry points, wrapped while a run is watched and put back afterwards."""

import os
import sys
import weakref
from collections.abc import Callable
from time import perf_counter
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer, lr_scheduler
from torch.optim.lr_scheduler import ChainedScheduler, LRScheduler, ReduceLROnPlateau, SequentialLR
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils.data import DataLoader
from torch.utils.data.dataloader import _BaseDataLoaderIter

from pellucid.doctor.feeding import LoaderRecord
from pellucid.doctor.limits import StopWatching
from pellucid.doctor.places import _rank, user_place
from pellucid.doctor.recorder import Recorder
from pellucid.tracing.capture import tensors_in

_MISSING = object()
_LIVE: "weakref.WeakSet[Recorder]" = weakref.WeakSet()


def _stop_in_child() -> None:
    for recorder in _LIVE:
        recorder.is_over = True
        recorder.tracer.is_on = False


os.register_at_fork(after_in_child=_stop_in_child)


class Taps:
    """Installs and removes them."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._patched: list[tuple[Any, str, Any]] = []
        self._handles: list[Any] = []

    def install(self) -> None:
        """Wrap everything."""
        recorder = self._recorder
        _LIVE.add(recorder)
        self._around(
            torch.autograd,
            "backward",
            lambda a, k: recorder.on_backward(a[0] if a else k.get("tensors")),
            after=recorder.after_backward,
            mutes=True,
        )
        self._around(torch.autograd, "grad", self._asked_for, mutes=True)
        self._around(Optimizer, "__init__", lambda a, k: recorder.event("optimizer", {"kind": type(a[0]).__name__}))
        self._around(Optimizer, "zero_grad", self._cleared, mutes=True)
        self._around(nn.Module, "zero_grad", self._cleared, mutes=True)
        for name in ("clip_grad_norm_", "clip_grad_value_"):
            self._around(nn.utils, name, self._clipped, mutes=True)
            self._around(nn.utils.clip_grad, name, self._clipped, mutes=True)
        self._schedulers()
        self._modules()
        self._loaders()
        for mode in (torch.no_grad, torch.inference_mode):
            self._around(mode, "__enter__", self._no_grad)
        self._handles = [
            register_optimizer_step_pre_hook(self._guarded_hook("step", recorder.before_step)),
            register_optimizer_step_post_hook(self._guarded_hook("step", self._after_step)),
        ]

    def remove(self) -> None:
        """Put everything back."""
        for handle in self._handles:
            handle.remove()
        for owner, name, before in reversed(self._patched):
            if before is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, before)
        self._patched.clear()
        _LIVE.discard(self._recorder)

    # -- the wrapping ------------------------------------------------------------------------------------------------

    def _replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        before = owner.__dict__.get(name, _MISSING)
        original = getattr(owner, name)
        wrapper = make(original)
        for attribute in ("__name__", "__qualname__", "__doc__", "__module__"):
            if hasattr(original, attribute):
                setattr(wrapper, attribute, getattr(original, attribute))
        self._patched.append((owner, name, before))
        setattr(owner, name, wrapper)

    def _around(
        self, owner: Any, name: str, before: Callable[[Any, Any], None], *, after: Any = None, mutes: bool = False
    ) -> None:
        recorder = self._recorder

        is_inside = False

        def make(original: Any) -> Any:
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                nonlocal is_inside
                # Under a function mode `autograd.grad` calls itself again by its name, which is ours.
                if is_inside or not recorder.is_here():
                    return original(*args, **kwargs)
                self._guarded(name, before, args, kwargs)
                recorder.tracer.muted += mutes
                is_inside = mutes
                try:
                    return original(*args, **kwargs)
                finally:
                    is_inside = False
                    recorder.tracer.muted -= mutes
                    if after is not None and sys.exc_info()[0] is None:
                        self._guarded(name, after)

            return wrapper

        self._replace(owner, name, make)

    def _guarded(self, name: str, call: Callable[..., None], *args: Any) -> None:
        recorder = self._recorder
        started = perf_counter()
        recorder.tracer.muted += 1
        try:
            call(*args)
        except StopWatching:
            raise
        except Exception as error:  # noqa: BLE001 the user's run goes on
            recorder.note_error(name, error)
        finally:
            recorder.tracer.muted -= 1
            recorder.spent += perf_counter() - started

    def _guarded_hook(self, name: str, call: Callable[[Optimizer], None]) -> Any:
        def hook(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
            if self._recorder.is_here():
                self._guarded(name, call, optimizer)

        return hook

    # -- what each tap tells -----------------------------------------------------------------------------------------

    def _after_step(self, optimizer: Optimizer) -> None:
        recorder = self._recorder
        recorder.after_step(optimizer)
        recorder.limit.check_time()
        recorder.limit.check_steps(recorder.steps)

    def _cleared(self, args: Any, kwargs: Any) -> None:
        place = user_place()
        if place is not None:
            self._recorder.clear_places[place] = None
        self._recorder.event("zero_grad", {})

    def _asked_for(self, args: Any, kwargs: Any) -> None:
        outputs = args[0] if args else kwargs.get("outputs")
        self._recorder.on_grad(outputs, args[1] if len(args) > 1 else kwargs.get("inputs"))

    def _clipped(self, args: Any, kwargs: Any) -> None:
        limit = args[1] if len(args) > 1 else kwargs.get("max_norm", kwargs.get("clip_value"))
        self._recorder.clipped = float(limit) if limit is not None else None
        self._recorder.event("clip", {"limit": self._recorder.clipped})

    def _no_grad(self, args: Any, kwargs: Any) -> None:
        frame = sys._getframe(3)  # noqa: SLF001 the caller of the wrapper
        if _rank(frame.f_code) == 2:
            self._recorder.event("no_grad", {})
            self._recorder.on_evaluation()

    def _schedulers(self) -> None:
        recorder = self._recorder
        making: list[int] = []

        def make_init(original: Any) -> Any:
            def wrapper(scheduler: Any, *args: Any, **kwargs: Any) -> None:
                making.append(id(scheduler))
                try:
                    original(scheduler, *args, **kwargs)
                finally:
                    making.pop()
                    optimizer = args[0] if args else kwargs.get("optimizer")
                    recorder.schedulers[id(scheduler)] = [scheduler, optimizer, 0, user_place()]

            return wrapper

        def make_step(original: Any) -> Any:
            def wrapper(scheduler: Any, *args: Any, **kwargs: Any) -> Any:
                if not making and recorder.is_here():
                    entry = recorder.schedulers.setdefault(id(scheduler), [scheduler, None, 0, None])
                    if entry[2] == 0:
                        entry[3] = user_place()
                    entry[2] += 1
                    number = list(recorder.schedulers).index(id(scheduler))
                    recorder.event("scheduler", {"scheduler": number, "by": type(scheduler).__name__})
                making.append(0)
                try:
                    return original(scheduler, *args, **kwargs)
                finally:
                    making.pop()

            return wrapper

        # Some have a step of their own, and those made of others also an __init__ that does not call on.
        own = [k for k in vars(lr_scheduler).values() if isinstance(k, type) and issubclass(k, LRScheduler)]
        for kind in dict.fromkeys((LRScheduler, ReduceLROnPlateau, *own)):
            if kind in (LRScheduler, ReduceLROnPlateau, SequentialLR, ChainedScheduler):
                self._replace(kind, "__init__", make_init)
            if "step" in kind.__dict__:
                self._replace(kind, "step", make_step)

    def _modules(self) -> None:
        recorder = self._recorder

        def make_call(original: Any) -> Any:
            def wrapper(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
                return recorder.on_call(module, original, args, kwargs)

            return wrapper

        def make_init(original: Any) -> Any:
            def wrapper(module: nn.Module, *args: Any, **kwargs: Any) -> None:
                if recorder.depth and recorder.is_here():
                    recorder.made[type(module).__name__, user_place()] += 1
                recorder.classes[type(module)] = None
                original(module, *args, **kwargs)

            return wrapper

        def make_train(original: Any) -> Any:
            def wrapper(module: nn.Module, mode: bool = True) -> Any:
                if recorder.train_depth or not recorder.is_here():
                    return original(module, mode)
                recorder.train_depth = 1
                try:
                    self._guarded(
                        "train", recorder.event, "train" if mode else "eval", {"network": type(module).__name__}
                    )
                    return original(module, mode)
                finally:
                    recorder.train_depth = 0

            return wrapper

        self._replace(nn.Module, "__call__", make_call)
        self._replace(nn.Module, "__init__", make_init)
        self._replace(nn.Module, "train", make_train)

    def _loaders(self) -> None:
        recorder = self._recorder

        def make_iter(original: Any) -> Any:
            def wrapper(loader: Any) -> Any:
                if not recorder.is_here():
                    return original(loader)
                recorder.tracer.muted += 1
                try:
                    iterator = original(loader)
                finally:
                    recorder.tracer.muted -= 1
                self._guarded("loader", self._started, loader, iterator)
                return iterator

            return wrapper

        def make_next(original: Any) -> Any:
            def wrapper(iterator: Any) -> Any:
                if not recorder.is_here():
                    return original(iterator)
                recorder.tracer.muted += 1
                try:
                    batch = original(iterator)
                finally:
                    recorder.tracer.muted -= 1
                self._guarded("loader", self._took, iterator, batch)
                return batch

            return wrapper

        self._replace(DataLoader, "__iter__", make_iter)
        self._replace(_BaseDataLoaderIter, "__next__", make_next)

    def _started(self, loader: Any, iterator: Any) -> None:
        recorder = self._recorder
        record = recorder.loaders.get(id(loader))
        if record is None:
            record = recorder.loaders[id(loader)] = LoaderRecord(loader, len(recorder.loaders), user_place())
        record.start()
        recorder.iterators[iterator] = id(loader)
        recorder.event("epoch", {"loader": record.number})

    def _took(self, iterator: Any, batch: Any) -> None:
        recorder = self._recorder
        record = recorder.loaders.get(recorder.iterators.get(iterator, -1))
        if record is None:
            return
        recorder.event("batch", {"loader": record.number})
        tensors = tensors_in(batch)
        if record.batches < 200 or recorder.is_affordable():
            record.take(tensors, counts_labels=True)
        else:
            record.batches += 1
        recorder.tracer.fresh.update((id(tensor), (tensor, record.number)) for tensor in tensors)
        if len(recorder.tracer.fresh) > 64:
            recorder.tracer.fresh = {id(tensor): (tensor, record.number) for tensor in tensors}
