"""How the run ended."""

from dataclasses import dataclass, field
from typing import Literal

from pellucid.doctor.evidence.flow import Flow, Operation


@dataclass(frozen=True, eq=False)
class Ending:
    """How the watched run ended; always there.

    Attributes:
        kind: "finished", "raised", "exited" (sys.exit), "stopped" (by us: --steps, --seconds), "running".
        error: The exception that ended it, or that the run met and caught at the end; None otherwise.
        place: The user's line that it was raised from.
        operation: The operation that raised it, with its inputs; None if it was not one that was traced.
        flow: The unfinished stretch that it was raised in; None if untraced.
        steps: Optimizer steps done.
        seconds: The run took.
    """

    kind: Literal["finished", "raised", "exited", "stopped", "running"]
    error: BaseException | None
    place: str | None
    operation: Operation | None
    flow: Flow | None = field(repr=False)
    steps: int
    seconds: float
