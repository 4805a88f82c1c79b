"""A forward that raises, explained: which layer, what it was given by which, and the number to put."""

import re
from collections.abc import Sequence

from torch import Tensor, nn

from pellucid.errors import DataError, DeviceError, PellucidError, ShapeError, UserCodeError
from pellucid.tracing.capture import Call, tensors_in
from pellucid.tracing.layers import kind_of, place_of


def explained(network: nn.Module, calls: Sequence[Call], error: Exception) -> PellucidError:
    """Return an error that says what a failing forward needs; the caller raises it from the original one.

    Args:
        network: That was run.
        calls: As captured up to the failure.
        error: What the forward raised.
    """
    failed = [call for call in calls if call.error is error]
    if not failed:
        return UserCodeError(
            f"{type(network).__name__} raises {type(error).__name__}: {error}",
            fix="give the inputs that its forward takes",
        )
    # The innermost: containers fail with what is inside them.
    call = failed[-1]
    where = f"{_title(call)}{_at(call)}"
    if call.has_inner:
        return UserCodeError(
            f"{where} raises {type(error).__name__} in its forward: {error}",
            fix="see the original error, shown with it",
        )
    given = tensors_in((call.arguments, call.keywords))
    weights = list(call.module.parameters()) if call.module is not None else []
    devices = {str(tensor.device) for tensor in [*given, *weights]}
    if len(devices) > 1:
        return DeviceError(
            f"{where} works on several devices: {', '.join(sorted(devices))}",
            fix="put network and inputs on one device: network.to(device), inputs.to(device)",
        )
    if given and weights and given[0].dtype != weights[0].dtype and "embedding" not in kind_of(call).lower():
        return DataError(
            f"{where} has weights of {weights[0].dtype} and was given {given[0].dtype}{_by(call, calls)}",
            fix=f"convert its input: .to({weights[0].dtype})",
        )
    if isinstance(call.module, nn.Embedding) and given:
        return DataError(
            f"{where} has {call.module.num_embeddings} entries and was given {_range(given[0])}",
            fix=f"give whole numbers from 0 to {call.module.num_embeddings - 1}",
        )
    specific = _shape_problem(call, calls, where, given)
    if specific is not None:
        return specific
    shapes = ", ".join(str(list(tensor.shape)) for tensor in given) or "no tensors"
    return UserCodeError(
        f"{where} was given {shapes}{_by(call, calls)} and raises {type(error).__name__}: {error}",
        fix="make the shapes fit: each row of `describe` up to this one shows what came out",
    )


def _shape_problem(call: Call, calls: Sequence[Call], where: str, given: Sequence[Tensor]) -> ShapeError | None:
    module = call.module
    shape = list(given[0].shape) if given else []
    by = _by(call, calls)
    if isinstance(module, nn.Linear) and shape and shape[-1] != module.in_features:
        flat = 1
        for size in shape[1:]:
            flat *= size
        if len(shape) > 2 and flat == module.in_features:
            return ShapeError(f"{where} was given {shape}{by}, unflattened", fix="put nn.Flatten() before it")
        features = flat if len(shape) > 2 else shape[-1]
        more = f"put nn.Flatten() before it and make in_features {features}"
        return ShapeError(
            f"{where} was given {shape[-1]} features{by}",
            fix=more if len(shape) > 2 else f"make in_features {features}",
        )
    if isinstance(module, nn.modules.conv._ConvNd) and shape:  # noqa: SLF001
        dimensions = len(module.kernel_size) + 2
        if len(shape) not in (dimensions, dimensions - 1):
            return ShapeError(
                f"{where} was given {shape}{by}: {len(shape)} dimensions, not {dimensions}",
                fix=f"give [examples, {module.in_channels}, {', '.join(['size'] * (dimensions - 2))}]",
            )
        channels = shape[-(dimensions - 1)]
        if channels != module.in_channels:
            is_last = shape[-1] == module.in_channels
            return ShapeError(
                f"{where} was given {channels} channels{by}",
                fix="put the channels first: inputs.permute(0, 3, 1, 2)" if is_last else f"make in_channels {channels}",
            )
        return ShapeError(
            f"{where} has a window of {list(module.kernel_size)} and was given {shape[-(dimensions - 2) :]}{by}",
            fix="use a smaller kernel, more padding, or fewer poolings before it",
        )
    if isinstance(module, nn.modules.batchnorm._NormBase) and shape:  # noqa: SLF001
        if len(shape) > 1 and shape[1] != module.num_features:
            return ShapeError(f"{where} was given {shape[1]} channels{by}", fix=f"make num_features {shape[1]}")
        return ShapeError(f"{where} was given {shape}{by}", fix="give a batch of at least 2 examples, or call eval()")
    if isinstance(module, nn.LayerNorm) and shape:
        ending = shape[-len(module.normalized_shape) :]
        return ShapeError(
            f"{where} normalises {list(module.normalized_shape)} and was given {ending}{by}",
            fix=f"make normalized_shape {ending}",
        )
    if isinstance(module, nn.RNNBase) and shape and shape[-1] != module.input_size:
        return ShapeError(f"{where} was given {shape[-1]} features{by}", fix=f"make input_size {shape[-1]}")
    if call.function is not None and kind_of(call) in ("view", "reshape") and given:
        count = given[0].numel()
        return ShapeError(
            f"{where} cannot give {list(given[0].shape)} ({count:,} values) the shape {_asked(call)}",
            fix=f"let the sizes multiply to {count:,}; -1 stands for one of them",
        )
    if call.function is not None and kind_of(call) in ("matmul", "mm", "bmm", "linear") and len(given) > 1:
        first, second = list(given[0].shape), list(given[1].shape)
        inner = second[-1] if kind_of(call) == "linear" else second[-2 if len(second) > 1 else -1]
        return ShapeError(
            f"{where} multiplies {first} with {second}{by}: {first[-1]} is not {inner}",
            fix=f"make the second one {first[-1]} long where they meet",
        )
    if call.function is not None and len(given) > 1:
        shapes = " and ".join(str(list(tensor.shape)) for tensor in given[:2])
        if re.search(r"must match the size|not broadcast|Sizes of tensors", str(call.error)):
            return ShapeError(f"{where} was given {shapes}, which do not fit together", fix="bring both to one shape")
    return None


def _title(call: Call) -> str:
    module = call.module
    if isinstance(module, nn.Linear):
        return f"Linear({module.in_features}→{module.out_features})"
    if isinstance(module, nn.modules.conv._ConvNd):  # noqa: SLF001
        return f"{type(module).__name__}({module.in_channels}→{module.out_channels})"
    if isinstance(module, nn.modules.batchnorm._NormBase):  # noqa: SLF001
        return f"{type(module).__name__}({module.num_features})"
    return kind_of(call)


def _at(call: Call) -> str:
    parts = []
    if call.module is not None and call.name:
        parts.append(call.name)
    place = place_of(call)
    if place:
        parts.append(place)
    return f" ({', '.join(parts)})" if parts else ""


def _by(call: Call, calls: Sequence[Call]) -> str:
    """Return who gave the first tensor: " by ReLU at net.py:31"."""
    given = tensors_in((call.arguments, call.keywords))
    if not given:
        return ""
    for other in reversed(calls):
        if other is not call and not other.has_inner and any(tensor is given[0] for tensor in tensors_in(other.output)):
            place = place_of(other)
            return f" by {_title(other)}" + (f" at {place}" if place else "")
    return ""


def _range(tensor: Tensor) -> str:
    return f"values from {tensor.min().item()} to {tensor.max().item()}" if tensor.numel() else "no values"


def _asked(call: Call) -> list[int]:
    sizes = call.arguments[1:]
    return list(sizes[0]) if sizes and isinstance(sizes[0], tuple | list) else list(sizes)
