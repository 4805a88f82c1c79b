"""What `pellucid train` starts with: the network, and the place for the classifier."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.errors import DataError

if TYPE_CHECKING:
    from torch import nn

    from pellucid.data.dataset import Dataset
    from pellucid.data.options import ReadOptions
    from pellucid.data.preparing import Preparation

HIDDEN = "512,512"
NETWORKS = ("mlp", "cnn")
# Of a run with weights that others have trained: their network is held so long.
FREEZE = 0.3


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


def network_for(
    dataset: "Dataset", name: str, *, hidden: str | None, activation: str, seed: int, weights: Path | None = None
) -> Start:
    """Make the network that the user names.

    Args:
        dataset: Gives the shape of the inputs and the number of classes.
        name: "mlp", "cnn", file.py:ClassName, timm:NAME or torchvision:NAME.
        hidden: Units of the mlp's hidden layers, separated by commas; None for what suits the data.
        activation: Of the mlp and the cnn.
        seed: Of the starting weights.
        weights: A file with those of a network of timm or torchvision.

    Raises:
        SettingError: If the hidden layers are no numbers, or weights are missing or given to another network.
        UnknownNameError: If the network is not known.
    """
    from pellucid.classifier.pretrained import read_weights
    from pellucid.data.preparing import fit_preparation
    from pellucid.errors import SettingError, UnknownNameError, did_you_mean
    from pellucid.networks.backbones import backbone, names_a_backbone
    from pellucid.networks.cnn import cnn_for
    from pellucid.networks.mlp import mlp, mlp_for_table
    from pellucid.networks.own import made, names_a_class, own_class
    from pellucid.training.choosing import FEW_ROWS

    outputs = dataset.outputs
    is_of_images = len(dataset.input_shape) == 3
    if (name == "cnn" or names_a_backbone(name)) and not is_of_images:
        raise SettingError(f"{name} takes images, and this is a table", fix="leave --network out: an mlp takes tables")
    if names_a_backbone(name):
        if weights is None:
            raise SettingError(
                f"{name} has no weights: nothing is downloaded", fix="name the file that holds them, with --weights"
            )
        network = backbone(name, read_weights(weights), outputs, inputs=dataset.input_shape, seed=seed)
        return Start(network, None, name)
    if weights is not None:
        raise SettingError(
            f"{weights} cannot be the weights of {name!r}", fix="name their network: --network timm:NAME"
        )
    if names_a_class(name):
        return Start(made(own_class(name), seed), None, name)
    if name == "cnn":
        return Start(cnn_for(dataset.input_shape, outputs, activation=activation, seed=seed), None, name)
    if name != "mlp":
        raise UnknownNameError(
            f"there is no network {name!r}",
            fix=did_you_mean(name, [*NETWORKS, "file.py:ClassName", "timm:NAME", "torchvision:NAME"]),
        )
    if hidden is None and dataset.columns is not None and dataset.training_examples < FEW_ROWS:
        fitted = fit_preparation(dataset)
        return Start(mlp_for_table(fitted.prepared_shape, outputs, activation=activation, seed=seed), fitted, name)
    hidden = HIDDEN if hidden is None else hidden
    try:
        widths = tuple(int(units) for units in hidden.split(",") if units.strip())
    except ValueError:
        raise SettingError(f"--hidden is {hidden!r}", fix="write numbers with commas, as in 512,512") from None
    # A column may become several features, so that the preparation says how many there are.
    preparation = fit_preparation(dataset) if dataset.columns is not None else None
    inputs = preparation.prepared_shape if preparation is not None else dataset.input_shape
    return Start(mlp(inputs, widths, outputs, activation=activation, seed=seed), preparation, name)


def continued(path: str, dataset: "Dataset", name: str, weights: Path | None = None) -> Start:
    """Go on from a saved classifier.

    Args:
        path: Of the classifier.
        dataset: Must have the same classes.
        name: file.py:ClassName, if its network is of the user's class.
        weights: None, since a classifier has its own.

    Raises:
        DataError: If the classes or the columns differ.
        SettingError: If weights are given.
    """
    from pellucid.classifier.saving import load
    from pellucid.errors import SettingError
    from pellucid.networks.own import names_a_class

    if weights is not None:
        raise SettingError(f"{path} has weights of its own", fix="leave out --weights, or --from")
    classifier = load(path, network=name if names_a_class(name) else None)
    # Two outputs for two classes are as good as one.
    if classifier.task != dataset.task and {classifier.task, dataset.task} != {"multiclass", "binary"}:
        raise DataError(
            f"{path} is for the task {classifier.task}, but {dataset.source} for {dataset.task}",
            fix="train a new one, without --from",
        )
    if classifier.class_names != dataset.class_names:
        raise DataError(f"{path} knows other classes than {dataset.source} has", fix="train a new one, without --from")
    if dataset.columns != getattr(classifier.preparation, "columns", None):
        raise DataError(f"{path} knows other columns than {dataset.source} has", fix="train a new one, without --from")
    return Start(classifier.network, classifier.preparation, name)


def trained_with(path: str) -> "ReadOptions":
    """Return what was said about the data that a saved classifier was trained on, as it is read again."""
    from pellucid.classifier.saving import read_card
    from pellucid.data.options import ReadOptions
    from pellucid.data.preparing_images import ImagePreparation

    card = read_card(path)
    options = ReadOptions.of_card(card.dataset.get("options"))
    if isinstance(card.preparation, ImagePreparation):
        _, height, width = card.preparation.shape
        options = replace(options, image_size=(height, width), channels=card.preparation.shape[0])
    return options


def free_path(name: str) -> Path:
    """Return NAME.safetensors, or the first of NAME-2, NAME-3 … that is not there: nothing is overwritten."""
    path = Path(f"{name}.safetensors")
    number = 2
    while path.exists():
        path = Path(f"{name}-{number}.safetensors")
        number += 1
    return path
