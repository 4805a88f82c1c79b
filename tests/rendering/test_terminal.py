"""Blocks as text, read back character by character."""

import io
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

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
from pellucid.rendering.plotting import curve_lines, shade, sparkline
from pellucid.rendering.terminal import show, to_text

WIDTHS = pytest.mark.parametrize("width", range(40, 121, 8))
LONG = "a class whose name is longer than any terminal is wide, and that goes on up to its very end"
TABLE = Table(
    [Column("class"), number("examples"), number("share", ".1%")],
    [(LONG, 1234567, 0.5), ("cat", 12, 0.25), ("dog", None, None)],
    title="what there is",
    footer=[("all", 1234579, 0.75)],
)


def ramp(height: int = 8, width: int = 8) -> Image:
    return Image(np.linspace(0, 255, height * width).reshape(height, width).astype(np.uint8), "a ramp")


BLOCKS: dict[str, Block] = {
    "table": TABLE,
    "bars": Bars([Bar(LONG, 0.5, "50.0%"), Bar("cat", 1.0, "100.0%"), Bar("dog", 0.0, "0.0%")], title="bars"),
    "histogram": Histogram(list(range(201)), list(range(200)), title="histogram"),
    "image": ramp(60, 200),
    "gallery": Gallery([Image(ramp().pixels, LONG[:30])] * 7, title="gallery"),
    "curves": Curves(list(range(50)), {"loss": [x * 1e5 for x in range(50)], LONG[:20]: [-x * 1e5 for x in range(50)]}),
    "note": Note(LONG),
    "warning": Note(LONG, is_warning=True),
}


@WIDTHS
@pytest.mark.parametrize("name", BLOCKS)
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    lines = to_text([BLOCKS[name]], width).splitlines()
    assert max(map(cell_len, lines)) <= width


@WIDTHS
@pytest.mark.parametrize(
    ("name", "lines"),
    [
        pytest.param("table", {1 + 2 + 3 + 2}, id="table"),
        pytest.param("bars", {1 + 3}, id="bars"),
        pytest.param("histogram", {2}, id="histogram"),
        # The names of the curves stand below each other where they do not fit beside each other.
        pytest.param("curves", {15 + 1 + 1, 15 + 1 + 2}, id="curves"),
    ],
)
def test_nothing_that_stands_in_columns_is_wrapped(name: str, lines: set[int], width: int) -> None:
    assert len(to_text([BLOCKS[name]], width).splitlines()) in lines


@WIDTHS
def test_a_long_name_is_cut_in_its_middle(width: int) -> None:
    row = next(line for line in to_text([TABLE], width).splitlines() if "1,234,567" in line)
    shown = row.split("  ")[0]
    if width < cell_len(LONG) + 20:
        left, right = shown.split("…")
        assert LONG.startswith(left) and LONG.endswith(right)
        assert abs(len(left) - len(right)) <= 1
    else:
        assert shown == LONG


@WIDTHS
def test_numbers_end_below_each_other(width: int) -> None:
    lines = to_text([TABLE], width).splitlines()
    ends = {
        line.index(text) + len(text)
        for line, text in zip(
            (lines[1], lines[3], lines[4], lines[7]), ("examples", "1,234,567", "12", "1,234,579"), strict=True
        )
    }
    assert len(ends) == 1


@pytest.mark.parametrize("width", [44, 60, 80])
def test_a_title_gives_way_before_a_number_does(width: int) -> None:
    columns = [Column("name"), *(number(f"a long heading {index}") for index in range(4))]
    text = to_text([Table(columns, [("some name", 123456, 234567, 345678, 456789)])], width)
    assert re.findall(r"\d{3},\d{3}", text) == ["123,456", "234,567", "345,678", "456,789"]


def test_an_empty_cell_shows_nothing() -> None:
    row = next(line for line in to_text([TABLE], 80).splitlines() if line.startswith("dog"))
    assert row == "dog"


def test_a_table_without_rows_shows_its_columns() -> None:
    assert to_text([Table([Column("name"), number("count")], [])], 40).splitlines()[0] == "name  count"


def test_text_in_brackets_is_no_markup() -> None:
    text = to_text([Table([Column("[bold]")], [("[red]x[/red]",)], title="[i]t[/i]"), Note("[b]n[/b]")], 60)
    for shown in ("[bold]", "[red]x[/red]", "[i]t[/i]", "[b]n[/b]"):
        assert shown in text


def test_wide_characters_count_as_two_columns() -> None:
    names = ["猫" * 30, "cat"]
    text = to_text([Table([Column("name"), number("n")], [(name, 7) for name in names])], 40)
    ends = {cell_len(line) for line in text.splitlines() if line.endswith("7")}
    assert len(ends) == 1 and ends.pop() <= 40


@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(st.tuples(st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=60),
                            st.integers(0, 10**6)), min_size=1, max_size=5),
    width=st.integers(40, 120),
)  # fmt: skip
def test_every_row_of_a_table_stays_on_one_line_with_its_number(rows: list[tuple[str, int]], width: int) -> None:
    lines = to_text([Table([Column("name"), number("n")], rows)], width).splitlines()
    assert [line.split()[-1] for line in lines[2:]] == [f"{count:,}" for _, count in rows]


@pytest.mark.parametrize(
    ("share", "full", "rest"),
    [
        (0.0, 0, ""),
        (1.0, 40, ""),
        (0.5, 20, ""),
        (1 / 320, 0, "▏"),
        (0.0125 + 0.025, 1, "▌"),
        (7.0, 40, ""),
        (-1.0, 0, ""),
    ],
)
def test_a_bar_is_as_long_as_its_share(share: float, full: int, rest: str) -> None:
    line = to_text([Bars([Bar("x", share, "text")])], 80)
    assert line == f"x  {('█' * full + rest).ljust(40)}  text"


def test_bars_start_below_each_other() -> None:
    lines = to_text([Bars([Bar("cat", 1.0, "100%"), Bar("elephant", 1.0, "9%")])], 80).splitlines()
    assert {line.index("█") for line in lines} == {len("elephant") + 2}
    assert {len(line) for line in lines} == {len(lines[0])}


def test_a_histogram_shows_counts_between_its_ends() -> None:
    assert to_text([Histogram([-1.0, 0.0, 1.0, 2.5], [4, 0, 8])], 40) == "-1 ▄ █ 2.5"


def test_a_histogram_with_more_counts_than_fit_adds_neighbours_up() -> None:
    line = to_text([Histogram(list(range(101)), [1, 3] * 50)], 60)
    assert line == "0 " + "█" * 50 + " 100"


@pytest.mark.parametrize(
    ("counts", "line"),
    [([0, 1, 2, 4], " ▂▄█"), ([], ""), ([0, 0], "  "), ([1, 1000], "▁█"), ([8, 7, 6, 5, 4, 3, 2, 1], "█▇▆▅▄▃▂▁")],
)
def test_a_sparkline_shows_each_count_in_proportion_and_none_that_is_there_as_nothing(
    counts: list[int], line: str
) -> None:
    assert sparkline(counts) == line


def test_shades_grow_with_the_brightness() -> None:
    assert "".join(shade(level / 9.99) for level in range(10)) == " .:-=+*#%@"
    assert (shade(0.0), shade(1.0)) == (" ", "@")


def test_an_image_is_dark_where_it_is_dark() -> None:
    pixels = np.zeros((4, 6), np.uint8)
    pixels[:, 3:] = 255
    assert to_text([Image(pixels, "half")], 40).splitlines() == ["half", "   @@@", "   @@@"]


def test_an_image_in_colour_shows_two_pixels_in_each_character() -> None:
    pixels = np.array([[[255, 0, 0]], [[0, 0, 255]]], np.uint8)
    stream = io.StringIO()
    console = Console(file=stream, width=40, color_system="truecolor", force_terminal=True, legacy_windows=False)
    show(console, [Image(pixels)])
    assert "\x1b[38;2;255;0;0;48;2;0;0;255m▀" in stream.getvalue()


def test_plain_text_has_no_colour_codes() -> None:
    assert "\x1b" not in to_text(BLOCKS.values(), 80)


@pytest.mark.parametrize(("width", "per_row"), [(40, 2), (60, 4), (100, 5)])
def test_a_gallery_shows_as_many_beside_each_other_as_fit(width: int, per_row: int) -> None:
    images = [Image(ramp().pixels, f"no{index}") for index in range(6)]
    captions = [re.findall(r"no\d", line) for line in to_text([Gallery(images)], width).splitlines()]
    rows = [row for row in captions if row]
    expected = [f"no{index}" for index in range(6)]
    assert rows == [expected[start : start + per_row] for start in range(0, 6, per_row)]


def test_blocks_stand_apart_and_notes_below_what_they_speak_of() -> None:
    table = Table([Column("a")], [("b",)])
    assert to_text([table, Note("said"), table], 40).splitlines() == ["a", "─", "b", "said", "", "a", "─", "b"]


def test_a_warning_is_marked() -> None:
    assert to_text([Note("careful", is_warning=True)], 40) == "! careful"


MARKED = Curves([-1.0, 0.0, 1.0, 2.0], {"up": [-1.0, 0.0, 1.0, 2.0]})


def test_a_curve_runs_from_its_lowest_left_to_its_highest_right() -> None:
    lines = curve_lines(MARKED, 60, height=4)
    marks = [(row, line.index("●")) for row, line in enumerate(lines[:4])]
    assert marks == [(0, 9 + 49), (1, 9 + 33), (2, 9 + 16), (3, 9)]


def test_a_plot_names_its_ends_its_zero_and_its_curves() -> None:
    lines = curve_lines(MARKED, 60, height=4)
    assert [line[:8].strip() for line in lines[:4]] == ["2.00", "", "0", "-1.00"]
    assert lines[4].split() == ["-1", "2"]
    assert lines[5].strip() == "● up"


def test_the_axes_are_drawn_through_zero() -> None:
    lines = curve_lines(Curves([-2.0, 2.0], {"far": [-2.0, 2.0]}), 60, height=5)
    assert lines[2][9:].count("─") == 49
    assert [line[9 + 24] for line in lines[:5]] == ["│", "│", "┼", "│", "│"]


def test_a_missing_value_is_a_gap() -> None:
    lines = curve_lines(Curves([1.0, 2.0, 3.0], {"y": [1.0, float("nan"), 3.0]}), 60)
    assert "".join(lines[:15]).count("●") == 2


def test_a_single_point_is_drawn() -> None:
    lines = curve_lines(Curves([1.0], {"loss": [2.5]}), 60)
    assert "".join(lines[:15]).count("●") == 1


@pytest.mark.parametrize("curves", [Curves([], {}), Curves([1.0, 2.0], {"y": [float("nan")] * 2})])
def test_a_plot_of_nothing_has_no_marks(curves: Curves) -> None:
    assert "●" not in "".join(curve_lines(curves, 60)[:15])


def test_the_first_curve_stays_visible_where_two_meet() -> None:
    lines = curve_lines(Curves([1.0, 2.0], {"a": [1.0, 2.0], "b": [1.0, 3.0]}), 60)
    assert lines[14][9] == "●"


def test_large_values_do_not_push_the_plot_aside() -> None:
    lines = curve_lines(Curves([1.0, 2.0], {"loss": [0.0, -123456789.0]}), 60, height=4)
    assert lines[3].startswith("-1.2e+08 ")
