"""GELU: x weighted by how likely a normal number is to be below it."""

from torch import nn

from pellucid.networks.activations.table import Activation

ACTIVATION = Activation(
    name="gelu",
    title="GELU",
    formula="x·Φ(x)",
    derivative="Φ(x) + x·φ(x)",
    symbols=("Φ is the normal distribution function", "φ is its density"),
    range="[-0.17, ∞)",
    use="In Transformers, and as the first thing to try after ReLU: smooth, with a gradient left below 0.",
    avoid="Where speed counts more than the last tenth of a percent.",
    module="torch.nn.GELU",
    make=nn.GELU,
    source="Hendrycks & Gimpel 2016, Gaussian Error Linear Units (GELUs)",
    year=2016,
)
