"""What the file of a classifier tells of its making, as sections of a page.

A file may come from anywhere, and from another version: whatever has not the form that is expected is left out.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pellucid.rendering.blocks import Block, Curves, Facts, Heading, Note, Table, number

# Longer texts in a file are cut: a page is to be read.
LONGEST = 400
SMOOTHED = "The training loss is measured with label smoothing, so it stays above the validation loss."
# The numbers of an epoch.
COLUMNS = (
    "epoch", "train_loss", "validation_loss", "validation_accuracy", "validation_r2", "learning_rate",
    "examples_per_second", "seconds",
)  # fmt: skip
SEVERITIES = ("error", "warning", "note")


class _Measure(NamedTuple):
    """What a run is judged by after each epoch, and how it is written."""

    key: str
    name: str
    on_axis: str
    in_table: str


MEASURES = (
    _Measure("validation_accuracy", "accuracy", ".1%", ".2%"),
    _Measure("validation_r2", "R²", "", ".4f"),
)


def training_section(
    settings: Mapping[str, Any], metrics: Mapping[str, Any], *, is_smoothed: bool = True
) -> list[Block]:
    """Return how the classifier was trained: its history, what was chosen and why, its settings.

    Args:
        settings: Of the classifier.
        metrics: Of the classifier.
        is_smoothed: Whether label smoothing, if any is set, counts for its task.
    """
    chosen = settings.get("chosen")
    chosen = chosen if isinstance(chosen, dict) else {}
    shown = [(name, shown_value(value)) for name, value in settings.items() if name not in ("chosen", "findings")]
    reasons = chosen.get("reasons")
    because = [(name, shown_value(why)) for name, why in reasons.items()] if isinstance(reasons, dict) else []
    made = [(name, shown_value(value)) for name, value in chosen.items() if name not in ("reasons", "seconds")]
    blocks: list[Block] = [
        *_history(metrics.get("history")),
        *(
            [Note(SMOOTHED)]
            if is_smoothed and _number(settings.get("label_smoothing")) > 0 and history_of(metrics.get("history"))
            else []
        ),
        *([Facts(made, title="chosen")] if made else []),
        *([Facts(because, title="why")] if because else []),
        *([Facts(shown, title="settings")] if shown else []),
    ]
    return [Heading("Training"), *blocks] if blocks else []


def findings_section(findings: Any) -> list[Block]:
    """Return what the doctor found before training; nothing if the file does not say.

    Args:
        findings: A list of findings, each as its `to_dict()`; a text of several lines may be a list of them, since a
            card holds no line ends.
    """
    if not isinstance(findings, list):
        return []
    known = [one for one in findings if isinstance(one, dict) and one.get("severity") in SEVERITIES]
    if not known:
        return [
            Heading("Findings"),
            Note("The doctor looked at network, loss and data before training: nothing found."),
        ]
    blocks: list[Block] = [Heading("Findings")]
    for one in known:
        text = {key: shown_value(one.get(key) or "") for key in ("rule", "where", "place", "evidence", "why", "fix")}
        blocks.append(Heading(f"{one['severity']}: {text['rule']} at {text['where']}", 3))
        blocks.append(Note(text["evidence"], is_warning=one["severity"] != "note"))
        entries = [("why", text["why"]), ("fix", text["fix"]), ("place", text["place"])]
        if isinstance(one.get("folded_under"), str):
            entries.append(("follows from", shown_value(one["folded_under"])))
        blocks.append(Facts([entry for entry in entries if entry[1]]))
    return blocks


def history_of(history: Any) -> list[dict[str, float]]:
    """Return the epochs that a file tells of, each with its numbers; what is no number is NaN.

    Args:
        history: As `History.to_dict()` gives it, or anything else.
    """
    epochs = history.get("epochs") if isinstance(history, dict) else None
    if not isinstance(epochs, list):
        return []
    return [
        {name: _number(epoch.get(name)) for name in COLUMNS}
        for epoch in epochs
        if isinstance(epoch, dict) and _number(epoch.get("epoch")) == _number(epoch.get("epoch"))
    ]


def shown_value(value: Any) -> str:
    """Return a value of a file as text of bounded length."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, list) and value and all(isinstance(line, str) for line in value):
        text = "\n".join(value)
    elif value is None:
        text = "–"
    elif isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, float):
        text = f"{value:.6g}"
    elif isinstance(value, int):
        text = f"{value:,}"
    elif isinstance(value, dict) and value and all(isinstance(one, int | float | str) for one in value.values()):
        text = ", ".join(f"{name} {shown_value(one)}" for name, one in value.items())
    else:
        try:
            text = json.dumps(value, ensure_ascii=False, default=str)
        except RecursionError:
            # Forged: nested deeper than anything of ours.
            text = "…"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _history(history: Any) -> list[Block]:
    epochs = history_of(history)
    if not epochs:
        return []
    best = _number(history.get("best_epoch"))
    x = [epoch["epoch"] for epoch in epochs]
    of = {name: [epoch[name] for epoch in epochs] for name in epochs[0]}
    marked = best if best in x else None
    losses = {"training": of["train_loss"], "validation": of["validation_loss"]}
    curves = [Curves(x, {name: ys for name, ys in losses.items() if _has_any(ys)}, "loss", "epoch", marked)]
    measure = next((one for one in MEASURES if _has_any(of[one.key])), MEASURES[0])
    if _has_any(of[measure.key]):
        curves.append(Curves(x, {"validation": of[measure.key]}, measure.name, "epoch", marked, measure.on_axis))
    shown = ("epoch", "train_loss", "validation_loss", measure.key, "learning_rate", "examples_per_second", "seconds")
    table = Table(
        [
            number("epoch", ".0f"), number("training loss", ".4f"), number("validation loss", ".4f"),
            number(measure.name, measure.in_table), number("learning rate", ".3g"), number("examples/s", ",.0f"),
            number("seconds", ".1f"),
        ],
        [tuple(epoch[name] if epoch[name] == epoch[name] else None for name in shown) for epoch in epochs],
        title="epochs",
    )  # fmt: skip
    endings = {
        "finished": "It ran to its end.",
        "patience": "It stopped since it became no better.",
        "until": "It stopped since it was accurate enough.",
        "interrupted": "It was interrupted.",
    }
    ending = endings.get(str(history.get("ending")), "")
    kept = f"The weights are those of epoch {best:.0f}, the dashed line." if marked is not None else ""
    sentence = " ".join(part for part in (ending, kept) if part)
    return [*([Note(sentence)] if sentence else []), *curves, table]


def _has_any(values: Sequence[float]) -> bool:
    return any(value == value for value in values)


def _number(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
    return float(value) if is_number else float("nan")
