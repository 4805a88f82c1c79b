"""Whatever looks at a network leaves no mark: bit by bit, over the zoo, also when the forward raises."""

import copy
import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid
from pellucid.errors import PellucidError
from pellucid.tracing.capture import tensors_in

from .zoo import ZOO


def bits(tensor: Tensor | None) -> bytes | None:
    """All bits of a tensor."""
    return None if tensor is None else tensor.detach().contiguous().numpy().tobytes()


def everything(network: nn.Module, inputs: Any) -> dict[str, Any]:
    """Every bit of state that a look could change."""
    return {
        "parameters": {name: (id(value), bits(value), bits(value.grad)) for name, value in network.named_parameters()},
        "buffers": {name: (id(value), bits(value)) for name, value in network.named_buffers()},
        "modes": [module.training for module in network.modules()],
        "attributes": {
            name: {key: id(value) for key, value in vars(module).items() if key != "training"}
            for name, module in network.named_modules()
        },
        "hooks": [
            [list(table) for table in vars(module).values() if isinstance(table, dict)] for module in network.modules()
        ],
        "devices": [value.device for value in network.parameters()],
        "inputs": [bits(tensor) for tensor in tensors_in(inputs)],
        "torch": torch.get_rng_state().tolist(),
        "python": random.getstate(),
        "numpy": [np.asarray(part).tolist() for part in np.random.get_state()],
        "fast path": torch.backends.mha.get_fastpath_enabled(),
        "gradients": torch.is_grad_enabled(),
    }


def looks(network: nn.Module, inputs: Any) -> dict[str, Any]:
    """Everything that looks at a network."""

    def loss(output: Any) -> Tensor:
        return sum(tensor.float().sum() for tensor in tensors_in(output))  # type: ignore[return-value]

    return {
        "describe": lambda: pellucid.describe(network, inputs),
        "describe in training": lambda: pellucid.describe(network, inputs, training=True),
        "trace": lambda: str(pellucid.trace(network, inputs)),
        "trace as it is": lambda: str(pellucid.trace(network, inputs, training=None)),
        "gradients": lambda: pellucid.trace_gradients(network, inputs, loss),
        "parameters": lambda: str(pellucid.parameters(network)),
    }


@pytest.mark.parametrize("look", list(looks(nn.ReLU(), None)))
@pytest.mark.parametrize("name", ZOO)
def test_a_look_leaves_no_mark(name: str, look: str) -> None:
    make, draw = ZOO[name]
    network, inputs = make(), draw()
    for parameter in network.parameters():
        parameter.grad = torch.randn_like(parameter)
    np.random.randn()  # half of a pair of normal numbers is kept
    before = everything(network, inputs)
    looks(network, inputs)[look]()
    assert everything(network, inputs) == before


@pytest.mark.parametrize("name", ZOO)
def test_a_look_leaves_no_mark_when_the_forward_raises(name: str) -> None:
    make, draw = ZOO[name]
    network, inputs = make(), draw()

    class Fails(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network

        def forward(self, given: Any) -> Any:
            self.inner(given)
            raise ValueError("after all that")

    outer = Fails()
    before = everything(outer, inputs)
    with pytest.raises(PellucidError, match="after all that"):
        pellucid.trace(outer, inputs)
    assert everything(outer, inputs) == before


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", ZOO)
def test_the_output_is_bit_identical_with_and_without(name: str, training: bool) -> None:
    make, draw = ZOO[name]
    network, inputs = make(), draw()
    plain = copy.deepcopy(network)
    network.train(training)
    plain.train(training)
    torch.manual_seed(3)
    traced = pellucid.trace(network, inputs, training=None)
    torch.manual_seed(3)
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # the same steps; the fused ones round otherwise
    with torch.no_grad():
        expected = plain(inputs.clone())
    torch.backends.mha.set_fastpath_enabled(before)
    assert [bits(tensor) for tensor in tensors_in(traced.output)] == [bits(tensor) for tensor in tensors_in(expected)]


def test_a_step_in_place_never_falsifies_the_rows_before_it() -> None:
    network, inputs = ZOO["in place"][0](), torch.randn(4, 6)
    trace = pellucid.trace(network, inputs)
    with torch.no_grad():
        first = network.get_submodule("first")(inputs + 1)
        relu = first.relu()
        zeroed = relu.clone()
        zeroed[:, 0] = 0
    assert torch.equal(trace.values("first"), first)
    assert torch.equal(trace.values("relu"), relu)
    assert torch.equal(trace.values("mul_"), zeroed * 2)
    assert not any(row["is_overwritten"] for row in trace.to_dict()["layers"])
