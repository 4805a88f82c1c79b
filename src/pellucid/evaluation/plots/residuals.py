"""The plot of a regression's errors."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from pellucid.errors import ShapeError
from pellucid.evaluation.plots.drawing import BLUE, GREY, ORANGE, axes_for, plain, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Points that are each seen; more make an even colour.
SEEN = 300
GROUPS = 12


def plot_residuals(answers: ArrayLike, labels: ArrayLike, *, name: str = "answer", ax: "Axes | None" = None) -> "Axes":
    """Plot answer minus truth against the answer, with the median and the middle half of each part of the answers.

    Args:
        answers: Of one target [examples], in the units of the labels.
        labels: What is true [examples].
        name: Of the target.
        ax: To draw on; by default of a new figure.

    Raises:
        MissingPackageError: If matplotlib is not installed.
        ShapeError: If there are not as many answers as labels.
    """
    given, true = (np.asarray(values, np.float64).squeeze() for values in (answers, labels))
    if given.ndim != 1 or given.shape != true.shape:
        raise ShapeError(
            f"answers have shape {list(given.shape)} and labels {list(true.shape)}",
            fix="give the answers and labels of one target, as many of each: answers[:, 0], labels[:, 0]",
        )
    residuals = given - true
    ax = axes_for(ax, 5.0, 3.4)
    strength = float(np.clip(SEEN / max(len(given), 1), 0.06, 0.6))
    ax.plot(given, residuals, color=BLUE, marker="o", markersize=3, linestyle="", alpha=strength, rasterized=True)
    ax.axhline(0, color=GREY, linewidth=1)
    if len(given) >= 10 * GROUPS:
        middle, low, half, high = _quartiles(given, residuals)
        ax.fill_between(middle, low, high, color=ORANGE, alpha=0.25, linewidth=0, label="middle half")
        ax.plot(middle, half, color=ORANGE, linewidth=2, linestyle=(0, (5, 2)), label="median")
        ax.legend(frameon=False)
    tidy(ax)
    ax.set_xlabel(plain(name))
    ax.set_ylabel("answer − truth")
    return ax


def _quartiles(answers: Any, residuals: Any) -> tuple[Any, Any, Any, Any]:
    """Return the median answer and the quartiles of the residuals of groups of as many examples, by rising answer."""
    groups = np.array_split(np.argsort(answers, kind="stable"), GROUPS)
    middle = np.array([np.median(answers[group]) for group in groups])
    quartiles = np.array([np.quantile(residuals[group], (0.25, 0.5, 0.75)) for group in groups])
    return middle, *quartiles.T
