"""Cards that somebody forged, with all checksums right: refused before anything is built, and nothing is executed."""

import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import pellucid
from pellucid.errors import ClassifierFileError, PellucidError, RecipeError

Card = dict[str, Any]


def first_linear(card: Card) -> Card:
    """The recipe of the first Linear layer."""
    layer: Card = card["network"]["layers"][1][1]["layers"][0][1]
    return layer


def nested(levels: int) -> Card:
    """A Sequential in a Sequential in a …"""
    recipe: Card = {"layer": "ReLU", "inplace": False}
    for _ in range(levels):
        recipe = {"layer": "Sequential", "layers": [["0", recipe]]}
    return recipe


FORGED: dict[str, tuple[Callable[[Card], Any], str]] = {
    "unknown layer": (lambda card: first_linear(card).update(layer="Bilinear"), "not in the table of layers"),
    "code as a layer": (lambda card: first_linear(card).update(layer="os.system"), "not in the table of layers"),
    "a builtin": (lambda card: first_linear(card).update(layer="eval"), "not in the table of layers"),
    "no layer": (lambda card: card.update(network=[]), "network in its card is no object"),
    "empty recipe": (lambda card: card.update(network={}), "network in the recipe is no layer"),
    "more arguments": (lambda card: first_linear(card).update(device="cuda"), "other arguments"),
    "fewer arguments": (lambda card: first_linear(card).pop("bias"), "other arguments"),
    "text for a size": (lambda card: first_linear(card).update(in_features="36"), "in_features='36'"),
    "a bool for a size": (lambda card: first_linear(card).update(in_features=True), "in_features=True"),
    "no size": (lambda card: first_linear(card).update(in_features=0), "in_features=0"),
    "beyond any size": (lambda card: first_linear(card).update(in_features=2**31), "in_features=2147483648"),
    "another size": (
        lambda card: first_linear(card).update(in_features=37),
        r"the network has torch\.float32 \[8, 37\]",
    ),
    "a huge size": (lambda card: first_linear(card).update(in_features=2**31 - 1), "the network has"),
    "a name with a dot": (lambda card: card["network"]["layers"][0].__setitem__(0, "a.b"), "without a proper name"),
    "a name of a method": (
        lambda card: card["network"]["layers"][0].__setitem__(0, "forward"),
        "without a proper name",
    ),
    "the same name twice": (
        lambda card: card["network"]["layers"][0].__setitem__(0, "linear_relu_stack"),
        "two layers of one name",
    ),
    "too many layers": (
        lambda card: card.update(
            network={"layer": "Sequential", "layers": [[str(i), nested(0)] for i in range(20_000)]}
        ),
        "over 10,000 layers",
    ),
    "too deep": (lambda card: card.update(network=nested(200)), "or 32 levels"),
    "another shape of inputs": (lambda card: card["preparation"].update(shape=[1, 6, 7]), "do not fit together"),
    "a huge shape": (lambda card: card["preparation"].update(shape=[1, 10**9, 10**9]), "the preparation in its card"),
    "no divisor": (lambda card: card["preparation"].update(divisor=0), "the preparation in its card"),
    "a NaN": (lambda card: card["preparation"].update(mean=[float("nan")]), "the preparation in its card"),
    "two means": (lambda card: card["preparation"].update(mean=[0.1, 0.2]), "the preparation in its card"),
    "no deviation": (lambda card: card["preparation"].update(std=[0.0]), "the preparation in its card"),
    "more preparation": (lambda card: card["preparation"].update(code="1"), "the preparation in its card"),
    "escape codes": (lambda card: card.update(class_names=["a", "\x1b[2Jb", "c"]), "control characters"),
    "a class twice": (lambda card: card.update(class_names=["a", "a", "b"]), "stands twice"),
    "a class too many": (lambda card: card.update(class_names=list("abcd")), "do not fit together"),
    "no classes": (lambda card: card.update(class_names=[]), "no list of class names"),
    "a later version": (lambda card: card.update(version=99), "version 99 (.|\n)*fix: install a newer pellucid"),
    "another format": (lambda card: card.update(format="pickle"), "another format"),
    "one more key": (lambda card: card.update(code="import os"), "lacks or adds"),
    "one key less": (lambda card: card.pop("settings"), "lacks or adds"),
    "another checksum": (lambda card: card.update(weights_sha256="0" * 64), "their SHA-256 differs"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_card_is_refused(name: str, forge: Callable[..., Path]) -> None:
    change, message = FORGED[name]
    path = forge(change)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(PellucidError, match=message):
        pellucid.load(path)
    # In KiB: no memory was taken for what the card promises.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024


def test_code_in_a_card_is_not_run(forge: Callable[..., Path], tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    code = f"__import__('pathlib').Path({str(trap)!r}).touch()"
    for change in (
        lambda card: card.update(network={"class": code, "file": code}),
        lambda card: card.update(network={"layer": code}),
        lambda card: card.update(class_names=[code, "b", "c"]),
    ):
        try:
            pellucid.load(forge(change))
        except PellucidError:
            continue
    assert not trap.exists()


def test_other_tensors_than_the_recipes_are_refused(forge: Callable[..., Path]) -> None:
    with pytest.raises(ClassifierFileError, match="holds other tensors than the network has: bonus"):
        pellucid.load(forge(lambda card: None, {**pellucid.mlp(36, (8,), 3).state_dict(), "bonus": torch.zeros(2)}))


def test_tensors_of_another_type_are_refused(forge: Callable[..., Path]) -> None:
    state = pellucid.mlp(36, (8,), 3).double().state_dict()
    with pytest.raises(ClassifierFileError, match=r"is torch\.float64 \[8\] but the network has torch\.float32"):
        pellucid.load(forge(lambda card: None, state))


def test_a_subclass_of_a_layer_is_not_taken_for_it() -> None:
    from pellucid.networks.recipes import recipe_of

    class Linear(nn.Linear):
        pass

    with pytest.raises(RecipeError, match="cannot be written as a recipe"):
        recipe_of(nn.Sequential(Linear(2, 2)))
