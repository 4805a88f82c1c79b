"""The network as a table."""

import pytest
import torch
from torch import Tensor, nn

import pellucid


def test_lists_layers_in_executed_order_with_shapes_and_parameters() -> None:
    architecture = pellucid.describe(pellucid.mlp(784, (512, 512), 10), torch.zeros(2, 1, 28, 28))
    assert [layer.name for layer in architecture.layers][:2] == ["flatten", "linear_relu_stack.0"]
    assert [layer.output_shape for layer in architecture.layers] == [(784,), (512,), (512,), (512,), (512,), (10,)]
    counts = [0, 784 * 512 + 512, 0, 512 * 512 + 512, 0, 512 * 10 + 10]
    assert [layer.parameters for layer in architecture.layers] == counts
    assert architecture.parameters == sum(counts) == 669_706


def test_shared_layers_are_counted_once_and_listed_each_time() -> None:
    layer = nn.Linear(4, 4)
    architecture = pellucid.describe(nn.Sequential(layer, nn.ReLU(), layer), torch.zeros(1, 4))
    assert [row.parameters for row in architecture.layers] == [20, 0, 0]
    assert architecture.parameters == 20


def test_frozen_parameters_are_told() -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
    network[0].requires_grad_(False)
    architecture = pellucid.describe(network, torch.zeros(1, 4))
    assert architecture.trainable == 10
    assert "20 parameters are frozen" in str(architecture)


@pytest.mark.parametrize("raises", [False, True])
def test_leaves_the_network_as_it_was(raises: bool) -> None:
    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(4)
            self.drop = nn.Dropout(0.5)

        def forward(self, inputs: Tensor) -> Tensor:
            outputs: Tensor = self.drop(self.norm(inputs)) + torch.rand(4)
            if raises:
                raise ValueError("no")
            return outputs

    network = Noisy().train()
    network.norm.eval()
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    flags, generator = [module.training for module in network.modules()], torch.get_rng_state()
    if raises:
        with pytest.raises(ValueError, match="no"):
            pellucid.describe(network, torch.randn(3, 4))
    else:
        inputs = torch.zeros(3, 4)
        pellucid.describe(network, inputs)
        assert torch.equal(torch.get_rng_state(), generator)
    assert [module.training for module in network.modules()] == flags
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())
