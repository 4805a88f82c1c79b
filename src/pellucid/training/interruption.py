"""Ctrl-C: asked once, a run ends after its step; asked twice, at once."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Self


class Interruption:
    """Takes Ctrl-C while a run lasts, and gives it back afterwards.

    Outside the main thread Python allows no handler; then nothing is taken.
    """

    def __init__(self) -> None:
        self.is_requested = False
        self._before: object = None
        self._is_taken = False

    def __enter__(self) -> Self:
        is_main = threading.current_thread() is threading.main_thread()
        # Whoever has set a handler of their own keeps it.
        if is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._request)
            self._is_taken = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_taken:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _request(self, _number: int, _frame: FrameType | None) -> None:
        if self.is_requested:
            raise KeyboardInterrupt
        self.is_requested = True
