"""Sigmoid: any number squeezed between 0 and 1."""

from torch import nn

from pellucid.networks.activations.table import Activation

ACTIVATION = Activation(
    name="sigmoid",
    title="Sigmoid",
    formula="1 / (1 + e⁻ˣ)",
    derivative="σ(x)·(1 - σ(x))",
    symbols=("σ is the sigmoid",),
    range="(0, 1)",
    use="To turn a logit into a probability when predicting (binary, multilabel), and for gates in a layer.",
    avoid="In deep hidden layers: its slope is at most 1/4 and vanishes on both sides, so early layers "
    "hardly learn. Not before torch.nn.BCEWithLogitsLoss, which applies it itself.",
    module="torch.nn.Sigmoid",
    make=nn.Sigmoid,
    source="Rumelhart, Hinton & Williams 1986, Learning Representations by Back-Propagating Errors "
    "(the usual reference)",
    year=1986,
)
