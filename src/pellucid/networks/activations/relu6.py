"""ReLU6: ReLU that stops at 6."""

from torch import nn

from pellucid.networks.activations.table import Activation

ACTIVATION = Activation(
    name="relu6",
    title="ReLU6",
    formula="clamp(x, 0, 6)",
    derivative="1 if 0 < x < 6 else 0",
    symbols=("clamp(v, low, high) keeps v between low and high",),
    range="[0, 6]",
    use="In small networks for phones, whose low-precision numbers need bounded outputs.",
    avoid="At full precision, where plain ReLU does as well and has a gradient above 6 too.",
    module="torch.nn.ReLU6",
    make=nn.ReLU6,
    source="Krizhevsky 2010, Convolutional Deep Belief Networks on CIFAR-10",
    year=2010,
)
