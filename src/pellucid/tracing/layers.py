"""The rows of an architecture: facts made from captured calls."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.tracing.capture import Call, is_whole, tensors_in
from pellucid.tracing.cost import cost_of

LONGEST_ARGUMENT = 40


@dataclass(frozen=True)
class Layer:
    """One layer as it was executed: a module, or a functional operation outside of one.

    Attributes:
        name: Path of the module; a functional operation has the path around it and its own name, numbered from the
            second on.
        kind: Class of the module, or name of the function.
        depth: How many containers are around it.
        is_function: Whether it is a functional operation.
        is_container: Whether rows inside it follow.
        arguments: Those that matter, as text.
        input_shapes: Of the tensors that it was given.
        output_shapes: Of the tensors that it gave; empty if it raised.
        dtype: Of the first output.
        device: Of the first output.
        parameters: Weights and biases, each counted in the first row that has it; a container counts only its own.
        trainable: Those of them that training moves.
        parameter_bytes: Of them, by type.
        buffers: Values that are kept but not trained, counted like parameters.
        is_shared: Whether it has parameters that an earlier row counts.
        run: 1 for the first time that the module ran, 2 for the second …
        macs: Multiply-adds for the batch, estimated from shapes; None without a formula. 0 for a container.
        flops: Floating-point operations for the batch, estimated likewise.
        output_bytes: Of what it gave.
        seconds: Measured, with everything inside it.
        place: File and line of the user's source that called it; None if there is none.
    """

    name: str
    kind: str
    depth: int
    is_function: bool
    is_container: bool
    arguments: str
    input_shapes: tuple[tuple[int, ...], ...]
    output_shapes: tuple[tuple[int, ...], ...]
    dtype: str
    device: str
    parameters: int
    trainable: int
    parameter_bytes: dict[str, int]
    buffers: int
    is_shared: bool
    run: int
    macs: int | None
    flops: int | None
    output_bytes: int
    seconds: float
    place: str | None

    @property
    def short_name(self) -> str:
        """The last part of the name; the class for the network itself."""
        return self.name.rpartition(".")[2] or self.kind

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as JSON can hold them."""
        facts = asdict(self)
        facts["input_shapes"] = [list(shape) for shape in self.input_shapes]
        facts["output_shapes"] = [list(shape) for shape in self.output_shapes]
        return facts


@dataclass(frozen=True)
class Uncalled:
    """A module with parameters, buffers or a class of its own that never ran.

    Attributes:
        name: Its path.
        kind: Its class.
        parameters: That no row counts.
    """

    name: str
    kind: str
    parameters: int


def layers_of(network: nn.Module, calls: Sequence[Call]) -> tuple[tuple[Layer, ...], tuple[Uncalled, ...]]:
    """Turn calls into rows, each parameter counted once, and list what never ran.

    Args:
        network: That was captured.
        calls: In executed order.

    Returns:
        The rows and the uncalled modules; their parameters together are those of the network.
    """
    counted: set[int] = set()
    runs: dict[int, int] = defaultdict(int)
    repeats: dict[tuple[int, str], int] = defaultdict(int)
    depths: dict[int, int] = {}
    rows = []
    for call in calls:
        depths[id(call)] = 0 if call.parent is None else depths[id(call.parent)] + 1
        rows.append(_layer(call, depths[id(call)], counted, runs, repeats))
    return tuple(rows), _uncalled(network, calls, counted)


def _layer(
    call: Call, depth: int, counted: set[int], runs: dict[int, int], repeats: dict[tuple[int, str], int]
) -> Layer:
    parameters: list[Tensor] = []
    buffers: list[Tensor] = []
    is_shared = False
    run = 1
    if call.module is not None:
        inner = not call.has_inner and is_whole(call.module)
        own = list(call.module.parameters(recurse=inner))
        parameters = _first_time(own, counted)
        buffers = _first_time(list(call.module.buffers(recurse=inner)), counted)
        runs[id(call.module)] += 1
        run = runs[id(call.module)]
        is_shared = len(parameters) < len(own) and run == 1
    sizes: dict[str, int] = defaultdict(int)
    for parameter in parameters:
        sizes[type_name(parameter.dtype)] += parameter.numel() * parameter.element_size()
    outputs = tensors_in(call.output)
    cost = cost_of(call)
    return Layer(
        name=_name(call, repeats),
        kind=kind_of(call),
        depth=depth,
        is_function=call.module is None,
        is_container=call.has_inner,
        arguments=arguments_of(call),
        input_shapes=tuple(tuple(tensor.shape) for tensor in tensors_in((call.arguments, call.keywords))),
        output_shapes=tuple(tuple(tensor.shape) for tensor in outputs),
        dtype=type_name(outputs[0].dtype) if outputs else "",
        device=str(outputs[0].device) if outputs else "",
        parameters=sum(parameter.numel() for parameter in parameters),
        trainable=sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
        parameter_bytes=dict(sizes),
        buffers=sum(buffer.numel() for buffer in buffers),
        is_shared=is_shared,
        run=run,
        macs=cost.macs if cost else None,
        flops=cost.flops if cost else None,
        output_bytes=sum(tensor.numel() * tensor.element_size() for tensor in outputs),
        seconds=call.seconds,
        place=place_of(call),
    )


def _first_time(tensors: Sequence[Tensor], counted: set[int]) -> list[Tensor]:
    found = [
        tensor for tensor in tensors if id(tensor) not in counted and not isinstance(tensor, nn.UninitializedParameter)
    ]
    counted.update(id(tensor) for tensor in found)
    return found


def _uncalled(network: nn.Module, calls: Sequence[Call], counted: set[int]) -> tuple[Uncalled, ...]:
    ran = {id(call.module) for call in calls if call.module is not None}
    # What is inside a whole layer ran with it.
    for call in calls:
        if call.module is not None and is_whole(call.module):
            ran.update(id(inner) for inner in call.module.modules())
    found = []
    for name, module in network.named_modules():
        if id(module) in ran:
            continue
        parameters = sum(
            parameter.numel() for parameter in _first_time(list(module.parameters(recurse=False)), counted)
        )
        has_ran_inside = any(id(inner) in ran for inner in module.modules())
        # A list of layers never runs itself; its layers do.
        if parameters or not has_ran_inside:
            found.append(Uncalled(name, type(module).__name__, parameters))
    return tuple(found)


def _name(call: Call, repeats: dict[tuple[int, str], int]) -> str:
    if call.module is not None:
        return call.name
    label = kind_of(call)
    around = call.parent.name if call.parent is not None else ""
    key = (id(call.parent), label)
    repeats[key] += 1
    number = f":{repeats[key]}" if repeats[key] > 1 else ""
    return f"{around}.{label}{number}" if around else f"{label}{number}"


def kind_of(call: Call) -> str:
    """Return the class of a module, or the plain name of a function (`__add__` and `__radd__` are add)."""
    if call.module is not None:
        return type(call.module).__name__
    assert call.function is not None
    name = call.function.__name__
    if name.startswith("__"):
        name = name.strip("_")
        return name[1:] if name in REFLECTED else OPERATORS.get(name, name)
    return name


OPERATORS = {"getitem": "getitem", "truediv": "div", "itruediv": "div_", "iadd": "add_", "isub": "sub_", "imul": "mul_"}
REFLECTED = frozenset(("radd", "rsub", "rmul", "rtruediv", "rmatmul", "rpow", "rfloordiv"))


def arguments_of(call: Call) -> str:
    """Return the arguments that matter: a module's own description, or a function's arguments that are no tensors."""
    if call.module is not None:
        return "" if call.has_inner else call.module.extra_repr()
    parts = [_shown(value) for value in call.arguments if not _has_tensors(value)]
    parts += [
        f"{key}={_shown(value)}"
        for key, value in call.keywords.items()
        if value is not None and not _has_tensors(value)
    ]
    return ", ".join(parts)


def _has_tensors(value: Any) -> bool:
    return bool(tensors_in(value))


def _shown(value: Any) -> str:
    if isinstance(value, torch.dtype):
        return type_name(value)
    text = repr(value)
    return text if len(text) <= LONGEST_ARGUMENT else text[: LONGEST_ARGUMENT - 1] + "…"


def place_of(call: Call) -> str | None:
    """Return file and line of the user's source that called a layer."""
    if call.place is None:
        return None
    code, line = call.place
    asked = call
    while asked.parent is not None and asked.place is asked.parent.place:
        asked = asked.parent  # a layer of a Sequential has the place of the Sequential
    if asked.parent is None and "site-packages" in code.co_filename:
        return None  # the program that was asked to look, not the user's source
    return f"{Path(code.co_filename).name}:{line}"


def shapes_shown(shapes: Sequence[tuple[int, ...]]) -> str:
    """Return shapes as tables show them: "3 x 512; 3 x 10"."""
    return "; ".join(" x ".join(map(str, shape)) for shape in shapes)


def type_name(dtype: torch.dtype) -> str:
    """Return "float32" for torch.float32."""
    return str(dtype).removeprefix("torch.")
