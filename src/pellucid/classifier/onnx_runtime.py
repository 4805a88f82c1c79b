"""A stack of Linear layers in ONNX Runtime: faster than PyTorch for a few examples, where it is installed."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.classifier.stacks import Layer

OPSET = 20
IR_VERSION = 9


class OnnxRuntime:
    """A stack in ONNX Runtime, in float32.

    Args:
        layers: Of a stack; the first takes raw inputs.
        threads: One by default: others spin between calls and take the processor from whatever else runs.

    Raises:
        ImportError: If onnx or onnxruntime is not installed.
        LookupError: If an activation has no place in the table below.
    """

    def __init__(self, layers: Sequence[Layer], threads: int = 1) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self.version: str = onnxruntime.__version__
        self._session = onnxruntime.InferenceSession(_model(layers), options, providers=["CPUExecutionProvider"])

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


def _model(layers: Sequence[Layer]) -> bytes:
    """Write the layers as an ONNX model: one Gemm each, and an operator for each activation."""
    from onnx import TensorProto, helper, numpy_helper

    nodes, weights = [], []
    name = "raw"
    for index, layer in enumerate(layers):
        weight, bias, given = f"weight_{index}", f"bias_{index}", f"linear_{index}"
        weights += [
            numpy_helper.from_array(layer.weight.numpy(), weight),
            numpy_helper.from_array(layer.bias.numpy(), bias),
        ]
        nodes.append(helper.make_node("Gemm", [name, weight, bias], [given], transB=1))
        name = given
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
