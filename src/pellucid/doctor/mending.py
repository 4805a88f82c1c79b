"""Fixes that can be made by a machine: a finding's change, made on a copy of the network."""

import copy
from collections.abc import Iterable

import torch
from torch import nn

from pellucid.doctor.finding import Finding, Mend
from pellucid.errors import SettingError


def mended(network: nn.Module, findings: Iterable[Finding]) -> nn.Module:
    """Return a copy of a network with the mechanical fixes of all causes made; the network is left as it was.

    Args:
        network: That the findings are about.
        findings: Of a checkup.

    Raises:
        SettingError: If no cause has a fix that a machine can make, or a layer is not where the finding says.
    """
    changes = [
        finding.mend
        for finding in findings
        if finding.is_cause and finding.mend is not None and finding.mend.is_possible
    ]
    changes = [change for change in changes if change.action != "set"]
    if not changes:
        raise SettingError(
            "no finding has a fix that can be made on the network", fix="follow the fix that each finding names"
        )
    made = copy.deepcopy(network)
    for change in changes:
        for layer in change.layers or (_last_linear(made),):
            _make(made, layer, change)
    return made


def settings_of(findings: Iterable[Finding]) -> dict[str, object]:
    """Return the settings that the causes ask for, by name, as {"lr": 0.001}."""
    found: dict[str, object] = {}
    for finding in findings:
        if finding.is_cause and finding.mend is not None and finding.mend.action == "set":
            found.update(finding.mend.settings)
    return found


def _last_linear(network: nn.Module) -> str:
    """Return the path of the Linear that was made last.

    Raises:
        SettingError: If there is none.
    """
    paths = [path for path, module in network.named_modules() if isinstance(module, nn.Linear)]
    if not paths:
        raise SettingError(f"{type(network).__name__} has no Linear to resize", fix="change its last layer by hand")
    last: str = paths[-1]
    return last


def _make(network: nn.Module, path: str, change: Mend) -> None:
    try:
        layer = network.get_submodule(path)
    except AttributeError:
        raise SettingError(
            f"{type(network).__name__} has no layer {path!r}", fix="give mend the network that was checked"
        ) from None
    match change.action:
        case "remove":
            _put(network, path, nn.Identity())
        case "relu":
            _put(network, path, nn.ReLU())
        case "activate":
            _put(network, path, nn.Sequential(layer, nn.ReLU()))
        case "flatten":
            fitted = layer if change.inputs is None else _resized(layer, path, change.inputs, None)
            _put(network, path, nn.Sequential(nn.Flatten(), fitted))
        case "resize":
            _put(network, path, _resized(layer, path, change.inputs, change.outputs))
        case "reset":
            _reset(layer)
        case "unfreeze":
            layer.requires_grad_(True)
        case "dropout":
            setattr(layer, "p", change.rate)  # noqa: B010 nn.Module knows no attribute p


def _put(network: nn.Module, path: str, layer: nn.Module) -> None:
    if not path:
        raise SettingError(
            f"{type(network).__name__} is a single layer, which cannot be changed in place",
            fix="put it into an nn.Sequential",
        )
    parent, _, name = path.rpartition(".")
    # The new layer is in the mode of the old one.
    layer.train(network.get_submodule(path).training)
    setattr(network.get_submodule(parent), name, layer)


def _resized(layer: nn.Module, path: str, inputs: int | None, outputs: int | None) -> nn.Linear:
    """Return a Linear of another size; the weights that both have are kept.

    Raises:
        SettingError: If the layer is no Linear.
    """
    if not isinstance(layer, nn.Linear):
        raise SettingError(f"{path} is a {type(layer).__name__}, not a Linear", fix="change its size by hand")
    new = nn.Linear(
        inputs or layer.in_features,
        outputs or layer.out_features,
        bias=layer.bias is not None,
        device=layer.weight.device,
        dtype=layer.weight.dtype,
    )
    rows, columns = min(new.out_features, layer.out_features), min(new.in_features, layer.in_features)
    if new.in_features == layer.in_features:
        with torch.no_grad():
            new.weight[:rows, :columns] = layer.weight[:rows, :columns]
            if layer.bias is not None:
                new.bias[:rows] = layer.bias[:rows]
    return new


def _reset(layer: nn.Module) -> None:
    """Draw the weights of a layer anew, and all inside it (He et al. 2015); biases are 0, norms as they are made."""
    for module in layer.modules():
        reset = getattr(module, "reset_parameters", None)
        if callable(reset):
            reset()
        if isinstance(module, nn.Linear | nn.modules.conv._ConvNd):  # noqa: SLF001 what all convolutions are
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
