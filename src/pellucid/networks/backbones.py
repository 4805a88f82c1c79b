"""Networks of timm and torchvision, by their names: plain modules that others have trained, with a new last layer.

Nothing is ever downloaded: the weights come from a file that the user has.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.errors import DataError, MissingPackageError, ShapeError, UnknownNameError, UserCodeError
from pellucid.networks.stacks import check_sizes, seeded

LIBRARIES = ("timm", "torchvision")
# timm's own names may also hold the address of a download.
NAME = re.compile(r"[A-Za-z0-9_]{1,100}")
# Where a network keeps what it is, so that it can be built again.
MARK = "pellucid_backbone"
# A counter that older files lack; it changes nothing.
UNIMPORTANT = "num_batches_tracked"


@dataclass(frozen=True)
class Backbone:
    """What a network of a library is built from.

    Attributes:
        library: "timm" or "torchvision".
        name: Of the architecture there.
        outputs: Of its last layer.
        image_size: Height and width, for architectures that are made for one size.
    """

    library: str
    name: str
    outputs: int
    image_size: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.library}:{self.name}"

    def build(self) -> nn.Module:
        """Build the network, with new weights, on PyTorch's default device.

        Raises:
            MissingPackageError: If the library is not installed, or cannot be imported.
            UnknownNameError: If it has no such architecture.
            UserCodeError: If the library cannot build it so.
        """
        names, make = LOADERS[self.library]()
        if not NAME.fullmatch(self.name) or self.name not in names:
            near = difflib.get_close_matches(self.name, names, n=3)
            listed = f"write {' or '.join(near)}" if near else f"choose one of {self.library}'s names"
            raise UnknownNameError(f"{self.library} has no architecture {self.name[:100]!r}", fix=listed)
        try:
            network = make(self)
        except Exception as error:
            raise UserCodeError(
                f"{self} cannot be built for images of {' x '.join(map(str, self.image_size))}: {error}",
                fix="choose another architecture, or images of another size",
            ) from error
        setattr(network, MARK, self)
        return network

    def head(self) -> frozenset[str]:
        """Return the names of the weights that depend on the number of outputs: the last layer's."""
        wider = Backbone(self.library, self.name, self.outputs + 1, self.image_size)
        with torch.device("meta"):
            one, other = self.build().state_dict(), wider.build().state_dict()
        return frozenset(name for name, value in one.items() if value.shape != other[name].shape)


def names_a_backbone(text: str) -> bool:
    """Return whether a text has the form timm:NAME or torchvision:NAME."""
    library, colon, _ = text.partition(":")
    return bool(colon) and library in LIBRARIES


def backbone_of(network: nn.Module) -> Backbone | None:
    """Return what a network of a library was built from; None for any other."""
    found = getattr(network, MARK, None)
    return found if isinstance(found, Backbone) else None


def backbone(
    name: str, weights: Mapping[str, Tensor], outputs: int, *, inputs: Sequence[int], seed: int | None = None
) -> nn.Module:
    """Return a network of a library with given weights and a new last layer.

    Args:
        name: "timm:NAME" or "torchvision:NAME".
        weights: By the names that the library gives them, from `read_weights`; those of the last layer are left out.
        outputs: Of the new last layer.
        inputs: Channels, height and width of one input.
        seed: For the weights of the last layer; by default they come from PyTorch's generator.

    Raises:
        DataError: If the weights are those of another network.
        MissingPackageError: If the library is not installed.
        SettingError: If a size is not a positive whole number.
        ShapeError: If the images have not three channels, or the network does not give one logit for each output.
        UnknownNameError: If there is no such library or architecture.
        UserCodeError: If the library cannot build or run it for these inputs.
    """
    library, _, architecture = name.partition(":")
    if not names_a_backbone(name):
        raise UnknownNameError(
            f"{name!r} names no architecture of a library", fix="write timm:NAME or torchvision:NAME"
        )
    check_sizes(inputs=inputs, outputs=outputs)
    if len(inputs) != 3 or inputs[0] != 3:
        raise ShapeError(
            f"{name} takes colour images, but an input is {' x '.join(map(str, inputs))}",
            fix="give images with three channels; a grey one may be repeated three times",
        )
    made = Backbone(library, architecture, outputs, (inputs[1], inputs[2]))
    _check_runs(made, inputs)
    with seeded(seed):
        network = made.build()
    state = network.state_dict()
    head = made.head()
    _check_names(made, state, weights, head)
    # The last layer keeps its new weights, and so do counters that the file does not have.
    fitting = {key: value if key in head or key not in weights else weights[key] for key, value in state.items()}
    network.load_state_dict(fitting)
    return network


def _check_runs(made: Backbone, inputs: Sequence[int]) -> None:
    """Run the network on shapes alone, as it will be while it trains; what fails here could not be loaded again.

    Raises:
        ShapeError: If it does not give one logit for each output.
        UserCodeError: If it raises.
    """
    with torch.device("meta"):
        network = made.build()
        try:
            logits: Any = network.train()(torch.empty(2, *inputs))
        except Exception as error:
            raise UserCodeError(
                f"{made} cannot take inputs of shape {[2, *inputs]}: {error}",
                fix="choose another architecture, or images of another size",
            ) from error
    if not isinstance(logits, Tensor) or logits.shape != (2, made.outputs):
        shown = list(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ShapeError(
            f"{made} gives {shown} for two images while it trains, not [2, {made.outputs}]",
            fix="choose an architecture that gives one logit for each class",
        )


def _check_names(
    made: Backbone, state: Mapping[str, Tensor], weights: Mapping[str, Tensor], head: frozenset[str]
) -> None:
    """Check that the weights are those of the network, but for the last layer.

    Raises:
        DataError: If some are missing, unknown, or of another shape.
    """
    fix = "name the architecture that the weights were saved from"
    missing = [key for key in state if key not in weights and key not in head and UNIMPORTANT not in key]
    unknown = [key for key in weights if key not in state]
    if missing or unknown:
        parts = [f"{_some(missing)} missing from the file"] if missing else []
        parts += [f"{_some(unknown)} unknown to the network"] if unknown else []
        raise DataError(f"the weights are not those of {made}: {', '.join(parts)}", fix=fix)
    for key, value in state.items():
        if key in weights and key not in head and weights[key].shape != value.shape:
            raise DataError(
                f"{key} is {list(weights[key].shape)} in the file, but {list(value.shape)} in {made} for images of "
                f"{' x '.join(map(str, made.image_size))}",
                fix=f"{fix}, and give images of the size that it was trained with",
            )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return f"{', '.join(names[:2])}{more}"


def _imported(library: str, module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingPackageError(f"{library} is not installed ({error})", fix=f"run: pip install {library}") from error
    except Exception as error:
        # A torchvision that was built for another torch raises whatever it stumbles upon.
        raise MissingPackageError(
            f"{library} cannot be imported: {error}",
            fix="install versions of torch and torchvision that belong together",
        ) from error


Maker = Callable[[Backbone], nn.Module]


def _timm() -> tuple[Iterable[str], Maker]:
    timm = _imported("timm", "timm")

    def make(made: Backbone) -> nn.Module:
        configuration = timm.get_pretrained_cfg(made.name, allow_unregistered=True)
        # The others take images of any size.
        size = {"img_size": made.image_size} if getattr(configuration, "fixed_input_size", False) else {}
        network: nn.Module = timm.create_model(made.name, pretrained=False, num_classes=made.outputs, **size)
        return network

    return timm.list_models(), make


def _torchvision() -> tuple[Iterable[str], Maker]:
    models = _imported("torchvision", "torchvision.models")

    def make(made: Backbone) -> nn.Module:
        # The others take images of any size; these square ones alone.
        size = {"image_size": made.image_size[0]} if made.name.startswith("vit") else {}
        network: nn.Module = models.get_model(made.name, weights=None, num_classes=made.outputs, **size)
        return network

    return models.list_models(module=models), make


LOADERS: Mapping[str, Callable[[], tuple[Iterable[str], Maker]]] = {"timm": _timm, "torchvision": _torchvision}
