"""Ending a watched run early: after so many steps, or so many seconds."""

from time import perf_counter


class StopWatching(BaseException):
    """Ends a watched script early; no `except Exception` of the user's catches it."""


class Limit:
    """How long a run may last, from now on.

    Args:
        max_steps: Optimizer steps; None for as many as it takes.
        max_seconds: None for as long as it takes.
    """

    def __init__(self, max_steps: int | None, max_seconds: float | None) -> None:
        self._max_steps = max_steps
        self._max_seconds = max_seconds
        self._started = perf_counter()

    def check_time(self) -> None:
        """End the run if its time is up.

        Raises:
            StopWatching: Then.
        """
        if self._max_seconds is not None and perf_counter() - self._started > self._max_seconds:
            raise StopWatching

    def check_steps(self, steps: int) -> None:
        """End the run if it has made its steps.

        Raises:
            StopWatching: Then.
        """
        if self._max_steps is not None and steps >= self._max_steps:
            raise StopWatching
