"""Blocks as HTML, parsed back."""

import base64
import io

import numpy as np
import pytest
from PIL import Image as Pillow

from pellucid.rendering.blocks import (
    Bar,
    Bars,
    Block,
    Code,
    Column,
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
    number,
)
from pellucid.rendering.markup import MOST_CELLS, to_html

from .parsing import Page

EVIL = "<script>alert('x')</script>\"&amp;"


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
        "matrix": Matrix([text, f"{text} too"], [[3, 1], [0, 2]], title=text, row_title=text, column_title=text),
        "large matrix": Matrix(
            [f"{text} {place}" for place in range(MOST_CELLS + 1)],
            np.eye(MOST_CELLS + 1, dtype=int).tolist(),
            title=text,
        ),
        "reliability": Reliability([0.4, 0.9], [0.5, 0.8], [3, 7], title=text),
        "heading": Heading(text, 3),
        "figures": Figures([(text, text), ("2", text)]),
        "facts": Facts([(text, text), (text, text)], title=text),
        "code": Code(text, title=text),
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
        pytest.param(Curves([1.0, 2.0], {"a": [5e-324, 1e308]}), id="as far apart as numbers go"),
        pytest.param(Curves([1.0, 2.0], {"a": [1e299, 1e299]}), id="equal and huge"),
        pytest.param(Curves([1.0, 2.0], {"a": [0.0, 5e-324]}), id="nearly equal"),
        pytest.param(Matrix([], []), id="matrix of nothing"),
        pytest.param(Matrix(["a", "b"], [[0, 0], [0, 0]]), id="matrix of zeros"),
        pytest.param(Matrix([f"{n}" for n in range(40)], [[0] * 40] * 40), id="large matrix of zeros"),
        pytest.param(Reliability([], [], []), id="reliability of nothing"),
        pytest.param(Figures([]), id="no figures"),
        pytest.param(Facts([]), id="no facts"),
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
    assert f"width:{width}" in styles[2]


def test_a_bar_shows_its_interval() -> None:
    page = Page(to_html([Bars([Bar("x", 0.5, "y", (0.4, 0.65))])]))
    (whisker,) = [div["style"] or "" for div in page.all("div") if div.get("class") == "whisker"]
    assert "left:40.0%" in whisker and "width:25.0%" in whisker


def test_a_histogram_has_a_column_for_each_count_as_high_as_it_is() -> None:
    columns = [div for div in Page(to_html([Histogram([0, 1, 2, 3], [5, 0, 10])])).all("div") if "title" in div]
    assert [(column["title"], (column["style"] or "").split("height:")[1]) for column in columns] == [
        ("5", "50.0%"),
        ("0", "0.0%"),
        ("10", "100.0%"),
    ]


def points_of(path: str | None) -> list[tuple[str, float, float]]:
    """Return the steps of a path: its letter, x and y."""
    return [(step[0], *map(float, step[1:].split(","))) for step in (path or "").split()]  # type: ignore[misc]


def test_a_curve_is_in_proportion_to_its_values_with_a_gap_where_one_is_missing() -> None:
    curves = Curves([0.0, 1.0, 2.0, 3.0], {"up": [0.0, 1.0, float("nan"), 3.0]})
    _, path = Page(to_html([curves])).all("path")  # the first is the key of the legend
    start, middle, end = points_of(path["d"])
    assert [start[0], middle[0], end[0]] == ["M", "L", "M"]
    assert (middle[1] - start[1]) * 3 == pytest.approx(end[1] - start[1], abs=0.2)
    assert (middle[2] - start[2]) * 3 == pytest.approx(end[2] - start[2], abs=0.2)
    assert end[2] < start[2]  # y goes downwards in a picture


def test_each_curve_has_a_colour_and_dashes_of_its_own_that_the_legend_has_too() -> None:
    page = Page(to_html([Curves([0.0, 1.0], {name: [0.0, 1.0] for name in "abcd"})]))
    looks = [(path["stroke"], path.get("stroke-dasharray")) for path in page.all("path")]
    assert len(set(looks)) == 4 and looks[:4] == looks[4:]


def test_a_picture_of_curves_is_said_in_words() -> None:
    curves = Curves([1.0, 2.0], {"training": [0.5, 0.25]}, title="loss")
    (label,) = [svg["aria-label"] for svg in Page(to_html([curves])).all("svg") if svg.get("role") == "img"]
    assert label == "loss: training from 0.5 to 0.25"


def test_an_image_may_be_described_without_a_caption() -> None:
    page = Page(to_html([Image(pixels_of(4, 5), description="a boot")]))
    assert [img["alt"] for img in page.all("img")] == ["a boot"] and "a boot" not in page.texts


def test_a_matrix_has_a_head_for_each_row_and_column_and_every_count() -> None:
    page = Page(to_html([Matrix(["cat", "dog"], [[3, 1], [0, 1234]])]))
    assert [head["scope"] for head in page.all("th")] == ["col", "col", "row", "row"]
    assert page.texts[1:] == ["cat", "dog", "cat", "3", "1", "dog", "0", "1,234"]


def test_a_large_matrix_is_a_picture_with_a_square_for_each_count_that_is_not_zero() -> None:
    counts = np.zeros((60, 60), int)
    counts[3, 7], counts[3, 3], counts[59, 0] = 1, 9, 4
    page = Page(to_html([Matrix([f"class {n}" for n in range(60)], counts.tolist())]))
    squares = "".join(path["d"] or "" for path in page.all("path"))
    found = {tuple(map(int, square.split("h")[0].split(","))) for square in squares.split("M")[1:]}
    assert found == {(7, 3), (3, 3), (0, 59)}  # x is the column
