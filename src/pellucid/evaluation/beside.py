"""What every judgement says beside its scores: slices, and how it stands to the simplest classifiers."""

from typing import Any

from pellucid.evaluation.baselines import Standings
from pellucid.evaluation.slices import Slices


def facts_beside(slices: Slices | None, baselines: Standings | None) -> dict[str, Any]:
    """Return the slices and baselines of a judgement as JSON can hold them; None where nobody asked."""
    return {
        "slices": slices.to_dict() if slices else None,
        "baselines": baselines.to_dict() if baselines else None,
    }


def words_beside(baselines: Standings | None) -> str:
    """Return how a headline goes on about the best baseline; nothing where nobody asked."""
    return f"; {baselines.sentence()}" if baselines else ""
