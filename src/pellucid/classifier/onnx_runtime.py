"""A stack of Linear layers in ONNX Runtime: faster than PyTorch for a few examples, where it is installed."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.classifier.stacks import Layer

OPSET = 20
IR_VERSION = 9


class OnnxRuntime:
    """A stack in ONNX Runtime, in float32 or with products of int8.

    Args:
        layers: Of a stack; the first takes raw inputs.
        is_int8: Whether weights and inputs of each product are rounded to 8 bits: weights by the largest of each unit,
            once; inputs by their range over all examples of a call, so that one example is best asked alone.
        threads: One by default: others spin between calls and take the processor from whatever else runs.

    Raises:
        ImportError: If onnx or onnxruntime is not installed.
        LookupError: If an activation has no place in the table below.
    """

    def __init__(self, layers: Sequence[Layer], threads: int = 1, *, is_int8: bool = False) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self.version: str = onnxruntime.__version__
        self.is_int8 = is_int8
        model = _model(layers, is_int8=is_int8)
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def __call__(self, raw: Tensor) -> Tensor:
        """Return the logits [examples, classes] of raw inputs [examples, values]."""
        (logits,) = self._session.run(None, {"raw": raw.float().numpy()})
        return torch.from_numpy(logits)


# Operator and attributes of each activation, by the module that it is in PyTorch.
_OPERATORS: dict[type[nn.Module], Callable[[Any], tuple[str, dict[str, Any]]]] = {
    nn.ReLU: lambda bend: ("Relu", {}),
    nn.Sigmoid: lambda bend: ("Sigmoid", {}),
    nn.Tanh: lambda bend: ("Tanh", {}),
    nn.LeakyReLU: lambda bend: ("LeakyRelu", {"alpha": bend.negative_slope}),
    nn.ELU: lambda bend: ("Elu", {"alpha": bend.alpha}),
    nn.SELU: lambda bend: ("Selu", {}),
    nn.GELU: lambda bend: ("Gelu", {"approximate": bend.approximate}),
    nn.Hardswish: lambda bend: ("HardSwish", {}),
    nn.Mish: lambda bend: ("Mish", {}),
    nn.Softmax: lambda bend: ("Softmax", {"axis": 1}),
}


def _model(layers: Sequence[Layer], *, is_int8: bool) -> bytes:
    """Write the layers as an ONNX model: the product of each, and an operator for each activation."""
    from onnx import TensorProto, helper

    nodes: list[Any] = []
    weights: list[Any] = []
    name = "raw"
    product = _product_of_int8 if is_int8 else _product
    for index, layer in enumerate(layers):
        made, constants = product(layer, name, f"_{index}")
        nodes += made
        weights += constants
        name = made[-1].output[0]
        for place, bend in enumerate(layer.bends):
            operator, attributes = _OPERATORS[type(bend)](bend)
            nodes.append(helper.make_node(operator, [name], [f"bent_{index}_{place}"], **attributes))
            name = f"bent_{index}_{place}"
    inputs, classes = layers[0].weight.shape[1], layers[-1].weight.shape[0]
    graph = helper.make_graph(
        nodes,
        "stack",
        [helper.make_tensor_value_info("raw", TensorProto.FLOAT, ["examples", inputs])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["examples", classes])],
        weights,
    )
    model = helper.make_model(graph, ir_version=IR_VERSION, opset_imports=[helper.make_opsetid("", OPSET)])
    written: bytes = model.SerializeToString()
    return written


def _product(layer: Layer, given: str, end: str) -> tuple[list[Any], list[Any]]:
    """Return the nodes of a layer's product and sum, and their constants; `end` ends every name."""
    from onnx import helper, numpy_helper

    weight, bias = "weight" + end, "bias" + end
    constants = [
        numpy_helper.from_array(layer.weight.numpy(), weight),
        numpy_helper.from_array(layer.bias.numpy(), bias),
    ]
    return [helper.make_node("Gemm", [given, weight, bias], ["linear" + end], transB=1)], constants


def _product_of_int8(layer: Layer, given: str, end: str) -> tuple[list[Any], list[Any]]:
    """Return the same with products of 8 bits: inputs rounded to uint8 by their range, weights to int8 by unit."""
    from onnx import TensorProto, helper, numpy_helper

    # A unit without weights is divided by nothing.
    scale = (layer.weight.abs().amax(dim=1) / 127).clamp(min=torch.finfo(torch.float32).tiny)
    rounded = (layer.weight / scale[:, None]).round().to(torch.int8)
    constants = [
        numpy_helper.from_array(rounded.t().contiguous().numpy(), "weight" + end),
        numpy_helper.from_array(scale.numpy(), "scale" + end),
        numpy_helper.from_array(layer.bias.numpy(), "bias" + end),
    ]
    steps = (
        ("DynamicQuantizeLinear", (given,), ("rounded", "step", "zero")),
        ("MatMulInteger", ("rounded", "weight", "zero"), ("product",)),
        ("Mul", ("step", "scale"), ("factor",)),
        ("Cast", ("product",), ("whole",)),
        ("Mul", ("whole", "factor"), ("scaled",)),
        ("Add", ("scaled", "bias"), ("linear",)),
    )
    attributes: dict[str, dict[str, Any]] = {"Cast": {"to": TensorProto.FLOAT}}
    nodes = [
        helper.make_node(
            operator,
            [name if name == given else name + end for name in taken],
            [name + end for name in made],
            **attributes.get(operator, {}),
        )
        for operator, taken, made in steps
    ]
    return nodes, constants
