"""How many threads train: one or all, whichever is faster at the time.

A step of a small network waits for its slowest thread many times. When another program takes a processor, that
thread is off it, and two threads can be ten times slower than one. So one is tried against all at the start, the step
time is watched, and the other count is tried again from time to time.
"""

import statistics
from time import perf_counter
from types import TracebackType
from typing import Self

import torch
from torch import nn

# Steps of a trial, and the seconds that it lasts at least; its first step warms up. A thread that loses its processor
# gets it back after some milliseconds: most short steps are as fast as ever, and only the mean of many tells.
TRIAL_STEPS, TRIAL_SECONDS = 4, 0.02
# Seconds after which the other count is tried again, at first and at most: a trial that fails doubles the wait.
SHORTEST_WAIT, LONGEST_WAIT = 0.5, 8.0
# A count must be so much faster to be changed to, or a step so much slower than before to look for another at once.
GAIN = 1.1
ALARM = 1.5
# Two steps of a trial that both take so much longer end it.
HOPELESS = 1.3
# Size and number of the products that are tried before there is a network: 15 ms in all.
PROBE_SIZE, PROBE_ROUNDS = 384, 12
# Steps, and at least so many seconds, between two looks at the time they took.
WINDOW, WINDOW_SECONDS = 8, 0.03


class Threads:
    """Sets PyTorch's number of threads while a run lasts, inside `with`, and puts the user's own back.

    Args:
        fixed: So many; None tries and watches. Where there is only one, or on another device, nothing is done.
        is_processor: Whether the processor is what trains.
    """

    def __init__(self, fixed: int | None, *, is_processor: bool) -> None:
        self._before = torch.get_num_threads()
        self._is_watching = fixed is None and is_processor and self._before > 1
        self.now = fixed if fixed is not None and is_processor else self._before
        if self.now != self._before:
            torch.set_num_threads(self.now)
        self._seconds: dict[int, float] = {}
        self._trial: list[float] = []
        self._is_trying = self._is_watching
        self._wait = SHORTEST_WAIT
        self._next_trial = perf_counter()
        self._window: list[float] = []

    def __enter__(self) -> Self:
        if self._is_watching:
            self._probe()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if torch.get_num_threads() != self._before:
            torch.set_num_threads(self._before)

    @property
    def words(self) -> str | None:
        """What to tell the user: None as long as all threads train."""
        return "1 thread: the machine is busy" if self._is_watching and self.now < self._before else None

    def see(self, seconds: float) -> None:
        """Look at how long a full step took, and change the number of threads if that helps."""
        if not self._is_watching:
            return
        if self._is_trying:
            self._see_trial(seconds)
            return
        self._window.append(seconds)
        if len(self._window) < WINDOW or sum(self._window) < WINDOW_SECONDS:
            return
        mean = statistics.fmean(self._window)
        self._window.clear()
        is_slower = mean > ALARM * self._seconds[self.now]
        self._seconds[self.now] = mean
        now = perf_counter()
        if is_slower:
            self._wait = SHORTEST_WAIT
        if is_slower or now >= self._next_trial:
            self._try_other()

    def _probe(self) -> None:
        """Try all threads against one on a small product, before there is a network to step with."""
        weight, inputs = torch.zeros(PROBE_SIZE, PROBE_SIZE), torch.zeros(PROBE_SIZE, PROBE_SIZE)
        seconds = {}
        for threads in (self._before, 1):
            torch.set_num_threads(threads)
            taken = []
            for _ in range(PROBE_ROUNDS):
                started = perf_counter()
                nn.functional.linear(inputs, weight).relu_()
                taken.append(perf_counter() - started)
            # The mean, since a thread that is off its processor shows now and then only; the first warms up.
            seconds[threads] = statistics.mean(taken[1:])
        self.now = min(seconds, key=seconds.__getitem__)
        torch.set_num_threads(self.now)

    def _other(self) -> int:
        return 1 if self.now != 1 else self._before

    def _try_other(self) -> None:
        self._is_trying = True
        self._switch(self._other())

    def _switch(self, threads: int) -> None:
        self.now = threads
        torch.set_num_threads(threads)
        self._trial.clear()
        self._window.clear()

    def _see_trial(self, seconds: float) -> None:
        self._trial.append(seconds)
        known = self._seconds.get(self._other())
        # A count that is plainly slower is not tried to the end.
        is_hopeless = known is not None and len(self._trial) >= 2 and min(self._trial) > HOPELESS * known
        is_short = len(self._trial) < TRIAL_STEPS or sum(self._trial[1:]) < TRIAL_SECONDS
        if is_short and not is_hopeless:
            return
        mine = statistics.fmean(self._trial[1:])
        self._seconds[self.now] = mine
        if known is None:  # the first trial of all: now the other
            self._try_other()
            return
        self._is_trying = False
        is_better = mine * GAIN < known
        # At the start there is nothing to go back to: the faster of the two.
        if not is_better:
            self._switch(self._other())
        self._wait = SHORTEST_WAIT if is_better else min(2 * self._wait, LONGEST_WAIT)
        self._next_trial = perf_counter() + self._wait
        self._trial.clear()
