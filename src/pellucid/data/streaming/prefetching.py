"""Work that a thread does ahead, so that whoever waits for it waits less."""

import queue
import threading
import weakref
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Generic, Self, TypeVar

T = TypeVar("T")
# How often a thread that waits looks whether it is still wanted, and one that is waited for whether it is alive.
LOOK_SECONDS = 0.1
# A disk that hangs must not keep a program from ending.
JOIN_SECONDS = 5.0


class _End:
    """Put after the last item; with the error that ended them, if one did."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class Ahead(Generic[T]):
    """Takes items from an iterator in a thread of its own, some ahead of whoever asks for them.

    The thread ends with the items, when this is closed, and when this is forgotten. An error of the iterator is raised
    where the item would have come.

    Args:
        start: Makes the iterator; called in the thread.
        ahead: Items that may wait to be fetched.
    """

    def __init__(self, start: Callable[[], Iterator[T]], ahead: int) -> None:
        self.waited_seconds = 0.0
        self._items: queue.Queue[T | _End] = queue.Queue(ahead)
        self._is_over = False
        stop = threading.Event()
        # It knows the queue and the event alone, so that it does not keep this alive.
        self._thread = threading.Thread(
            target=_fill, args=(start, self._items, stop), name="pellucid reads ahead", daemon=True
        )
        self._end = weakref.finalize(self, _end, self._items, stop, self._thread)
        self._thread.start()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        if self._is_over:
            raise StopIteration
        started = perf_counter()
        item = self._taken()
        self.waited_seconds += perf_counter() - started
        if isinstance(item, _End):
            self.close()
            if item.error is not None:
                raise item.error
            raise StopIteration
        return item

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the thread; there are no items afterwards."""
        self._is_over = True
        self._end()

    def _taken(self) -> T | _End:
        while True:
            try:
                # With a limit, since on Windows Ctrl-C does not reach a thread that waits without one.
                return self._items.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                if not self._thread.is_alive() and self._items.empty():
                    return _End(RuntimeError("the thread that reads ahead is gone"))


def _fill(start: Callable[[], Iterator[T]], items: "queue.Queue[T | _End]", stop: threading.Event) -> None:
    end = _End()
    try:
        iterator = start()
        try:
            for item in iterator:
                if not _put(items, item, stop):
                    break
        finally:
            # A generator closes its files.
            close = getattr(iterator, "close", None)
            if close is not None:
                close()
    except BaseException as error:  # noqa: BLE001 it is raised in the other thread
        end = _End(error)
    _put(items, end, stop)


def _put(items: "queue.Queue[T | _End]", item: T | _End, stop: threading.Event) -> bool:
    while not stop.is_set():
        try:
            items.put(item, timeout=LOOK_SECONDS)
        except queue.Full:
            continue
        return True
    return False


def _end(items: "queue.Queue[T | _End]", stop: threading.Event, thread: threading.Thread) -> None:
    stop.set()
    try:
        while True:
            items.get_nowait()  # makes room for one that is being put
    except queue.Empty:
        pass
    # Garbage may be collected in any thread, that one included.
    if thread is not threading.current_thread():
        thread.join(JOIN_SECONDS)
