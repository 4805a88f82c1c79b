"""A judgement as sections of a page: with pictures of its numbers, which a terminal has no room for."""

from collections.abc import Sequence
from typing import Any, Protocol

from pellucid.evaluation.metrics import wilson_interval
from pellucid.evaluation.reading import Facts, bins_of, coverage_of, names_of, pairs_of
from pellucid.rendering.blocks import (
    Bar,
    Bars,
    Block,
    Column,
    Curves,
    Figures,
    Gallery,
    Heading,
    Image,
    Matrix,
    Note,
    Reliability,
    Table,
    number,
)

# Of more classes the bars show the weakest; the table has them all.
MOST_BARS = 30
# Of a regression and of several labels at once, which have no accuracy.
OTHER_MEASURES = (("r2", "R²", ".3f"), ("micro_f1", "micro F1", ".2%"))
NUMBERED = "Numbers count the classes from 0, in the order of the table above."


class Judged(Protocol):
    """An evaluation of any task."""

    def to_dict(self) -> dict[str, Any]:
        """Return the facts."""

    def blocks(self) -> Sequence[Block]:
        """Return what a terminal shows."""


def judgement_page(judgement: Judged) -> list[Block]:
    """Return a judgement as a page of its own.

    Args:
        judgement: Of any task.
    """
    facts = judgement.to_dict()
    title = Heading(f"Judged on the {facts.get('split', 'test')} split", 1)
    return [title, Figures(figures_of(facts)), *judgement_sections(judgement)]


def judgement_sections(judgement: Judged) -> list[Block]:
    """Return a judgement in sections, each with a heading of level 2.

    Args:
        judgement: Of any task; one without a confusion matrix is shown as in a terminal.
    """
    facts = judgement.to_dict()
    if "confusion" not in facts:
        return [Heading("Result"), *judgement.blocks()]
    return [
        *_result(judgement, facts),
        *_classes(facts),
        *_confusion(facts),
        *_calibration(facts),
        *_coverage(judgement, facts),
        *_slices(judgement),
        *_mistakes(judgement, facts),
    ]


def figures_of(facts: Facts) -> list[tuple[str, str]]:
    """Return the numbers of a judgement that matter most: each as text, with what it is."""
    examples = (f"{facts.get('examples', 0):,}", f"{facts.get('split', '')} examples")
    for measure, name, pattern in OTHER_MEASURES:
        # NaN where the labels never change.
        if isinstance(facts.get(measure), float) and facts[measure] == facts[measure]:
            low, high = (format(end, pattern) for end in facts[f"{measure}_interval"])
            text = f"{name} on the {facts['split']} split, 95 % interval {low} to {high}"
            return [(format(facts[measure], pattern), text), examples]
    if "accuracy" not in facts:
        return []
    low, high = facts["interval"]
    figures = [(f"{facts['accuracy']:.2%}", f"{facts['split']} accuracy, 95 % interval {low:.2%} to {high:.2%}")]
    if facts.get("macro_f1") is not None:
        figures.append((f"{facts['macro_f1']:.2%}", "macro F1, each class counted alike"))
    if facts.get("calibration_error") is not None:
        figures.append((f"{facts['calibration_error']:.2%}", "calibration error: confidence off accuracy"))
    return [*figures, examples]


def _result(judgement: Judged, facts: Facts) -> list[Block]:
    low, high = facts["interval"]
    method = f" ({facts['interval_method']})" if facts.get("interval_method") else ""
    sentence = (
        f"{facts['accuracy']:.2%} of {facts['examples']:,} answers on the {facts['split']} split are right; the 95 % "
        f"interval of what it would be on many more is {low:.2%} to {high:.2%}{method}. "
        f"The mean cross-entropy is {facts['loss']:.4f}."
    )
    further = []
    if facts.get("macro_f1_interval"):
        ends = " to ".join(f"{end:.2%}" for end in facts["macro_f1_interval"])
        further.append(Note(f"Macro F1 is {facts['macro_f1']:.2%}, 95 % interval {ends} (bootstrap)."))
    if facts.get("top5") is not None:
        further.append(Note(f"The true class is among the five most probable for {facts['top5']:.2%}."))
    ranking = getattr(judgement, "ranking", None)
    if ranking is not None:
        further.append(Note(f"{ranking.sentence()}."))
    baselines = getattr(judgement, "baselines", None)
    shown = [Heading("Baselines", 3), *baselines.blocks()] if baselines is not None else []
    engine = [Note(f"Computed by {facts['engine']}.")] if facts.get("engine") else []
    return [Heading("Result"), Note(sentence), *further, *engine, *shown]


def _classes(facts: Facts) -> list[Block]:
    scores = facts["classes"]
    judged = [score for score in scores if score["examples"]]
    weakest = sorted(judged, key=lambda score: score["recall"])[:MOST_BARS]
    bars = [_bar(score) for score in weakest]
    which = "each class" if len(weakest) == len(judged) else f"the {MOST_BARS} weakest classes"
    columns = [
        Column("class"), number("precision", ".1%"), number("recall", ".1%"), number("F1", ".1%"), number("examples"),
    ]  # fmt: skip
    rows = [(one["name"], one["precision"], one["recall"], one["f1"], one["examples"]) for one in scores]
    return [
        Heading("Per class"),
        Bars(bars, title=f"recall of {which}, the weakest first, with its 95 % interval (Wilson)"),
        Table(columns, rows, title="precision, recall and F1"),
    ]


def _bar(score: Facts) -> Bar:
    right = round(score["recall"] * score["examples"])
    return Bar(score["name"], score["recall"], f"{score['recall']:.1%}", wilson_interval(right, score["examples"]))


def _confusion(facts: Facts) -> list[Block]:
    pairs = pairs_of(facts)
    columns = [Column("true"), Column("taken for"), number("mistakes"), number("of this class", ".1%")]
    rows = [(pair.label, pair.predicted, pair.count, pair.share) for pair in pairs]
    return [
        Heading("Confusion"),
        Note("A row is a true class, a column what was answered: right answers are on the diagonal."),
        *([Note(NUMBERED)] if len(names_of(facts)) > MOST_BARS else []),
        Matrix(names_of(facts), facts["confusion"], title="confusion matrix"),
        *([Table(columns, rows, title="the most confused pairs")] if pairs else []),
    ]


def _calibration(facts: Facts) -> list[Block]:
    bins = bins_of(facts)
    if not bins:
        return []
    picture = Reliability(
        [one.confidence for one in bins],
        [one.accuracy for one in bins],
        [one.examples for one in bins],
        title="right answers at each confidence",
    )
    calibration = facts["calibration"]
    temperature = calibration.get("temperature")
    notes = []
    if temperature is not None and calibration.get("error_scaled") is not None:
        notes.append(
            Note(
                f"Divided by a temperature of {temperature:.3g}, fitted on the {calibration['fitted_on']} split, the "
                f"logits would have a calibration error of {calibration['error_scaled']:.2%}."
            )
        )
    return [
        Heading("Calibration"),
        Note(
            f"Confidence is off accuracy by {facts['calibration_error']:.2%} on average. On the dashed line it would "
            "be exact; below it the classifier is too sure. The columns at the bottom count the examples."
        ),
        *notes,
        picture,
        Table(picture.table().columns, picture.table().rows, title="bins of confidence"),
    ]


def _coverage(judgement: Judged, facts: Facts) -> list[Block]:
    rows = coverage_of(facts)
    if not rows:
        return []
    sentence = getattr(getattr(judgement, "thresholds", None), "sentence", None)
    curves = Curves(
        [row.coverage for row in rows],
        {"accuracy of what is answered": [row.accuracy for row in rows]},
        title="accuracy against coverage",
        x_title="share of the examples that are answered",
        pattern=".1%",
        x_pattern=".0%",
    )
    columns = [
        number("answered", ".1%"), number("confidence at least", ".4f"), number("accuracy", ".2%"),
        number("from", ".2%"), number("to", ".2%"),
    ]  # fmt: skip
    table = Table(
        columns,
        [(row.coverage, row.confidence, row.accuracy, *row.interval) for row in reversed(rows)],
        title="thresholds, with 95 % intervals",
    )
    return [
        Heading("Abstaining when unsure"),
        Note("The less it has to answer, the more of its answers are right."),
        *([Note(_sentence(sentence()))] if callable(sentence) else []),
        curves,
        table,
    ]


def _slices(judgement: Judged) -> list[Block]:
    slices = getattr(judgement, "slices", None)
    return [Heading("Slices"), *slices.blocks()] if slices is not None else []


def _mistakes(judgement: Judged, facts: Facts) -> list[Block]:
    mistakes = facts["mistakes"]
    if not mistakes:
        return []
    pictures = [getattr(one, "picture", None) for one in getattr(judgement, "mistakes", ())]
    images = [
        Image(picture, f"{one['label']}, taken for {one['predicted']}, {one['confidence']:.1%} sure")
        for picture, one in zip(pictures, mistakes, strict=False)
        if picture is not None
    ]
    has_sources = any(one.get("source") for one in mistakes)
    columns = [number("example"), Column("true"), Column("predicted"), number("confidence", ".1%"), Column("source")]
    keys = ("example", "label", "predicted", "confidence", "source")
    shown = 5 if has_sources else 4
    rows = [tuple(one.get(key) for key in keys[:shown]) for one in mistakes]
    return [
        Heading("Most confident mistakes"),
        *([Gallery(images)] if images else []),
        Table(columns[:shown], rows, title="mistakes, the most confident first"),
    ]


def _sentence(text: str) -> str:
    """Return a text as a sentence of its own."""
    return f"{text[:1].upper()}{text[1:]}."
