"""What a command looks at: a saved classifier, or a network class in a user's file."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

    from pellucid.classifier.classifier import Classifier


@dataclass(frozen=True, eq=False)
class Target:
    """A network to look at.

    Attributes:
        network: The module.
        classifier: That it is part of; None for a class of the user's.
    """

    network: "nn.Module"
    classifier: "Classifier | None"


def target_of(name: str, network_class: str | None) -> Target:
    """Return the network that a user names.

    Args:
        name: Of a classifier's file, or file.py:ClassName.
        network_class: The class of a classifier's network, if it is the user's own.
    """
    from pellucid.classifier.saving import load
    from pellucid.networks.own import made, names_a_class, own_class

    if names_a_class(name):
        return Target(made(own_class(name), seed=0), None)
    classifier = load(name, network=network_class)
    return Target(classifier.network, classifier)


def sizes_of(text: str | None) -> tuple[int, ...] | None:
    """Return "1,28,28" as numbers; None stays None.

    Raises:
        SettingError: If it is not of this form.
    """
    from pellucid.errors import SettingError

    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.replace("x", ",").split(","))
    except ValueError:
        raise SettingError(f"{text!r} is no list of numbers", fix="write them with commas, as in 1,28,28") from None
