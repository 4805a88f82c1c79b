"""Hardtanh: tanh made of three straight lines."""

from torch import nn

from pellucid.networks.activations.table import Activation

ACTIVATION = Activation(
    name="hardtanh",
    title="Hardtanh",
    formula="clamp(x, -1, 1)",
    derivative="1 if -1 < x < 1 else 0",
    symbols=("clamp(v, low, high) keeps v between low and high",),
    range="[-1, 1]",
    use="Where tanh is wanted at the least cost, and in binarized networks.",
    avoid="Where inputs often lie beyond 1: the gradient there is exactly 0.",
    module="torch.nn.Hardtanh",
    make=nn.Hardtanh,
    source="Collobert 2004, Large Scale Machine Learning (the usual reference)",
    year=2004,
)
