"""ReLU: what is negative becomes 0."""

from torch import nn

from pellucid.networks.activations.table import Activation

ACTIVATION = Activation(
    name="relu",
    title="ReLU",
    formula="max(0, x)",
    derivative="1 if x > 0 else 0",
    range="[0, ∞)",
    use="First, in the hidden layers of any network: cheap, and where x > 0 gradients pass undiminished.",
    avoid="When many units give 0 for every example (dead units, often after too large a learning rate): "
    "lower the rate, or take leaky_relu or gelu.",
    module="torch.nn.ReLU",
    make=nn.ReLU,
    source="Nair & Hinton 2010, Rectified Linear Units Improve Restricted Boltzmann Machines",
    year=2010,
)
