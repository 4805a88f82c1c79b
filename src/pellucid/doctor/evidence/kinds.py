"""What functions of PyTorch mean: their one name, and the groups that rules ask for."""

from collections.abc import Callable
from typing import Any

_DUNDER = {
    "radd": "add", "iadd": "add", "rmul": "mul", "imul": "mul", "isub": "sub", "truediv": "div", "itruediv": "div",
    "rtruediv": "rdiv", "rpow": "rpow", "ipow": "pow", "imatmul": "matmul", "rmatmul": "rmatmul", "getitem": "index",
    "setitem": "setitem",
}  # fmt: skip
_SAME = {
    "subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div", "negative": "neg", "absolute": "abs",
    "clip": "clamp", "special_expit": "sigmoid", "expit": "sigmoid", "special_log_softmax": "log_softmax",
    "special_softmax": "softmax", "logsigmoid": "log_sigmoid", "conv1d": "conv1d", "mm": "matmul", "bmm": "matmul",
    "addmm": "addmm", "amax": "amax", "type_as": "to", "native_dropout": "dropout", "greater": "gt", "less": "lt",
    "view_as": "view", "reshape_as": "reshape", "swapaxes": "transpose", "moveaxis": "movedim", "t": "transpose",
}  # fmt: skip


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


# Elementwise or row-wise functions that make a network more than affine.
ACTIVATIONS = words(
    """
    relu relu6 leaky_relu elu selu celu gelu silu mish softplus sigmoid tanh softmax log_softmax hardtanh
    hardswish hardsigmoid prelu rrelu softsign tanhshrink log_sigmoid softmin gumbel_softmax threshold hardshrink
    softshrink glu sin cos maximum square
    """
)
# Give no value below zero (and zero itself for many inputs).
RECTIFIERS = frozenset(("relu", "relu6", "threshold", "hardshrink"))
SATURATING = frozenset(("sigmoid", "tanh", "hardsigmoid", "hardtanh", "softsign"))
SOFTMAXES = frozenset(("softmax", "log_softmax", "softmin", "gumbel_softmax"))
AFFINE = words(
    """
    linear bilinear matmul addmm baddbmm einsum conv1d conv2d conv3d conv_transpose1d conv_transpose2d
    conv_transpose3d addmv addbmm tensordot
    """
)
CONVOLUTIONS = frozenset(name for name in AFFINE if name.startswith("conv"))
RECURRENT = frozenset(
    ("lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell")
)
NORMS = frozenset(("batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm", "local_response_norm"))
POOLS = frozenset(
    name + dimension
    for name in ("max_pool", "avg_pool", "adaptive_avg_pool", "adaptive_max_pool", "lp_pool")
    for dimension in ("1d", "2d", "3d")
)
DROPOUTS = frozenset(
    ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_dropout", "feature_alpha_dropout")
)
ATTENTION = frozenset(("scaled_dot_product_attention", "multi_head_attention_forward"))
# Same numbers in another shape, order, type or place.
VIEWS = words(
    """
    view reshape flatten unflatten squeeze unsqueeze transpose permute movedim T mT H mH contiguous expand
    expand_as to float double half bfloat16 long int type cpu cuda clone detach data identity alias narrow
    requires_grad atleast_1d atleast_2d ravel as_strided
    """
)
# Some of the same numbers.
SELECTIONS = frozenset(
    ("index", "index_select", "select", "take", "gather", "chunk", "split", "unbind", "masked_select")
)
CUTTING = frozenset(("detach", "data", "item", "tolist", "numpy", "argmax", "tensor", "round", "floor", "sign"))
COMPARISONS = frozenset(("eq", "ne", "gt", "lt", "ge", "le", "isclose", "equal"))
# Losses that PyTorch names; each with the names of its two tensors.
LOSSES = {
    "cross_entropy": ("input", "target"),
    "nll_loss": ("input", "target"),
    "binary_cross_entropy": ("input", "target"),
    "binary_cross_entropy_with_logits": ("input", "target"),
    "mse_loss": ("input", "target"),
    "l1_loss": ("input", "target"),
    "smooth_l1_loss": ("input", "target"),
    "huber_loss": ("input", "target"),
    "kl_div": ("input", "target"),
    "poisson_nll_loss": ("input", "target"),
    "gaussian_nll_loss": ("input", "target"),
    "multi_margin_loss": ("input", "target"),
    "multilabel_margin_loss": ("input", "target"),
    "multilabel_soft_margin_loss": ("input", "target"),
    "soft_margin_loss": ("input", "target"),
    "hinge_embedding_loss": ("input", "target"),
    "margin_ranking_loss": ("input1", "target"),
    "cosine_embedding_loss": ("input1", "target"),
    "triplet_margin_loss": ("anchor", "negative"),
    "ctc_loss": ("log_probs", "targets"),
}
# Names of positional arguments of built-in functions, whose signature Python cannot read.
POSITIONAL = {
    "linear": ("input", "weight", "bias"),
    **dict.fromkeys(
        ("conv1d", "conv2d", "conv3d"), ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
    ),
    "softmax": ("input", "dim"),
    "log_softmax": ("input", "dim"),
    "dropout": ("input", "p", "training"),
    "mean": ("input", "dim", "keepdim"),
    "sum": ("input", "dim", "keepdim"),
    "argmax": ("input", "dim", "keepdim"),
    "max": ("input", "dim", "keepdim"),
    "flatten": ("input", "start_dim", "end_dim"),
    "transpose": ("input", "dim0", "dim1"),
    "squeeze": ("input", "dim"),
    "unsqueeze": ("input", "dim"),
    "cat": ("tensors", "dim"),
    "stack": ("tensors", "dim"),
    "clamp": ("input", "min", "max"),
    "topk": ("input", "k", "dim"),
    "max_pool2d": ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode"),
    "max_pool1d": ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode"),
    "avg_pool2d": ("input", "kernel_size", "stride", "padding"),
    "avg_pool1d": ("input", "kernel_size", "stride", "padding"),
    "lstm": ("input", "hx", "params", "has_biases", "num_layers", "dropout", "train", "bidirectional", "batch_first"),
    "gru": ("input", "hx", "params", "has_biases", "num_layers", "dropout", "train", "bidirectional", "batch_first"),
    "rnn_tanh": (
        "input",
        "hx",
        "params",
        "has_biases",
        "num_layers",
        "dropout",
        "train",
        "bidirectional",
        "batch_first",
    ),
    "rnn_relu": (
        "input",
        "hx",
        "params",
        "has_biases",
        "num_layers",
        "dropout",
        "train",
        "bidirectional",
        "batch_first",
    ),
}


def canonical(function: Callable[..., Any]) -> str:
    """Return the one name of a function: `torch.relu`, `F.relu`, `Tensor.relu_` are all "relu"."""
    name = getattr(function, "__name__", type(function).__name__)
    if name == "__get__":
        return str(getattr(getattr(function, "__self__", None), "__name__", name))
    if name.startswith("__") and name.endswith("__"):
        name = name[2:-2]
        return _DUNDER.get(name, name)
    if name.startswith("_"):
        name = name.lstrip("_")
    if name.endswith("_") and name != "_":
        name = name[:-1]
    return _SAME.get(name, name)
