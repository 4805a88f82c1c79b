"""PReLU: Leaky ReLU that learns its slope."""

from torch import nn

from pellucid.networks.activations.table import Activation

ACTIVATION = Activation(
    name="prelu",
    title="PReLU",
    formula="x if x > 0 else a·x",
    derivative="1 if x > 0 else a",
    symbols=("a is learned and starts at 0.25",),
    range="(-∞, ∞)",
    use="In deep convolutional networks with much data, which can afford to learn the slope.",
    avoid="On little data, and with weight decay on its slope, which pulls it towards plain ReLU.",
    module="torch.nn.PReLU",
    make=nn.PReLU,
    source="He, Zhang, Ren & Sun 2015, Delving Deep into Rectifiers: Surpassing Human-Level Performance "
    "on ImageNet Classification",
    year=2015,
)
