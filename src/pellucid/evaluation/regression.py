"""`RegressionEvaluation`: how far answers are from the numbers that are true."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pellucid.errors import DataError
from pellucid.evaluation.baselines import Standings
from pellucid.evaluation.beside import facts_beside, words_beside
from pellucid.evaluation.mistakes import PICTURES_SHOWN, Picture, no_picture
from pellucid.evaluation.multilabel import check_numbers
from pellucid.evaluation.sections import judgement_page
from pellucid.evaluation.slices import Slices
from pellucid.evaluation.target_scores import (
    LargeError,
    Residuals,
    TargetScore,
    large_errors,
    residuals_of,
    scores_of,
)
from pellucid.rendering.blocks import Block, Column, Gallery, Histogram, Image, Note, Table, number
from pellucid.rendering.result import Result, to_frame
from pellucid.rendering.rounding import pattern_for

HISTOGRAM_BINS = 40
TARGETS_TITLE = (
    "mean absolute, root mean squared and median absolute error, in the units of the labels; 95 % bootstrap intervals"
)


@dataclass(frozen=True, eq=False, kw_only=True)
class RegressionEvaluation(Result):
    """How far a regression's answers are from the truth; errors in the units of the labels.

    Attributes:
        split: What was judged.
        examples: How many.
        r2: Share of the labels' variance that the answers explain (R²), on average of the targets; NaN if no target
            changes; below 0 for answers worse than the mean.
        r2_interval: Its 95 % interval (bootstrap).
        targets: R² and errors of each target.
        residuals: What the errors of each target look like.
        largest: The largest errors, worst first.
        histogram: Edges and counts of the residuals of the only target; None of several.
        engine: What computed the answers, in words.
        slices: Groups of examples judged apart; None if nobody asked.
        baselines: The network beside the simplest answers; None if nobody asked.
    """

    split: str
    examples: int
    r2: float
    r2_interval: tuple[float, float]
    targets: tuple[TargetScore, ...]
    residuals: tuple[Residuals, ...]
    largest: tuple[LargeError, ...]
    histogram: tuple[tuple[float, ...], tuple[int, ...]] | None = None
    engine: str = ""
    slices: Slices | None = None
    baselines: Standings | None = None

    @property
    def measure(self) -> str:
        """What `score` is."""
        return "R²"

    @property
    def score(self) -> float:
        """The one number that judgements of this kind are compared by; larger is better."""
        return self.r2

    def to_frame(self) -> Any:
        """Return the scores of the targets as a pandas DataFrame."""
        return to_frame([asdict(score) for score in self.targets])

    def metrics(self) -> dict[str, Any]:
        """Return what a classifier's card says of this judgement."""
        # A card holds finite numbers only.
        r2 = {} if math.isnan(self.r2) else {"r2": self.r2, "interval": list(self.r2_interval)}
        return {**r2, "mean_absolute_error": [score.mae for score in self.targets if math.isfinite(score.mae)]}

    def to_dict(self) -> dict[str, Any]:
        """Return the facts; pictures are left out."""
        return {
            "split": self.split,
            "examples": self.examples,
            "r2": self.r2,
            "r2_interval": list(self.r2_interval),
            "interval_method": "bootstrap",
            "engine": self.engine,
            "targets": [score.to_dict() for score in self.targets],
            "residuals": [one.to_dict() for one in self.residuals],
            "largest": [error.to_dict() for error in self.largest],
            "histogram": None if self.histogram is None else [list(part) for part in self.histogram],
            **facts_beside(self.slices, self.baselines),
        }

    def headline(self) -> Note:
        """Return R² and, of a single target, the mean absolute error, each with its interval, in one line."""
        if math.isnan(self.r2):
            value = "R² undefined, since the labels do not change"
        else:
            over = f", mean of {len(self.targets)} targets" if len(self.targets) > 1 else ""
            low, high = self.r2_interval
            value = f"R² {self.r2:.2f}{over}  (95 % bootstrap interval {low:.2f} to {high:.2f})"
        mean_error = ""
        if len(self.targets) == 1 and self.examples:
            score = self.targets[0]
            pattern = pattern_for(score.mae)
            mae, low_error, high_error = (format(number, pattern) for number in (score.mae, *score.mae_interval))
            mean_error = f", mean absolute error {mae}  ({low_error} to {high_error})"
        return Note(f"{self.split} {value}{mean_error}, {self.examples:,} examples{words_beside(self.baselines)}")

    def target_table(self) -> Table:
        """Return R² and errors of each target, with their intervals."""
        largest = max((score.mae for score in self.targets), default=0.0)
        pattern = pattern_for(largest)
        columns = [Column("target"), number("R²", ".3f"), number("from", ".3f"), number("to", ".3f")]
        for title in ("MAE", "RMSE", "median"):
            columns += [number(title, pattern), number("from", pattern), number("to", pattern)]
        rows = [
            (
                s.name,
                *_known(s.r2, *s.r2_interval),
                *_known(s.mae, *s.mae_interval, s.rmse, *s.rmse_interval),
                *_known(s.median_absolute_error, *s.median_absolute_error_interval),
            )
            for s in self.targets
        ]
        return Table(columns, rows, title=TARGETS_TITLE)

    def summary(self) -> Sequence[Block]:
        """Show the headline and the errors of each target."""
        return [self.headline(), self.target_table()]

    def page_blocks(self) -> Sequence[Block]:
        """Show the judgement in sections, with pictures of its numbers."""
        return judgement_page(self)

    def blocks(self) -> Sequence[Block]:
        """Show scores, residuals, slices and the largest errors."""
        pictures = [
            Image(e.picture, f"{e.answer:.4g}, not {e.label:.4g}") for e in self.largest if e.picture is not None
        ]
        return [
            *self.summary(),
            *(self.baselines.blocks() if self.baselines else ()),
            *self._residual_blocks(),
            *(self.slices.worst() if self.slices else ()),
            *([self._largest_table()] if self.largest else ()),
            *([Gallery(pictures[:PICTURES_SHOWN])] if pictures else ()),
        ]

    def _residual_blocks(self) -> Sequence[Block]:
        if not self.residuals:
            return ()
        pattern = pattern_for(max(one.std for one in self.residuals))
        names = ("mean", "std", "5 %", "25 %", "median", "75 %", "95 %")
        table = Table(
            [Column("target"), *(number(name, pattern) for name in names), number("with the answer", "+.2f")],
            [(one.name, one.mean, one.std, *one.quantiles, *_known(one.trend)) for one in self.residuals],
            title="residuals, answer minus label: their quantiles, and their correlation with the answer",
        )
        if self.histogram is None:
            return [table]
        edges, counts = self.histogram
        return [table, Histogram(edges, counts, title="residuals, answer minus label")]

    def _largest_table(self) -> Table:
        has_sources = any(error.source for error in self.largest)
        # Several targets have units of their own.
        is_one = len(self.targets) == 1
        pattern = pattern_for(max(abs(error.label) for error in self.largest)) if is_one else ".4g"
        return Table(
            [
                number("example"),
                Column("target"),
                number("label", pattern),
                number("answer", pattern),
                number("error", pattern),
                *([Column("source")] if has_sources else []),
            ],
            [
                (e.example, e.target, e.label, e.answer, e.error, *([e.source] if has_sources else []))
                for e in self.largest
            ],
            title="the largest errors",
        )


def judge_numbers(
    answers: Tensor,
    labels: Tensor,
    names: Sequence[str],
    *,
    split: str,
    engine: str = "",
    picture: Picture = no_picture,
    sources: Sequence[str] = (),
    slices: Slices | None = None,
    baselines: Standings | None = None,
) -> RegressionEvaluation:
    """Judge the answers of a regression.

    Args:
        answers: Float [examples, targets], in the units of the labels.
        labels: Float [examples, targets].
        names: Of the targets.
        split: What the examples are, in a word.
        engine: What computed the answers, in words.
        picture: Gives the input of an example as uint8; asked for the largest errors only.
        sources: Where each example comes from; empty if nobody knows.
        slices: Groups of the same examples judged apart.
        baselines: The simplest answers to the same examples.

    Raises:
        DataError: If answers are NaN or infinite.
        ShapeError: If answers and labels do not belong together.
    """
    answers, labels = answers.detach().cpu(), labels.cpu()
    check_numbers(answers, labels, len(names))
    if not bool(torch.isfinite(answers).all()):
        bad = int((~torch.isfinite(answers)).any(dim=1).sum())
        raise DataError(
            f"{bad:,} of {len(answers):,} answers are NaN or infinite", fix="look for the cause with: pellucid check"
        )
    r2, interval, targets = scores_of(answers, labels, names)
    said, true = answers.double().numpy(), labels.double().numpy()
    return RegressionEvaluation(
        split=split,
        examples=len(labels),
        r2=r2,
        r2_interval=interval,
        targets=targets,
        residuals=residuals_of(said, true, names),
        largest=large_errors(said, true, names, picture=picture, sources=sources),
        histogram=_histogram((said - true)[:, 0]) if len(names) == 1 else None,
        engine=engine,
        slices=slices,
        baselines=baselines,
    )


def _histogram(residuals: NDArray[np.float64]) -> tuple[tuple[float, ...], tuple[int, ...]] | None:
    finite = residuals[np.isfinite(residuals)]
    if not len(finite):
        return None
    counts, edges = np.histogram(finite, bins=HISTOGRAM_BINS)
    return tuple(edges.tolist()), tuple(counts.tolist())


def _known(*values: float) -> tuple[float | None, ...]:
    return tuple(value if math.isfinite(value) else None for value in values)
