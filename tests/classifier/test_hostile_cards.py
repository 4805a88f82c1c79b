"""Cards made to break the machine that loads them, with all checksums right: each is refused with an error of ours."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors import torch as safetensors
from torch import Tensor

import pellucid
from pellucid.errors import PellucidError, RecipeError

Card = dict[str, Any]
LINEAR = {"layer": "Linear", "in_features": 36, "out_features": 3, "bias": True}
FLATTEN = {"layer": "Flatten", "start_dim": 1, "end_dim": -1}


def stacked(*layers: dict[str, Any]) -> dict[str, Any]:
    """A Sequential with these layers."""
    return {"layer": "Sequential", "layers": [[str(index), layer] for index, layer in enumerate(layers)]}


def content(path: Path) -> tuple[Card, dict[str, Tensor]]:
    """The card and the tensors of a file."""
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["pellucid"]), safetensors.load_file(path)


@pytest.mark.parametrize("levels", [50, 200, 450, 900, 5_000])
@pytest.mark.parametrize("key", ["network", "settings", "class_names"])
def test_a_card_nested_to_any_depth_is_refused(levels: int, key: str, saved: Path, tmp_path: Path) -> None:
    card, tensors = content(saved)
    # As text: the encoder of Python cannot write what is nested so deep.
    text = json.dumps({**card, key: "MARK"}).replace('"MARK"', "[" * levels + "]" * levels)
    metadata = {"pellucid": text, "pellucid_card_sha256": hashlib.sha256(text.encode()).hexdigest()}
    path = tmp_path / "deep.safetensors"
    path.write_bytes(safetensors.save(tensors, metadata))
    with pytest.raises(PellucidError, match="is no classifier that can be read"):
        pellucid.load(path)


@pytest.mark.parametrize("name", ["training", "_modules", "_parameters", "__class__", "", "forward", "a.b", "x" * 201])
def test_names_that_modules_need_themselves_are_refused(name: str, forge: Callable[..., Path]) -> None:
    recipe = {"layer": "Sequential", "layers": [[name, {"layer": "Identity"}]]}
    with pytest.raises(RecipeError, match="a layer without a proper name"):
        pellucid.load(forge(lambda card: card.update(network=recipe)))


@pytest.mark.parametrize(
    ("change", "tensors", "message"),
    [
        (lambda card: card["preparation"].update(border=10**400), None, "the preparation in its card"),
        (
            lambda card: card.update(network={"layer": "LeakyReLU", "negative_slope": 10**400, "inplace": False}),
            None,
            "negative_slope=1000",
        ),
        (
            lambda card: card.update(network=stacked({"layer": "Softplus", "beta": float("inf"), "threshold": 1})),
            None,
            "beta=inf",
        ),
        (
            lambda card: card.update(
                network=stacked(
                    {"layer": "AdaptiveAvgPool2d", "output_size": [60_000, 60_000]},
                    {"layer": "AdaptiveAvgPool2d", "output_size": [6, 6]},
                    FLATTEN,
                    LINEAR,
                )
            ),
            {"3.weight": torch.zeros(3, 36), "3.bias": torch.zeros(3)},
            "AdaptiveAvgPool2d gives 3,600,000,000 values for one example",
        ),
        (
            lambda card: card.update(
                network=stacked(
                    {"layer": "Flatten", "start_dim": 0, "end_dim": -1},
                    LINEAR,
                )
            ),
            {"1.weight": torch.zeros(3, 36), "1.bias": torch.zeros(3)},
            r"the network gives \[3\] for 1 examples, not \[1, 3\]",
        ),
    ],
    ids=["huge border", "huge slope", "infinite beta", "huge images on the way", "no batch"],
)
def test_numbers_that_would_break_the_machine_are_refused(
    change: Callable[[Card], Any], message: str, tensors: dict[str, Tensor] | None, forge: Callable[..., Path]
) -> None:
    with pytest.raises(PellucidError, match=message):
        pellucid.load(forge(change, tensors))
