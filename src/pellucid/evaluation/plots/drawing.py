"""What the plots share: where they draw, their colours, and labels that fit."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from pellucid.errors import MissingPackageError
from pellucid.rendering.vectors import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Told apart by the colour-blind, and in grey by their dashes and marks.
BLUE, ORANGE, GREEN, PINK = COLOURS
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))
MARKS = ("o", "s", "^", "D")
GREY = "#5a5a5a"
PALE = "#dddddd"
LONGEST_NAME = 24
POINTS_PER_INCH = 72
# Around a figure of its own, in inches.
PAD = 0.08


class HasFacts(Protocol):
    """A result: anything that gives its facts as a dict."""

    def to_dict(self) -> dict[str, Any]:
        """Return the facts."""


def axes_for(ax: "Axes | None", width: float, height: float) -> "Axes":
    """Return the axes to draw on: those that are given, or those of a figure of their own.

    Args:
        ax: Of the caller's, or None.
        width: Of the new figure, in inches.
        height: Of the new figure, in inches.

    Raises:
        MissingPackageError: If matplotlib is not installed.
    """
    if ax is not None:
        return ax
    try:
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine
    except ImportError as error:
        raise MissingPackageError(
            "plots are drawn by matplotlib, which is not installed", fix="run: pip install 'pellucid[plots]'"
        ) from error
    # Not pyplot's: such a figure is in no list, and is gone when nobody holds it.
    layout = ConstrainedLayoutEngine(w_pad=PAD, h_pad=PAD)
    return Figure(figsize=(width, height), dpi=150, layout=layout).add_subplot()


def size_of(ax: "Axes") -> tuple[float, float]:
    """Return width and height of axes in points."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    box = ax.get_position()
    inches = figure.get_size_inches()
    return box.width * inches[0] * POINTS_PER_INCH, box.height * inches[1] * POINTS_PER_INCH


def tidy(ax: "Axes", *, grid: str = "y") -> None:
    """Take away the frame, and draw a pale grid behind everything.

    Args:
        ax: To change.
        grid: "x", "y" or "both".
    """
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(GREY)
    ax.grid(True, axis=grid, color=PALE, linewidth=0.8)  # type: ignore[arg-type]
    ax.set_axisbelow(True)
    ax.tick_params(colors=GREY, labelcolor="black")


def plain(name: str, longest: int = LONGEST_NAME) -> str:
    r"""Return a name as matplotlib shows it letter by letter: short, and with no formula between two dollar signs.

    Example:
        >>> plain("from $10 to $20")
        'from \\$10 to \\$20'
    """
    half = (longest - 1) // 2
    short = name if len(name) <= longest else f"{name[:half]}…{name[-half:]}"
    return short.replace("\n", " ").replace("$", r"\$")


def plain_all(names: Sequence[str], longest: int = LONGEST_NAME) -> list[str]:
    """Return `plain` of each name."""
    return [plain(name, longest) for name in names]


def as_percent(ax: "Axes", axis: str) -> None:
    """Show shares as percentages, with as many decimals as their ticks differ in.

    Args:
        ax: To change.
        axis: "x" or "y".
    """
    from matplotlib.ticker import PercentFormatter

    (ax.xaxis if axis == "x" else ax.yaxis).set_major_formatter(PercentFormatter(1.0))
