"""Curves, reliability diagrams and large matrices as SVG inside of HTML.

Every mark has a colour of its own, which a style sheet may change by its class: `c0` to `c3` for series, `r1` to `r8`
and `w1` to `w8` for right and wrong answers. Text and axes take the colour of the text around them.
"""

import math
from collections.abc import Sequence
from html import escape

from pellucid.rendering.blocks import Curves, Matrix, Reliability

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # Okabe and Ito: told apart by the colour-blind
# Told apart without colour too; the first curve is a whole line.
DASHES = ("", "7 4", "2 3", "9 3 2 3")
WIDTH, HEIGHT = 420, 240
TOP, BOTTOM, RIGHT = 12, 42, 20
# As wide as a digit of the labels, about.
DIGIT = 6.6
# More points than these are a line without marks.
MOST_MARKS = 40
LEVELS = 8
# Values beyond this, whose differences may overflow, are gaps.
LARGEST = 1e300


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return round numbers that cover a range in steps of 1, 2 or 5 times a power of ten.

    Args:
        low: Of the range.
        high: Of the range; above `low`.
        most: Steps within it, about.

    Example:
        >>> ticks(0.03, 0.97)
        [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{place * step:.12g}") for place in range(first, last + 1)]


class _Plot:
    """A frame with axes that maps values to places."""

    def __init__(self, x: tuple[float, float], y: Sequence[float], pattern: str) -> None:
        self.labels = [format(value, pattern) if pattern else f"{value:g}" for value in y]
        self.left = 14 + DIGIT * max(len(label) for label in self.labels)
        self.x_low, self.x_high = x
        self.y, self.low, self.high = y, y[0], y[-1]
        self.parts: list[str] = []

    def across(self, x: float) -> float:
        """Return the place of an x."""
        share = (x - self.x_low) / ((self.x_high - self.x_low) or 1)
        return self.left + share * (WIDTH - RIGHT - self.left)

    def down(self, y: float) -> float:
        """Return the place of a y."""
        return TOP + (self.high - y) / ((self.high - self.low) or 1) * (HEIGHT - TOP - BOTTOM)

    def axes(self, x_ticks: Sequence[float], x_pattern: str, x_title: str) -> None:
        """Draw lines and labels of both axes."""
        for value, label in zip(self.y, self.labels, strict=True):
            place = self.down(value)
            self.parts.append(_line(self.left, place, WIDTH - RIGHT, place, "grid"))
            self.parts.append(_text(self.left - 7, place + 4, label, "end"))
        for value in x_ticks:
            place = self.across(value)
            self.parts.append(_line(place, HEIGHT - BOTTOM, place, HEIGHT - BOTTOM + 4, "axis"))
            self.parts.append(_text(place, HEIGHT - BOTTOM + 17, format(value, x_pattern), "middle"))
        if x_title:
            self.parts.append(_text((self.left + WIDTH - RIGHT) / 2, HEIGHT - 6, x_title, "middle"))

    def svg(self, label: str) -> str:
        """Return the whole picture."""
        return _svg(WIDTH, HEIGHT, label, self.parts)


def curves_svg(curves: Curves) -> str:
    """Return curves with their axes; the legend is for the caller to set in text."""
    points = {
        name: [(x, y) if abs(y) < LARGEST else None for x, y in zip(curves.x, ys, strict=True)]
        for name, ys in curves.series.items()
    }
    finite = [point[1] for series in points.values() for point in series if point]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    size = max(abs(low), abs(high))
    if high - low < max(1e-9 * size, 1 / LARGEST):
        low, high = low - max(0.5, size / 10), high + max(0.5, size / 10)
    left, right = min(curves.x, default=0.0), max(curves.x, default=1.0)
    if left == right:
        # A single point stands in the middle.
        left, right = left - 1, right + 1
    plot = _Plot((left, right), ticks(low, high), curves.pattern)
    inside = [tick for tick in ticks(left, right) if left <= tick <= right]
    if all(float(x).is_integer() for x in curves.x):
        inside = [tick for tick in inside if tick.is_integer() and (len(curves.x) > 1 or tick in curves.x)]
    plot.axes(inside, curves.x_pattern, curves.x_title)
    if curves.marked is not None and left <= curves.marked <= right:
        place = plot.across(curves.marked)
        plot.parts.append(_line(place, TOP, place, HEIGHT - BOTTOM, "mark", dash="3 3"))
    for index, (name, series) in enumerate(points.items()):
        plot.parts.append(_curve(plot, index, name, series))
    return plot.svg(_said(curves))


def _curve(plot: _Plot, index: int, name: str, series: Sequence[tuple[float, float] | None]) -> str:
    colour, dash = COLOURS[index % len(COLOURS)], DASHES[index % len(DASHES)]
    path, pen, marks = [], "M", []
    for point in series:
        if point is None:
            pen = "M"
            continue
        across, down = plot.across(point[0]), plot.down(point[1])
        path.append(f"{pen}{across:.1f},{down:.1f}")
        marks.append(f'<circle class="c{index % 4}" cx="{across:.1f}" cy="{down:.1f}" r="2.6" fill="{colour}"/>')
        pen = "L"
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    line = (
        f'<path class="c{index % 4}" d="{" ".join(path)}" fill="none" stroke="{colour}" stroke-width="2"{dashed}>'
        f"<title>{escape(name)}</title></path>"
    )
    return line + ("".join(marks) if len(series) <= MOST_MARKS else "")


def _said(curves: Curves) -> str:
    """Return in words what a picture of curves shows."""
    said = []
    for name, ys in curves.series.items():
        finite = [y for y in ys if math.isfinite(y)]
        if finite:
            shown = [format(y, curves.pattern or ".4g") for y in (finite[0], finite[-1])]
            said.append(f"{name} from {shown[0]} to {shown[1]}")
    return f"{curves.title or 'curves'}: {'; '.join(said) or 'nothing to show'}"


def key_svg(index: int) -> str:
    """Return a piece of the curve of this place, for a legend."""
    dash = DASHES[index % len(DASHES)]
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<svg width="26" height="8" viewBox="0 0 26 8" aria-hidden="true"><path class="c{index % 4}" d="M0,4 L26,4" '
        f'fill="none" stroke="{COLOURS[index % 4]}" stroke-width="3"{dashed}></path></svg>'
    )


def reliability_svg(block: Reliability) -> str:
    """Return the share of right answers against confidence, with the gap to the diagonal, and the counts below."""
    bins = [one for one in zip(block.confidence, block.accuracy, block.counts, strict=True) if one[2]]
    plot = _Plot((0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1], ".0%")
    plot.axes([0, 0.2, 0.4, 0.6, 0.8, 1], ".0%", "confidence")
    top = max((count for *_, count in bins), default=1)
    floor, room = plot.down(0), 46
    for confidence, _, count in bins:
        across, height = plot.across(confidence), room * count / top
        plot.parts.append(
            f'<rect class="counts" x="{across - 5:.1f}" y="{floor - height:.1f}" width="10" height="{height:.1f}" '
            f'fill="currentColor" fill-opacity="0.25"><title>{count:,} examples</title></rect>'
        )
    plot.parts.append(_line(plot.across(0), plot.down(0), plot.across(1), plot.down(1), "mark", dash="5 4"))
    for confidence, accuracy, _ in bins:
        across = plot.across(confidence)
        plot.parts.append(
            f'<line class="c1" x1="{across:.1f}" x2="{across:.1f}" y1="{plot.down(confidence):.1f}" '
            f'y2="{plot.down(accuracy):.1f}" stroke="{COLOURS[1]}" stroke-width="3"/>'
        )
    plot.parts.append(_curve(plot, 0, "right answers", [(confidence, accuracy) for confidence, accuracy, _ in bins]))
    said = "; ".join(f"{accuracy:.0%} right at {confidence:.0%}" for confidence, accuracy, _ in bins)
    return plot.svg(f"{block.title or 'reliability'}: {said or 'no examples'}")


def level(count: int, total: int, *, is_right: bool) -> int:
    """Return how strongly a cell of a matrix is coloured, 0 to 8; mistakes are few, so their shades start early.

    Args:
        count: In the cell.
        total: In its row.
        is_right: Whether the cell is on the diagonal.
    """
    share = count / max(total, 1)
    return math.ceil((share if is_right else math.sqrt(share)) * LEVELS)


def matrix_svg(matrix: Matrix) -> str:
    """Return a matrix of many names as a picture; rows and columns are named where there is room."""
    count = len(matrix.names)
    cell = max(6.0, min(14.0, 640 / count))
    has_names = cell >= 9
    # Numbers alone are written large enough to be read when the whole is shrunk to a phone.
    left, size = (130.0, 9) if has_names else (38.0, 15)
    paths: dict[str, list[str]] = {}
    for row, counts in enumerate(matrix.counts):
        total = sum(counts)
        for column, entry in enumerate(counts):
            if entry:
                is_right = row == column
                kind = f"{'r' if is_right else 'w'}{level(entry, total, is_right=is_right)}"
                paths.setdefault(kind, []).append(f"M{column},{row}h1v1h-1z")
    side = count * cell
    parts = [f'<rect x="{left:g}" y="20" width="{side:g}" height="{side:g}" class="frame" fill="none" stroke="#999"/>']
    for kind, squares in sorted(paths.items()):
        colour, strength = COLOURS[0 if kind[0] == "r" else 1], int(kind[1]) / LEVELS
        parts.append(
            f'<path class="{kind}" transform="translate({left:g} 20) scale({cell:g})" fill="{colour}" '
            f'fill-opacity="{strength:g}" d="{"".join(squares)}"/>'
        )
    for place, name in enumerate(matrix.names):
        middle = 20 + (place + 0.5) * cell + 3.5
        if has_names:
            parts.append(_text(left - 5, middle, f"{_cut(name)} {place}", "end", size=9))
        if place % (10 if count > 40 else 5) == 0:
            parts.append(_text(left + (place + 0.5) * cell, 14, str(place), "middle", size=size))
            if not has_names:
                parts.append(_text(left - 5, middle, str(place), "end", size=size))
    right = sum(counts[place] for place, counts in enumerate(matrix.counts))
    whole = sum(map(sum, matrix.counts))
    said = f"{matrix.title or 'matrix'}: {count} classes, {right:,} of {whole:,} on the diagonal"
    return _svg(left + side + 8, side + 28, said, parts, is_fluid=not has_names)


def _cut(name: str) -> str:
    return name if len(name) <= 20 else f"{name[:9]}…{name[-10:]}"


def _line(x1: float, y1: float, x2: float, y2: float, kind: str, dash: str = "") -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    strength = {"grid": "0.15", "axis": "0.5", "mark": "0.6"}[kind]
    return (
        f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="currentColor" '
        f'stroke-opacity="{strength}"{dashed}/>'
    )


def _text(x: float, y: float, text: str, anchor: str, size: int = 11) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="currentColor">'
        f"{escape(text)}</text>"
    )


def _svg(width: float, height: float, label: str, parts: Sequence[str], *, is_fluid: bool = True) -> str:
    kind = "fluid" if is_fluid else "fixed"
    return (
        f'<svg class="{kind}" role="img" aria-label="{escape(label)}" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}">{"".join(parts)}</svg>'
    )
