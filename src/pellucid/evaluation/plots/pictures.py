"""Plots of pictures: examples, mistakes, activations, weights."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from pellucid.data.dataset import Dataset
from pellucid.data.summary import as_pixels
from pellucid.errors import DataError, UnknownNameError, did_you_mean
from pellucid.evaluation.plots.drawing import GREY, axes_for, plain, size_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Between two pictures and for a line of text below, as shares of a picture's side.
GAP, LINE = 0.1, 0.15
SMALLEST = 5.0


class HasMistakes(Protocol):
    """An evaluation with its most confident mistakes."""

    @property
    def mistakes(self) -> Sequence[Any]:
        """Each with label, predicted, confidence and picture."""


class HasValues(Protocol):
    """A trace: gives what a layer gave."""

    def values(self, layer: str) -> Tensor:
        """Return the output of a layer [examples, …]."""


def plot_examples(
    dataset: Dataset, *, split: str = "train", per_class: int = 5, classes: Sequence[str] | None = None,
    ax: "Axes | None" = None,
) -> "Axes":  # fmt: skip
    """Plot the first examples of each class, a row for each.

    Args:
        dataset: Of images.
        split: "train", "validation" or "test".
        per_class: Pictures of each class.
        classes: Their names; by default the first twenty.
        ax: To draw on; by default of a new figure.

    Raises:
        DataError: If the examples are no images.
        MissingPackageError: If matplotlib is not installed.
        UnknownNameError: If the dataset has no such split or class.
    """
    examples = dataset.split(split)
    if examples.inputs.ndim != 4 or dataset.task == "regression":
        raise DataError(f"{dataset.name} has no images of classes", fix="give a dataset of images with classes")
    names = dataset.class_names[:20] if classes is None else classes
    rows: list[tuple[str, list[NDArray[np.uint8]]]] = []
    for name in names:
        if name not in dataset.class_names:
            raise UnknownNameError(f"there is no class {name!r}", fix=did_you_mean(name, dataset.class_names))
        place = dataset.class_names.index(name)
        is_member = examples.labels[:, place] == 1 if examples.labels.ndim == 2 else examples.labels == place
        rows.append((name, [as_pixels(examples.inputs[one]) for one in np.flatnonzero(is_member)[:per_class]]))
    height, width = examples.inputs.shape[2:]
    tall = height / width
    ax = axes_for(ax, min(7.0, 1.2 + 0.75 * per_class), 0.3 + 0.75 * tall * len(rows))
    step = tall + GAP
    for row, (_, pictures) in enumerate(rows):
        for column, picture in enumerate(pictures):
            _show(ax, picture, column * (1 + GAP), row * step, tall)
    _frame(ax, per_class * (1 + GAP) - GAP, len(rows) * step - GAP)
    size = min(10.0, size_of(ax)[1] / len(rows) * 0.6)
    ax.set_yticks([row * step + tall / 2 for row in range(len(rows))], [plain(name) for name, _ in rows], fontsize=size)
    return ax


def plot_mistakes(evaluation: HasMistakes, *, most: int = 10, per_row: int = 5, ax: "Axes | None" = None) -> "Axes":
    """Plot the most confident mistakes, each with its true class and what was answered.

    Args:
        evaluation: Of images.
        most: Pictures to show.
        per_row: Pictures beside each other.
        ax: To draw on; by default of a new figure.

    Raises:
        DataError: If no mistake has a picture.
        MissingPackageError: If matplotlib is not installed.
    """
    shown = [one for one in evaluation.mistakes if getattr(one, "picture", None) is not None][:most]
    if not shown:
        raise DataError("no mistake of the evaluation has a picture", fix="evaluate a classifier of images that errs")
    captions = [f"{plain(one.label, 18)}\nnot {plain(one.predicted, 14)}\n{one.confidence:.1%} sure" for one in shown]
    return _grid([one.picture for one in shown], captions, per_row, ax, lines=3)


def plot_activations(
    trace: HasValues, layer: str, *, example: int = 0, most: int = 32, ax: "Axes | None" = None
) -> "Axes":
    """Plot what a layer gave for one example: feature maps as pictures, units as bars.

    Args:
        trace: A `Trace`.
        layer: Its name, or the end of it.
        example: Which of the batch.
        most: Feature maps to show.
        ax: To draw on; by default of a new figure.

    Raises:
        DataError: If the layer gave no values for this example.
        MissingPackageError: If matplotlib is not installed.
        UnknownNameError: If no layer has this name.
    """
    values = trace.values(layer).detach().float().cpu()
    if values.ndim < 2 or not 0 <= example < len(values) or not values[example].numel():
        raise DataError(
            f"{layer} gave {list(values.shape)}, in which there is no example {example}", fix="choose another example"
        )
    one = values[example].numpy()
    if one.ndim == 3 and min(one.shape[1:]) > 1:
        maps = one[:most]
        extent = (float(np.nanmin(maps)), float(np.nanmax(maps)))
        captions = [f"map {index}" for index in range(len(maps))]
        ax = _grid([_grey(plane, *extent) for plane in maps], captions, min(8, len(maps)), ax, lines=1)
        ax.set_title(f"{plain(layer)}, {len(one)} maps\nblack {extent[0]:.3g}, white {extent[1]:.3g}", fontsize=9)
        return ax
    ax = axes_for(ax, 5.0, 2.6)
    if one.ndim == 2:
        ax.imshow(one, aspect="auto", cmap="cividis", interpolation="nearest")
        ax.set_ylabel("position")
    else:
        ax.vlines(np.arange(one.size), 0, one.ravel(), color="#0072b2", linewidth=max(0.6, min(5.0, 260 / one.size)))
        ax.axhline(0, color=GREY, linewidth=0.8)
        ax.set_ylabel("value")
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)
    ax.set_xlabel(f"unit of {plain(layer)}")
    return ax


def plot_weights(
    network: nn.Module, layer: str | None = None, *, shape: Sequence[int] | None = None, most: int = 32,
    ax: "Axes | None" = None,
) -> "Axes":  # fmt: skip
    """Plot the weights of a layer: of each unit as a picture where its inputs are pixels, else as one matrix.

    Grey is zero, white the largest weight and black its opposite, alike in every picture.

    Args:
        network: Of any kind.
        layer: Of a Linear or a convolution; by default the first.
        shape: Channels, height and width of an input; by default a square is tried.
        most: Units to show as pictures.
        ax: To draw on; by default of a new figure.

    Raises:
        DataError: If the network or the layer has no weights of this kind.
        MissingPackageError: If matplotlib is not installed.
        UnknownNameError: If the network has no such layer.
    """
    weights, name = _weights(network, layer)
    reach = float(np.abs(weights[np.isfinite(weights)]).max(initial=0.0)) or 1.0
    pictures = _as_pictures(weights[:most], shape)
    if pictures is not None:
        captions = [f"unit {index}" for index in range(len(pictures))]
        ax = _grid([_grey(one, -reach, reach) for one in pictures], captions, min(8, len(pictures)), ax, lines=1)
        ax.set_title(f"weights of {plain(name)}\nblack {-reach:.3g}, white {reach:.3g}", fontsize=9)
        return ax
    ax = axes_for(ax, 5.0, 3.4)
    shown = ax.imshow(
        weights.reshape(len(weights), -1), aspect="auto", cmap="PuOr", vmin=-reach, vmax=reach, interpolation="nearest"
    )
    ax.figure.colorbar(shown, ax=ax, label="weight")
    ax.set_xlabel("input")
    ax.set_ylabel(f"unit of {plain(name)}")
    return ax


def _weights(network: nn.Module, layer: str | None) -> tuple[NDArray[Any], str]:
    modules = dict(network.named_modules())
    if layer is not None and layer not in modules:
        raise UnknownNameError(f"there is no layer {layer!r}", fix=did_you_mean(layer, [one for one in modules if one]))
    found = modules if layer is None else {layer: modules[layer]}
    for name, module in found.items():
        weight = getattr(module, "weight", None)
        if isinstance(weight, Tensor) and weight.ndim >= 2 and weight.numel():
            return weight.detach().float().cpu().numpy(), name or type(network).__name__
    raise DataError(f"{layer or type(network).__name__} has no matrix of weights", fix="name a Linear or Conv2d layer")


def _as_pictures(weights: NDArray[Any], shape: Sequence[int] | None) -> NDArray[Any] | None:
    """Return weights [units, height, width] where their inputs are pixels, channels averaged; else None."""
    if weights.ndim == 4 and min(weights.shape[2:]) > 1:
        return weights.mean(axis=1)  # type: ignore[no-any-return]
    if weights.ndim != 2:
        return None
    inputs = weights.shape[1]
    if shape is not None and len(shape) == 3 and math.prod(shape) == inputs:
        return weights.reshape(len(weights), *shape).mean(axis=1)  # type: ignore[no-any-return]
    side = math.isqrt(inputs)
    return weights.reshape(len(weights), side, side) if side * side == inputs and side >= 8 else None


def _grid(
    pictures: Sequence[NDArray[Any]], captions: Sequence[str], per_row: int, ax: "Axes | None", *, lines: int
) -> "Axes":
    """Show pictures in rows, each with a caption of so many lines below it."""
    per_row = max(1, min(per_row, len(pictures)))
    rows = -(-len(pictures) // per_row)
    tall = max(one.shape[0] / one.shape[1] for one in pictures)
    # Where pictures are small their captions need a larger share.
    each = 1.15 if lines > 1 else max(0.55, 5.0 / per_row)
    line = LINE if lines > 1 else 1.5 * LINE
    ax = axes_for(ax, each * per_row + 0.1, rows * each * (tall + GAP + lines * line) + 0.1)
    step = tall + GAP + lines * line
    size = float(np.clip(size_of(ax)[0] / per_row * (0.1 if lines > 1 else 0.16), SMALLEST, 9.0))
    for place, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        left, top = place % per_row * (1 + GAP), place // per_row * step
        _show(ax, picture, left, top, tall)
        ax.text(left + 0.5, top + tall + 0.04, caption, ha="center", va="top", fontsize=size, linespacing=1.15)
    _frame(ax, per_row * (1 + GAP) - GAP, rows * step)
    ax.set_yticks([])
    return ax


def _show(ax: "Axes", picture: NDArray[Any], left: float, top: float, tall: float) -> None:
    """Show one picture, one unit wide and `tall` high."""
    ax.imshow(picture, extent=(left, left + 1, top + tall, top), cmap="gray", vmin=0, vmax=255, interpolation="nearest")


def _frame(ax: "Axes", width: float, height: float) -> None:
    ax.set_xlim(0, width)
    ax.set_ylim(height, 0)
    ax.set_aspect("equal")
    ax.set_xticks([])
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _grey(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Return values as grey: `low` is black, `high` white."""
    scaled = np.clip((np.nan_to_num(values, nan=low) - low) / ((high - low) or 1), 0, 1)
    picture: NDArray[np.uint8] = (scaled * 255).round().astype(np.uint8)
    return picture
