"""Blocks as HTML, parsed back."""

import base64
import io
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image as Pillow

from pellucid.rendering.blocks import (
    Bar,
    Bars,
    Block,
    Column,
    Curves,
    Gallery,
    Histogram,
    Image,
    Note,
    Table,
    number,
)
from pellucid.rendering.markup import to_html

# Elements of HTML that have no end.
VOID = {"img", "br", "hr", "input", "meta", "link"}
EVIL = "<script>alert('x')</script>\"&amp;"


class Page(HTMLParser):
    """What a browser would see: elements with their attributes, and text; fails where tags do not balance."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == [], f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def pixels_of(*shape: int) -> np.ndarray:
    pixels: np.ndarray = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return pixels


def every_block(text: str) -> dict[str, Block]:
    """One block of each kind, with the text wherever a text can stand."""
    return {
        "table": Table([Column(text), number(text)], [(text, 1), (None, 2)], title=text, footer=[(text, 3)]),
        "bars": Bars([Bar(text, 0.5, text)], title=text),
        "histogram": Histogram([0.0, 1.0, 2.0], [3, 4], title=text),
        "image": Image(pixels_of(4, 5), text),
        "gallery": Gallery([Image(pixels_of(4, 5, 3), text)] * 2, title=text),
        "curves": Curves([0.0, 1.0], {text: [1.0, float("nan")]}, title=text),
        "note": Note(text),
        "warning": Note(text, is_warning=True),
    }


@pytest.mark.parametrize("kind", every_block(""))
def test_tags_balance_and_the_text_is_there(kind: str) -> None:
    assert "seen" in Page(to_html([every_block("seen")[kind]])).texts


@pytest.mark.parametrize("kind", every_block(""))
def test_text_cannot_become_an_element_or_an_attribute(kind: str) -> None:
    evil, plain = Page(to_html([every_block(EVIL)[kind]])), Page(to_html([every_block("x")[kind]]))
    assert [(tag, sorted(attributes)) for tag, attributes in evil.elements] == [
        (tag, sorted(attributes)) for tag, attributes in plain.elements
    ]
    assert EVIL in "".join(evil.texts)


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(Table([Column("a")], []), id="table without rows"),
        pytest.param(Bars([]), id="no bars"),
        pytest.param(Gallery([]), id="empty gallery"),
        pytest.param(Histogram([0.0, 1.0], [0]), id="histogram of nothing"),
        pytest.param(Curves([], {}), id="no curves"),
        pytest.param(Curves([1.0], {"a": [2.0]}), id="one point"),
        pytest.param(Curves([1.0, 2.0], {"a": [float("nan")] * 2}), id="only gaps"),
    ],
)
def test_an_empty_block_is_still_balanced_and_without_a_number_that_is_none(block: Block) -> None:
    html = to_html([block])
    assert Page(html).all("div")[0]["class"] == "pellucid"
    assert "nan" not in html and "inf" not in html


def test_it_stands_by_itself() -> None:
    page = Page(to_html(every_block("seen").values()))
    assert {tag for tag, _ in page.elements} & {"script", "link", "style", "iframe"} == set()
    sources = [value for _, attributes in page.elements for key, value in attributes.items() if key in ("src", "href")]
    assert sources and all((source or "").startswith("data:image/png;base64,") for source in sources)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 3)])
def test_an_image_is_a_png_of_its_pixels(shape: tuple[int, ...]) -> None:
    (img,) = Page(to_html([Image(pixels_of(*shape), "seen")])).all("img")
    content = base64.b64decode((img["src"] or "").removeprefix("data:image/png;base64,"), validate=True)
    with Pillow.open(io.BytesIO(content), formats=["PNG"]) as image:
        assert np.array_equal(np.asarray(image), pixels_of(*shape))
    assert img["alt"] == "seen"


def test_cells_are_shown_as_their_column_says() -> None:
    table = Table([Column("name"), number("n"), number("share", ".1%")], [("a", 1234567, 0.256), ("b", None, 1.0)])
    texts = Page(to_html([table])).texts
    assert texts == ["name", "n", "share", "a", "1,234,567", "25.6%", "b", "100.0%"]


def test_numbers_are_aligned_to_the_right() -> None:
    cells = Page(to_html([Table([Column("name"), number("n")], [("a", 1)])])).all("td")
    assert ["text-align:right" in (cell["style"] or "") for cell in cells] == [False, True]


@pytest.mark.parametrize(("share", "width"), [(0.256, "25.6%"), (-1.0, "0.0%"), (7.0, "100.0%")])
def test_a_bar_is_as_wide_as_its_share(share: float, width: str) -> None:
    styles = [(div["style"] or "").split(";") for div in Page(to_html([Bars([Bar("x", share, "y")])])).all("div")]
    assert f"width:{width}" in styles[1]


def test_a_histogram_has_a_column_for_each_count_as_high_as_it_is() -> None:
    columns = [div for div in Page(to_html([Histogram([0, 1, 2, 3], [5, 0, 10])])).all("div") if "title" in div]
    assert [(column["title"], (column["style"] or "").split("height:")[1]) for column in columns] == [
        ("5", "50.0%"),
        ("0", "0.0%"),
        ("10", "100.0%"),
    ]


def test_a_curve_goes_from_corner_to_corner_with_a_gap_where_a_value_is_missing() -> None:
    curves = Curves([0.0, 1.0, 2.0, 3.0], {"up": [0.0, 1.0, float("nan"), 3.0]})
    (path,) = Page(to_html([curves])).all("path")
    # The picture is 420 wide and 200 high, with y downwards.
    assert (path["d"] or "").split() == ["M0.0,200.0", "L140.0,133.3", "M420.0,0.0"]


def test_each_curve_has_a_colour_of_its_own_that_the_legend_names() -> None:
    page = Page(to_html([Curves([0.0, 1.0], {name: [0.0, 1.0] for name in "abcd"})]))
    strokes = [path["stroke"] for path in page.all("path")]
    assert len(set(strokes)) == 4
    assert [span["style"] for span in page.all("span")] == [f"color:{stroke}" for stroke in strokes]
