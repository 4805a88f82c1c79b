"""The report of a classifier, parsed back and compared with its facts."""

import json
import re
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pellucid
from pellucid.classifier.classifier import Classifier
from pellucid.classifier.report import Report, dataset_of, report
from pellucid.classifier.saving import read_card
from pellucid.classifier.told import findings_section, history_of, shown_value, training_section
from pellucid.data.columns import InputColumn
from pellucid.data.dataset import Dataset, Split
from pellucid.data.preparing_images import ImagePreparation
from pellucid.data.preparing_tables import TablePreparation
from pellucid.errors import MissingFileError
from pellucid.rendering.blocks import Code, Curves, Gallery, Heading, Image
from pellucid.rendering.files import FORMS, write_result
from tests.rendering.parsing import Page

EVIL = "<script>alert('x')</script>\"&amp;"
HISTORY = {
    "ending": "patience",
    "best_epoch": 2,
    "epochs": [
        {"epoch": 1, "train_loss": 0.9876, "validation_loss": 0.8765, "validation_accuracy": 0.6543, "is_best": True},
        {"epoch": 2, "train_loss": 0.5432, "validation_loss": None, "validation_accuracy": 0.7654, "is_best": True},
    ],
}
FINDING = {
    "rule": "overlapping-splits", "severity": "error", "where": "the splits", "place": "train.py:12",
    "evidence": "3 of 40 test inputs also stand in train", "why": "It judges what was learnt by heart.",
    "fix": ["leave them out:", "keep = ~shared"], "folded_under": None,
}  # fmt: skip


def told(name: str = "dots") -> dict[str, dict[str, Any]]:
    """What the file of a trained classifier says."""
    return {
        "settings": {"epochs": 2, "optimizer": name, "chosen": {"start": name, "reasons": {"start": f"{name}, since"}}},
        "metrics": {"history": HISTORY, "test_accuracy": 0.7},
        "dataset": {"name": name, "source": f"/data/{name}", "fingerprint": "f" * 64},
    }


@pytest.fixture
def made(classifier: Classifier, dataset: Dataset, tmp_path: Path) -> Report:
    """Of an untrained network that tells of a training, in a file."""
    facts = told()
    facts["settings"]["findings"] = [FINDING]
    facts["dataset"]["fingerprint"] = dataset.fingerprint
    full = Classifier(classifier.network, classifier.preparation, classifier.class_names, **facts)  # type: ignore[arg-type]
    path = pellucid.save(full, tmp_path / "dots.safetensors")
    return report(pellucid.load(path), dataset, path=path)


def page_of(result: Report, folder: Path) -> tuple[Page, str]:
    place = folder / "report.html"
    write_result(result, place)
    html = place.read_text(encoding="utf-8")
    return Page(html), html


def headings(result: Report) -> list[str]:
    return [block.text for block in result.blocks() if isinstance(block, Heading) and block.level == 2]


def test_it_has_all_sections(made: Report) -> None:
    assert headings(made) == [
        "Result", "Per class", "Confusion",
        *[name for name in headings(made) if name.startswith(("Cal", "Abs", "Sli"))],
        "Most confident mistakes", "Training", "Findings", "Data", "Network", "How to use it", "Where it comes from",
    ]  # fmt: skip


def test_numbers_of_the_page_are_those_of_the_facts(made: Report, tmp_path: Path) -> None:
    facts = made.to_dict()
    texts = page_of(made, tmp_path)[0].texts
    assert made.evaluation is not None and facts["evaluation"] == made.evaluation.to_dict()
    assert f"{facts['evaluation']['accuracy']:.2%}" in texts
    assert f"{facts['network']['parameters']:,}" in texts
    for epoch in facts["metrics"]["history"]["epochs"]:
        assert f"{epoch['train_loss']:.4f}" in texts and f"{epoch['validation_accuracy']:.2%}" in texts
    for said in (
        facts["weights_sha256"],
        facts["created"],
        *facts["versions"].values(),
        facts["dataset"]["fingerprint"],
    ):
        assert said in texts
    for finding in facts["settings"]["findings"]:
        assert {finding["evidence"], finding["why"], finding["place"], "\n".join(finding["fix"])} <= set(texts)


def test_the_facts_of_the_file_are_those_of_its_card(made: Report) -> None:
    card = read_card(made.path or "")
    assert (made.to_dict()["versions"], made.to_dict()["weights_sha256"]) == (card.versions, card.weights_sha256)


def test_it_loads_nothing_and_its_identifiers_are_unique(made: Report, tmp_path: Path) -> None:
    page, html = page_of(made, tmp_path)
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(names) == len(set(names))
    addresses = [
        value or "" for _, attributes in page.elements for key, value in attributes.items() if key in ("src", "href")
    ]
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert "script" not in {tag for tag, _ in page.elements} and not re.search(r"https?://", html)


def test_every_picture_and_drawing_is_described(made: Report, tmp_path: Path) -> None:
    page, _ = page_of(made, tmp_path)
    assert page.all("img") and all(img["alt"] for img in page.all("img"))
    assert all(svg.get("aria-label") or svg.get("aria-hidden") for svg in page.all("svg"))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1 and all(after <= before + 1 for before, after in pairwise(levels))


def hostile(name: str, folder: Path) -> Page:
    """The page of a classifier whose every name is this one."""
    generator = np.random.default_rng(0)
    split = Split(
        generator.integers(0, 256, (30, 1, 6, 6), dtype=np.uint8), np.arange(30) % 3, (f"/data/{name}.png",) * 30
    )
    names = tuple(f"{name} {number}" for number in range(3))
    dataset = Dataset(name, {"train": split, "test": split}, names, source=name, notes=(f"note: {name}",))
    facts = told(name)
    facts["settings"]["findings"] = [{**FINDING, **dict.fromkeys(("rule", "where", "place", "evidence", "why"), name)}]
    facts["settings"][name] = {name: [name]}
    torch.manual_seed(0)
    network = pellucid.mlp(36, (8,), 3, seed=0)
    classifier = Classifier(network, ImagePreparation.fit(split), names, **facts)  # type: ignore[arg-type]
    folder.mkdir()
    path = pellucid.save(classifier, folder / f"{name.replace('/', '')[:40]}.safetensors")
    return page_of(report(classifier, dataset, path=path), folder)[0]


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    evil, plain = hostile(EVIL, tmp_path / "evil"), hostile("x", tmp_path / "plain")
    assert [(tag, sorted(attributes)) for tag, attributes in evil.elements] == [
        (tag, sorted(attributes)) for tag, attributes in plain.elements
    ]
    assert f"{EVIL} 0" in evil.texts and f"note: {EVIL}" in evil.texts


def test_a_page_of_fashion_mnist_is_far_below_a_megabyte(fashion_mnist: Dataset, tmp_path: Path) -> None:
    network = pellucid.mlp(784, (32,), 10, seed=0)
    history = {"best_epoch": 300, "epochs": [{**HISTORY["epochs"][0], "epoch": n} for n in range(1, 301)]}  # type: ignore[index]
    classifier = Classifier(
        network, ImagePreparation.fit(fashion_mnist.test), fashion_mnist.class_names, metrics={"history": history}
    )
    _, html = page_of(report(classifier, fashion_mnist), tmp_path)
    pictures = sum(len(found) for found in re.findall(r"data:image/[a-z]+;base64,[A-Za-z0-9+/=]+", html))
    assert len(html.encode()) - pictures < 200_000 and len(html.encode()) < 1_000_000


@pytest.mark.parametrize("form", FORMS)
def test_it_can_be_written_in_every_form(made: Report, form: str, tmp_path: Path) -> None:
    write_result(made, tmp_path / f"report.{form}")
    content = (tmp_path / f"report.{form}").read_bytes()
    if form == "json":
        assert json.loads(content)["evaluation"]["examples"] == 40
    elif form != "png":
        assert b"left" in content  # a class


def test_without_a_dataset_it_says_so_and_shows_what_the_file_says(classifier: Classifier) -> None:
    full = Classifier(classifier.network, classifier.preparation, classifier.class_names, **told())  # type: ignore[arg-type]
    result = report(full)
    assert result.evaluation is None and result.notes[0].startswith("There was no dataset")
    assert "70.00% test accuracy, as its file says" in str(result).replace("\n", " ")


def test_another_dataset_than_that_of_the_training_is_told(classifier: Classifier, dataset: Dataset) -> None:
    full = Classifier(classifier.network, classifier.preparation, classifier.class_names, **told())  # type: ignore[arg-type]
    assert report(full, dataset).notes == ("Judged on arrays, which is not, or no longer, what it was trained on.",)


def test_only_the_very_dataset_of_the_training_is_found_again(classifier: Classifier, fashion_mnist: Dataset) -> None:
    def found(**facts: Any) -> Dataset | None:
        return dataset_of(Classifier(classifier.network, classifier.preparation, classifier.class_names, dataset=facts))

    again = found(name="fashion-mnist", source="Fashion-MNIST, in the package", fingerprint=fashion_mnist.fingerprint)
    assert again is not None and again.fingerprint == fashion_mnist.fingerprint
    assert found(name="fashion-mnist", fingerprint="0" * 64) is None
    assert found(name="/nowhere", source=["no", "path"], fingerprint="0" * 64) is None
    assert found() is None


def test_the_network_is_left_as_it_was(classifier: Classifier, dataset: Dataset) -> None:
    classifier.network.train()
    before = {name: value.clone() for name, value in classifier.network.state_dict().items()}
    state = torch.get_rng_state()
    _ = report(classifier, dataset).blocks()
    assert classifier.network.training and torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(value, before[name]) for name, value in classifier.network.state_dict().items())


def test_examples_are_those_of_each_class(made: Report, dataset: Dataset) -> None:
    galleries = {block.title: block.images for block in made.blocks() if isinstance(block, Gallery)}
    for number, name in enumerate(dataset.class_names):
        expected = dataset.train.inputs[dataset.train.labels == number][:5, 0]
        assert [image.description for image in galleries[name]] == [name] * len(expected)
        assert np.array_equal(np.stack([image.pixels for image in galleries[name]]), expected)


def test_commands_name_the_file_and_survive_a_shell(classifier: Classifier, tmp_path: Path) -> None:
    path = pellucid.save(classifier, tmp_path / "it's mine.safetensors")
    line, python = [block for block in report(classifier, path=path).blocks() if isinstance(block, Code)]
    assert "'\"'\"'" in line.text and str(path) in python.text
    compile(python.text, "report", "exec")


class Own(nn.Module):
    """A network that no recipe describes."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(36, 3)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.last(inputs.flatten(1)) * 2  # type: ignore[no-any-return]


def test_commands_name_the_class_of_a_network_of_the_users_own(classifier: Classifier, tmp_path: Path) -> None:
    own = Classifier(Own(), classifier.preparation, classifier.class_names)
    path = pellucid.save(own, tmp_path / "own.safetensors")
    line, python = [block for block in report(own, path=path).blocks() if isinstance(block, Code)]
    assert "--network test_report.py:Own" in line.text and 'network="test_report.py:Own"' in python.text


def test_a_classifier_of_a_table_shows_its_columns(tmp_path: Path) -> None:
    columns = (InputColumn("age", "number"), InputColumn("colour", "category", ("red", "blue")))
    inputs = np.array([[1.0, 0.0], [3.0, 1.0], [np.nan, 0.0], [5.0, 1.0]], np.float32)
    split = Split(inputs, np.array([0, 1, 0, 1]))
    preparation = TablePreparation.fit(split, columns)
    classifier = Classifier(pellucid.mlp(preparation.prepared_shape[0], (4,), 2, seed=0), preparation, ("no", "yes"))
    dataset = Dataset("rows", {"train": split, "test": split}, ("no", "yes"), columns=columns)
    result = report(classifier, dataset=None)
    assert not any(isinstance(block, Image | Gallery) for block in result.blocks())
    text = str(result)
    assert re.search(r"age +number +3 .*yes", text) and re.search(r"colour +category .* 2 *$", text, re.MULTILINE)
    assert "rows.csv" in text and dataset.columns == columns


@pytest.mark.parametrize(
    "history",
    [None, 3, [], "x", {}, {"epochs": 5}, {"epochs": ["x", None, {}, {"epoch": "1"}]}, {"epochs": [{"epoch": True}]}],
)
def test_a_history_of_another_form_is_left_out(history: Any) -> None:
    assert history_of(history) == []
    assert training_section({}, {"history": history}) == []


def test_numbers_of_a_history_that_are_none_are_gaps() -> None:
    epochs = [{"epoch": 1, "train_loss": "0.5", "validation_loss": 10**400}, {"epoch": 2, "train_loss": 0.25}]
    (loss,) = [block for block in training_section({}, {"history": {"epochs": epochs}}) if isinstance(block, Curves)]
    assert np.array_equal(loss.series["training"], [np.nan, 0.25], equal_nan=True) and list(loss.series) == ["training"]


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def test_a_regression_has_a_curve_of_its_r2() -> None:
    epochs = [{"epoch": n, "train_loss": 1.0, "validation_accuracy": None, "validation_r2": n / 10} for n in (1, 2)]
    blocks = training_section({}, {"history": {"epochs": epochs}})
    assert [(block.title, block.series) for block in blocks if isinstance(block, Curves)] == [
        ("loss", {"training": [1.0, 1.0]}),
        ("R²", {"validation": [0.1, 0.2]}),
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (True, "yes"), (12345, "12,345"), (1 / 3, "0.333333"), ("x" * 500, "x" * 400 + "…"),
        ({"train": 55000, "test": 3}, "train 55,000, test 3"), ({}, "{}"),
        (["one line", "another"], "one line\nanother"), ([1, [2]], "[1, [2]]"), (nested(5000), "…"),
    ],
)  # fmt: skip
def test_a_value_of_a_file_is_shown_as_text_of_bounded_length(value: Any, text: str) -> None:
    assert shown_value(value) == text


@pytest.mark.parametrize("findings", [None, "x", {"findings": []}, 3])
def test_findings_of_another_form_are_left_out(findings: Any) -> None:
    assert findings_section(findings) == []


def test_no_findings_are_said_to_be_none() -> None:
    assert "nothing found" in str(findings_section([])[-1])
    assert "nothing found" in str(findings_section(["x", {"severity": "fatal"}])[-1])


def test_the_command_writes_the_page(
    made: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pellucid.cli import main

    place = tmp_path / "out.html"
    monkeypatch.setattr(sys, "argv", ["pellucid", "report", made.path or "", "-o", str(place)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code and str(place) in capsys.readouterr().out
    page = Page(place.read_text(encoding="utf-8"))
    assert any("no dataset" in text for text in page.texts)  # arrays are nowhere to be read again


def test_the_card_of_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="there is no file"):
        read_card(tmp_path / "none.safetensors")
