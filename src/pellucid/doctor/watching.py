"""Watching a live loop: `with watch() as watched: ...`, then `watched.checkup`."""

from collections.abc import Collection
from time import perf_counter
from types import TracebackType
from typing import Any, Self

import torch
from torch import nn

from pellucid.doctor.checkup import Checkup, examined
from pellucid.doctor.gathering import Evidence, gathered
from pellucid.doctor.limits import StopWatching
from pellucid.doctor.recorder import Recorder
from pellucid.doctor.taps import Taps


class Watch:
    """A watched stretch of a program; leaves no mark on it.

    Attributes:
        recorder: What was recorded.
    """

    def __init__(
        self,
        network: nn.Module | None = None,
        optimizer: torch.optim.Optimizer | None = None,
        *,
        ignore: Collection[str] = (),
        trial_seconds: float = 6.0,
        max_steps: int | None = None,
        max_seconds: float | None = None,
    ) -> None:
        self.recorder = Recorder(max_steps=max_steps, max_seconds=max_seconds)
        self._network = network
        self._optimizer = optimizer
        self._ignore = ignore
        self._trial_seconds = trial_seconds
        self._taps = Taps(self.recorder)
        self._kind: Any = "running"
        self._error: BaseException | None = None
        self._checkup: Checkup | None = None

    def __enter__(self) -> Self:
        if self._network is not None:
            self.recorder.name_of(self._network)
        if self._optimizer is not None:
            self.recorder.optimizer_of(self._optimizer)
        self._taps.install()
        self.recorder.started = perf_counter()
        self.recorder.start_tracing()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.recorder.stop_tracing()
        self._taps.remove()
        self.recorder.is_over = True
        self._error = error
        if error is None:
            self._kind = "finished"
        elif isinstance(error, SystemExit):
            self._kind = "exited"
        else:
            self._kind = "stopped" if isinstance(error, StopWatching) else "raised"

    @property
    def evidence(self) -> Evidence:
        """What was seen so far, as rules are given it."""
        error = self._error if self._kind == "raised" else None
        return gathered(self.recorder, kind=self._kind, error=error, seconds=self._trial_seconds)

    @property
    def checkup(self) -> Checkup:
        """What is wrong, judged on what was seen so far."""
        if self._checkup is not None:
            return self._checkup
        was_on, self.recorder.tracer.is_on = self.recorder.tracer.is_on, False
        self.recorder.tracer.muted += 1
        over, self.recorder.is_over = self.recorder.is_over, True
        try:
            made = examined(
                self.evidence, ignore=self._ignore, ending=self.ending(), overhead=self.overhead(), unseen=self.unseen()
            )
        finally:
            self.recorder.is_over = over
            self.recorder.tracer.muted -= 1
            self.recorder.tracer.is_on = was_on
        if self._kind != "running":
            self._checkup = made
        return made

    def unseen(self) -> list[str]:
        """Return what watching itself could not see, each with the reason."""
        return list(dict.fromkeys(f"watching {where} failed: {reason}" for where, reason in self.recorder.errors))

    def overhead(self) -> dict[str, float]:
        """Return the seconds that watching took, and the share of the run."""
        spent = self.recorder.spent + self.recorder.tracer.spent
        total = max(perf_counter() - self.recorder.started, 1e-9)
        return {"watching_seconds": round(spent, 3), "watching_share": round(spent / total, 4)}

    def ending(self) -> str:
        """Return how the run ended and what could be judged, in a sentence."""
        steps = self.recorder.steps
        seen = (
            f"{steps} optimizer step{'' if steps == 1 else 's'} and {self.recorder.counts['backward']} backward passes"
        )
        if self._kind == "raised":
            return f"The program raised {type(self._error).__name__} after {seen}: {self._error}"
        if self._kind == "stopped":
            return f"Stopped early after {seen}."
        if not steps and not self.recorder.counts["backward"]:
            return (
                "The program never trained: no backward pass and no optimizer step were seen; training was not judged."
            )
        return f"Seen: {seen}."


def watch(
    network: nn.Module | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    *,
    ignore: Collection[str] = (),
    trial_seconds: float = 6.0,
) -> Watch:
    """Watch your own training loop.

    Args:
        network: Not needed: networks are seen when they are called.
        optimizer: Not needed: optimizers are seen when they step.
        ignore: Names of rules to leave out.
        trial_seconds: For all trials together, when `checkup` is asked for.

    Returns:
        A context manager whose `checkup` can be asked for inside and after it.

    Example:
        >>> network = torch.nn.Linear(2, 1)
        >>> optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        >>> with watch() as watched:
        ...     for step in range(3):
        ...         optimizer.zero_grad()
        ...         network(torch.randn(8, 2)).square().mean().backward()
        ...         optimizer.step()
        >>> watched.recorder.steps
        3
    """
    return Watch(network, optimizer, ignore=ignore, trial_seconds=trial_seconds)
