"""A whole page: its parts, its colours, and that it needs nothing else."""

import re

import numpy as np
import pytest

from pellucid.rendering.blocks import Code, Column, Facts, Figures, Heading, Image, Matrix, Note, Table
from pellucid.rendering.markup import STYLES
from pellucid.rendering.page import DARK, LIGHT, style_sheet, to_page
from pellucid.rendering.pictures import picture_address

from .parsing import Page

EVIL = "</style></title><script>alert('x')</script><img src=http://evil onerror=alert(1)>\"&amp;"


def page_of(text: str) -> str:
    matrix = Matrix([text, f"{text} 2"], [[1, 2], [3, 4]], title=text)
    table = Table([Column(text)], [(text,)], title=text)
    picture = Image(np.zeros((4, 4), np.uint8), text)
    return to_page(
        [
            Heading(text, 1), Figures([(text, text)]), Heading(text), Note(text), matrix, Heading(text), table,
            Heading("seen"), Facts([(text, text)]), Code(text), picture, Heading(text, 3),
        ],
        title="unused",
    )  # fmt: skip


def test_it_has_one_title_and_a_section_for_each_heading_of_level_two() -> None:
    page = Page(page_of("cats"))
    assert len(page.all("h1")) == 1 and len(page.all("h2")) == len(page.all("section")) == 3
    assert page.texts.count("seen") == 2  # in the contents, and above its section


def test_identifiers_are_unique_and_every_link_leads_to_one() -> None:
    page = Page(page_of("cats & dogs"))
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert names == ["cats-dogs", "cats-dogs-2", "seen"]
    assert [link["href"] for link in page.all("a")] == [f"#{name}" for name in names]
    assert [section["aria-labelledby"] for section in page.all("section")] == names


def test_no_name_becomes_an_element_or_an_attribute() -> None:
    evil, plain = Page(page_of(EVIL)), Page(page_of("x"))
    assert [(tag, sorted(attributes)) for tag, attributes in evil.elements] == [
        (tag, sorted(attributes)) for tag, attributes in plain.elements
    ]
    assert EVIL in evil.texts


def test_it_loads_nothing_and_runs_nothing() -> None:
    html = page_of("cats")
    page = Page(html)
    addresses = [
        value or "" for _, attributes in page.elements for key, value in attributes.items() if key in ("src", "href")
    ]
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert "script" not in {tag for tag, _ in page.elements}
    assert "url(" not in html and "@import" not in html and "http" not in html.replace("http-equiv", "")
    (policy,) = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert (policy or "").startswith("default-src 'none'")


def test_a_page_of_few_sections_lists_no_contents_and_takes_the_title_given() -> None:
    page = Page(to_page([Note("hello")], title="Greeting"))
    assert page.all("nav") == [] and page.texts.count("Greeting") == 2  # title and h1


def luminance(colour: tuple[float, ...]) -> float:
    """Relative luminance, as WCAG 2.2 writes it."""
    parts = [c / 255 for c in colour]
    red, green, blue = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def colours(css: str) -> dict[str, tuple[float, ...]]:
    found = re.findall(r"--([a-z0-9-]+): #([0-9a-f]{6})", css)
    return {name: tuple(int(code[at : at + 2], 16) for at in (0, 2, 4)) for name, code in found}


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_text_stands_out_by_the_four_and_a_half_to_one_that_wcag_asks_for(is_dark: bool) -> None:
    light, dark = style_sheet().split("@media screen and (prefers-color-scheme: dark)")[:2]
    of = colours(dark if is_dark else light)
    for ink, ground in [
        ("ink", "paper"), ("ink", "panel"), ("muted", "paper"), ("muted", "panel"), ("link", "paper"),
        ("warning", "warning-panel"),
    ]:  # fmt: skip
        assert contrast(of[ink], of[ground]) >= 4.5, (ink, ground)
    for series in ("c0", "c1", "c2", "c3"):
        assert contrast(of[series], of["paper"]) >= 3, series


def test_text_stands_out_on_every_shade_of_a_matrix() -> None:
    shades = re.findall(r"\.[rw]\d\{background:rgb\((\d+),(\d+),(\d+)\);color:#(000|fff);", style_sheet())
    assert len(shades) == 2 * 2 * 8
    for *ground, ink in shades:
        assert contrast(tuple(map(float, ground)), (0, 0, 0) if ink == "000" else (255, 255, 255)) >= 4.5


def test_every_look_that_a_piece_brings_itself_the_style_sheet_has_too() -> None:
    names = {name for kind in STYLES for name in kind.split()}
    assert {name for name in names if not re.search(rf"\.{name}\b", style_sheet())} == {
        "histogram"
    }  # as wide as its chart


def test_the_paper_of_the_shades_is_that_of_the_page() -> None:
    light, dark = style_sheet().split("@media screen and (prefers-color-scheme: dark)")[:2]
    assert colours(light)["paper"] == LIGHT[""] and colours(dark)["paper"] == DARK[""]


def test_a_photograph_is_made_small_and_a_small_picture_is_kept_exact() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (900, 1200, 3), dtype=np.uint8)
    assert len(picture_address(noise)) < 60_000
    assert picture_address(noise[:28, :28]).startswith("data:image/png;base64,")
