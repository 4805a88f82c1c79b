"""Mish: like SiLU, a smooth curve that dips below 0 and comes back."""

from torch import nn

from pellucid.networks.activations.table import Activation

ACTIVATION = Activation(
    name="mish",
    title="Mish",
    formula="x·tanh(s)",
    derivative="tanh(s) + x·σ(x)/cosh(s)²",
    symbols=("s is the softplus of x", "σ is the sigmoid"),
    range="[-0.31, ∞)",
    use="In convolutional networks such as object detectors, where SiLU is tried too.",
    avoid="Where speed counts: it is among the costliest here, and gains over SiLU are small.",
    module="torch.nn.Mish",
    make=nn.Mish,
    source="Misra 2019, Mish: A Self Regularized Non-Monotonic Activation Function",
    year=2019,
)
