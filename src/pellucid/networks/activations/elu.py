"""ELU: ReLU that levels off smoothly below 0."""

from torch import nn

from pellucid.networks.activations.table import Activation

ACTIVATION = Activation(
    name="elu",
    title="ELU",
    formula="x if x > 0 else eˣ - 1",
    derivative="1 if x > 0 else eˣ",
    range="(-1, ∞)",
    use="In hidden layers without batch normalization: its outputs lie nearer to 0 on average than ReLU's.",
    avoid="Where speed counts, since it computes an exponential and ReLU does not.",
    module="torch.nn.ELU",
    make=nn.ELU,
    source="Clevert, Unterthiner & Hochreiter 2015, Fast and Accurate Deep Network Learning by "
    "Exponential Linear Units (ELUs)",
    year=2015,
)
