"""Whether answers in fewer bits agree with those in float32: seen on the examples that are asked, not assumed."""

import torch
from torch import Tensor

# Examples that are computed both ways before the fewer bits answer alone.
COMPARED = 512
# The most that a probability may differ.
TOLERANCE = 0.02
# The largest share of examples whose class the fewer bits cannot decide.
MOST_NEAR_TIES = 0.1


class Agreement:
    """What was seen of the differences between two kinds of answers, and what follows.

    Attributes:
        compared: Examples seen so far.
        error: Largest difference of a logit.
        difference: Largest difference of a probability.
        near_ties: Examples whose two best logits lay closer together than such differences can turn round.

    Args:
        kind: The fewer bits, in words.
    """

    def __init__(self, kind: str = "bfloat16") -> None:
        self._kind = kind
        self.compared = 0
        self.error = 0.0
        self.difference = 0.0
        self.near_ties = 0

    @property
    def left(self) -> int:
        """How many examples are still to be compared."""
        return 0 if self.is_refused else max(0, COMPARED - self.compared)

    @property
    def is_refused(self) -> bool:
        """Whether the answers differ too much."""
        # Not "greater than": a NaN must refuse.
        is_close = self.difference <= TOLERANCE
        return not is_close or self.near_ties > max(4, MOST_NEAR_TIES * self.compared)

    def compare(self, quick: Tensor, exact: Tensor) -> None:
        """Take note of logits in fewer bits and in float32 for the same examples."""
        self.error = max(float((quick - exact).abs().max()), self.error)
        self.difference = max(float((quick.softmax(dim=1) - exact.softmax(dim=1)).abs().max()), self.difference)
        self.compared += len(quick)
        self.near_ties += len(self.undecided(quick))

    def undecided(self, quick: Tensor) -> Tensor:
        """Return which examples have their best logits so close together that float32 must decide: int64 [some]."""
        # By columns: the same over rows of ten takes twice the time.
        columns = quick.t().contiguous()
        return ((columns >= columns.amax(dim=0) - 2 * self.error).sum(dim=0) > 1).nonzero().flatten()

    def is_undecided(self, quick: Tensor) -> bool:
        """Return the same for one example: [1, classes], two or more."""
        best, second = quick.topk(2).values[0].tolist()
        # A NaN is above nothing.
        return not best - second > 2 * self.error

    def __str__(self) -> str:
        verdict = "differs too much" if self.is_refused else "agrees"
        return (
            f"{self._kind} {verdict}: probabilities within {self.difference:.4f} over {self.compared} examples"
            f"{', near ties decided in float32' if not self.is_refused else ''}"
        )


def agrees(logits: Tensor, exact: Tensor) -> bool:
    """Return whether logits in float32 are the same but for rounding, 1e-4 of the largest."""
    largest = float(exact.abs().max())
    return bool(torch.isfinite(exact).all()) and bool(torch.allclose(logits, exact, rtol=1e-4, atol=1e-4 * largest))
