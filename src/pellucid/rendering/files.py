"""Results as files: the ending of the name says in which form."""

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from pellucid.errors import DataError, MissingFileError, OverwriteError, UnknownNameError, UnwritableError, did_you_mean
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
from pellucid.rendering.pictures import png_address
from pellucid.rendering.plotting import curve_lines, sparkline
from pellucid.rendering.result import Result


def write_result(result: Result, path: Path, *, overwrite: bool = False) -> None:
    """Write a result as HTML, JSON, CSV, Markdown, SVG or PNG.

    Args:
        result: Of any kind.
        path: Its ending says the form.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        DataError: If the form cannot show such a result.
        MissingFileError: If the folder is not there.
        OverwriteError: If the file is there and may not be replaced.
        UnknownNameError: If there is no such form.
        UnwritableError: If it cannot be written.
    """
    form = path.suffix.lower().lstrip(".")
    if form not in FORMS:
        raise UnknownNameError(f"there is no form {form!r} to write a result in", fix=did_you_mean(form, FORMS))
    if path.exists() and not overwrite:
        raise OverwriteError(f"{path} is there already", fix="choose another name, or allow it with --overwrite")
    if not path.parent.is_dir():
        raise MissingFileError(f"there is no folder {path.parent}", fix=f"make it first: mkdir -p {path.parent}")
    content = FORMS[form](result)
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UnwritableError(f"{path} cannot be written ({error.strerror})", fix="choose another place") from error


def _html(result: Result) -> bytes:
    from pellucid.rendering.page import to_page

    return to_page(result.page_blocks(), title=type(result).__name__).encode()


def _json(result: Result) -> bytes:
    return (result.to_json() + "\n").encode()


def _csv(result: Result) -> bytes:
    table = result.listing()
    if table is None:
        raise DataError(f"a {type(result).__name__} has no table to write as CSV", fix="write .json, .html or .md")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    # The rows themselves, with numbers as they are and not as they are shown.
    writer.writerow([column.title for column in table.columns])
    writer.writerows([["" if cell is None else cell for cell in row] for row in table.rows])
    return text.getvalue().encode()


def _markdown(result: Result) -> bytes:
    return ("\n\n".join(_markdown_block(block) for block in result.blocks()) + "\n").encode()


def _markdown_block(block: Block) -> str:
    match block:
        case Table():

            def row(cells: list[str]) -> str:
                return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

            lines = [row([column.title for column in block.columns])]
            lines.append("|" + "|".join("---:" if column.is_number else "---" for column in block.columns) + "|")
            lines += [
                row([column.shown(cell) for column, cell in zip(block.columns, cells, strict=True)])
                for cells in (*block.rows, *block.footer)
            ]
            return "\n".join(([f"**{block.title}**", ""] if block.title else []) + lines)
        case Matrix() | Reliability() | Facts() | Figures():
            return _markdown_block(block.table())
        case Heading():
            return f"{'#' * block.level} {block.text}"
        case Code():
            return "\n".join(([f"**{block.title}**", ""] if block.title else []) + ["```text", block.text, "```"])
        case Bars():
            lines = [f"- {bar.label}: {bar.text}" for bar in block.bars]
            return "\n".join(([f"**{block.title}**", ""] if block.title else []) + lines)
        case Histogram():
            return f"**{block.title}**\n\n`{block.edges[0]:g} {sparkline(block.counts)} {block.edges[-1]:g}`"
        case Curves():
            return "\n".join(["```text", *curve_lines(block, 88), "```"])
        case Image():
            return f"![{block.caption}]({png_address(block.pixels)})"
        case Gallery():
            pictures = " ".join(f"![{image.caption}]({png_address(image.pixels)})" for image in block.images)
            return (f"**{block.title}**\n\n" if block.title else "") + pictures
        case Note():
            return f"**{block.text}**" if block.is_warning else block.text


def _svg(result: Result) -> bytes:
    from rich.console import Console

    from pellucid.rendering.terminal import show

    console = Console(file=io.StringIO(), record=True, width=120, force_terminal=True, color_system="truecolor")
    show(console, result.blocks())
    return console.export_svg(title=type(result).__name__, unique_id="pellucid").encode()


def _png(result: Result) -> bytes:
    from pellucid.rendering.raster import to_png

    return to_png(result.blocks())


FORMS: Mapping[str, Callable[[Result], bytes]] = MappingProxyType(
    {"html": _html, "json": _json, "csv": _csv, "md": _markdown, "svg": _svg, "png": _png}
)
