"""The step of a plain stack of Linear and ReLU, written out: the same products without PyTorch's record of them.

Autograd notes every operation of a forward pass and finds its way back through the notes; for a small network that and
the many kernels of a smoothed cross-entropy take a fifth of a step. Here the backward pass of a stack is written down,
layer by layer. It is taken only after it has given the loss and the gradients of autograd on a batch of the run, and
only for networks of PyTorch's own Sequential, Flatten, Linear and ReLU, on the processor.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from pellucid.products import affine, onednn_is_faster, product

# Relative difference of the loss that is rounding: the sums are the same, in another order.
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 1e-2}
# And of a gradient: about one value in a hundred thousand is lifted over zero by rounding, so that a ReLU passes its
# gradient on or does not, and that is a thousandth of the whole.
GRADIENT_TOLERANCE = 1e-2


class StackStep:
    """Loss and gradients of a stack of Linear and ReLU, see `StackStep.of`.

    Args:
        linears: Each followed by a ReLU, but for the last.
        smoothing: Share of each label that is spread over all classes.
    """

    def __init__(self, linears: list[nn.Linear], smoothing: float) -> None:
        self._linears = linears
        self._smoothing = smoothing
        self._is_by_onednn = linears[0].weight.dtype == torch.float32 and onednn_is_faster()
        self._gradients = [(torch.empty_like(one.weight), torch.empty_like(one.bias)) for one in linears]

    @classmethod
    def of(cls, network: nn.Module, loss_function: object, inputs: Tensor, labels: Tensor) -> "StackStep | None":
        """Return the step of a network, if it is such a stack and the step gives what autograd gives; else None.

        Args:
            network: In training mode, with the weights that it is trained with; left as it was.
            loss_function: Must be a cross-entropy without weights.
            inputs: A batch, as the network takes it.
            labels: Of the batch; int64 [examples].
        """
        linears = _stack(network)
        if not linears or not _is_plain(loss_function) or inputs.device.type != "cpu" or labels.dim() != 1:
            return None
        assert isinstance(loss_function, nn.CrossEntropyLoss)
        step = cls(linears, loss_function.label_smoothing)
        expected_loss = loss_function(network(inputs).float(), labels)
        parameters = [parameter for one in linears for parameter in (one.weight, one.bias)]
        expected = torch.autograd.grad(expected_loss, parameters)
        try:
            loss = step(inputs, labels)
            found = [parameter.grad for parameter in parameters]
        finally:
            for parameter in parameters:
                parameter.grad = None
        is_same = _is_near(expected_loss.detach(), loss, TOLERANCE[linears[0].weight.dtype]) and all(
            other is not None and _is_near(one, other, GRADIENT_TOLERANCE)
            for one, other in zip(expected, found, strict=True)
        )
        return step if is_same else None

    @torch.no_grad()
    def __call__(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss of a batch, float32, and give the weights and biases their gradients.

        Args:
            inputs: [examples, …], of the type of the weights.
            labels: Int64 [examples].
        """
        values = [inputs.flatten(1)]
        for one in self._linears:
            is_rectified = one is not self._linears[-1]
            values.append(affine(values[-1], one.weight, one.bias, is_rectified=is_rectified))
        loss, gradient = smoothed_cross_entropy(values[-1].float(), labels, self._smoothing)
        gradient = gradient.to(inputs.dtype)
        for place in reversed(range(len(self._linears))):
            one, given = self._linears[place], values[place]
            one.weight.grad, one.bias.grad = self._gradients[place]
            if self._is_by_onednn:
                one.weight.grad = product(gradient.t(), given)
            else:
                torch.mm(gradient.t(), given, out=one.weight.grad)
            torch.sum(gradient, 0, out=one.bias.grad)
            if place:
                # A ReLU passes a gradient on where it gave more than zero.
                gradient = torch.ops.aten.threshold_backward(product(gradient, one.weight), given, 0)
        return loss


def smoothed_cross_entropy(logits: Tensor, labels: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
    """Return the mean cross-entropy with smoothed labels (Szegedy et al. 2016), and its gradient for the logits.

    The gradient is (softmax - target) / examples, where the target is 1 - smoothing for the label, and smoothing /
    classes more for every class.

    Args:
        logits: Float32 [examples, classes].
        labels: Int64 [examples].
        smoothing: From 0 up to, but not including, 1.

    Example:
        >>> loss, gradient = smoothed_cross_entropy(torch.zeros(1, 2), torch.tensor([0]), 0.0)
        >>> round(loss.item(), 4), gradient.tolist()
        (0.6931, [[-0.5, 0.5]])
    """
    examples, classes = logits.shape
    logs = torch.log_softmax(logits, dim=1)
    places = labels.unsqueeze(1)
    loss = logs.gather(1, places).sum().mul_(smoothing - 1).sub_(logs.sum(), alpha=smoothing / classes).div_(examples)
    gradient = logs.exp_().sub_(smoothing / classes)
    gradient.scatter_add_(1, places, gradient.new_full((), smoothing - 1).expand(examples, 1))
    return loss, gradient.div_(examples)


def _stack(network: nn.Module) -> list[nn.Linear]:
    """Return the Linears of a stack in order; nothing if the network is anything else, or somebody looks on."""
    if nn.Module.__call__ is not nn.Module._wrapped_call_impl:  # noqa: SLF001 the doctor watches every call
        return []
    layers: list[nn.Module] = []
    waiting = [network]
    while waiting:
        module = waiting.pop(0)
        if vars(module).keys() & {"forward"} or module._forward_hooks or module._forward_pre_hooks:  # noqa: SLF001
            return []
        if module._backward_hooks or module._backward_pre_hooks:  # noqa: SLF001
            return []
        if type(module) is nn.Sequential:
            waiting = [*module, *waiting]
        else:
            layers.append(module)
    if layers and type(layers[0]) is nn.Flatten and (layers[0].start_dim, layers[0].end_dim) == (1, -1):
        layers = layers[1:]
    linears = [layer for layer in layers if type(layer) is nn.Linear]
    is_alternating = len(layers) == 2 * len(linears) - 1 and all(
        type(layer) is (nn.ReLU if place % 2 else nn.Linear) for place, layer in enumerate(layers)
    )
    parameters = [parameter for one in linears for parameter in one.parameters()]
    is_trained = all(parameter.requires_grad for parameter in parameters) and all(
        one.bias is not None for one in linears
    )
    is_shared = len({id(parameter) for parameter in parameters}) < len(parameters)
    has_plain_types = len({parameter.dtype for parameter in parameters}) == 1 and all(
        parameter.dtype in TOLERANCE and not parameter._backward_hooks  # noqa: SLF001
        for parameter in parameters
    )
    fits = all(before.out_features == after.in_features for before, after in pairwise(linears))
    return linears if is_alternating and is_trained and not is_shared and has_plain_types and fits else []


def _is_plain(loss_function: object) -> bool:
    return (
        type(loss_function) is nn.CrossEntropyLoss
        and loss_function.weight is None
        and loss_function.reduction == "mean"
        and loss_function.ignore_index < 0
    )


def _is_near(expected: Tensor, found: Tensor, tolerance: float) -> bool:
    # A NaN is near nothing.
    return bool((expected.float() - found.float()).norm() <= tolerance * expected.float().norm())
