"""Recipes: a network as JSON, and back.

Only layers of the table below are read or built, and architectures that an installed timm or torchvision lists by name,
so nothing is executed that comes with a recipe.
"""

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from pellucid.errors import RecipeError
from pellucid.networks.activations import BinaryStep
from pellucid.networks.backbones import LIBRARIES, NAME, Backbone, backbone_of
from pellucid.networks.stacks import seeded

# Attributes of every module, made by its __init__, beside those of the class.
TAKEN = frozenset(vars(nn.Sequential()))
# Far more than any network that is built by hand, and little enough to be refused in milliseconds.
MOST_LAYERS = 10_000
DEEPEST = 32
LARGEST = 2**31 - 1

Recipe = dict[str, Any]


@dataclass(frozen=True)
class Argument:
    """What an argument in a recipe may be.

    Attributes:
        kinds: Of "size" (whole, at least 1), "count" (whole, at least 0), "dim" (whole, may be negative), "number",
            "bool", "pair" (two sizes), "counts" (two counts), "name" (of an architecture), "none", or allowed words.
    """

    kinds: tuple[str, ...]
    words: tuple[str, ...] = ()

    def accepts(self, value: Any) -> bool:
        """Return whether the value is of one of the kinds."""
        return any(_is(kind, value) for kind in self.kinds) or (isinstance(value, str) and value in self.words)


def _is(kind: str, value: Any) -> bool:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    match kind:
        case "size":
            return is_whole and 1 <= value <= LARGEST
        case "count":
            return is_whole and 0 <= value <= LARGEST
        case "dim":
            return is_whole and -8 <= value <= 8
        case "number":
            # A whole number too large for a float has no place in a network either.
            return (is_whole and abs(value) <= LARGEST) or (isinstance(value, float) and math.isfinite(value))
        case "bool":
            return isinstance(value, bool)
        case "pair":
            return isinstance(value, list) and len(value) == 2 and all(_is("size", entry) for entry in value)
        case "counts":
            return isinstance(value, list) and len(value) == 2 and all(_is("count", entry) for entry in value)
        case "sizes":
            return isinstance(value, list) and 1 <= len(value) <= 8 and all(_is("size", entry) for entry in value)
        case "name":
            return isinstance(value, str) and NAME.fullmatch(value) is not None
        case "none":
            return value is None
    raise AssertionError(kind)


SIZE, COUNT, DIM = Argument(("size",)), Argument(("count",)), Argument(("dim",))
NUMBER, BOOL = Argument(("number",)), Argument(("bool",))
WINDOW, PADDING = Argument(("size", "pair")), Argument(("count", "counts"))

_CONV = {
    "in_channels": SIZE, "out_channels": SIZE, "kernel_size": WINDOW, "stride": WINDOW,
    "padding": Argument(("count", "counts"), ("same", "valid")), "dilation": WINDOW, "groups": SIZE, "bias": BOOL,
    "padding_mode": Argument((), ("zeros", "reflect", "replicate", "circular")),
}  # fmt: skip
_NORM = {
    "num_features": SIZE, "eps": NUMBER, "momentum": Argument(("number", "none")), "affine": BOOL,
    "track_running_stats": BOOL,
}  # fmt: skip

# Every layer that a recipe may name, with exactly the arguments that it must give.
LAYERS: Mapping[str, tuple[type[nn.Module], Mapping[str, Argument]]] = MappingProxyType(
    {
        "Linear": (nn.Linear, {"in_features": SIZE, "out_features": SIZE, "bias": BOOL}),
        "Conv2d": (nn.Conv2d, _CONV),
        "Flatten": (nn.Flatten, {"start_dim": DIM, "end_dim": DIM}),
        "BatchNorm1d": (nn.BatchNorm1d, _NORM),
        "BatchNorm2d": (nn.BatchNorm2d, _NORM),
        "LayerNorm": (
            nn.LayerNorm,
            {
                "normalized_shape": Argument(("sizes",)),
                "eps": NUMBER,
                "elementwise_affine": BOOL,
                "bias": BOOL,
            },
        ),
        "Dropout": (nn.Dropout, {"p": NUMBER, "inplace": BOOL}),
        "Dropout2d": (nn.Dropout2d, {"p": NUMBER, "inplace": BOOL}),
        "MaxPool2d": (
            nn.MaxPool2d,
            {
                "kernel_size": WINDOW,
                "stride": WINDOW,
                "padding": PADDING,
                "dilation": WINDOW,
                "ceil_mode": BOOL,
            },
        ),
        "AvgPool2d": (
            nn.AvgPool2d,
            {
                "kernel_size": WINDOW,
                "stride": WINDOW,
                "padding": PADDING,
                "ceil_mode": BOOL,
                "count_include_pad": BOOL,
                "divisor_override": Argument(("size", "none")),
            },
        ),
        "AdaptiveAvgPool2d": (nn.AdaptiveAvgPool2d, {"output_size": WINDOW}),
        "Identity": (nn.Identity, {}),
        "BinaryStep": (BinaryStep, {"surrogate": Argument((), ("clipped", "identity", "sigmoid"))}),
        "Sigmoid": (nn.Sigmoid, {}),
        "Tanh": (nn.Tanh, {}),
        "ReLU": (nn.ReLU, {"inplace": BOOL}),
        "ReLU6": (nn.ReLU6, {"inplace": BOOL}),
        "LeakyReLU": (nn.LeakyReLU, {"negative_slope": NUMBER, "inplace": BOOL}),
        "PReLU": (nn.PReLU, {"num_parameters": SIZE}),
        "ELU": (nn.ELU, {"alpha": NUMBER, "inplace": BOOL}),
        "SELU": (nn.SELU, {"inplace": BOOL}),
        "GELU": (nn.GELU, {"approximate": Argument((), ("none", "tanh"))}),
        "SiLU": (nn.SiLU, {"inplace": BOOL}),
        "Mish": (nn.Mish, {"inplace": BOOL}),
        "Softplus": (nn.Softplus, {"beta": NUMBER, "threshold": NUMBER}),
        "Hardtanh": (nn.Hardtanh, {"min_val": NUMBER, "max_val": NUMBER, "inplace": BOOL}),
        "Hardsigmoid": (nn.Hardsigmoid, {"inplace": BOOL}),
        "Hardswish": (nn.Hardswish, {"inplace": BOOL}),
        "Softmax": (nn.Softmax, {"dim": DIM}),
        "LogSoftmax": (nn.LogSoftmax, {"dim": DIM}),
    }
)


# An architecture of a library, with its arguments.
BACKBONE = {
    "library": Argument((), LIBRARIES), "name": Argument(("name",)), "outputs": SIZE, "image_size": Argument(("pair",)),
}  # fmt: skip


def recipe_of(network: nn.Module) -> Recipe:
    """Write a network as a recipe.

    Args:
        network: Made of `torch.nn.Sequential`, layers of the table and networks from `backbone`.

    Returns:
        What JSON can hold; `network_from` builds the same network from it, with new weights.

    Raises:
        RecipeError: If a layer is not in the table, or is not written by its arguments alone.
    """
    backbone = backbone_of(network)
    if backbone is not None:
        return {"layer": "Backbone", **asdict(backbone), "image_size": list(backbone.image_size)}
    if type(network) is nn.Sequential:
        return {
            "layer": "Sequential",
            # One ReLU that stands in several places is in the network once for each: named_children() would skip it.
            "layers": [
                [name, recipe_of(layer)]
                for name, layer in network.named_modules(remove_duplicate=False)
                if name and "." not in name
            ],
        }
    name = type(network).__name__
    known, arguments = LAYERS.get(name, (None, {}))
    if type(network) is not known:
        raise RecipeError(
            f"a {type(network).__module__}.{type(network).__qualname__} cannot be written as a recipe",
            fix="name its class again when the classifier is loaded: load(path, network=YourClass)",
        )
    recipe: Recipe = {"layer": name}
    for argument, allowed in arguments.items():
        value = getattr(network, argument)
        if argument == "bias":
            value = value is not None
        if isinstance(value, tuple):
            value = list(value)
        if not allowed.accepts(value):
            raise RecipeError(
                f"{name} has {argument}={value!r}, which cannot be written as a recipe",
                fix="name the network's class again when the classifier is loaded: load(path, network=YourClass)",
            )
        recipe[argument] = value
    return recipe


def network_from(recipe: Any, device: str = "meta") -> nn.Module:
    """Build the network that a recipe describes, by default on PyTorch's "meta" device: shapes without memory.

    Args:
        recipe: From `recipe_of`, or from a file; it is checked whole before anything is built.
        device: To build it on.

    Raises:
        MissingPackageError: If it names an architecture of a library that is not installed.
        RecipeError: If it is not of the form that `recipe_of` writes, or names a layer that is not in the table.
    """
    _check(recipe, "network", 0, [0])
    try:
        with torch.device(device), seeded(None if device == "meta" else 0):
            return _built(recipe)
    except (RuntimeError, ValueError, TypeError, ZeroDivisionError, OverflowError) as error:
        raise RecipeError(
            f"the recipe cannot be built: {error}", fix="get the file again from where it came"
        ) from error


def _check(recipe: Any, where: str, depth: int, counted: list[int]) -> None:
    fix = "get the file again, or read it with the version of pellucid that saved it"
    counted[0] += 1
    if depth > DEEPEST or counted[0] > MOST_LAYERS:
        raise RecipeError(f"the recipe has over {MOST_LAYERS:,} layers or {DEEPEST} levels", fix=fix)
    if not isinstance(recipe, dict) or not isinstance(recipe.get("layer"), str):
        raise RecipeError(f"{where} in the recipe is no layer", fix=fix)
    name = recipe["layer"]
    if name == "Sequential":
        layers = recipe.get("layers")
        if recipe.keys() != {"layer", "layers"} or not isinstance(layers, list):
            raise RecipeError(f"{where} in the recipe has no list of layers", fix=fix)
        names = set()
        for entry in layers:
            if not (isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str) and _is_name(entry[0])):
                raise RecipeError(f"{where} in the recipe has a layer without a proper name", fix=fix)
            names.add(entry[0])
            _check(entry[1], f"{where}.{entry[0]}", depth + 1, counted)
        if len(names) < len(layers):
            raise RecipeError(f"{where} in the recipe has two layers of one name", fix=fix)
        return
    if name == "Backbone":
        # Building one takes a second: two are enough for a network.
        counted[0] += MOST_LAYERS // 2
        if recipe.keys() != {"layer", *BACKBONE} or not all(
            BACKBONE[argument].accepts(recipe[argument]) for argument in BACKBONE
        ):
            raise RecipeError(f"{where} in the recipe has no proper architecture of a library", fix=fix)
        return
    if name not in LAYERS:
        raise RecipeError(f"{where} in the recipe is a {name[:40]!r}, which is not in the table of layers", fix=fix)
    arguments = LAYERS[name][1]
    if recipe.keys() != {"layer", *arguments}:
        raise RecipeError(f"{where} ({name}) in the recipe has other arguments than {sorted(arguments)}", fix=fix)
    for argument, allowed in arguments.items():
        if not allowed.accepts(recipe[argument]):
            raise RecipeError(f"{where} ({name}) in the recipe has {argument}={recipe[argument]!r:.60}", fix=fix)


def _is_name(name: str) -> bool:
    return 0 < len(name) <= 200 and "." not in name and name not in TAKEN and not hasattr(nn.Sequential, name)


def _built(recipe: Recipe) -> nn.Module:
    if recipe["layer"] == "Backbone":
        return Backbone(**{name: _argument(recipe[name]) for name in BACKBONE}).build()
    if recipe["layer"] == "Sequential":
        return nn.Sequential(OrderedDict((name, _built(layer)) for name, layer in recipe["layers"]))
    kind = LAYERS[recipe["layer"]][0]
    return kind(**{name: _argument(value) for name, value in recipe.items() if name != "layer"})


def _argument(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
