"""Softmax: the logits of exclusive classes as probabilities that sum to 1."""

from functools import partial

from torch import nn

from pellucid.networks.activations.table import Activation

ACTIVATION = Activation(
    name="softmax",
    title="Softmax",
    formula="exp(xᵢ) / Σⱼ exp(xⱼ)",
    derivative="pᵢ·(δᵢⱼ - pⱼ)",
    symbols=("p is what softmax gives", "δᵢⱼ is 1 if i = j and else 0"),
    range="(0, 1)",
    use="To turn the logits of classes of which exactly one is right into probabilities, when predicting.",
    avoid="In hidden layers, and before torch.nn.CrossEntropyLoss, which applies it itself. "
    "Where several classes can be right at once, use sigmoid.",
    module="torch.nn.Softmax",
    make=partial(nn.Softmax, dim=1),
    source="Bridle 1990, Probabilistic Interpretation of Feedforward Classification Network Outputs, "
    "with Relationships to Statistical Pattern Recognition",
    year=1990,
    is_output_only=True,
    is_elementwise=False,
)
