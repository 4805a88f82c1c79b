"""Blocks as a whole HTML page: light and dark, on a phone and on paper, without any other file and without a script."""

from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from re import sub

from pellucid.rendering.blocks import Block, Heading
from pellucid.rendering.markup import Markup
from pellucid.rendering.vectors import LEVELS

# With fewer sections there is nothing to find one's way through.
FEWEST_LISTED = 3
# The ends of the shades of a matrix, for right and wrong answers, and what they start from.
LIGHT = {"": (255, 255, 255), "r": (0, 78, 130), "w": (170, 66, 0)}
DARK = {"": (15, 19, 24), "r": (122, 196, 250), "w": (255, 150, 80)}
# Nothing may be loaded and nothing run, whatever the names in it say.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def to_page(blocks: Iterable[Block], *, title: str) -> str:
    """Return blocks as an HTML page; all text in it is escaped.

    Args:
        blocks: A heading of level 1 is the title; one of level 2 begins a section, which the contents list.
        title: Of a page whose blocks have no heading of level 1.
    """
    head, sections = _sections(list(blocks))
    if head and isinstance(head[0], Heading):
        title, head = head[0].text, head[1:]
    markup = Markup(is_page=True)
    names = _identifiers([section[0].text for section in sections])
    parts = []
    for name, (heading, content) in zip(names, sections, strict=True):
        parts.append(
            f'<section aria-labelledby="{name}"><h2 id="{name}">{escape(heading.text)}</h2>'
            f"{markup.body(content)}</section>\n"
        )
    links = "".join(
        f'<li><a href="#{name}">{escape(heading.text)}</a></li>'
        for name, (heading, _) in zip(names, sections, strict=True)
    )
    contents = f'<nav aria-label="contents"><ul>{links}</ul></nav>' if len(sections) >= FEWEST_LISTED else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        # Without it a browser asks the server for an icon.
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title><style>{style_sheet()}</style></head>\n'
        f'<body class="pellucid"><header><h1>{escape(title)}</h1>{markup.body(head)}</header>\n{contents}'
        f"<main>{''.join(parts)}</main></body></html>\n"
    )


@cache
def style_sheet() -> str:
    """Return the style sheet of a page, with the shades of a matrix."""
    written = files("pellucid.rendering").joinpath("page.css").read_text(encoding="utf-8")
    plain = sub(r"/\*.*?\*/", "", written, flags=16)
    dark = f"@media screen and (prefers-color-scheme:dark){{{_shades(DARK)}}}"
    return sub(r"\s+", " ", plain + _shades(LIGHT) + dark)


def _sections(blocks: Sequence[Block]) -> tuple[list[Block], list[tuple[Heading, list[Block]]]]:
    """Return what stands before the first section, and the sections."""
    head: list[Block] = []
    sections: list[tuple[Heading, list[Block]]] = []
    for block in blocks:
        if isinstance(block, Heading) and block.level == 2:
            sections.append((block, []))
        else:
            (sections[-1][1] if sections else head).append(block)
    return head, sections


def _identifiers(titles: Sequence[str]) -> list[str]:
    """Return an identifier for each title, no two alike."""
    found: list[str] = []
    for title in titles:
        stem = sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section"
        name, number = stem, 1
        while name in found:
            number += 1
            name = f"{stem}-{number}"
        found.append(name)
    return found


def _shades(ends: dict[str, tuple[int, int, int]]) -> str:
    """Return a rule for each shade, with the text colour that stands out more."""
    rules = []
    for kind in ("r", "w"):
        for strength in range(1, LEVELS + 1):
            share = 0.06 + 0.94 * strength / LEVELS
            pairs = zip(ends[""], ends[kind], strict=True)
            red, green, blue = (round(start + (end - start) * share) for start, end in pairs)
            ink = "#000" if _luminance((red, green, blue)) > 0.179 else "#fff"
            rules.append(f".{kind}{strength}{{background:rgb({red},{green},{blue});color:{ink};")
            rules.append(f"fill:rgb({red},{green},{blue});fill-opacity:1}}")
    return "".join(rules)


def _luminance(colour: tuple[int, int, int]) -> float:
    """Return the relative luminance as the Web Content Accessibility Guidelines 2.2 define it."""
    red, green, blue = (
        value / 255 / 12.92 if value / 255 <= 0.04045 else ((value / 255 + 0.055) / 1.055) ** 2.4 for value in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
