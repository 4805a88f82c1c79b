"""Blocks as one PNG picture, drawn with Pillow alone."""

import io
from collections.abc import Iterable, Sequence
from itertools import cycle

from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from pellucid.rendering.blocks import (
    Bar,
    Bars,
    Block,
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
from pellucid.rendering.plotting import LEVELS
from pellucid.rendering.vectors import COLOURS

SIZE = 15
LINE = 22
MARGIN = 16
WIDE = 1000
INK, PALE = "#1b1b1b", "#9a9a9a"


class _Canvas:
    """A picture that grows downwards."""

    def __init__(self) -> None:
        self.font = ImageFont.load_default(SIZE)
        self._parts: list[Pillow.Image] = []

    def part(self, height: int, width: int = WIDE) -> ImageDraw.ImageDraw:
        """Return a new strip to draw on."""
        self._parts.append(Pillow.new("RGB", (width, max(1, height)), "white"))
        return ImageDraw.Draw(self._parts[-1])

    def paste(self, picture: Pillow.Image, x: int, y: int) -> None:
        """Put a picture on the newest strip."""
        self._parts[-1].paste(picture, (x, y))

    def width_of(self, text: str) -> int:
        """Return the width of a text in pixels; a histogram in characters has a width of its own."""
        return len(text) * 7 if is_sparkline(text) else int(self.font.getlength(text))

    def png(self) -> bytes:
        """Return all strips below each other."""
        width = max(part.width for part in self._parts) + 2 * MARGIN
        whole = Pillow.new("RGB", (width, sum(part.height for part in self._parts) + 2 * MARGIN), "white")
        y = MARGIN
        for part in self._parts:
            whole.paste(part, (MARGIN, y))
            y += part.height
        buffer = io.BytesIO()
        whole.save(buffer, "PNG")
        return buffer.getvalue()


def to_png(blocks: Iterable[Block]) -> bytes:
    """Return blocks as one PNG picture."""
    canvas = _Canvas()
    for block in blocks:
        title = block.caption if isinstance(block, Image) else getattr(block, "title", "")
        if title:
            _line(canvas, title)
        _draw(canvas, block)
        canvas.part(LINE // 2)
    return canvas.png()


def is_sparkline(text: str) -> bool:
    """Return whether a text is a histogram in characters, which no common font of Pillow's has."""
    return len(text) > 1 and bool(text.strip()) and set(text) <= set(LEVELS)


def _draw(canvas: _Canvas, block: Block) -> None:
    match block:
        case Table():
            _table(canvas, block)
        case Matrix() | Reliability() | Facts() | Figures():
            _table(canvas, block.table())
        case Heading():
            _line(canvas, block.text)
            canvas.part(4).line((0, 0, WIDE, 0), PALE)
        case Code():
            for line in block.text.splitlines():
                _line(canvas, line)
        case Bars():
            _bars(canvas, block.bars)
        case Histogram():
            _columns(canvas.part(5 * LINE), block.counts, 0, 0, 400, 5 * LINE)
            _line(canvas, f"{block.edges[0]:g} to {block.edges[-1]:g}")
        case Curves():
            _curves(canvas, block)
        case Image():
            _gallery(canvas, [block], 1)
        case Gallery():
            _gallery(canvas, block.images, block.per_row)
        case Note():
            _line(canvas, block.text, "#9a6700" if block.is_warning else INK)


def _line(canvas: _Canvas, text: str, colour: str = INK) -> None:
    canvas.part(LINE, max(WIDE, canvas.width_of(text))).text((0, 0), text, colour, canvas.font)


def _table(canvas: _Canvas, table: Table) -> None:
    rows = [
        [column.shown(cell) for column, cell in zip(table.columns, row, strict=True)]
        for row in (*table.rows, *table.footer)
    ]
    titles = [column.title for column in table.columns]
    widths = [max(canvas.width_of(row[index]) for row in (titles, *rows)) + 20 for index in range(len(titles))]
    sheet = canvas.part(LINE * (len(rows) + 1) + 4, max(WIDE, sum(widths)))
    for number, row in enumerate((titles, *rows)):
        y, x = number * LINE + (4 if number else 0), 0
        for column, text, width in zip(table.columns, row, widths, strict=True):
            # Leading spaces show the depth of a layer; the font would draw them too narrow.
            indent = (len(text) - len(text.lstrip())) * 6
            if is_sparkline(text):
                _columns(sheet, [LEVELS.index(mark) for mark in text], x, y, len(text) * 7, LINE - 5)
            else:
                left = x + (width - 20 - canvas.width_of(text) if column.is_number else indent)
                sheet.text((left, y), text.strip(), INK, canvas.font)
            x += width
    sheet.line((0, LINE, sum(widths), LINE), PALE)


def _bars(canvas: _Canvas, bars: Sequence[Bar]) -> None:
    label = max((canvas.width_of(bar.label) for bar in bars), default=0) + 16
    sheet = canvas.part(LINE * len(bars))
    for number, bar in enumerate(bars):
        y = number * LINE
        sheet.text((0, y), bar.label, INK, canvas.font)
        sheet.rectangle((label, y + 2, label + 400 * min(max(bar.share, 0), 1), y + LINE - 6), COLOURS[0])
        sheet.text((label + 416, y), bar.text, INK, canvas.font)


def _columns(sheet: ImageDraw.ImageDraw, counts: Sequence[float], x: int, y: int, width: int, height: int) -> None:
    top = max(counts, default=0) or 1
    each = width / max(len(counts), 1)
    for number, count in enumerate(counts):
        if count:
            left = x + number * each
            sheet.rectangle((left, y + height * (1 - count / top), left + each - 1, y + height - 1), COLOURS[0])


def _curves(canvas: _Canvas, curves: Curves) -> None:
    finite = [value for ys in curves.series.values() for value in ys if value == value and abs(value) != float("inf")]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    left, right = min(curves.x, default=0.0), max(curves.x, default=1.0)
    sheet = canvas.part(240)
    for (name, ys), colour in zip(curves.series.items(), cycle(COLOURS), strict=False):
        points = [
            ((x - left) / ((right - left) or 1) * 480, (high - y) / ((high - low) or 1) * 230)
            for x, y in zip(curves.x, ys, strict=True)
            if y == y and abs(y) != float("inf")
        ]
        sheet.line(points, colour, 2)
        _line(canvas, name, colour)


def _gallery(canvas: _Canvas, images: Sequence[Image], per_row: int) -> None:
    for start in range(0, len(images), per_row):
        row = images[start : start + per_row]
        pictures = [Pillow.fromarray(image.pixels).convert("RGB") for image in row]
        zooms = [max(1, 112 // max(picture.width, 1)) for picture in pictures]
        shown = [
            picture.resize((picture.width * zoom, picture.height * zoom), Pillow.Resampling.NEAREST)
            for picture, zoom in zip(pictures, zooms, strict=True)
        ]
        each = max(*(picture.width for picture in shown), *(canvas.width_of(image.caption) for image in row)) + 12
        sheet = canvas.part(max(picture.height for picture in shown) + LINE + 6, max(WIDE, each * len(row)))
        for number, (picture, image) in enumerate(zip(shown, row, strict=True)):
            canvas.paste(picture, number * each, 0)
            sheet.text((number * each, picture.height + 2), image.caption, INK, canvas.font)
