"""The trainable weights of a network while it trains: as PyTorch keeps them, or as one flat buffer."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

from pellucid.errors import SettingError
from pellucid.training.loss_scale import LossScale
from pellucid.training.settings import Settings

Snapshot = dict[str, Tensor]
# Their sums over many numbers need float32; PyTorch's kernels take bfloat16 inputs beside them.
NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)  # noqa: SLF001


class Weights(Protocol):
    """What the loop asks of the weights: `clear`, then a backward pass, then `step`."""

    def clear(self) -> None:
        """Forget the gradients of the last step."""

    def step(self, learning_rate: float) -> None:
        """Move the weights along their gradients."""

    def snapshot(self) -> Snapshot:
        """Return a copy of all weights and buffers."""

    def put_back(self, snapshot: Snapshot) -> None:
        """Give the weights and buffers the values of a snapshot."""

    def close(self) -> None:
        """Leave the network an ordinary one: each parameter in its own float32 memory."""


class PlainWeights:
    """Each parameter for itself, with PyTorch's own optimizer: bit-equal to the loop that everyone would write.

    The first optimizer object of a process makes PyTorch import its compiler, which takes about a second.
    """

    def __init__(self, network: nn.Module, settings: Settings, is_bad: Tensor) -> None:
        self._network = network
        self._optimizer = make_optimizer(network, settings)
        # Fused optimizers read a tensor `found_inf` (made for gradient scaling) and skip the update where it is 1.
        self._optimizer.found_inf = is_bad  # type: ignore[attr-defined]
        self._clip_norm = settings.clip_norm

    def clear(self) -> None:
        """Forget the gradients of the last step."""
        self._optimizer.zero_grad(set_to_none=True)

    def step(self, learning_rate: float) -> None:
        """Move the weights along their gradients."""
        if self._clip_norm is not None:
            nn.utils.clip_grad_norm_(self._network.parameters(), self._clip_norm)
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        self._optimizer.step()

    def snapshot(self) -> Snapshot:
        """Return a copy of all weights and buffers."""
        return {name: tensor.detach().clone() for name, tensor in self._network.state_dict().items()}

    def put_back(self, snapshot: Snapshot) -> None:
        """Give the weights and buffers the values of a snapshot."""
        self._network.load_state_dict(snapshot)

    def close(self) -> None:
        """Do nothing: the network is an ordinary one already."""


class FlatWeights:
    """All weights in one float32 buffer, which one call of PyTorch's fused kernel updates.

    With bfloat16 the network's parameters are views of a bfloat16 buffer of the same layout, written anew from the
    float32 one after each step; weights of normalisations stay float32. A parameter that got no gradient in a step
    counts as one whose gradient is zero.

    Args:
        network: Trainable parameters must be float32 on one device, see `can_be_flat`.
        settings: Optimizer, momentum, weight decay, gradient clipping.
        is_bad: Float32 scalar on the device; where it is 1, no update is made.
        is_bfloat16: Whether the network computes in bfloat16.
        is_channels_last: Whether the weights of convolutions lie channels-last meanwhile.
        scale: That the loss was multiplied by before the backward pass; None if by nothing.
    """

    def __init__(
        self,
        network: nn.Module,
        settings: Settings,
        is_bad: Tensor,
        *,
        is_bfloat16: bool,
        is_channels_last: bool = False,
        scale: LossScale | None = None,
    ) -> None:
        self._network = network
        self._settings = settings
        self._is_bad = is_bad
        self._scale = scale
        wide = {id(p) for m in network.modules() if isinstance(m, NORMS) for p in m.parameters(recurse=False)}
        everything = list(network.parameters())
        trained = [parameter for parameter in everything if parameter.requires_grad]
        narrow = [parameter for parameter in trained if is_bfloat16 and id(parameter) not in wide]
        is_narrow = {id(parameter) for parameter in narrow}
        self._parameters = [*narrow, *(parameter for parameter in trained if id(parameter) not in is_narrow)]
        size = sum(parameter.numel() for parameter in self._parameters)
        device = self._parameters[0].device
        self._master = torch.empty(size, device=device)
        self._gradient = torch.zeros(size, device=device)
        self._narrow = torch.empty(sum(p.numel() for p in narrow), dtype=torch.bfloat16, device=device)
        self._masters = _views(self._master, self._parameters, is_channels_last)
        self._gradients = _views(self._gradient, self._parameters, is_channels_last)
        narrow_views = _views(self._narrow, narrow, is_channels_last)
        # Their own memory, which they get back in the end.
        self._own = [(parameter, parameter.data) for parameter in everything]
        with torch.no_grad():
            for index, parameter in enumerate(self._parameters):
                self._masters[index].copy_(parameter)
                parameter.data = narrow_views[index] if index < len(narrow) else self._masters[index]
            self._narrow.copy_(self._master[: len(self._narrow)])
            for parameter in everything:
                if is_bfloat16 and not parameter.requires_grad and id(parameter) not in wide:
                    parameter.data = parameter.data.bfloat16()
        self._update = _fused_update(self._master, self._gradient, is_bad if scale is None else scale.found, settings)

    def clear(self) -> None:
        """Forget the gradients of the last step."""
        for parameter in self._parameters:
            parameter.grad = None

    def step(self, learning_rate: float) -> None:
        """Move the weights along their gradients."""
        given: list[Tensor] = []
        mine: list[Tensor] = []
        for view, parameter in zip(self._gradients, self._parameters, strict=True):
            if parameter.grad is None:
                view.zero_()
            else:
                mine.append(view)
                given.append(parameter.grad)
        torch._foreach_copy_(mine, given)
        if self._scale is not None:
            self._scale.undo([self._gradient], self._is_bad)
        if self._settings.clip_norm is not None:
            # The same rule as torch.nn.utils.clip_grad_norm_.
            norm = torch.linalg.vector_norm(self._gradient)
            self._gradient.mul_((self._settings.clip_norm / (norm + 1e-6)).clamp(max=1.0))
        self._update(learning_rate)
        with torch.no_grad():
            self._narrow.copy_(self._master[: len(self._narrow)])

    def snapshot(self) -> Snapshot:
        """Return a copy of all weights and buffers; the weights are float32."""
        buffers = {f"buffer {name}": buffer.clone() for name, buffer in self._network.named_buffers()}
        return {"weights": self._master.clone(), **buffers}

    def put_back(self, snapshot: Snapshot) -> None:
        """Give the weights and buffers the values of a snapshot."""
        with torch.no_grad():
            self._master.copy_(snapshot["weights"])
            self._narrow.copy_(self._master[: len(self._narrow)])
            for name, buffer in self._network.named_buffers():
                buffer.copy_(snapshot[f"buffer {name}"])

    def close(self) -> None:
        """Give each parameter its own float32 memory back, with the weights that were learned."""
        masters = {id(parameter): view for parameter, view in zip(self._parameters, self._masters, strict=True)}
        with torch.no_grad():
            for parameter, own in self._own:
                if id(parameter) in masters:
                    own.copy_(masters[id(parameter)])
                parameter.data = own
                parameter.grad = None


def can_be_flat(network: nn.Module) -> bool:
    """Return whether all trainable parameters are plain float32 tensors on one device."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return len({parameter.device for parameter in trained}) == 1 and all(
        parameter.dtype == torch.float32 and parameter.layout == torch.strided and type(parameter) is nn.Parameter
        for parameter in trained
    )


def make_optimizer(network: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    """Return PyTorch's optimizer for everything in the network that wants a gradient."""
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    # The rate is set before every step.
    rate, decay = settings.learning_rate or 0.0, settings.weight_decay
    if settings.optimizer == "adamw":
        betas = (settings.momentum, settings.beta2)
        return torch.optim.AdamW(parameters, lr=rate, betas=betas, weight_decay=decay, fused=True)
    nesterov = settings.momentum > 0
    return torch.optim.SGD(
        parameters, lr=rate, momentum=settings.momentum, weight_decay=decay, nesterov=nesterov, fused=True
    )


def check_trainable(network: nn.Module) -> None:
    """Check that there is something to train.

    Raises:
        SettingError: If there is nothing.
    """
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise SettingError(
            f"{type(network).__name__} has no parameters to train",
            fix="give it a layer with weights, and spell its __init__ right",
        )


def _views(flat: Tensor, parameters: list[nn.Parameter], is_channels_last: bool) -> list[Tensor]:
    """Return a piece of a flat buffer for each parameter, in the order of its axes in memory.

    Kernels that walk memory see master, parameter and gradient element by element alike, whatever the layout; a
    channels-last convolution stays channels-last.
    """
    views = []
    start = 0
    for parameter in parameters:
        piece = flat[start : start + parameter.numel()]
        start += parameter.numel()
        if parameter.dim() == 4 and (is_channels_last or parameter.is_contiguous(memory_format=torch.channels_last)):
            out, into, height, width = parameter.shape
            views.append(piece.view(out, height, width, into).permute(0, 3, 1, 2))
        else:
            views.append(piece.view(parameter.shape))
    return views


def _fused_update(master: Tensor, gradient: Tensor, is_bad: Tensor, settings: Settings) -> Callable[[float], None]:
    """Return the update of one flat tensor: the kernels that torch.optim's fused AdamW and SGD call.

    Called here without torch.optim, whose first object imports PyTorch's compiler for a second.
    """
    if settings.optimizer == "adamw":
        first, second = torch.zeros_like(master), torch.zeros_like(master)
        steps = torch.zeros((), device=master.device)

        def adamw(learning_rate: float) -> None:
            steps.add_(1).sub_(is_bad)
            torch._fused_adamw_(
                [master], [gradient], [first], [second], [], [steps],
                lr=learning_rate, beta1=settings.momentum, beta2=settings.beta2, weight_decay=settings.weight_decay,
                eps=1e-8, amsgrad=False, maximize=False, found_inf=is_bad,
            )  # fmt: skip

        return adamw
    velocity = [torch.zeros_like(master)] if settings.momentum > 0 else []
    is_first = True

    def sgd(learning_rate: float) -> None:
        nonlocal is_first
        torch._fused_sgd_(
            [master], [gradient], velocity,
            weight_decay=settings.weight_decay, momentum=settings.momentum, lr=learning_rate, dampening=0.0,
            nesterov=settings.momentum > 0, maximize=False, is_first_step=is_first, found_inf=is_bad,
        )  # fmt: skip
        is_first = False

    return sgd
