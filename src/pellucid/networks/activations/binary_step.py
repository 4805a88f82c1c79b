"""Binary step: the first artificial neuron's yes or no, made trainable by a surrogate gradient."""

from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from pellucid.errors import UnknownNameError, did_you_mean
from pellucid.networks.activations.table import Activation

Surrogate = Literal["clipped", "identity", "sigmoid"]


class BinaryStep(nn.Module):
    """Gives 1 where x ≥ 0 and 0 elsewhere; the gradient goes straight through a surrogate.

    The step's own derivative is 0, so that nothing below it would learn. Training uses the
    derivative of a surrogate in its place (the straight-through estimator of Bengio, Léonard &
    Courville 2013, Estimating or Propagating Gradients Through Stochastic Neurons):

    - "clipped": 1 where |x| ≤ 1, else 0: units far from their threshold are left alone
      (Hubara et al. 2016, Binarized Neural Networks).
    - "identity": 1 everywhere (Bengio et al. 2013).
    - "sigmoid": the derivative of the sigmoid, at most 1/4.

    The value at exactly 0 is 1. NaN stays NaN, so that a broken layer below does not look healthy.

    Args:
        surrogate: Whose derivative training uses.

    Raises:
        UnknownNameError: If there is no such surrogate.

    Shape:
        Floating point of any shape; the outputs have the same shape and dtype.

    Example:
        >>> BinaryStep()(torch.tensor([-0.5, 0.0, 3.0]))
        tensor([0., 1., 1.])
    """

    def __init__(self, surrogate: Surrogate = "clipped") -> None:
        super().__init__()
        if surrogate not in get_args(Surrogate):
            raise UnknownNameError(
                f"there is no surrogate {surrogate!r}", fix=did_you_mean(surrogate, get_args(Surrogate))
            )
        self.surrogate: Surrogate = surrogate

    def forward(self, inputs: Tensor) -> Tensor:
        """Apply the step to every value."""
        outputs: Tensor = _StraightThrough.apply(inputs, self.surrogate)  # type: ignore[no-untyped-call]
        return outputs

    def extra_repr(self) -> str:
        """Name the surrogate where the network is printed."""
        return f"surrogate={self.surrogate!r}"


class _StraightThrough(torch.autograd.Function):
    """The step forwards, the surrogate's derivative backwards."""

    generate_vmap_rule = True

    @staticmethod
    def forward(inputs: Tensor, surrogate: Surrogate) -> Tensor:
        return torch.where(inputs.isnan(), inputs, (inputs >= 0).to(inputs.dtype))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Surrogate], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0])
        ctx.surrogate = inputs[1]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,) = gradients
        (inputs,) = ctx.saved_tensors
        match ctx.surrogate:
            case "identity":
                return gradient, None
            case "clipped":
                return gradient * (inputs.abs() <= 1), None
            case _:
                probability = inputs.sigmoid()
                return gradient * probability * (1 - probability), None


ACTIVATION = Activation(
    name="binary_step",
    title="Binary step",
    formula="1 if x ≥ 0 else 0",
    derivative="0",
    range="{0, 1}",
    use="To see a network decide in yes and no: logic such as XOR, the first neurons, binarized networks.",
    avoid="Where accuracy counts: training follows an estimated gradient, and each unit hands on one bit. "
    "Never as the last layer, since a loss needs logits.",
    module="pellucid.BinaryStep",
    make=BinaryStep,
    source="McCulloch & Pitts 1943, A Logical Calculus of the Ideas Immanent in Nervous Activity",
    year=1943,
    has_surrogate=True,
)
