"""What `pellucid train` starts with: the network, and the place for the classifier."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.errors import DataError

if TYPE_CHECKING:
    from torch import nn

    from pellucid.data.dataset import Dataset
    from pellucid.data.preparing import Preparation

NETWORKS = ("mlp", "cnn")
CNN_CHANNELS = (32, 48, 96)


@dataclass(frozen=True, eq=False)
class Start:
    """A network to train.

    Attributes:
        network: New, or with the weights of a classifier.
        preparation: Of that classifier; None to fit one.
        name: As the user would name it again.
    """

    network: "nn.Module"
    preparation: "Preparation | None"
    name: str


def network_for(dataset: "Dataset", name: str, *, hidden: str, activation: str, seed: int) -> Start:
    """Make the network that the user names.

    Args:
        dataset: Gives the shape of the inputs and the number of classes.
        name: "mlp", "cnn" or file.py:ClassName.
        hidden: Units of the mlp's hidden layers, separated by commas.
        activation: Of the mlp and the cnn.
        seed: Of the starting weights.

    Raises:
        SettingError: If the hidden layers are no numbers.
        UnknownNameError: If the network is not known.
    """
    from pellucid.errors import SettingError, UnknownNameError, did_you_mean
    from pellucid.networks.cnn import cnn
    from pellucid.networks.mlp import mlp
    from pellucid.networks.own import made, names_a_class, own_class

    classes = len(dataset.class_names)
    if names_a_class(name):
        return Start(made(own_class(name), seed), None, name)
    if name == "cnn":
        # Each block halves the image: small ones have fewer.
        blocks = min(dataset.input_shape[1:]).bit_length() - 1
        network = cnn(
            dataset.input_shape,
            CNN_CHANNELS[:blocks],
            classes,
            hidden=(),
            stem=4,
            norm="batch",
            activation=activation,
            seed=seed,
        )
        return Start(network, None, name)
    if name != "mlp":
        raise UnknownNameError(
            f"there is no network {name!r}", fix=did_you_mean(name, [*NETWORKS, "file.py:ClassName"])
        )
    try:
        widths = tuple(int(units) for units in hidden.split(",") if units.strip())
    except ValueError:
        raise SettingError(f"--hidden is {hidden!r}", fix="write numbers with commas, as in 512,512") from None
    return Start(mlp(dataset.input_shape, widths, classes, activation=activation, seed=seed), None, name)


def continued(path: str, dataset: "Dataset", name: str) -> Start:
    """Go on from a saved classifier.

    Args:
        path: Of the classifier.
        dataset: Must have the same classes.
        name: file.py:ClassName, if its network is of the user's class.

    Raises:
        DataError: If the classes differ.
    """
    from pellucid.classifier.saving import load
    from pellucid.networks.own import names_a_class

    classifier = load(path, network=name if names_a_class(name) else None)
    if classifier.class_names != dataset.class_names:
        raise DataError(f"{path} knows other classes than {dataset.source} has", fix="train a new one, without --from")
    return Start(classifier.network, classifier.preparation, name)


def free_path(name: str) -> Path:
    """Return NAME.safetensors, or the first of NAME-2, NAME-3 … that is not there: nothing is overwritten."""
    path = Path(f"{name}.safetensors")
    number = 2
    while path.exists():
        path = Path(f"{name}-{number}.safetensors")
        number += 1
    return path
