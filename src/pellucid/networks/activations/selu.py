"""SELU: ELU scaled so that a deep stack keeps mean 0 and variance 1."""

from torch import nn

from pellucid.networks.activations.table import Activation

ACTIVATION = Activation(
    name="selu",
    title="SELU",
    formula="λx if x > 0 else β(eˣ - 1)",
    derivative="λ if x > 0 else β·eˣ",
    symbols=("λ = 1.0507", "β = 1.7581"),
    range="(-1.76, ∞)",
    use="In deep stacks of plain linear layers, with standardized inputs and LeCun-normal weights: "
    "outputs then keep mean 0 and variance 1.",
    avoid="With batch normalization, ordinary dropout (take torch.nn.AlphaDropout) or other weights "
    "at the start: its guarantee no longer holds.",
    module="torch.nn.SELU",
    make=nn.SELU,
    source="Klambauer, Unterthiner, Mayr & Hochreiter 2017, Self-Normalizing Neural Networks",
    year=2017,
)
