"""The capture: a network runs once, and every layer and functional operation is kept as it was executed.

It keeps references, not copies, so that it costs little; what an operation is about to overwrite is copied first, and
tensors that were there before the run get their values back.
"""

import contextlib
import functools
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from types import CodeType, FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

# Frames of these folders are not the user's source.
FOREIGN = (str(Path(torch.__file__).parent), str(Path(__file__).parent.parent), "<")
# Modules with children whose forward is one function of PyTorch's, which never calls them.
WHOLE = (nn.MultiheadAttention,)
IN_PLACE_OPERATORS = frozenset(
    f"__{name}__"
    for name in (
        "setitem", "iadd", "isub", "imul", "imatmul", "itruediv", "ifloordiv", "imod", "ipow", "iand", "ior", "ixor",
        "ilshift", "irshift",
    )
)  # fmt: skip


class Call:
    """One row as it was executed, in raw references.

    Attributes:
        name: Path of the module; of a functional operation, the path around it and its own name.
        module: That ran; None for a functional operation.
        function: That ran; None for a module.
        parent: The enclosing container; None at the top.
        arguments: As given, by position.
        keywords: As given, by name.
        output: As returned; None if it raised.
        versions: Of the output's tensors when they were returned; another one later means they were overwritten unseen.
        place: Code and line of the user's that called it.
        seconds: It took, with everything inside it.
        error: What it raised.
        has_inner: Whether rows inside it are kept.
        is_copied: Whether the output was copied, since a later operation overwrote it.
    """

    __slots__ = (
        "arguments", "error", "function", "has_inner", "is_copied", "keywords", "module", "name", "output", "parent",
        "place", "seconds", "versions",
    )  # fmt: skip

    def __init__(self, name: str, parent: "Call | None", arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        self.name = name
        self.parent = parent
        self.arguments = arguments
        self.keywords = keywords
        self.module: nn.Module | None = None
        self.function: Callable[..., Any] | None = None
        self.output: Any = None
        self.versions: tuple[int, ...] = ()
        self.place: tuple[CodeType, int] | None = None
        self.seconds = 0.0
        self.error: BaseException | None = None
        self.has_inner = False
        self.is_copied = False


class Capture(TorchFunctionMode):
    """Watches one thread run one network. Used inside `unmarked`, which puts back what the network itself changes."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self._network = network
        self._names, self.modules = _named(network)
        self._whole = {module for module in self.modules if is_whole(module)}
        # A Sequential and whole layers call no function that a row would be made of.
        self._has_functions = any(
            module not in self._whole and type(module) is not nn.Sequential for module in self.modules
        )
        self._open: Call | None = None
        self._is_inside_leaf = False
        self._thread = threading.get_ident()
        self._overwritten: list[tuple[Tensor, Tensor]] = []

    def run(self, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Any:
        """Run the network and keep what it does; what it raises is kept with its call, and raised."""
        wrapped = []
        for module in self.modules:
            if isinstance(module, torch.jit.ScriptModule):
                continue  # runs outside Python: it is a part of the row around it
            attributes = module.__dict__
            # Past nn.Module.__setattr__, which looks through parameters and buffers each time.
            wrapped.append((attributes, attributes.get("forward")))
            attributes["forward"] = functools.partial(self._forward, module, module.forward)
        try:
            with self if self._has_functions else contextlib.nullcontext():
                return self._network(*arguments, **keywords)
        finally:
            for attributes, before in wrapped:
                if before is None:
                    del attributes["forward"]
                else:
                    attributes["forward"] = before
            if self._overwritten:
                with torch.no_grad():
                    for tensor, value in reversed(self._overwritten):
                        # Rows that refer to it keep what it was then.
                        self._copy((tensor,), {})
                        tensor.copy_(value)

    def _forward(self, module: nn.Module, forward: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        """Stand before a module's forward."""
        if self._is_inside_leaf or threading.get_ident() != self._thread:
            return forward(*arguments, **keywords)
        name = self._names.get(id(module))
        call = Call(type(module).__name__ if name is None else name, self._open, arguments, keywords)
        call.module = module
        outer = self._open
        if outer is None or outer.module.__class__ is not nn.Sequential:
            call.place = user_place()
        else:
            call.place = outer.place  # a Sequential calls its layers itself; the user called the Sequential
        self.calls.append(call)
        if outer is not None:
            outer.has_inner = True
        is_leaf = module in self._whole
        if is_leaf and getattr(module, "inplace", False):
            self._protect(arguments or tuple(keywords.values()), {})
        self._open = call
        started = perf_counter()
        try:
            if is_leaf:
                self._is_inside_leaf = True
                with torch._C.DisableTorchFunction():  # noqa: SLF001 what runs inside a leaf is not looked at
                    output = forward(*arguments, **keywords)
            else:
                output = forward(*arguments, **keywords)
        except BaseException as error:
            call.error = error
            raise
        finally:
            call.seconds = perf_counter() - started
            self._open = outer
            self._is_inside_leaf = False
        call.output = output
        call.versions = versions_of(output)
        return output

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        keywords = kwargs or {}
        name = func.__name__
        if name == "__get__":
            return func(*args, **keywords)
        if overwrites(name, keywords) and threading.get_ident() == self._thread:
            self._protect(args, keywords)
        if self._is_inside_leaf or threading.get_ident() != self._thread:
            return func(*args, **keywords)
        call = Call(name, self._open, args, keywords)
        call.function = func
        started = perf_counter()
        try:
            call.output = output = func(*args, **keywords)
        except Exception as error:
            call.error = error
            self._keep(call)
            raise
        call.seconds = perf_counter() - started
        call.versions = versions_of(output)
        if call.versions:  # else a question about a tensor, not an operation on one
            self._keep(call)
        return output

    def _keep(self, call: Call) -> None:
        call.place = user_place()
        if self._open is not None:
            self._open.has_inner = True
        self.calls.append(call)

    def _protect(self, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> None:
        """Copy what is about to be overwritten, wherever a row refers to it."""
        with torch._C.DisableTorchFunction():  # noqa: SLF001 our copies are no rows
            self._copy(arguments, keywords)

    def _copy(self, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> None:
        targets = tensors_in(keywords["out"]) if "out" in keywords else tensors_in(arguments[:1])
        for target in targets:
            storage = target.untyped_storage().data_ptr()
            copies: dict[int, Tensor] = {}

            def kept(value: Any, storage: int = storage, copies: dict[int, Tensor] = copies) -> Any:
                if not isinstance(value, Tensor) or value.untyped_storage().data_ptr() != storage:
                    return value
                if id(value) not in copies:
                    copies[id(value)] = value.detach().clone()
                return copies[id(value)]

            is_own = False
            for call in self.calls:
                if call.output is not None:
                    output = mapped(call.output, kept)
                    if output is not call.output:
                        call.output, call.is_copied, is_own = output, True, True
                        call.versions = versions_of(output)
                call.arguments = mapped(call.arguments, kept)
                call.keywords = mapped(call.keywords, kept)
            if not is_own and not any(target is one for one, _ in self._overwritten):
                self._overwritten.append((target, target.detach().clone()))


def _named(network: nn.Module) -> tuple[dict[int, str], list[nn.Module]]:
    """Return the name of each module by its identity, and the modules in the order of `named_modules`."""
    names: dict[int, str] = {}
    modules: list[nn.Module] = []
    left = [("", network)]
    while left:
        name, module = left.pop()
        if id(module) in names:
            continue
        names[id(module)] = name
        modules.append(module)
        children = module._modules  # noqa: SLF001
        if children:
            prefix = f"{name}." if name else ""
            left.extend((prefix + key, child) for key, child in reversed(children.items()) if child is not None)
    return names, modules


def is_whole(module: nn.Module) -> bool:
    """Return whether a module is one row: PyTorch's own, without children or with children that it never calls."""
    if isinstance(module, WHOLE):
        return True
    return not module._modules and type(module).__module__.startswith(("torch.nn.", "torch.ao.nn."))  # noqa: SLF001


def overwrites(name: str, keywords: Mapping[str, Any]) -> bool:
    """Return whether a function of PyTorch's writes into a tensor it is given, going by its name and arguments."""
    if name.endswith("_"):
        return not name.endswith("__") or name in IN_PLACE_OPERATORS
    return bool(keywords) and (bool(keywords.get("inplace")) or keywords.get("out") is not None)


def tensors_in(value: Any) -> list[Tensor]:
    """Return the tensors in nested tuples, lists, dicts and dataclasses, in order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, tuple | list):
        return [tensor for entry in value for tensor in tensors_in(entry)]
    if isinstance(value, Mapping):
        return [tensor for entry in value.values() for tensor in tensors_in(entry)]
    return []


def versions_of(value: Any) -> tuple[int, ...]:
    """Return the version counters of the tensors in a value; -1 for one that has none."""
    if isinstance(value, Tensor):
        return (-1 if value.is_inference() else value._version,)  # noqa: SLF001
    return tuple([-1 if tensor.is_inference() else tensor._version for tensor in tensors_in(value)])  # noqa: SLF001


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return nested tuples, lists and dicts with their leaves changed; the same object if nothing is."""
    if isinstance(value, tuple | list):
        entries = [mapped(entry, change) for entry in value]
        if all(new is old for new, old in zip(entries, value, strict=True)):
            return value
        return type(value)(*entries) if hasattr(value, "_fields") else type(value)(entries)
    if isinstance(value, dict):
        changed = {key: mapped(entry, change) for key, entry in value.items()}
        return value if all(changed[key] is value[key] for key in value) else changed
    return change(value)


@functools.cache
def is_foreign(code: CodeType) -> bool:
    """Return whether code belongs to PyTorch or to us."""
    return code.co_filename.startswith(FOREIGN)


def user_place() -> tuple[CodeType, int] | None:
    """Return code and line of the innermost frame that is the user's."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 the traceback module costs a hundred times as much
    while frame is not None:
        if not is_foreign(frame.f_code):
            return frame.f_code, frame.f_lineno
        frame = frame.f_back
    return None
