"""Blocks as HTML that stands by itself: no script, no file beside it.

As a piece of somebody's page (a notebook) every element brings its own style. In a page of ours elements bring their
class only, and `page` has the style sheet.
"""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby

from pellucid.rendering.blocks import (
    Bar,
    Bars,
    Block,
    Cell,
    Code,
    Curves,
    Facts,
    Figures,
    Gallery,
    Heading,
    Histogram,
    Image,
    Matrix,
    Note,
    Reliability,
    Table,
)
from pellucid.rendering.pictures import picture_address, png_address
from pellucid.rendering.vectors import COLOURS, curves_svg, key_svg, level, matrix_svg, reliability_svg

# More names than these make a matrix a picture instead of a table.
MOST_CELLS = 25
# A matrix of no more names than these has large cells.
FEW_NAMES = 5
# A page shows longer tables in a window of their own.
MOST_ROWS = 30
# Charts that stand beside each other where there is room.
CHARTS = (Curves, Reliability, Histogram)
STYLES = {
    "charts": "display:flex;flex-wrap:wrap;gap:8px 28px",
    "chart": "margin:0;max-width:440px",
    "title": "font-weight:600;margin:0.8em 0 0.3em",
    "key": "margin-right:1em;white-space:nowrap",
    "scroll": "overflow-x:auto",
    "track": "width:16em;position:relative",
    "bar": f"height:0.9em;background:{COLOURS[0]}",
    "gallery": "display:flex;flex-wrap:wrap;gap:8px",
    "gallery thumbnails": "display:flex;flex-wrap:wrap;gap:4px",
    "picture": "margin:0",
    "warning": "color:#9a6700;font-weight:600",
    "columns": "display:flex;align-items:flex-end;height:5em;gap:1px",
    "ends": "display:flex;justify-content:space-between",
    "histogram": "width:24em",
    "figures": "display:flex;flex-wrap:wrap;gap:8px 28px",
    "value": "font-size:1.6em;font-weight:600;display:block",
    "corner": "text-align:left;padding:2px 8px;font-weight:400",
    "names": "writing-mode:vertical-rl;padding:4px 2px;font-weight:400;text-align:left",
    "name": "text-align:right;padding:2px 8px;font-weight:400;white-space:nowrap",
}  # fmt: skip


def to_html(blocks: Iterable[Block]) -> str:
    """Return blocks as one HTML element; all text in it is escaped."""
    body = Markup(is_page=False).body(blocks)
    return f'<div class="pellucid" style="font-family:system-ui,sans-serif;font-size:13px">{body}</div>'


class Markup:
    """Turns blocks into elements.

    Args:
        is_page: Whether a style sheet of ours is there.
    """

    def __init__(self, *, is_page: bool) -> None:
        self.is_page = is_page

    def body(self, blocks: Iterable[Block]) -> str:
        """Return blocks, one after the other; charts stand beside each other."""
        parts = []
        for is_chart, some in groupby(blocks, key=lambda block: isinstance(block, CHARTS)):
            content = "".join(self.block(one) for one in some)
            parts.append(f"<div{self._looks('charts')}>{content}</div>" if is_chart else content)
        return "".join(parts)

    def block(self, block: Block) -> str:
        """Return one block."""
        match block:
            case Table():
                is_tall = len(block.rows) > MOST_ROWS
                return self._titled(block.title, self._scrolling(block.title, self._table(block), is_tall=is_tall))
            case Bars():
                rows = "".join(self._bar(bar) for bar in block.bars)
                return self._titled(block.title, f'<table class="bars">{rows}</table>')
            case Histogram():
                return self._figure(block.title, self._histogram(block))
            case Curves():
                return self._figure(block.title, self._legend(block) + curves_svg(block))
            case Reliability():
                return self._figure(block.title, reliability_svg(block))
            case Matrix():
                small = len(block.names) <= MOST_CELLS
                content = self._matrix(block) if small else matrix_svg(block)
                return self._titled(block.title, self._scrolling(block.title, content))
            case Image():
                return self._picture(block, 140)
            case Gallery():
                has_captions = any(image.caption for image in block.images)
                pictures = "".join(self._picture(image, 84 if has_captions else 56) for image in block.images)
                kind = "gallery" if has_captions else "gallery thumbnails"
                return self._titled(block.title, f"<div{self._looks(kind)}>{pictures}</div>")
            case Note():
                return f"<p{self._looks('warning' if block.is_warning else 'note')}>{escape(block.text)}</p>"
            case Heading():
                return f"<h{block.level}>{escape(block.text)}</h{block.level}>"
            case Figures():
                shown = "".join(
                    f"<div><span{self._looks('value')}>{escape(value)}</span> {escape(name)}</div>"
                    for value, name in block.figures
                )
                return f"<div{self._looks('figures')}>{shown}</div>"
            case Facts():
                entries = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in block.entries)
                return self._titled(block.title, f"<dl>{entries}</dl>")
            case Code():
                return self._titled(block.title, f"<pre><code>{escape(block.text)}</code></pre>")

    def _looks(self, kind: str, further: str = "") -> str:
        """Return the class of an element, with its style where no style sheet has it."""
        style = further if self.is_page else ";".join(part for part in (STYLES.get(kind, ""), further) if part)
        return f' class="{kind}"' + (f' style="{style}"' if style else "")

    def _titled(self, title: str, content: str) -> str:
        return f"<p{self._looks('title')}>{escape(title)}</p>{content}" if title else content

    def _figure(self, title: str, content: str) -> str:
        return f"<figure{self._looks('chart')}>{self._titled(title, content)}</figure>"

    def _scrolling(self, title: str, content: str, *, is_tall: bool = False) -> str:
        # Whoever uses a keyboard can scroll what can be focused.
        focus = f' tabindex="0" role="region" aria-label="{escape(title or "table")}"' if self.is_page else ""
        return f"<div{self._looks('scroll tall' if is_tall and self.is_page else 'scroll')}{focus}>{content}</div>"

    def _table(self, table: Table) -> str:
        def cells(tag: str, texts: Sequence[str]) -> str:
            return "".join(
                self._cell(tag, text, is_number=column.is_number)
                for column, text in zip(table.columns, texts, strict=True)
            )

        def row(values: Sequence[Cell]) -> str:
            return cells("td", [column.shown(value) for column, value in zip(table.columns, values, strict=True)])

        head = cells("th", [column.title for column in table.columns])
        body = "".join(f"<tr>{row(values)}</tr>" for values in table.rows)
        bold = "" if self.is_page else ' style="font-weight:600"'
        foot = "".join(f"<tr{bold}>{row(values)}</tr>" for values in table.footer)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody><tfoot>{foot}</tfoot></table>"

    def _cell(self, tag: str, text: str, *, is_number: bool) -> str:
        if self.is_page:
            kind = (' class="number"' if is_number else "") + (' scope="col"' if tag == "th" else "")
        else:
            side = "right" if is_number else "left"
            kind = f' style="padding:2px 8px;white-space:pre;text-align:{side}"'
        return f"<{tag}{kind}>{escape(text)}</{tag}>"

    def _bar(self, bar: Bar) -> str:
        length = f"width:{100 * min(max(bar.share, 0), 1):.1f}%"
        whisker = ""
        if bar.interval is not None:
            low, high = (100 * min(max(end, 0), 1) for end in bar.interval)
            whisker = (
                f'<div class="whisker" style="position:absolute;top:calc(50% - 1px);height:2px;background:currentColor;'
                f'left:{low:.1f}%;width:{high - low:.1f}%"></div>'
            )
        return (
            f'<tr><td class="label">{escape(bar.label)}</td><td><div{self._looks("track")}>'
            f"<div{self._looks('bar', length)}></div>{whisker}</div></td>"
            f'<td class="number">{escape(bar.text)}</td></tr>'
        )

    def _histogram(self, histogram: Histogram) -> str:
        top = max(histogram.counts, default=0) or 1
        columns = "".join(
            f'<div title="{count}" style="flex:1;background:var(--c0,{COLOURS[0]});'
            f'height:{100 * count / top:.1f}%"></div>'
            for count in histogram.counts
        )
        low, high = histogram.edges[0], histogram.edges[-1]
        said = f"{histogram.title or 'histogram'}: {sum(histogram.counts):,} values from {low:g} to {high:g}"
        ends = f"<span>{histogram.edges[0]:g}</span><span>{histogram.edges[-1]:g}</span>"
        return (
            f'<div{self._looks("histogram")} role="img" aria-label="{escape(said)}">'
            f"<div{self._looks('columns')}>{columns}</div>"
            f"<div{self._looks('ends')}>{ends}</div></div>"
        )

    def _picture(self, image: Image, width: int) -> str:
        caption = f"<figcaption>{escape(image.caption)}</figcaption>" if image.caption else ""
        is_small = max(image.pixels.shape[:2]) <= width
        # The pixels of a small picture are what there is to see; a photograph is shown as one.
        edges = "image-rendering:pixelated" if is_small else "image-rendering:auto"
        address = picture_address(image.pixels) if self.is_page else png_address(image.pixels)
        description = escape(image.description or image.caption)
        return (
            f'<figure{self._looks("picture")}><img alt="{description}" width="{width}" style="{edges}" src="{address}">'
            f"{caption}</figure>"
        )

    def _legend(self, curves: Curves) -> str:
        keys = "".join(
            f"<span{self._looks('key')}>{key_svg(index)} {escape(name)}</span>"
            for index, name in enumerate(curves.series)
        )
        return f'<p class="keys">{keys}</p>'

    def _matrix(self, matrix: Matrix) -> str:
        heads = "".join(f'<th scope="col"{self._looks("names")}>{escape(name)}</th>' for name in matrix.names)
        corner = f"{escape(matrix.row_title)} ↓ &nbsp; {escape(matrix.column_title)} →"
        rows = []
        for place, (name, counts) in enumerate(zip(matrix.names, matrix.counts, strict=True)):
            total = sum(counts)
            cells = "".join(self._shaded(count, total, is_right=place == column) for column, count in enumerate(counts))
            rows.append(f'<tr><th scope="row"{self._looks("name")}>{escape(name)}</th>{cells}</tr>')
        kind = "matrix roomy" if len(matrix.names) <= FEW_NAMES else "matrix"
        return (
            f'<table class="{kind}"><thead><tr><td{self._looks("corner")}>{corner}</td>{heads}</tr></thead>'
            f"<tbody>{''.join(rows)}</tbody></table>"
        )

    def _shaded(self, count: int, total: int, *, is_right: bool) -> str:
        strength = level(count, total, is_right=is_right)
        if self.is_page:
            shade = f' class="{"r" if is_right else "w"}{strength}"' if strength else ' class="none"'
        else:
            red, green, blue = (0, 114, 178) if is_right else (213, 94, 0)
            # Half of the colour at most: text above it keeps its contrast on light and on dark.
            shade = f' style="text-align:right;padding:2px 5px;background:rgba({red},{green},{blue},{strength / 16:g})"'
        return f"<td{shade}>{count:,}</td>"
