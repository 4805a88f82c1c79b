"""Cards of other versions and of tables: what is read, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import pellucid
from pellucid.classifier.classifier import Classifier
from pellucid.data.columns import InputColumn
from pellucid.data.preparing_tables import TablePreparation
from pellucid.data.targets import TargetScale
from pellucid.errors import ClassifierFileError

Card = dict[str, Any]
COLUMNS = (InputColumn("age", "number"), InputColumn("colour", "category", ("red", "green")))


def as_first_version(card: Card) -> None:
    card["version"] = 1
    del card["task"], card["targets"], card["preparation"]["kind"]


def test_a_file_of_the_first_version_is_still_read(saved: Path, forge: Callable[..., Path]) -> None:
    old, new = pellucid.load(forge(as_first_version)), pellucid.load(saved)
    assert old.preparation == new.preparation
    assert old.task == "multiclass"
    inputs = torch.zeros(2, *new.preparation.shape, dtype=torch.uint8)
    assert torch.equal(old.logits(inputs), new.logits(inputs))


@pytest.fixture
def of_a_table(tmp_path: Path) -> Path:
    preparation = TablePreparation(COLUMNS, (40.0, 0.0), (12.0, 1.0), (True, False))
    scale = TargetScale((3.0,), (2.0,))
    network = pellucid.mlp(4, (5,), 1, seed=0)
    path = tmp_path / "table.safetensors"
    pellucid.save(Classifier(network, preparation, ("price",), "regression", scale), path)
    return path


def test_a_classifier_of_a_table_comes_back_as_it_was(of_a_table: Path) -> None:
    found = pellucid.load(of_a_table)
    assert found.preparation == TablePreparation(COLUMNS, (40.0, 0.0), (12.0, 1.0), (True, False))
    assert found.targets == TargetScale((3.0,), (2.0,))
    assert found.class_names == ("price",)


@pytest.fixture
def saved_table(of_a_table: Path, saved: Path) -> Path:
    """The file that `forge` starts from, replaced by one of a table."""
    saved.write_bytes(of_a_table.read_bytes())
    return saved


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda card: card["preparation"].update(kind="pickle"), "preparation in its card"),
        (lambda card: card["preparation"].update(columns=[]), "preparation in its card"),
        (lambda card: card["preparation"]["columns"][0].update(kind="code"), "preparation in its card"),
        (lambda card: card["preparation"]["columns"][0].update(name=7), "preparation in its card"),
        (lambda card: card["preparation"]["columns"][0].update(name="colour"), "preparation in its card"),
        (lambda card: card["preparation"]["columns"][0].update(categories=["a"]), "preparation in its card"),
        (lambda card: card["preparation"]["columns"][1].update(categories=["a", "a"]), "preparation in its card"),
        (lambda card: card["preparation"].update(std=[0.0, 1.0]), "preparation in its card"),
        (lambda card: card["preparation"].update(mean=[1.0]), "preparation in its card"),
        (lambda card: card["preparation"].update(has_missing=[1, 0]), "preparation in its card"),
        (lambda card: card.update(task="anything"), "the task in its card"),
        (lambda card: card.update(task=["binary"]), "the task in its card"),
        (lambda card: card.update(task="multiclass"), "a scale of targets that does not belong"),
        (lambda card: card.update(targets=None), "a scale of targets that does not belong"),
        (lambda card: card.update(targets={"mean": [0], "std": [0]}), "the scale of targets in its card"),
        (lambda card: card.update(targets={"mean": [0, 1], "std": [1, 1]}), "the scale of targets in its card"),
    ],
)
def test_a_card_of_a_table_is_checked(
    change: Callable[[Card], Any], message: str, saved_table: Path, forge: Callable[..., Path]
) -> None:
    assert saved_table.is_file()
    with pytest.raises(ClassifierFileError, match=message):
        pellucid.load(forge(change))
