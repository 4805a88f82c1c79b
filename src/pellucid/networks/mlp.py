"""`mlp`: a multilayer perceptron."""

import math
from collections.abc import Sequence

from torch import nn

from pellucid.networks.activations import activation as look_up
from pellucid.networks.stacks import Norm, check_rates, check_sizes, linear_stack, named, seeded


def mlp(
    inputs: int | Sequence[int],
    hidden: int | Sequence[int],
    outputs: int,
    *,
    activation: str = "relu",
    output_activation: str | None = None,
    dropout: float = 0.0,
    norm: Norm | None = None,
    seed: int | None = None,
) -> nn.Sequential:
    """Build a multilayer perceptron: Flatten, then Linear layers with activations between.

    It ends in raw logits unless an output activation is asked for: the losses apply their own, see `output_for`.

    Args:
        inputs: Number of input values, or the shape of one input (1, 28, 28).
        hidden: Units of each hidden layer; () for none.
        outputs: Number of outputs: one for each class.
        activation: Between the layers; a name from `activations()`.
        output_activation: After the last layer.
        dropout: Share of hidden units dropped in training.
        norm: "batch" or "layer" normalisation before each hidden activation.
        seed: For the starting weights; by default they come from PyTorch's generator.

    Returns:
        A Sequential with the layers `flatten` and `linear_relu_stack` (named after the activation).

    Raises:
        SettingError: If a size is not a positive whole number, or dropout not in [0, 1).
        UnknownNameError: If an activation or norm is not known.

    Example:
        >>> mlp(784, (512, 512), 10)
        Sequential(
          (flatten): Flatten(start_dim=1, end_dim=-1)
          (linear_relu_stack): Sequential(
            (0): Linear(in_features=784, out_features=512, bias=True)
            (1): ReLU()
            (2): Linear(in_features=512, out_features=512, bias=True)
            (3): ReLU()
            (4): Linear(in_features=512, out_features=10, bias=True)
          )
        )
    """
    widths = (hidden,) if isinstance(hidden, int) else tuple(hidden)
    check_sizes(inputs=inputs, hidden=widths, outputs=outputs)
    check_rates(dropout, norm)
    name = look_up(activation).name
    ending = look_up(output_activation).make() if output_activation is not None else None
    with seeded(seed):
        stack = linear_stack(
            inputs if isinstance(inputs, int) else math.prod(inputs),
            widths,
            outputs,
            activation_name=name,
            dropout=dropout,
            norm=norm,
        )
    if ending is not None:
        stack.append(ending)
    return named([("flatten", nn.Flatten()), (f"linear_{name}_stack", stack)])


# Of a table of few rows: half of the units are dropped in each step, so that none is relied on.
TABLE_HIDDEN, TABLE_DROPOUT = (256, 256), 0.5


def mlp_for_table(
    inputs: int | Sequence[int], outputs: int, *, activation: str = "relu", seed: int | None = None
) -> nn.Sequential:
    """Build the multilayer perceptron that suits a table of few rows.

    Args:
        inputs: Number of features, see `TablePreparation.prepared_shape`.
        outputs: One for each class, label or target, or one for two classes.
        activation: Between the layers.
        seed: For the starting weights; by default they come from PyTorch's generator.
    """
    return mlp(inputs, TABLE_HIDDEN, outputs, activation=activation, dropout=TABLE_DROPOUT, seed=seed)
