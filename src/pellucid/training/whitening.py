"""A better start: the first Linear sees decorrelated inputs while it trains, and is folded back afterwards.

Neighbouring pixels say nearly the same, so gradient descent has to turn thousands of weights together to change one
answer. In the basis of the principal components of the training inputs, each scaled to a similar spread, it does not
(LeCun et al. 1998, Efficient BackProp, section 4.3); and the components that hardly vary can be left out, which makes
the first product cheaper. The change of basis is linear, so it is multiplied into the weights at the end: what is
saved is the ordinary network on ordinary inputs.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pellucid.data.dataset import Split
from pellucid.data.preparing import Preparation
from pellucid.devices import random_state_kept
from pellucid.networks.modes import evaluating
from pellucid.products import product

# Enough for the covariance of a few hundred values: with 5,000 networks are no better, and it takes twice as long.
FITTED_ON = 3_000
# Component i is scaled by (variance_i + DAMPING * variance_0) ** POWER: halfway between raw and white, so that the
# components without much variance, mostly noise, do not become as loud as the others.
DAMPING = 0.01
POWER = -0.25
# Components are left out from where on the rest holds less than this share of all variance.
LEFT_OUT = 0.05
# Widths that the matrix kernels like.
MULTIPLE = 64
# Below this there is nothing to gain; above, an eigendecomposition takes seconds and a low-rank one is made.
FEWEST_INPUTS, MOST_INPUTS = 16, 1_200
MOST_COMPONENTS = 256
# Relative difference of logits that is rounding, not another function.
TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class Whitening:
    """A change of basis: components = (prepared inputs, flattened, - mean) @ forward.

    Attributes:
        mean: Float32 [inputs], of the prepared training inputs.
        forward: Float32 [inputs, components].
        backward: Float32 [inputs, components]; forward.T @ backward is the identity.
        share: Of the variance that the components hold.
    """

    mean: Tensor
    forward: Tensor
    backward: Tensor
    share: float

    @classmethod
    def fit(cls, inputs: Tensor) -> "Whitening":
        """Find the principal components.

        Args:
            inputs: Float32 [examples, inputs], prepared and flattened.
        """
        mean = inputs.mean(dim=0)
        centred = inputs - mean
        total = float(centred.square().sum()) / len(centred)
        if inputs.shape[1] <= MOST_INPUTS:
            variances, vectors = torch.linalg.eigh(product(centred.T, centred) / len(centred))
            variances, vectors = variances.flip(0).clamp(min=0), vectors.flip(1)
        else:
            with random_state_kept(inputs.device, seed=0):
                _, spreads, vectors = torch.svd_lowrank(centred, q=MOST_COMPONENTS, niter=1)
            variances = spreads.square() / len(centred)
        shares = variances.cumsum(0) / max(total, 1e-30)
        enough = int((shares < 1 - LEFT_OUT).sum()) + 1
        kept = min(-(-enough // MULTIPLE) * MULTIPLE, vectors.shape[1])
        scale = (variances[:kept] + DAMPING * variances[0]).pow(POWER)
        vectors = vectors[:, :kept]
        return cls(mean, vectors * scale, vectors / scale, float(shares[kept - 1]))

    @property
    def components(self) -> int:
        """How many there are."""
        return self.forward.shape[1]

    def into(self, linear: nn.Linear) -> nn.Linear:
        """Return the layer that gives for components what a Linear gives for the inputs that they stand for."""
        new = nn.Linear(
            self.components, linear.out_features, bias=True, device=linear.weight.device, dtype=linear.weight.dtype
        )
        with torch.no_grad():
            new.weight.copy_(linear.weight @ self.backward)
            shift = linear.weight @ self.mean
            new.bias.copy_(shift if linear.bias is None else linear.bias + shift)
        return new

    def fold(self, trained: nn.Linear, linear: nn.Linear) -> None:
        """Give a Linear on plain inputs the weights of one trained on components, in place; in float64 inside."""
        with torch.no_grad():
            weight = trained.weight.double() @ self.forward.double().T
            linear.weight.copy_(weight)
            if linear.bias is not None:
                linear.bias.copy_(trained.bias.double() - weight @ self.mean.double())


class WhitenedStart:
    """Stands in for the first Linear of a network until `fold`.

    Attributes:
        whitening: The change of basis.
        layer: Path of the Linear.
    """

    def __init__(self, network: nn.Module, layer: str, whitening: Whitening) -> None:
        self.whitening = whitening
        self.layer = layer
        path, _, self._name = layer.rpartition(".")
        self._parent = network.get_submodule(path)
        linear = network.get_submodule(layer)
        assert isinstance(linear, nn.Linear)
        self._linear = linear
        self._trained = whitening.into(linear)
        setattr(self._parent, self._name, self._trained)

    def fold(self) -> None:
        """Put the ordinary Linear back, with what was learned."""
        self.whitening.fold(self._trained, self._linear)
        self.undo()

    def undo(self) -> None:
        """Put the ordinary Linear back as it was."""
        setattr(self._parent, self._name, self._linear)


def first_linear(network: nn.Module, inputs: int, order: list[str]) -> str | None:
    """Return the path of the Linear that may see the inputs first, or None.

    Args:
        network: Any module.
        inputs: Values of one example.
        order: Paths of its layers, as they are executed.
    """
    modules = dict(network.named_modules())
    for path in order:
        layer = modules.get(path)
        if layer is None or type(layer) is nn.Flatten or next(layer.children(), None) is not None:
            continue
        if type(layer) is not nn.Linear or layer.in_features != inputs or not path or layer.bias is None:
            return None
        is_plain = type(layer.weight) is nn.Parameter and layer.weight.dtype == torch.float32
        is_hooked = layer._forward_hooks or layer._forward_pre_hooks  # noqa: SLF001 weight norm and the like
        is_tied = sum(
            layer.weight is parameter for module in modules.values() for parameter in module.parameters(recurse=False)
        )
        is_trained = layer.weight.requires_grad and layer.bias.requires_grad
        return path if is_plain and is_trained and not is_hooked and is_tied == 1 and order.count(path) == 1 else None
    return None


def whitened(
    network: nn.Module, train: Split, preparation: Preparation, order: list[str], device: torch.device
) -> WhitenedStart | None:
    """Give a network a whitened start if its first layer is a Linear on the flattened inputs; else return None.

    The change is made only after the network has been seen to answer alike: its logits for the components must be
    those for the inputs that the components stand for.

    Args:
        network: Changed in place until `fold` or `undo`.
        train: The training examples.
        preparation: Of the inputs.
        order: Paths of its layers, as they are executed.
        device: That everything is on.
    """
    count = math.prod(preparation.prepared_shape)
    layer = first_linear(network, count, order)
    if layer is None or count < FEWEST_INPUTS or len(train) < 2 * count:
        return None
    some = torch.from_numpy(train.inputs[:: max(1, len(train) // FITTED_ON)][:FITTED_ON])
    prepared = preparation(some.to(device)).flatten(1)
    whitening = Whitening.fit(prepared)
    few = prepared[:8]
    components = (few - whitening.mean) @ whitening.forward
    standing_for = whitening.mean + components @ whitening.backward.T
    with evaluating(network), random_state_kept(device):
        expected = network(standing_for.view(-1, *preparation.prepared_shape))
        start = WhitenedStart(network, layer, whitening)
        try:
            found = network(components)
        except Exception:  # noqa: BLE001 a network that looks at the shape of its inputs may raise anything
            start.undo()
            return None
    if found.shape != expected.shape or (found - expected).abs().max() > TOLERANCE * expected.abs().max():
        start.undo()
        return None
    return start


class Components:
    """Turns raw inputs into components: what the network is fed with while it trains.

    Args:
        preparation: Of the inputs.
        whitening: The change of basis.
        dtype: Of the components.
    """

    def __init__(self, preparation: Preparation, whitening: Whitening, dtype: torch.dtype) -> None:
        self._preparation = preparation
        self._whitening = whitening
        self._forward = whitening.forward.to(dtype)
        self._dtype = dtype

    def __call__(self, raw: Tensor) -> Tensor:
        """Return [examples, components] for raw [examples, channels, height, width]."""
        centred = self._preparation(raw).flatten(1).sub_(self._whitening.mean)
        return product(centred.to(self._dtype), self._forward)
