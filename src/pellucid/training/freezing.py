"""Fine-tuning: the last layer learns first, from what the others give already; then all of them, more slowly.

A new last layer sends random gradients back, which would undo what the others know (Kumar et al. 2022, Fine-tuning can
distort pretrained features).
"""

from torch import nn

from pellucid.networks.backbones import backbone_of

# Of the rate of the schedule, once all layers learn.
THAWED_RATE = 0.1


class HeadFirst:
    """Holds all but the last layer of a network as they are, from now on until `release`.

    Batch normalisations that are held use their running statistics and leave them, and dropout rests.

    Args:
        network: In training mode.
        share: Of the run; 0 holds nothing.
    """

    def __init__(self, network: nn.Module, share: float) -> None:
        self._share = share
        head = head_of(network) if share else frozenset()
        named = list(network.named_parameters()) if share else []
        self._held = [parameter for name, parameter in named if parameter.requires_grad and name not in head]
        # One flag per module, and none of those that the last layer is, or lies in.
        self._resting = [
            module
            for path, module in network.named_modules()
            if self._held and module.training and not any(name.startswith(f"{path}." if path else "") for name in head)
        ]
        for parameter in self._held:
            parameter.requires_grad_(False)
        for module in self._resting:
            module.training = False
        self.rate = 1.0

    def is_over(self, done: float) -> bool:
        """Return whether all layers shall learn from now on, and do not yet.

        Args:
            done: Share of the run.
        """
        return bool(self._held) and done >= self._share

    def release(self) -> None:
        """Let all layers learn, at a lower rate."""
        for parameter in self._held:
            parameter.requires_grad_(True)
        for module in self._resting:
            module.training = True
        if self._held:
            self.rate = THAWED_RATE
        self._held, self._resting = [], []


def head_of(network: nn.Module) -> frozenset[str]:
    """Return the names of the last layer's parameters.

    Args:
        network: Of a library, which says itself what its last layer is; or any, whose last layer with trainable
            parameters of its own it is.
    """
    made = backbone_of(network)
    if made is not None:
        return made.head()
    last: frozenset[str] = frozenset()
    for path, module in network.named_modules():
        names = {name for name, parameter in module.named_parameters(path, recurse=False) if parameter.requires_grad}
        last = frozenset(names) or last
    return last
