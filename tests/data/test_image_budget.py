"""The bound on what threads hold, and the memory that is left."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pellucid.data.images.budget import PixelBudget
from pellucid.data.memory import memory_left


@pytest.mark.parametrize(
    ("pixels", "at_once"),
    [pytest.param(3, 3, id="three fit"), pytest.param(6, 1, id="one fits"), pytest.param(50, 1, id="more than all")],
)
def test_threads_hold_no_more_than_the_budget_and_none_waits_for_ever(pixels: int, at_once: int) -> None:
    budget, lock = PixelBudget(10), threading.Lock()
    holding: list[int] = [0]
    most: list[int] = [0]

    def hold(_: int) -> None:
        with budget.taken(pixels):
            with lock:
                holding[0] += 1
                most[0] = max(most[0], holding[0])
            time.sleep(0.005)
            with lock:
                holding[0] -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(hold, range(24)))
    assert holding == [0]
    assert 1 <= most[0] <= at_once


def test_what_is_held_is_given_back_after_an_error() -> None:
    budget = PixelBudget(10)
    for _ in range(3):
        with pytest.raises(KeyError, match="torn"), budget.taken(10):
            raise KeyError("torn")
    with budget.taken(10):
        pass


def test_the_memory_that_is_left_is_some_of_what_there_is() -> None:
    assert 0 < memory_left() <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
