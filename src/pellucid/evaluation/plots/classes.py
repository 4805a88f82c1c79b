"""Plots of answers class by class: the confusion matrix, bars with intervals, the reliability diagram."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError, UnknownNameError, did_you_mean
from pellucid.evaluation.metrics import wilson_interval
from pellucid.evaluation.plots.drawing import (
    BLUE,
    GREY,
    ORANGE,
    HasFacts,
    as_percent,
    axes_for,
    plain_all,
    size_of,
    tidy,
)
from pellucid.evaluation.reading import bins_of, names_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Text smaller than this is not readable, in points.
SMALLEST = 5.0
# In a larger matrix zeros are left out, so that the mistakes are seen.
MOST_ZEROS = 15
# What a class is judged by, with the axis of the confusion matrix whose sum its examples are; F1 has no interval.
MEASURES = {"recall": 1, "precision": 0, "f1": None}


def plot_confusion(evaluation: HasFacts, *, shares: bool = False, ax: "Axes | None" = None) -> "Axes":
    """Plot the confusion matrix: a row for each true class, a column for each predicted one.

    A cell is the darker the larger its share of its row; right answers are blue, and mistakes, whose shades start
    early, orange. Numbers stand in the cells, and names at the axes, where they can be read.

    Args:
        evaluation: With a confusion matrix.
        shares: Whether to write percentages of the row instead of counts.
        ax: To draw on; by default of a new figure.

    Raises:
        DataError: If the evaluation has no confusion matrix.
        MissingPackageError: If matplotlib is not installed.
    """
    facts = evaluation.to_dict()
    if "confusion" not in facts:
        raise DataError("the evaluation has no confusion matrix", fix="give one of a classifier of classes")
    counts = np.array(facts["confusion"], np.int64)
    names = names_of(facts)
    side = min(8.0, 2.6 + 0.33 * len(names)) if len(names) > 2 else 3.0
    ax = axes_for(ax, side + 0.9, side)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(_shades(share), interpolation="nearest")
    room = min(size_of(ax)) / len(names)
    _name_axes(ax, plain_all(names, 18), room)
    # A number of four digits is about as wide as two and a half times its height.
    if room / 2.8 >= SMALLEST:
        size = min(11.0, room / 2.8)
        for (row, column), count in np.ndenumerate(counts):
            if count == 0 and len(names) > MOST_ZEROS:
                continue
            text = f"{100 * share[row, column]:.0f}" if shares else f"{count}"
            is_dark = share[row, column] > 0.5 if row == column else share[row, column] > 0.36
            colour = "white" if is_dark else (GREY if count == 0 else "black")
            ax.text(column, row, text, ha="center", va="center", fontsize=size, color=colour)
    ax.set_xlabel("predicted" + (", in % of the true class" if shares else ""))
    ax.set_ylabel("true")
    for spine in ax.spines.values():
        spine.set_color(GREY)
    return ax


def plot_classes(evaluation: HasFacts, *, measure: str = "recall", ax: "Axes | None" = None) -> "Axes":
    """Plot how each class fares, the weakest at the top, with its 95 % interval (Wilson).

    Args:
        evaluation: With scores by class.
        measure: "recall", "precision" or "f1", which has no interval.
        ax: To draw on; by default of a new figure.

    Raises:
        DataError: If the evaluation has no scores by class.
        MissingPackageError: If matplotlib is not installed.
        UnknownNameError: If there is no such measure.
    """
    if measure not in MEASURES:
        raise UnknownNameError(f"a class has no {measure!r}", fix=did_you_mean(measure, MEASURES))
    facts = evaluation.to_dict()
    if not facts.get("classes") or "confusion" not in facts:
        raise DataError("the evaluation has no scores by class", fix="give one of a classifier of classes")
    scores = np.array([score[measure] for score in facts["classes"]])
    order = np.argsort(scores, kind="stable")
    names = [names_of(facts)[place] for place in order]
    ax = axes_for(ax, 5.0, max(2.0, 0.9 + (0.27 if len(names) <= 40 else 0.15) * len(names)))
    rows = np.arange(len(names))
    ax.barh(rows, scores[order], color=BLUE, height=0.72)
    axis = MEASURES[measure]
    if axis is not None:
        counts = np.array(facts["confusion"], np.int64)
        totals, right = counts.sum(axis=axis), counts.diagonal()
        ends = np.array([wilson_interval(int(right[place]), int(totals[place])) for place in order])
        middle = scores[order]
        reach = np.clip([middle - ends[:, 0], ends[:, 1] - middle], 0, None)
        ax.errorbar(middle, rows, xerr=reach, fmt="none", ecolor="black", elinewidth=1.2, capsize=2)
    room = size_of(ax)[1] / len(names)
    ax.set_yticks(rows, plain_all(names), fontsize=float(np.clip(room * 0.62, SMALLEST, 10)))
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xlim(0, 1)
    tidy(ax, grid="x")
    ax.tick_params(axis="y", length=0)
    as_percent(ax, "x")
    ax.set_xlabel("F1" if measure == "f1" else f"{measure}, with 95 % interval")
    return ax


def plot_calibration(evaluation: HasFacts, *, ax: "Axes | None" = None) -> "Axes":
    """Plot how often answers are right at each confidence, with 95 % intervals, and below it how many there are.

    Args:
        evaluation: With a calibration.
        ax: To draw on; by default of a new figure. The counts stand below it, in axes of their own.

    Raises:
        DataError: If the evaluation has no calibration.
        MissingPackageError: If matplotlib is not installed.
    """
    bins = bins_of(evaluation.to_dict())
    if not bins:
        raise DataError(
            "the evaluation has no calibration", fix="give one of a classifier with one class for each example"
        )
    ax = axes_for(ax, 4.2, 4.6)
    from matplotlib.ticker import MaxNLocator

    confidence = np.array([one.confidence for one in bins])
    accuracy = np.array([one.accuracy for one in bins])
    counts = [one.examples for one in bins]
    ends = np.array([wilson_interval(round(one.accuracy * one.examples), one.examples) for one in bins])
    ax.plot([0, 1], [0, 1], color=GREY, linestyle=(0, (4, 3)), linewidth=1, label="exact")
    ax.vlines(confidence, confidence, accuracy, color=ORANGE, linewidth=3.5, alpha=0.85, label="gap")
    reach = np.clip([accuracy - ends[:, 0], ends[:, 1] - accuracy], 0, None)
    ax.errorbar(
        confidence, accuracy, yerr=reach, color=BLUE, marker="o", markersize=4.5, elinewidth=1, capsize=2,
        label="right answers",
    )  # fmt: skip
    tidy(ax, grid="both")
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1.02)
    as_percent(ax, "y")
    ax.set_ylabel("right answers")
    ax.legend(frameon=False, fontsize="small")
    below = ax.inset_axes((0, -0.34, 1, 0.24), sharex=ax)
    below.bar(confidence, counts, width=0.045, color=GREY)
    tidy(below)
    as_percent(below, "x")
    below.set_xlabel("confidence")
    below.set_ylabel("examples")
    below.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    below.yaxis.set_major_formatter("{x:,.0f}")
    ax.tick_params(axis="x", labelbottom=False)
    return ax


def _shades(share: NDArray[Any]) -> NDArray[Any]:
    """Return a colour for each cell, [classes, classes, 3]: white to dark blue, off the diagonal to dark orange."""
    strength = np.where(np.eye(len(share), dtype=bool), share, np.sqrt(share))[..., None]
    ends = np.where(np.eye(len(share), dtype=bool)[..., None], (0.0, 0.27, 0.47), (0.62, 0.22, 0.0))
    shades: NDArray[Any] = 1 - strength * (1 - ends)
    return shades


def _name_axes(ax: "Axes", names: list[str], room: float) -> None:
    """Put the names of classes at both axes, or, where there is no room, every tenth number.

    Args:
        ax: With one unit for each class.
        names: Of the classes.
        room: For each class, in points.
    """
    places = np.arange(len(names))
    if room * 0.8 >= SMALLEST:
        size = min(10.0, room * 0.8)
        # Names at the other axis take room away, so that less is left than there seems to be.
        is_wide = max(map(len, names)) * size * 0.62 > 0.7 * room
        ax.set_xticks(places, names, fontsize=size, rotation=90 if is_wide else 0)
        ax.set_yticks(places, names, fontsize=size)
    else:
        ax.set_xticks(places[::10])
        ax.set_yticks(places[::10])
    ax.tick_params(length=0)
