"""The page of a judgement, parsed back and compared with its facts."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pellucid.evaluation.evaluation import Evaluation, judge
from pellucid.evaluation.metrics import wilson_interval
from pellucid.evaluation.reading import bins_of, coverage_of, pairs_of
from pellucid.evaluation.sections import figures_of, judgement_sections
from pellucid.rendering.blocks import Bars, Curves, Gallery, Heading, Matrix, Note, Reliability, Table
from pellucid.rendering.files import write_result
from tests.rendering.parsing import Page

EVIL = "<script>alert('x')</script>\"&amp;"


def judged(classes: int = 4, name: str = "class", each: int = 25, *, pictures: bool = False) -> Evaluation:
    labels = torch.arange(classes * each) % classes
    logits = torch.randn(len(labels), classes)
    logits[torch.arange(len(labels)), labels] += 1.5
    names = [f"{name} {number}" for number in range(classes)]
    shown = np.random.default_rng(0).integers(0, 256, (len(labels), 28, 28), dtype=np.uint8)
    picture = shown.__getitem__ if pictures else lambda _: None
    return judge(logits, labels, names, split="test", picture=picture)


class Given:
    """A judgement that is nothing but its facts."""

    def __init__(self, facts: dict) -> None:  # type: ignore[type-arg]
        self.facts = facts

    def to_dict(self) -> dict:  # type: ignore[type-arg]
        return self.facts

    def blocks(self) -> list[Note]:
        return [Note("as in a terminal")]


def page_of(evaluation: Evaluation, folder: Path) -> tuple[Page, str]:
    place = folder / "judged.html"
    write_result(evaluation, place)
    html = place.read_text(encoding="utf-8")
    return Page(html), html


def stands_in(row: list[str], texts: list[str]) -> bool:
    """Return whether these cells follow each other."""
    return any(texts[at : at + len(row)] == row for at in range(len(texts)))


def test_numbers_of_the_page_are_those_of_the_facts(tmp_path: Path) -> None:
    evaluation = judged()
    facts = evaluation.to_dict()
    texts = page_of(evaluation, tmp_path)[0].texts
    assert f"{facts['accuracy']:.2%}" in texts and f"{facts['macro_f1']:.2%}" in texts
    for score in facts["classes"]:
        row = [score["name"], *(f"{score[key]:.1%}" for key in ("precision", "recall", "f1")), f"{score['examples']:,}"]
        assert stands_in(row, texts)
    for score, counts in zip(facts["classes"], facts["confusion"], strict=True):
        row = [score["name"], *(f"{count:,}" for count in counts)]
        assert stands_in(row, texts)


def test_every_mistake_has_its_picture_and_its_row(tmp_path: Path) -> None:
    evaluation = judged(pictures=True)
    page, _ = page_of(evaluation, tmp_path)
    assert [img["alt"] for img in page.all("img")] == [
        f"{m.label}, taken for {m.predicted}, {m.confidence:.1%} sure" for m in evaluation.mistakes
    ]


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    (tmp_path / "evil").mkdir()
    torch.manual_seed(0)
    evil, html = page_of(judged(name=EVIL), tmp_path / "evil")
    torch.manual_seed(0)
    plain, _ = page_of(judged(name="x"), tmp_path)
    assert [(tag, sorted(attributes)) for tag, attributes in evil.elements] == [
        (tag, sorted(attributes)) for tag, attributes in plain.elements
    ]
    assert "<script" not in html and f"{EVIL} 0" in evil.texts


def test_identifiers_are_unique_and_nothing_is_loaded(tmp_path: Path) -> None:
    page, _ = page_of(judged(pictures=True), tmp_path)
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(names) == len(set(names)) >= 4
    addresses = [
        value or "" for _, attributes in page.elements for key, value in attributes.items() if key in ("src", "href")
    ]
    assert addresses and all(address.startswith(("data:", "#")) for address in addresses)


@pytest.mark.parametrize(("classes", "each", "most"), [(2, 5000, 40_000), (10, 1000, 60_000), (200, 50, 400_000)])
def test_a_page_without_pictures_is_small(classes: int, each: int, most: int, tmp_path: Path) -> None:
    _, html = page_of(judged(classes, each=each), tmp_path)
    assert len(html.encode()) < most


def test_the_most_confused_pairs_are_the_largest_counts_beside_the_diagonal() -> None:
    facts = judged(6).to_dict()
    counts = np.array(facts["confusion"])
    np.fill_diagonal(counts, 0)
    pairs = pairs_of(facts)
    assert [pair.count for pair in pairs] == sorted(counts.ravel().tolist(), reverse=True)[:10]
    first = pairs[0]
    assert counts[int(first.label[-1]), int(first.predicted[-1])] == first.count
    assert first.share == first.count / 25


def test_bars_are_sorted_by_recall_with_wilsons_intervals() -> None:
    evaluation = judged()
    (bars,) = [block for block in judgement_sections(evaluation) if isinstance(block, Bars)]
    expected = sorted(score.recall for score in evaluation.classes)
    assert [bar.share for bar in bars.bars] == expected
    assert [bar.interval for bar in bars.bars] == [wilson_interval(round(25 * recall), 25) for recall in expected]


def test_calibration_and_coverage_are_shown_where_they_were_measured() -> None:
    facts = {
        **judged().to_dict(),
        "calibration": {
            "bins": [
                {"confidence": 0.4, "accuracy": 0.5, "examples": 10},
                {"confidence": 0.9, "accuracy": 0.8, "examples": 90},
                {"confidence": 0.0, "accuracy": 0.0, "examples": 0},
            ],
            "temperature": 1.5, "fitted_on": "validation", "error_scaled": 0.0123,
        },
        "thresholds": {
            "rows": [
                {"confidence": 0.0, "coverage": 1.0, "accuracy": 0.7, "interval": [0.6, 0.8]},
                {"confidence": 0.9, "coverage": 0.5, "accuracy": 0.9, "interval": [0.8, 0.95]},
            ]
        },
    }  # fmt: skip
    blocks = judgement_sections(Given(facts))
    (reliability,) = [block for block in blocks if isinstance(block, Reliability)]
    assert (reliability.confidence, reliability.accuracy, reliability.counts) == ([0.4, 0.9], [0.5, 0.8], [10, 90])
    (curve,) = [block for block in blocks if isinstance(block, Curves)]
    assert list(curve.x) == [0.5, 1.0] and list(*curve.series.values()) == [0.9, 0.7]
    assert any("1.23%" in block.text and "1.5" in block.text for block in blocks if isinstance(block, Note))
    table = next(block for block in blocks if isinstance(block, Table) and block.title.startswith("thresholds"))
    assert table.rows[0] == (1.0, 0.0, 0.7, 0.6, 0.8)


@pytest.mark.parametrize("facts", [{}, {"calibration": None, "thresholds": None}, {"calibration": {"bins": []}}])
def test_what_was_not_measured_is_left_out(facts: dict) -> None:  # type: ignore[type-arg]
    assert (bins_of(facts), coverage_of(facts), pairs_of(facts)) == ((), (), ())


def test_a_judgement_without_classes_is_shown_as_in_a_terminal() -> None:
    assert judgement_sections(Given({"r2": 0.5})) == [Heading("Result"), Note("as in a terminal")]


def test_the_figures_of_a_judgement_are_those_of_its_task() -> None:
    shared = {"split": "test", "examples": 1234}
    regression = figures_of({**shared, "r2": 0.87654, "r2_interval": [0.8, 0.9]})
    assert regression == [
        ("0.877", "R² on the test split, 95 % interval 0.800 to 0.900"),
        ("1,234", "test examples"),
    ]
    assert figures_of({**shared, "micro_f1": 0.5, "micro_f1_interval": [0.4, 0.6]})[0][0] == "50.00%"
    assert figures_of({**shared, "r2": float("nan"), "r2_interval": [0, 0]}) == []


def test_a_judgement_without_a_mistake_has_no_section_of_them() -> None:
    logits = torch.eye(3) * 9
    evaluation = judge(logits, torch.arange(3), ["a", "b", "c"], split="test")
    blocks = judgement_sections(evaluation)
    assert not any(isinstance(block, Gallery) for block in blocks)
    assert "Most confident mistakes" not in [block.text for block in blocks if isinstance(block, Heading)]
    assert [block.counts for block in blocks if isinstance(block, Matrix)] == [np.eye(3, dtype=int).tolist()]
