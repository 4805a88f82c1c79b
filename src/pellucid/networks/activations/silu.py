"""SiLU, also called Swish: x weighted by its own sigmoid."""

from torch import nn

from pellucid.networks.activations.table import Activation

ACTIVATION = Activation(
    name="silu",
    title="SiLU (Swish)",
    formula="x·σ(x)",
    derivative="σ(x)·(1 + x - x·σ(x))",
    symbols=("σ is the sigmoid",),
    range="[-0.28, ∞)",
    use="In deep convolutional networks and gated layers of language models; like GELU, a try after ReLU.",
    avoid="Where speed counts on small processors: hardswish is its cheap likeness.",
    module="torch.nn.SiLU",
    make=nn.SiLU,
    source="Hendrycks & Gimpel 2016, Gaussian Error Linear Units (GELUs), where it is named; also "
    "Ramachandran, Zoph & Le 2017, Searching for Activation Functions, as Swish",
    year=2016,
)
