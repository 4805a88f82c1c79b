"""Softplus: ReLU with its corner rounded."""

from torch import nn

from pellucid.networks.activations.table import Activation

ACTIVATION = Activation(
    name="softplus",
    title="Softplus",
    formula="ln(1 + eˣ)",
    derivative="σ(x)",
    symbols=("σ is the sigmoid",),
    range="(0, ∞)",
    use="At an output that must be positive, such as a variance or a rate.",
    avoid="In hidden layers: ReLU costs less and mostly learns as well or better.",
    module="torch.nn.Softplus",
    make=nn.Softplus,
    source="Dugas, Bengio, Bélisle, Nadeau & Garcia 2000, Incorporating Second-Order Functional Knowledge "
    "for Better Option Pricing",
    year=2000,
)
