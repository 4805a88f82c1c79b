"""Products of float32 matrices on the processor: by the library that PyTorch takes for them, or by oneDNN if faster.

PyTorch leaves these products to MKL on x86, and MKL runs narrower kernels on the processors of other makers than on
Intel's. oneDNN, which comes with PyTorch too (for bfloat16 and for convolutions), asks only what the processor can: on
an AMD processor with AVX-512 it is twice as fast. Which one is faster here is measured once, when it is first asked.
"""

import math
from collections.abc import Callable
from functools import cache
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

# Rows, inputs and outputs of the product that both are timed with, in turn, so many times.
TIMED, TURNS = (256, 512, 512), 5
# oneDNN must be so much faster: where they are alike, the usual way is taken, and always the same one.
GAIN = 1.25
# A product of fewer multiply-adds is over before oneDNN has begun.
FEWEST_MACS = 2**20


@torch.no_grad()
def affine(inputs: Tensor, weight: Tensor, bias: Tensor | None, *, is_rectified: bool = False) -> Tensor:
    """Return what a Linear gives, and a ReLU behind it if asked; nothing is noted for autograd.

    Args:
        inputs: [examples, values], on the processor.
        weight: [outputs, values], of the type of the inputs.
        bias: [outputs], or None.
        is_rectified: Whether to put 0 for what is below it.

    Returns:
        [examples, outputs], of the type of the inputs.

    Example:
        >>> affine(torch.tensor([[1.0, 2.0]]), torch.eye(2), torch.tensor([0.5, -5.0]), is_rectified=True)
        tensor([[1.5000, 0.0000]])
    """
    # Products of bfloat16 are oneDNN's anyway; asked for the ReLU too, it needs no second pass through the outputs.
    is_fused = is_rectified and inputs.dtype == torch.bfloat16 and inputs.device.type == "cpu" and has_bfloat16()
    if is_fused or _is_for_onednn(inputs, len(weight)):
        return _by_onednn(inputs, weight, bias, is_rectified=is_rectified)
    outputs = inputs @ weight.t() if bias is None else torch.addmm(bias, inputs, weight.t())
    return outputs.relu_() if is_rectified else outputs


@torch.no_grad()
def product(left: Tensor, right: Tensor) -> Tensor:
    """Return the product of two matrices; nothing is noted for autograd.

    Args:
        left: [rows, values].
        right: [values, columns], of the same type.

    Example:
        >>> product(torch.ones(1, 3), torch.ones(3, 2))
        tensor([[3., 3.]])
    """
    if _is_for_onednn(left, right.shape[1]):
        return _by_onednn(left, right.t(), None)
    return left @ right


@cache
def onednn_is_faster() -> bool:
    """Return whether oneDNN multiplies float32 matrices faster here; takes some milliseconds when first asked."""
    if not has_onednn():
        return False
    rows, values, columns = TIMED
    left, right = torch.ones(rows, values), torch.ones(columns, values)
    ways: tuple[Callable[[], Tensor], ...] = (lambda: left @ right.t(), lambda: _by_onednn(left, right, None))
    fastest = [math.inf, math.inf]
    # The first product of each also loads its library.
    for turn in range(TURNS + 1):
        for place, way in enumerate(ways):
            started = perf_counter()
            way()
            if turn:
                fastest[place] = min(fastest[place], perf_counter() - started)
    return fastest[1] * GAIN < fastest[0]


def has_onednn() -> bool:
    """Return whether this PyTorch was built with oneDNN, and with the kernel that is taken here."""
    is_built = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return bool(is_built) and hasattr(torch.ops.mkldnn, "_linear_pointwise")


@cache
def has_bfloat16() -> bool:
    """Return whether oneDNN multiplies bfloat16 on this processor, in hardware or not."""
    return has_onednn() and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001


def _is_for_onednn(left: Tensor, columns: int) -> bool:
    is_plain = left.dtype == torch.float32 and left.device.type == "cpu"
    return is_plain and left.numel() * columns >= FEWEST_MACS and onednn_is_faster()


def _by_onednn(inputs: Tensor, weight: Tensor, bias: Tensor | None, *, is_rectified: bool = False) -> Tensor:
    # PyTorch has no public way to oneDNN's products; this is the kernel that its compiler takes.
    linear: Any = torch.ops.mkldnn._linear_pointwise.default  # noqa: SLF001
    # It takes weights in any layout; inputs that lie across it brings into order more slowly than this does.
    outputs: Tensor = linear(inputs.contiguous(), weight, bias, "relu" if is_rectified else "none", [], "")
    return outputs
