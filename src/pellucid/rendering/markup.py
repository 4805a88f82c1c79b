"""Blocks as HTML that stands by itself: no script, no style sheet, no file beside it."""

import math
from collections.abc import Iterable, Sequence
from html import escape

from pellucid.rendering.blocks import Bars, Block, Curves, Gallery, Histogram, Image, Note, Table
from pellucid.rendering.pictures import png_address

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")  # Okabe and Ito: told apart by the colour-blind


def to_html(blocks: Iterable[Block]) -> str:
    """Return blocks as one HTML element; all text in it is escaped."""
    body = "".join(_block(block) for block in blocks)
    return f'<div class="pellucid" style="font-family:system-ui,sans-serif;font-size:13px">{body}</div>'


def _block(block: Block) -> str:
    match block:
        case Table():
            return _titled(block.title, _table(block))
        case Bars():
            rows = "".join(
                f"<tr><td>{escape(bar.label)}</td>"
                f'<td style="width:16em"><div style="height:0.9em;background:{COLOURS[0]};'
                f'width:{100 * min(max(bar.share, 0), 1):.1f}%"></div></td><td>{escape(bar.text)}</td></tr>'
                for bar in block.bars
            )
            return _titled(block.title, f"<table>{rows}</table>")
        case Histogram():
            return _titled(block.title, _histogram(block))
        case Curves():
            return _titled(block.title, _curves(block))
        case Image():
            return _picture(block, 140)
        case Gallery():
            pictures = "".join(_picture(image, 84) for image in block.images)
            return _titled(block.title, f'<div style="display:flex;flex-wrap:wrap;gap:8px">{pictures}</div>')
        case Note():
            style = "color:#9a6700;font-weight:600" if block.is_warning else ""
            return f'<p style="{style}">{escape(block.text)}</p>'


def _titled(title: str, content: str) -> str:
    heading = f"<p><strong>{escape(title)}</strong></p>" if title else ""
    return heading + content


def _table(table: Table) -> str:
    def cells(tag: str, texts: Sequence[str]) -> str:
        return "".join(
            f'<{tag} style="padding:2px 8px;white-space:pre;text-align:{"right" if column.is_number else "left"}">'
            f"{escape(text)}</{tag}>"
            for column, text in zip(table.columns, texts, strict=True)
        )

    def row(values: Sequence[str | int | float | None]) -> str:
        return cells("td", [column.shown(value) for column, value in zip(table.columns, values, strict=True)])

    head = cells("th", [column.title for column in table.columns])
    body = "".join(f"<tr>{row(values)}</tr>" for values in table.rows)
    foot = "".join(f'<tr style="font-weight:600">{row(values)}</tr>' for values in table.footer)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody><tfoot>{foot}</tfoot></table>"


def _histogram(histogram: Histogram) -> str:
    top = max(histogram.counts, default=0) or 1
    columns = "".join(
        f'<div title="{count}" style="flex:1;background:{COLOURS[0]};height:{100 * count / top:.1f}%"></div>'
        for count in histogram.counts
    )
    ends = f"<span>{histogram.edges[0]:g}</span><span>{histogram.edges[-1]:g}</span>"
    return (
        f'<div style="width:24em"><div style="display:flex;align-items:flex-end;height:5em;gap:1px">{columns}</div>'
        f'<div style="display:flex;justify-content:space-between">{ends}</div></div>'
    )


def _picture(image: Image, width: int) -> str:
    caption = f"<figcaption>{escape(image.caption)}</figcaption>" if image.caption else ""
    return (
        f'<figure style="margin:0"><img alt="{escape(image.caption)}" width="{width}" '
        f'style="image-rendering:pixelated" src="{png_address(image.pixels)}">{caption}</figure>'
    )


def _curves(curves: Curves) -> str:
    width, height = 420, 200
    finite = [y for ys in curves.series.values() for y in ys if math.isfinite(y)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    left, right = min(curves.x, default=0.0), max(curves.x, default=1.0)
    span_x, span_y = (right - left) or 1, (high - low) or 1

    def at(x: float, y: float) -> tuple[float, float]:
        return (x - left) / span_x * width, (high - y) / span_y * height

    parts = []
    if left <= 0 <= right:
        parts.append(f'<line x1="{at(0, 0)[0]:.1f}" x2="{at(0, 0)[0]:.1f}" y1="0" y2="{height}" stroke="#bbb"/>')
    if low <= 0 <= high:
        parts.append(f'<line x1="0" x2="{width}" y1="{at(0, 0)[1]:.1f}" y2="{at(0, 0)[1]:.1f}" stroke="#bbb"/>')
    for (name, ys), colour in zip(curves.series.items(), COLOURS, strict=False):
        path = ""
        pen = "M"
        for x, y in zip(curves.x, ys, strict=True):
            if math.isfinite(y):
                path += f"{pen}{at(x, y)[0]:.1f},{at(x, y)[1]:.1f} "
                pen = "L"
            else:
                pen = "M"
        parts.append(
            f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"><title>{escape(name)}</title></path>'
        )
    legend = " &nbsp; ".join(
        f'<span style="color:{colour}">■</span> {escape(name)}'
        for name, colour in zip(curves.series, COLOURS, strict=False)
    )
    return (
        f'<svg width="{width}" height="{height}" viewBox="-4 -4 {width + 8} {height + 8}">{"".join(parts)}</svg>'
        f"<p>{legend} &nbsp; x from {left:g} to {right:g}, y from {low:.2f} to {high:.2f}</p>"
    )
