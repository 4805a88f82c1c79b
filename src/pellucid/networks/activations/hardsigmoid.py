"""Hardsigmoid: the sigmoid made of three straight lines."""

from torch import nn

from pellucid.networks.activations.table import Activation

ACTIVATION = Activation(
    name="hardsigmoid",
    title="Hardsigmoid",
    formula="clamp(x/6 + 1/2, 0, 1)",
    derivative="1/6 if -3 < x < 3 else 0",
    symbols=("clamp(v, low, high) keeps v between low and high",),
    range="[0, 1]",
    use="For gates in small networks for phones, where a sigmoid costs too much.",
    avoid="For probabilities: it gives exact 0 and 1, whose logarithm or gradient is lost.",
    module="torch.nn.Hardsigmoid",
    make=nn.Hardsigmoid,
    source="Howard et al. 2019, Searching for MobileNetV3 (this slope; "
    "with another one Courbariaux, Bengio & David 2015, BinaryConnect)",
    year=2019,
)
