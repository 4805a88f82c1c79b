"""Tanh: a sigmoid stretched to lie around 0."""

from torch import nn

from pellucid.networks.activations.table import Activation

ACTIVATION = Activation(
    name="tanh",
    title="Tanh",
    formula="(eˣ - e⁻ˣ) / (eˣ + e⁻ˣ)",
    derivative="1 - tanh(x)²",
    range="(-1, 1)",
    use="In small or recurrent networks whose layers should give values around 0.",
    avoid="In deep networks: it is almost flat beyond |x| = 3, and units that land there stop learning.",
    module="torch.nn.Tanh",
    make=nn.Tanh,
    source="LeCun, Bottou, Orr & Müller 1998, Efficient BackProp (the usual reference)",
    year=1998,
)
