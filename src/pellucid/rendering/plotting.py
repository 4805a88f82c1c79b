"""Curves and histograms as text."""

import math
from collections.abc import Sequence

from pellucid.rendering.blocks import Curves

LEVELS = " ▁▂▃▄▅▆▇█"
MARKS = "●○×+◆◇▲△"


def sparkline(counts: Sequence[float]) -> str:
    """Return one character per count, its height in proportion to the largest.

    Example:
        >>> sparkline([0, 1, 2, 4])
        ' ▂▄█'
    """
    top = max(counts, default=0) or 1
    return "".join(LEVELS[math.ceil(count / top * (len(LEVELS) - 1))] for count in counts)


def shade(level: float) -> str:
    """Return the character whose ink is nearest to a brightness between 0 and 1."""
    ramp = " .:-=+*#%@"
    return ramp[min(int(level * len(ramp)), len(ramp) - 1)]


def curve_lines(curves: Curves, width: int, height: int = 15) -> list[str]:
    """Return a plot as lines of text: y labels, a frame with the axes drawn in, x labels, a legend."""
    finite = [y for ys in curves.series.values() for y in ys if math.isfinite(y)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    if low == high:
        low, high = low - 1, high + 1
    left, right = min(curves.x, default=0.0), max(curves.x, default=1.0)
    # A single point stands at the left edge.
    span = (right - left) or 1
    columns = max(16, width - 10)

    def column_of(x: float) -> int:
        return round((x - left) / span * (columns - 1))

    def row_of(y: float) -> int:
        return round((high - y) / (high - low) * (height - 1))

    grid = [[" "] * columns for _ in range(height)]
    if low <= 0 <= high:
        grid[row_of(0)] = ["─"] * columns
    if left <= 0 <= right:
        for row in range(height):
            grid[row][column_of(0)] = "┼" if grid[row][column_of(0)] == "─" else "│"
    # The first curve is drawn last, so that it stays visible where two meet.
    for mark, ys in reversed(list(zip(MARKS, curves.series.values(), strict=False))):
        for x, y in zip(curves.x, ys, strict=True):
            if math.isfinite(y):
                grid[row_of(y)][column_of(x)] = mark
    labels = {0: _label(high, curves.pattern), height - 1: _label(low, curves.pattern)}
    if low < 0 < high:
        labels.setdefault(row_of(0), "0")
    lines = [f"{labels.get(row, ''):>8} {''.join(cells)}".rstrip() for row, cells in enumerate(grid)]
    edge = format(left, curves.x_pattern)
    end = format(right, curves.x_pattern)
    lines.append(" " * 9 + edge + curves.x_title.center(columns - len(edge) - len(end)) + end)
    entries = [f"{mark} {name}" for mark, name in zip(MARKS, curves.series, strict=False)]
    legend = "   ".join(entries)
    return [*lines, *(" " * 9 + line for line in ([legend] if len(legend) <= columns else entries))]


def _label(value: float, pattern: str = "") -> str:
    """Return the value in at most eight characters, so that it does not push the plot aside."""
    text = format(value, pattern or ".2f")
    return text if len(text) <= 8 else f"{value:.1e}"
