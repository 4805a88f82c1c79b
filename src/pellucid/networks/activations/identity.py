"""Identity: the inputs as they are."""

from torch import nn

from pellucid.networks.activations.table import Activation

ACTIVATION = Activation(
    name="identity",
    title="Identity",
    formula="x",
    derivative="1",
    range="(-∞, ∞)",
    use="Where nothing should be bent: the output of a regression, or an activation switched off to compare.",
    avoid="Between linear layers: without a bend, two of them compute no more than one.",
    module="torch.nn.Identity",
    make=nn.Identity,
    source="Widrow & Hoff 1960, Adaptive Switching Circuits (the linear unit ADALINE; the usual reference)",
    year=1960,
)
