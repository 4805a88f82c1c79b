"""The size that is chosen for images of many sizes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.data.images.form import choose_size


@pytest.mark.parametrize(
    ("sizes", "chosen"),
    [
        pytest.param([(28, 28)] * 5, (28, 28), id="all equal"),
        pytest.param([(17, 33)] * 5, (17, 33), id="all equal, though odd"),
        pytest.param([(480, 640)] * 5, (168, 224), id="all equal and large"),
        pytest.param([(300, 400), (330, 440), (600, 800)], (168, 224), id="one aspect"),
        pytest.param([(70, 70), (75, 72), (90, 100)], (64, 64), id="nearly square"),
        pytest.param([(400, 300), (300, 400)], (224, 224), id="both ways up"),
        pytest.param([(100, 50), (50, 100), (60, 60)], (96, 96), id="mixed"),
        pytest.param([(5, 6), (7, 3), (2, 2)], (8, 8), id="tiny"),
        pytest.param([(1, 5000)] * 3, (8, 224), id="thin"),
        pytest.param([], (64, 64), id="none"),
    ],
)
def test_a_size_is_chosen_from_the_data(sizes: list[tuple[int, int]], chosen: tuple[int, int]) -> None:
    assert choose_size(sizes) == chosen


@given(st.lists(st.tuples(st.integers(1, 16_000), st.integers(1, 16_000)), min_size=1, max_size=20))
def test_no_size_is_chosen_that_is_larger_than_224(sizes: list[tuple[int, int]]) -> None:
    assert all(1 <= side <= 224 for side in choose_size(sizes))
