"""Leaky ReLU: ReLU with a small slope where x is negative."""

from torch import nn

from pellucid.networks.activations.table import Activation

ACTIVATION = Activation(
    name="leaky_relu",
    title="Leaky ReLU",
    formula="x if x > 0 else 0.01·x",
    derivative="1 if x > 0 else 0.01",
    range="(-∞, ∞)",
    use="When ReLU units die: the small slope keeps a gradient alive where x is negative.",
    avoid="Where exact zeros are wanted, as in sparse outputs. The slope 0.01 is a guess; prelu learns it.",
    module="torch.nn.LeakyReLU",
    make=nn.LeakyReLU,
    source="Maas, Hannun & Ng 2013, Rectifier Nonlinearities Improve Neural Network Acoustic Models",
    year=2013,
)
