"""Hardswish: SiLU with the cheap hardsigmoid inside."""

from torch import nn

from pellucid.networks.activations.table import Activation

ACTIVATION = Activation(
    name="hardswish",
    title="Hardswish",
    formula="x·h(x)",
    derivative="h(x) + x·h'(x)",
    symbols=("h is the hardsigmoid",),
    range="[-3/8, ∞)",
    use="In small networks for phones, in place of SiLU.",
    avoid="On a GPU, where SiLU costs about the same and is smooth.",
    module="torch.nn.Hardswish",
    make=nn.Hardswish,
    source="Howard et al. 2019, Searching for MobileNetV3",
    year=2019,
)
