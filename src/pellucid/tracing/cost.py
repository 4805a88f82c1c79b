"""What a layer costs: multiply-adds and operations, estimated from the shapes it ran with.

A multiply-add (MAC) is one multiplication and one addition, 2 floating-point operations (FLOP). Comparisons,
additions, multiplications, exponentials and square roots outside multiply-adds count as one operation each. Reshaping
costs nothing.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from torch import Tensor, nn

from pellucid.tracing.capture import Call, tensors_in


@dataclass(frozen=True)
class Cost:
    """What one layer costs for the whole batch.

    Attributes:
        macs: Multiply-adds.
        flops: Floating-point operations, two for each multiply-add among them.
    """

    macs: int
    flops: int

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.macs + other.macs, self.flops + other.flops)


NOTHING = Cost(0, 0)


def products(macs: int, more: int = 0) -> Cost:
    """Return the cost of so many multiply-adds and of other operations beside them."""
    return Cost(macs, 2 * macs + more)


def cost_of(call: Call) -> Cost | None:
    """Return the cost of a row, without what runs in rows inside it.

    Args:
        call: As captured.

    Returns:
        None if there is no formula for it.
    """
    if call.error is not None:
        return None
    if call.has_inner:
        return NOTHING
    if call.module is not None:
        for kind, formula in MODULES.items():
            if isinstance(call.module, kind):
                return formula(call.module, call)
        return None
    assert call.function is not None
    name = call.function.__name__.strip("_")
    found = FUNCTIONS.get(name)
    return found(call) if found else None


def _inputs(call: Call) -> list[Tensor]:
    return tensors_in((call.arguments, call.keywords))


def _outputs(call: Call) -> int:
    return sum(tensor.numel() for tensor in tensors_in(call.output))


def _linear(module: Any, call: Call) -> Cost:
    outputs = _outputs(call)
    return products(outputs * module.in_features, outputs if module.bias is not None else 0)


def _convolution(module: Any, call: Call) -> Cost:
    outputs = _outputs(call)
    each = module.in_channels // module.groups * math.prod(module.kernel_size)
    return products(outputs * each, outputs if module.bias is not None else 0)


def _transposed_convolution(module: Any, call: Call) -> Cost:
    # Every input value is multiplied with the whole window of each output channel of its group.
    inputs = _inputs(call)[0].numel()
    each = module.out_channels // module.groups * math.prod(module.kernel_size)
    return products(inputs * each, _outputs(call) if module.bias is not None else 0)


def _recurrent(module: Any, call: Call) -> Cost:
    inputs = _inputs(call)[0]
    # Steps times examples, whichever comes first: the last dimension is the features.
    steps = inputs.numel() // inputs.shape[-1]
    gates = {"LSTM": 4, "GRU": 3}.get(type(module).__name__.removesuffix("Cell"), 1)
    directions = 2 if getattr(module, "bidirectional", False) else 1
    layers = getattr(module, "num_layers", 1)
    hidden = module.hidden_size
    carried = getattr(module, "proj_size", 0) or hidden
    macs = 0
    for layer in range(layers):
        width = module.input_size if layer == 0 else carried * directions
        each = gates * hidden * (width + carried)
        if carried != hidden:
            each += hidden * carried
        macs += steps * directions * each
    # Beside the products: biases, gate activations and the mixing of states, per unit and step.
    more = {4: 4 * 2 + 4 + 5, 3: 3 * 2 + 3 + 5, 1: 2 + 1}[gates] * steps * directions * hidden * layers
    return products(macs, more)


def _attention(module: Any, call: Call) -> Cost:
    query, key, _value = _inputs(call)[:3]
    if query.dim() == 2:
        examples, targets, sources = 1, query.shape[0], key.shape[0]
    elif module.batch_first:
        examples, targets, sources = query.shape[0], query.shape[1], key.shape[1]
    else:
        targets, examples, sources = query.shape[0], query.shape[1], key.shape[0]
    width = module.embed_dim
    projected = targets * width * width + sources * width * (module.kdim + module.vdim) + targets * width * width
    scores = 2 * targets * sources * width
    softmax = 3 * module.num_heads * targets * sources
    biases = (2 * targets + 2 * sources) * width if module.in_proj_bias is not None else 0
    return products(examples * (projected + scores), examples * (softmax + biases))


def _per_value(operations: int) -> Callable[[Any, Call], Cost]:
    return lambda module, call: Cost(0, operations * _outputs(call))


def _normalisation(module: Any, call: Call) -> Cost:
    values = _outputs(call)
    is_affine = getattr(module, "weight", None) is not None
    # A batch normalisation in evaluation uses stored statistics; all others sum up mean and squares first.
    is_stored = isinstance(module, nn.modules.batchnorm._BatchNorm) and not module.training  # noqa: SLF001
    return Cost(0, values * ((0 if is_stored else 4) + 2 + (2 if is_affine else 0)))


def _pool(module: Any, call: Call) -> Cost:
    size = module.kernel_size
    window = math.prod(size) if isinstance(size, tuple) else size ** (_inputs(call)[0].dim() - 2)
    return Cost(0, _outputs(call) * window)


def _free(*_: Any) -> Cost:
    return NOTHING


MODULES: Mapping[Any, Callable[[Any, Call], Cost]] = MappingProxyType(
    {
        nn.Linear: _linear,
        nn.modules.conv._ConvTransposeNd: _transposed_convolution,  # noqa: SLF001 before its parent
        nn.modules.conv._ConvNd: _convolution,  # noqa: SLF001
        nn.RNNBase: _recurrent,
        nn.RNNCellBase: _recurrent,
        nn.MultiheadAttention: _attention,
        nn.modules.batchnorm._NormBase: _normalisation,  # noqa: SLF001
        nn.LayerNorm: _normalisation,
        nn.GroupNorm: _normalisation,
        nn.RMSNorm: _normalisation,
        (nn.Flatten, nn.Unflatten, nn.Identity, nn.Embedding): _free,
        nn.modules.dropout._DropoutNd: lambda module, call: Cost(0, _outputs(call) if module.training else 0),  # noqa: SLF001
        (nn.ReLU, nn.ReLU6, nn.Hardtanh, nn.Threshold): _per_value(1),
        (nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.Softplus, nn.Hardsigmoid): _per_value(2),
        (nn.Sigmoid, nn.Tanh, nn.Hardswish): _per_value(3),
        (nn.SiLU, nn.GELU, nn.Mish): _per_value(4),
        (nn.Softmax, nn.LogSoftmax): _per_value(3),
        (nn.modules.pooling._MaxPoolNd, nn.modules.pooling._AvgPoolNd): _pool,  # noqa: SLF001
        nn.modules.pooling._AdaptiveAvgPoolNd: lambda module, call: Cost(0, _inputs(call)[0].numel()),  # noqa: SLF001
        nn.modules.pooling._AdaptiveMaxPoolNd: lambda module, call: Cost(0, _inputs(call)[0].numel()),  # noqa: SLF001
    }
)


def _matrix_product(call: Call) -> Cost:
    first = _inputs(call)[0]
    return products(_outputs(call) * first.shape[-1])


def _linear_function(call: Call) -> Cost:
    inputs, _weight, *bias = _inputs(call)
    return products(_outputs(call) * inputs.shape[-1], _outputs(call) if bias else 0)


def _convolution_function(call: Call) -> Cost:
    _given, weight, *bias = _inputs(call)
    return products(_outputs(call) * math.prod(weight.shape[1:]), _outputs(call) if bias else 0)


def _added_product(call: Call) -> Cost:
    return products(_outputs(call) * _inputs(call)[1].shape[-1], _outputs(call))


def _dot_product_attention(call: Call) -> Cost:
    query, key, value = _inputs(call)[:3]
    pairs = query.shape[:-1].numel() * key.shape[-2]
    return products(pairs * (query.shape[-1] + value.shape[-1]), 4 * pairs)


def _each(operations: int) -> Callable[[Call], Cost]:
    return lambda call: Cost(0, operations * _outputs(call))


def _reduction(call: Call) -> Cost:
    return Cost(0, _inputs(call)[0].numel())


_ONE = (
    "add", "iadd", "radd", "sub", "isub", "rsub", "mul", "imul", "rmul", "div", "truediv", "itruediv", "rtruediv",
    "neg", "relu", "clamp", "maximum", "minimum", "where", "masked_fill", "abs", "exp", "log", "sqrt", "rsqrt",
    "pow", "square", "sin", "cos", "eq", "ne", "lt", "le", "gt", "ge", "floor", "round", "hardtanh", "threshold",
    "relu6", "and", "or", "invert",
)  # fmt: skip
_FREE = (
    "view", "reshape", "flatten", "unflatten", "transpose", "permute", "t", "contiguous", "squeeze", "unsqueeze",
    "expand", "expand_as", "chunk", "split", "unbind", "getitem", "cat", "stack", "to", "type", "float", "half",
    "detach", "clone", "narrow", "select", "movedim", "swapaxes", "repeat", "roll", "embedding", "arange", "zeros",
    "ones", "empty", "full", "zeros_like", "ones_like", "empty_like", "full_like", "setitem", "tensor", "type_as",
    "index_select", "gather", "bool", "long", "int", "unfold", "pad", "view_as", "new_zeros", "new_ones", "swapdims",
    "tril", "triu", "new_full", "copy", "one_hot", "split_with_sizes", "as_tensor", "repeat_interleave",
)  # fmt: skip

FUNCTIONS: Mapping[str, Callable[[Call], Cost]] = MappingProxyType(
    {
        **dict.fromkeys(_FREE, lambda call: NOTHING),
        **dict.fromkeys(_ONE, _each(1)),
        **dict.fromkeys(("leaky_relu", "elu", "selu", "softplus", "hardsigmoid", "lerp", "addcmul"), _each(2)),
        **dict.fromkeys(("sigmoid", "tanh", "softmax", "log_softmax", "hardswish"), _each(3)),
        **dict.fromkeys(("gelu", "silu", "mish"), _each(4)),
        **dict.fromkeys(("layer_norm", "group_norm", "instance_norm", "batch_norm", "rms_norm"), _each(8)),
        **dict.fromkeys(("sum", "mean", "max", "min", "amax", "amin", "prod", "argmax", "cumsum", "norm"), _reduction),
        **dict.fromkeys(("var", "std"), lambda call: Cost(0, 3 * _inputs(call)[0].numel())),
        **dict.fromkeys(("matmul", "mm", "bmm", "imatmul", "rmatmul", "mv", "dot"), _matrix_product),
        **dict.fromkeys(("conv1d", "conv2d", "conv3d"), _convolution_function),
        **dict.fromkeys(("addmm", "baddbmm"), _added_product),
        "linear": _linear_function,
        "scaled_dot_product_attention": _dot_product_attention,
        "dropout": lambda call: Cost(0, _outputs(call) if call.keywords.get("training", False) else 0),
    }
)
