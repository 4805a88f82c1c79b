"""`save` and `load`: a classifier as one .safetensors file."""

import hashlib
import os
import platform
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors import torch as safetensors
from torch import Tensor, nn

from pellucid.classifier.card import Card, parse_card, weights_digest
from pellucid.classifier.classifier import Classifier, check_logits
from pellucid.classifier.preparations import MOST_INPUTS
from pellucid.errors import (
    ClassifierFileError,
    DataError,
    MissingFileError,
    OverwriteError,
    PellucidError,
    RecipeError,
    ShapeError,
    UnwritableError,
)
from pellucid.networks.backbones import backbone_of
from pellucid.networks.own import made, own_class
from pellucid.networks.recipes import network_from, recipe_of
from pellucid.version import __version__

CARD_KEY = "pellucid"
CARD_DIGEST_KEY = "pellucid_card_sha256"
SUFFIX = ".safetensors"


def save(classifier: Classifier, path: str | Path, *, overwrite: bool = False) -> Path:
    """Save a classifier as one file: the weights, and a card in the header.

    Args:
        classifier: With a network that a recipe can describe, or one of a class of the user's own.
        path: Where to; the file is written under a temporary name and renamed when it is whole.
        overwrite: Whether a file that is there may be replaced.

    Returns:
        The path.

    Raises:
        DataError: If its names or facts cannot stand in a card.
        OverwriteError: If the file is there and may not be replaced.
        RecipeError: If its network can neither be described nor made from a class.
        UnwritableError: If nothing can be written there.
    """
    path = Path(path)
    check_writable(path, overwrite=overwrite)
    # Cloned where memory is shared (tied weights), since the format has each tensor once.
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in _state(classifier.network).items()}
    card = Card(
        network=_network_entry(classifier.network),
        preparation=classifier.preparation,
        task=classifier.task,
        class_names=classifier.class_names,
        targets=classifier.targets,
        settings=classifier.settings,
        metrics=classifier.metrics,
        dataset=classifier.dataset,
        versions={
            "pellucid": __version__,
            "torch": str(torch.__version__),
            "python": platform.python_version(),
        },
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        weights_sha256=weights_digest(tensors),
    )
    text = _checked(card, tensors)
    metadata = {CARD_KEY: text, CARD_DIGEST_KEY: hashlib.sha256(text.encode()).hexdigest()}
    write_whole(path, safetensors.save(tensors, metadata))
    return path


def load(path: str | Path, *, network: nn.Module | type[nn.Module] | str | None = None) -> Classifier:
    """Load a classifier. Nothing in the file is executed.

    Args:
        path: A file that `save` wrote.
        network: For a network of the user's own class: the class, an instance, or "file.py:ClassName".

    Returns:
        The classifier, on the CPU and in evaluation mode.

    Raises:
        MissingFileError: If there is no such file.
        ClassifierFileError: If it is no classifier, is cut short, or is not bit for bit what was saved.
        MissingPackageError: If its network is one of timm or torchvision, which is not installed.
        RecipeError: If it needs a class of the user's own and none was given.
    """
    path = Path(path)
    tensors, card = _read(path)
    if network is None and "class" in card.network:
        name, file = card.network.get("class"), card.network.get("file")
        raise RecipeError(
            f"{path} holds weights for a network of the class {name!r} ({file}), and no code is kept in it",
            fix=f"name the class again: --network {file or 'file.py'}:{name}, or load(path, network={name})",
        )
    built = network_from(card.network) if network is None else _given(network)
    _check_tensors(built, tensors, path)
    if network is None and any(backbone_of(module) is not None for module in built.modules()):
        # It may hold constants beside its weights, which no file has. The size of the weights is the file's by now.
        if sum(buffer.numel() for buffer in built.buffers()) > MOST_INPUTS:
            raise ClassifierFileError(f"the network in {path} needs too much memory", fix="get the file again")
        built = network_from(card.network, "cpu")
    # Assigned, not copied, where the network has no memory yet; copied into the user's own, which may tie weights.
    built.load_state_dict(tensors, strict=True, assign=network is None)
    built.eval()
    classifier = Classifier(
        built,
        card.preparation,
        card.class_names,
        card.task,
        card.targets,
        settings=card.settings,
        metrics=card.metrics,
        dataset=card.dataset,
    )
    if network is None:
        _check_answers(classifier, path)
    return classifier


def read_card(path: str | Path) -> Card:
    """Return the card of a classifier's file, checked like the whole file.

    Raises:
        MissingFileError: If there is no such file.
        ClassifierFileError: If it is no classifier, is cut short, or is not bit for bit what was saved.
    """
    return _read(Path(path))[1]


def check_writable(path: Path, *, overwrite: bool = False) -> None:
    """Find out whether a file can be written, before the work that it shall hold is done.

    Raises:
        OverwriteError: If the file is there and may not be replaced.
        UnwritableError: If the folder is missing, or nothing can be written in it.
    """
    if path.is_dir():
        raise UnwritableError(f"{path} is a folder", fix=f"name a file: {path / ('classifier' + SUFFIX)}")
    if path.exists() and not overwrite:
        raise OverwriteError(f"{path} is there already", fix="choose another name, or allow it with --overwrite")
    if not path.parent.is_dir():
        raise UnwritableError(f"there is no folder {path.parent}", fix=f"make it first: mkdir -p {path.parent}")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise UnwritableError(
            f"nothing can be written in {path.parent} ({error.strerror})",
            fix="choose a folder of your own with -o",
        ) from error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all.

    Raises:
        UnwritableError: If it cannot be written; what was there before is untouched.
    """
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            umask = os.umask(0)
            os.umask(umask)
            Path(name).chmod(0o666 & ~umask)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UnwritableError(f"{path} cannot be written ({error.strerror})", fix="choose another place") from error


def _read(path: Path) -> tuple[dict[str, Tensor], Card]:
    if not path.exists():
        raise MissingFileError(f"there is no file {path}", fix="check the path, or train one: pellucid train")
    if path.is_dir():
        raise ClassifierFileError(f"{path} is a folder", fix=f"name the {SUFFIX} file in it")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 not a mapping
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise ClassifierFileError(
            f"{path} is no classifier, or is cut short ({error})",
            fix="give a file that `pellucid train` saved",
        ) from error
    text = metadata.get(CARD_KEY)
    if text is None:
        raise ClassifierFileError(
            f"{path} holds tensors but no card of a classifier", fix="give a file that `pellucid train` saved"
        )
    if hashlib.sha256(text.encode()).hexdigest() != metadata.get(CARD_DIGEST_KEY):
        raise ClassifierFileError(f"the card in {path} is not what was saved", fix="get the file again")
    card = parse_card(text, str(path))
    if weights_digest(tensors) != card.weights_sha256:
        raise ClassifierFileError(
            f"the weights in {path} are not those that were saved: their SHA-256 differs",
            fix="get the file again",
        )
    return tensors, card


def _state(network: nn.Module) -> dict[str, Tensor]:
    state = network.state_dict()
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise RecipeError(f"the network keeps {name}, which is no tensor", fix="keep tensors only in its state")
    return state


def _checked(card: Card, tensors: dict[str, Tensor]) -> str:
    """Return the card as JSON, if `load` will take it: a file that nobody can open is worse than none.

    Raises:
        DataError: If its names or facts cannot stand in a card.
        RecipeError: If its recipe builds another network.
    """
    try:
        text = card.to_json()
        parse_card(text, "the classifier")
    except (TypeError, ValueError) as error:
        problem = error.problem if isinstance(error, PellucidError) else f"the classifier has no proper card: {error}"
        raise DataError(
            problem, fix="name each class once, in characters that can be printed, and keep every number finite"
        ) from error
    if "class" not in card.network:
        try:
            _check_tensors(network_from(card.network), tensors, Path("the recipe"))
        except (RecipeError, ClassifierFileError) as error:
            raise RecipeError(
                f"the network could not be loaded again: {error.problem}",
                fix="convert it with network.float(), or write it as a class of your own and name that when loading",
            ) from error
    return text


def _network_entry(network: nn.Module) -> dict[str, Any]:
    try:
        return recipe_of(network)
    except RecipeError as error:
        if type(network) is nn.Sequential:
            raise RecipeError(
                error.problem,
                fix="write the network as a class of your own, and name it when loading: load(path, network=YourClass)",
            ) from error
        module = type(network).__module__
        file = "file.py" if module in ("__main__", "builtins") else module.rpartition(".")[2] + ".py"
        return {"class": type(network).__name__, "file": file}


def _given(network: nn.Module | type[nn.Module] | str) -> nn.Module:
    if isinstance(network, nn.Module):
        return network
    return made(own_class(network) if isinstance(network, str) else network, seed=0)


def _check_tensors(network: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    expected = _state(network)
    if expected.keys() != tensors.keys():
        different = sorted(expected.keys() ^ tensors.keys())
        raise ClassifierFileError(
            f"{path} holds other tensors than the network has: {', '.join(different[:4])}",
            fix="name the class that it was trained with, or get the file again",
        )
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape or tensor.dtype != expected[name].dtype:
            raise ClassifierFileError(
                f"{name} in {path} is {tensor.dtype} {list(tensor.shape)} but the network has "
                f"{expected[name].dtype} {list(expected[name].shape)}",
                fix="name the class that it was trained with, or get the file again",
            )


def _check_answers(classifier: Classifier, path: Path) -> None:
    """Run the network on shapes alone: a card whose parts do not fit together is found before any input comes.

    Raises:
        ClassifierFileError: If they do not.
    """
    shapes = network_from(recipe_of(classifier.network)).eval()

    def measure(layer: nn.Module, _: Any, outputs: Any) -> None:
        if isinstance(outputs, Tensor) and outputs.numel() > MOST_INPUTS:
            raise ShapeError(
                f"a {type(layer).__name__} gives {outputs.numel():,} values for one example",
                fix="get the file again from where it came",
            )

    for layer in shapes.modules():
        layer.register_forward_hook(measure)
    try:
        with torch.no_grad():
            logits = shapes(torch.empty(1, *classifier.preparation.prepared_shape, device="meta"))
        check_logits(logits, 1, classifier.outputs)
    except (RuntimeError, ValueError, ShapeError) as error:
        problem = error.problem if isinstance(error, PellucidError) else error
        raise ClassifierFileError(
            f"the parts of {path} do not fit together: {problem}", fix="get the file again from where it came"
        ) from error
