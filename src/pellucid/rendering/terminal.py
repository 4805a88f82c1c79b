"""Blocks as text: for `print`, and in colour for a terminal that shows it."""

import io
import math
import shutil
from collections.abc import Iterable, Sequence

import numpy as np
from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from pellucid.rendering.blocks import (
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
from pellucid.rendering.pictures import Pixels, beside, scaled
from pellucid.rendering.plotting import curve_lines, shade, sparkline

WIDEST = 120
# Between two columns of a table.
GAP = 2


def to_text(blocks: Iterable[Block], width: int | None = None) -> str:
    """Return blocks as plain text without colour codes.

    Args:
        blocks: What to show.
        width: Columns to use; by default those of the terminal, at most 120.
    """
    width = width or min(shutil.get_terminal_size().columns, WIDEST)
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False, legacy_windows=False)
    with console.capture() as captured:
        show(console, blocks)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def show(console: Console, blocks: Iterable[Block]) -> None:
    """Print blocks to a console, with an empty line between them."""
    is_first = True
    for block in blocks:
        if not is_first and not isinstance(block, Note):
            console.print()
        console.print(_renderable(block, console), highlight=False)
        is_first = False


def _renderable(block: Block, console: Console) -> RenderableType:
    width = min(console.width, WIDEST)
    match block:
        case Table():
            return _titled(block.title, _table(block, width))
        case Matrix() | Reliability():
            return _titled(block.title, _table(block.table(), width))
        case Figures():
            return Text("   ".join(f"{value} {name}" for value, name in block.figures), style="bold")
        case Facts():
            return _titled(block.title, _facts(block))
        case Heading():
            line = {1: "═", 2: "─"}.get(block.level, "")
            return Text("\n".join([block.text, *([line * cell_len(block.text)] if line else [])]), style="bold")
        case Code():
            return _titled(block.title, Text("\n".join(f"  {line}" for line in block.text.splitlines())))
        case Bars():
            return _titled(block.title, _bars(block, width))
        case Histogram():
            return _titled(block.title, Text(_histogram(block, width)))
        case Curves():
            return _titled(block.title, Text("\n".join(curve_lines(block, min(width, 88)))))
        case Image():
            return _titled(block.caption, _picture(block.pixels, width, console.color_system is not None))
        case Gallery():
            return _titled(block.title, *_gallery(block, width, console.color_system is not None))
        case Note():
            mark = Text("! ", style="bold yellow") if block.is_warning else Text("")
            return mark.append(Text(block.text, style="yellow" if block.is_warning else ""))


def _titled(title: str, *parts: RenderableType) -> RenderableType:
    return Group(Text(title, style="bold"), *parts) if title else Group(*parts)


def _facts(facts: Facts) -> RenderableType:
    name = max((cell_len(one) for one, _ in facts.entries), default=0)
    grid = RichTable.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=min(name, 28), overflow="fold")
    grid.add_column(overflow="fold")
    for one, text in facts.entries:
        grid.add_row(Text(one), Text(text))
    return grid


def _table(table: Table, width: int) -> RichTable:
    rich = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    shown = [
        [column.shown(cell) for column, cell in zip(table.columns, row, strict=True)]
        for row in [*table.rows, *table.footer]
    ]
    widths = _fitted(table, shown, width)
    for column, cells in zip(table.columns, widths, strict=True):
        title = Text(_shortened(column.title, cells))
        rich.add_column(title, justify="right" if column.is_number else "left", no_wrap=True, width=cells)
    for index, row in enumerate(shown):
        if index == len(table.rows) and index > 0:
            rich.add_section()
        rich.add_row(*(Text(_shortened(cell, limit)) for cell, limit in zip(row, widths, strict=True)))
    return rich


def _fitted(table: Table, shown: Sequence[Sequence[str]], width: int) -> list[int]:
    """Return the width of each column: wide texts give way until the table fits, then titles; numbers never do."""
    widths = [
        max(cell_len(column.title), *(cell_len(row[index]) for row in shown), 1)
        for index, column in enumerate(table.columns)
    ]
    # Texts down to eight cells first; then titles down to their numbers, which a cut would falsify.
    numbers = [max((cell_len(row[index]) for row in shown), default=1) for index in range(len(widths))]
    for narrowest in (
        [widths[index] if column.is_number else 8 for index, column in enumerate(table.columns)],
        [max(numbers[index], 1) if column.is_number else 4 for index, column in enumerate(table.columns)],
    ):
        while sum(widths) + GAP * (len(widths) - 1) > width:
            spare = [cells - least for cells, least in zip(widths, narrowest, strict=True)]
            if max(spare) <= 0:
                break
            widths[max(range(len(widths)), key=lambda index: widths[index] if spare[index] > 0 else 0)] -= 1
    return widths


def _shortened(text: str, width: int) -> str:
    """Return the text cut in its middle to fit, since names differ most at their ends."""
    if cell_len(text) <= width:
        return text
    left = (width - 1) // 2
    right = width - 1 - left
    return set_cell_size(text, left) + "…" + (text[-right:] if right else "")


def _histogram(histogram: Histogram, width: int) -> str:
    """Return the counts as one line; neighbours are added up where there are more than fit."""
    left, right = f"{histogram.edges[0]:g}", f"{histogram.edges[-1]:g}"
    together = math.ceil(len(histogram.counts) / max(1, width - len(left) - len(right) - 2))
    counts = [sum(histogram.counts[at : at + together]) for at in range(0, len(histogram.counts), max(1, together))]
    return f"{left} {sparkline(counts)} {right}"


def _bars(bars: Bars, width: int) -> RenderableType:
    text = max((cell_len(bar.text) for bar in bars.bars), default=0)
    label = min(max((cell_len(bar.label) for bar in bars.bars), default=0), max(8, width - text - 14))
    room = max(10, min(40, width - label - text - 4))
    lines = []
    for bar in bars.bars:
        share = min(max(bar.share, 0.0), 1.0)
        eighths = round(share * room * 8)
        full = "█" * (eighths // 8) + ("" if eighths % 8 == 0 else " ▏▎▍▌▋▊▉"[eighths % 8])
        lines.append(
            Text(set_cell_size(_shortened(bar.label, label), label) + "  ")
            + Text(full.ljust(room), style="cyan")
            + Text(f"  {bar.text:>{text}}")
        )
    return Group(*lines)


def _gallery(gallery: Gallery, width: int, in_colour: bool) -> list[RenderableType]:
    parts: list[RenderableType] = []
    per_row = max(1, min(gallery.per_row, len(gallery.images), width // 14))
    each = max(8, min(28, (width - per_row + 1) // per_row))
    for start in range(0, len(gallery.images), per_row):
        images = gallery.images[start : start + per_row]
        pictures = [_resized(image.pixels, each) for image in images]
        captions = " ".join(set_cell_size(_shortened(image.caption, each), each) for image in images)
        row = beside(pictures)
        parts += [Text(captions), _picture(row, row.shape[1], in_colour)]
    return parts


def _resized(pixels: Pixels, width: int) -> Pixels:
    height = max(2, round(pixels.shape[0] * width / pixels.shape[1] / 2) * 2)
    return scaled(pixels, width, height)


def _picture(pixels: Pixels, width: int, in_colour: bool) -> Text:
    """Return a picture as text: a character is one pixel wide and two high."""
    if pixels.shape[1] > width:
        pixels = _resized(pixels, width)
    if pixels.shape[0] % 2:
        pixels = np.concatenate([pixels, np.zeros_like(pixels[:1])])
    upper, lower = pixels[0::2], pixels[1::2]
    if not in_colour:
        grey = np.stack([upper, lower]).astype(np.float64).mean(axis=0)
        grey = grey.mean(axis=2) if grey.ndim == 3 else grey
        return Text("\n".join("".join(shade(level / 255) for level in row) for row in grey))
    text = Text()
    for above, below in zip(upper, lower, strict=True):
        for high, low in zip(above, below, strict=True):
            text.append("▀", style=f"{_hex(high)} on {_hex(low)}")
        text.append("\n")
    return text


def _hex(pixel: Pixels) -> str:
    red, green, blue = np.broadcast_to(pixel, 3).tolist()
    return f"#{red:02x}{green:02x}{blue:02x}"
