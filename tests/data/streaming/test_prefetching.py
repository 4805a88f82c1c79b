"""A thread that works ahead, against plain iteration."""

import gc
import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from pellucid.data.streaming.prefetching import Ahead


def test_items_come_in_their_order() -> None:
    with Ahead(lambda: iter(range(100)), 3) as ahead:
        assert list(ahead) == list(range(100))


def test_no_more_is_made_than_may_wait() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in itertools.count():
            made.append(number)
            yield number

    with Ahead(items, 3) as ahead:
        next(ahead)
        time.sleep(0.3)
        # Fetched, waiting, and in the hand of the thread.
        assert len(made) == 5


def test_an_error_comes_where_its_item_would_have() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("gone")

    ahead = Ahead(items, 5)
    assert next(ahead) == 1
    with pytest.raises(KeyError, match="gone"):
        next(ahead)
    with pytest.raises(StopIteration):
        next(ahead)


def test_an_iterator_that_cannot_be_made_is_an_error() -> None:
    def items() -> Iterator[int]:
        raise OSError("no such file")

    with pytest.raises(OSError, match="no such file"):
        next(Ahead(items, 5))


def test_the_thread_ends_and_closes_its_iterator_when_it_is_forgotten() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from itertools.count()
        finally:
            closed.set()

    ahead = Ahead(items, 2)
    next(ahead)
    thread = ahead._thread
    del ahead
    gc.collect()
    thread.join(5)
    assert not thread.is_alive()
    assert closed.is_set()


def test_there_is_nothing_after_closing() -> None:
    ahead = Ahead(lambda: itertools.count(), 2)
    next(ahead)
    ahead.close()
    ahead.close()
    assert list(ahead) == []


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["", "raise SystemExit", "os.kill(os.getpid(), signal.SIGINT); time.sleep(9)"])
def test_a_program_ends_while_the_thread_works(ending: str) -> None:
    program = f"""
import itertools, os, signal, time
from pellucid.data.streaming.prefetching import Ahead
ahead = Ahead(lambda: itertools.count(), 2)
next(ahead)
{ending}
"""
    ended = subprocess.run([sys.executable, "-c", program], timeout=60, check=False, capture_output=True, text=True)
    assert ended.returncode in ((0,) if "kill" not in ending else (-2, 130))
    assert "Fatal" not in ended.stderr
