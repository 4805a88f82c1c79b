"""Plots of one number against another: a run's history, coverage, a learning curve."""

from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from pellucid.errors import DataError, UnknownNameError, did_you_mean
from pellucid.evaluation.plots.drawing import (
    BLUE,
    DASHES,
    GREY,
    MARKS,
    ORANGE,
    HasFacts,
    as_percent,
    axes_for,
    plain,
    tidy,
)
from pellucid.evaluation.reading import coverage_of
from pellucid.rendering.vectors import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# The columns of a history, by what they measure: the title of the axis, and each curve's name and column.
MEASURES = {
    "loss": ("loss", (("training", "train_loss"), ("validation", "validation_loss"))),
    "accuracy": ("accuracy", (("validation", "validation_accuracy"),)),
    "R²": ("R²", (("validation", "validation_r2"),)),
    "learning rate": ("learning rate", (("learning rate", "learning_rate"),)),
}
# More points than these are a line without marks.
MOST_MARKS = 30


def plot_history(history: HasFacts, *, measure: str = "loss", ax: "Axes | None" = None) -> "Axes":
    """Plot a run epoch by epoch, with a line at the epoch whose weights were kept.

    Args:
        history: A `History`.
        measure: "loss", "accuracy", "R²" of a regression, or "learning rate".
        ax: To draw on; by default of a new figure.

    Raises:
        DataError: If the history has no such numbers.
        MissingPackageError: If matplotlib is not installed.
        UnknownNameError: If there is no such measure.
    """
    if measure not in MEASURES:
        raise UnknownNameError(f"a history has no {measure!r}", fix=did_you_mean(measure, MEASURES))
    facts = history.to_dict()
    title, wanted = MEASURES[measure]
    curves = [(name, [epoch.get(column) for epoch in facts["epochs"]]) for name, column in wanted]
    curves = [(name, values) for name, values in curves if any(value is not None for value in values)]
    if not curves:
        raise DataError(
            f"the history has no {measure}", fix="plot measure='loss', or train with a validation split for the rest"
        )
    ax = axes_for(ax, 5.0, 3.2)
    from matplotlib.ticker import MaxNLocator

    epochs = [epoch["epoch"] for epoch in facts["epochs"]]
    ax.axvline(facts["best_epoch"], color=GREY, linewidth=1, linestyle=(0, (3, 3)), label="weights kept")
    for index, (name, values) in enumerate(curves):
        ax.plot(
            epochs, [np.nan if value is None else value for value in values], label=name, color=COLOURS[index],
            linestyle=DASHES[index], marker=MARKS[index] if len(epochs) <= MOST_MARKS else "", markersize=4,
        )  # fmt: skip
    tidy(ax)
    if measure == "accuracy":
        as_percent(ax, "y")
    ax.set_xlabel("epoch")
    ax.set_ylabel(title)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend(frameon=False)
    return ax


def plot_coverage(evaluation: HasFacts, *, ax: "Axes | None" = None) -> "Axes":
    """Plot how accurate the answers are when the least confident ones are not given, with the 95 % interval.

    Args:
        evaluation: With thresholds.
        ax: To draw on; by default of a new figure.

    Raises:
        DataError: If the evaluation has no thresholds.
        MissingPackageError: If matplotlib is not installed.
    """
    rows = coverage_of(evaluation.to_dict())
    if not rows:
        raise DataError(
            "the evaluation has no thresholds", fix="give one of a classifier with one class for each example"
        )
    ax = axes_for(ax, 5.0, 3.2)
    coverage = [row.coverage for row in rows]
    low, high = zip(*(row.interval for row in rows), strict=True)
    ax.fill_between(coverage, low, high, color=BLUE, alpha=0.18, linewidth=0, label="95 % interval")
    ax.plot(coverage, [row.accuracy for row in rows], color=BLUE, marker="o", markersize=4, label="accuracy")
    tidy(ax)
    as_percent(ax, "x")
    as_percent(ax, "y")
    ax.set_xlim(0, 1.02)
    ax.set_xlabel("share of the examples that are answered")
    ax.set_ylabel("accuracy of the answers")
    ax.legend(frameon=False, loc="lower left")
    return ax


def plot_learning_curve(curve: HasFacts, *, ax: "Axes | None" = None) -> "Axes":
    """Plot the score of every training against its number of examples, with the fitted curve and its forecast.

    Args:
        curve: A learning curve.
        ax: To draw on; by default of a new figure.

    Raises:
        MissingPackageError: If matplotlib is not installed.
    """
    facts = curve.to_dict()
    points, said = facts["points"], facts.get("forecast")
    ax = axes_for(ax, 5.0, 3.2)
    if said:
        law, last = said["law"], said["examples"]
        x = np.geomspace(points[0]["examples"], last, 100)
        fitted = 1 - (law["floor"] + law["scale"] * x ** -law["exponent"])
        ax.plot(x, fitted, color=ORANGE, linestyle=DASHES[1], label="fitted")
        middle, ends = said["score"], ([said["score"] - said["low"]], [said["high"] - said["score"]])
        ax.errorbar(
            [last], [middle], yerr=ends, color=ORANGE, marker="D", markersize=5, capsize=4, linestyle="",
            label="forecast, 95 % interval",
        )  # fmt: skip
    singles = [(point["examples"], score) for point in points for score in point["scores"]]
    ax.plot(
        *zip(*singles, strict=True), color=BLUE, marker="o", markersize=3.5, linestyle="", alpha=0.45, label="trainings"
    )
    medians = [median(point["scores"]) for point in points]
    ax.plot([point["examples"] for point in points], medians, color=BLUE, marker="o", markersize=5.5, label="median")
    tidy(ax)
    ax.set_xscale("log")
    _label_powers(ax)
    measure = facts.get("measure", "score")
    if measure == "accuracy":
        as_percent(ax, "y")
    ax.set_xlabel("training examples")
    ax.set_ylabel(plain(measure))
    ax.legend(frameon=False, loc="lower right")
    return ax


def _label_powers(ax: "Axes") -> None:
    """Label a logarithmic x axis with whole numbers: 100, 200, 500, 1,000."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = ax.get_xlim()
    # Over a wide range fewer numbers, or they run into each other.
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 20 * low else (1,)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
