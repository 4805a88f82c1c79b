"""The arithmetic of a stack of Linear layers on raw inputs with PyTorch alone: in float32, and in bfloat16."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.classifier.stacks import ELEMENTWISE, Layer, folded
from pellucid.data.preparing_images import ImagePreparation
from pellucid.products import affine, has_bfloat16

# Rows of inputs that packed weights are laid out for; other numbers work as well.
PACKED_FOR = 1024


class Float32:
    """A stack in float32."""

    def __init__(self, layers: Sequence[Layer], preparation: ImagePreparation) -> None:
        self.layers = [folded(layers[0], preparation, torch.float32), *layers[1:]]
        kinds = {type(bend) for layer in layers for bend in layer.bends}
        self._takes_vectors = kinds <= ELEMENTWISE - {nn.PReLU}

    def __call__(self, raw: Tensor) -> Tensor:
        """Return the logits [examples, classes] of raw inputs [examples, values]."""
        if len(raw) == 1 and self._takes_vectors:
            # A matrix times a vector takes a tenth less than a product of matrices, and wakes no second thread.
            values = raw.view(-1).float()
            for layer in self.layers:
                values = _bent(torch.addmv(layer.bias, layer.weight, values), layer.bends)
            return values.view(1, -1)
        values = raw.float()
        for layer in self.layers:
            is_rectified = bool(layer.bends) and type(layer.bends[0]) is nn.ReLU
            values = affine(values, layer.weight, layer.bias, is_rectified=is_rectified)
            values = _bent(values, layer.bends[1:] if is_rectified else layer.bends)
        return values


class Bfloat16:
    """A stack in bfloat16: weights packed once for the processor's kernels, sums in float32, biases in float32."""

    def __init__(self, layers: Sequence[Layer], preparation: ImagePreparation) -> None:
        # There is no public way to weights that are packed once and for all; these are the kernels of the compiler.
        self._linear: Any = torch.ops.mkldnn._linear_pointwise.default  # noqa: SLF001
        self._layers = []
        for layer in [folded(layers[0], preparation, torch.bfloat16), *layers[1:]]:
            weight = torch.ops.mkldnn._reorder_linear_weight(layer.weight.bfloat16(), PACKED_FOR)  # noqa: SLF001
            is_relu = [type(bend) for bend in layer.bends] == [nn.ReLU]
            bends = () if is_relu else tuple(copy.deepcopy(bend).bfloat16() for bend in layer.bends)
            self._layers.append((weight, layer.bias, "relu" if is_relu else "none", bends))

    def __call__(self, raw: Tensor) -> Tensor:
        """Return the logits [examples, classes], as float32, of raw inputs [examples, values]."""
        # Bytes are whole numbers to 256, which bfloat16 holds exactly.
        values = raw.bfloat16()
        for weight, bias, fused, bends in self._layers:
            values = _bent(self._linear(values, weight, bias, fused, [], ""), bends)
        return values.float()


def has_packed_products() -> bool:
    """Return whether PyTorch and processor have the kernels that `Bfloat16` takes."""
    return has_bfloat16() and hasattr(torch.ops.mkldnn, "_reorder_linear_weight")


def _bent(values: Tensor, bends: Sequence[nn.Module]) -> Tensor:
    for bend in bends:
        # A module's call costs 2 µs, as much as the function itself for one example.
        values = values.relu_() if type(bend) is nn.ReLU else bend(values)
    return values
