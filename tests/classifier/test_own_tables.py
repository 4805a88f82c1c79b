"""A classifier of a table: what it predicts of rows, and what it is judged on."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import pellucid
from pellucid.classifier.classifier import Classifier
from pellucid.classifier.predictions import LabelsPrediction, NumbersPrediction, Prediction
from pellucid.classifier.reading_for import as_new, read_for
from pellucid.data.columns import InputColumn
from pellucid.data.dataset import Dataset, Split
from pellucid.data.preparing_tables import TablePreparation
from pellucid.data.targets import TargetScale
from pellucid.errors import DataError, SettingError, ShapeError
from pellucid.rendering.files import write_result
from pellucid.training.settings import Settings


def shop(rows: int, seed: int = 0) -> pd.DataFrame:
    """Whoever is over 45 buys, but for those who like red."""
    generator = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "age": generator.integers(18, 80, rows).astype(float),
            "colour": generator.choice(["red", "green", "blue"], rows),
            "bought": "no",
        }
    )
    table.loc[(table.age > 45) ^ (table.colour == "red"), "bought"] = "yes"
    return table


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shop") / "shop.csv"
    shop(400).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def classifier(file: Path) -> Classifier:
    dataset = pellucid.read(file)
    network = pellucid.mlp(4, (32,), dataset.outputs, seed=0)
    return pellucid.train(network, dataset, Settings(epochs=20)).classifier


def test_a_file_rows_a_frame_and_an_array_are_answered_alike(classifier: Classifier, tmp_path: Path) -> None:
    new = shop(20, seed=1).drop(columns="bought")
    new.to_csv(tmp_path / "new.csv", index=False)
    of_file = pellucid.predict(classifier, tmp_path / "new.csv")
    of_rows = pellucid.predict(classifier, new.to_dict("records"))
    codes = new.colour.map({"blue": 0.0, "green": 1.0, "red": 2.0})
    of_array = pellucid.predict(classifier, np.stack([new.age, codes], axis=1).astype(np.float32))
    assert of_file.labels == of_rows.labels == pellucid.predict(classifier, new).labels == of_array.labels
    assert of_file[2].source == "new.csv row 3"


def test_most_new_rows_are_answered_rightly(classifier: Classifier) -> None:
    new = shop(200, seed=2)
    assert np.mean(np.array(pellucid.predict(classifier, new).labels) == new.bought) > 0.9


def test_a_colour_that_was_never_seen_is_answered_and_said(classifier: Classifier) -> None:
    found = pellucid.predict(classifier, [{"age": 30, "colour": "violet"}])
    assert any("violet" in note for note in found.notes)
    assert isinstance(found[0], Prediction)


def test_missing_columns_are_named(classifier: Classifier) -> None:
    with pytest.raises(DataError, match="lacks column 'age'"):
        pellucid.predict(classifier, pd.DataFrame({"colour": ["red"]}))


def test_an_array_with_other_columns_is_refused(classifier: Classifier) -> None:
    with pytest.raises(ShapeError, match=r"\[3\] but the classifier takes 2 columns"):
        pellucid.predict(classifier, np.zeros((4, 3), np.float32))


def test_many_rows_are_shown_as_a_table_with_a_line_each(classifier: Classifier) -> None:
    found = pellucid.predict(classifier, shop(30, seed=3))
    lines = [line.split() for line in str(found).splitlines()]
    assert sum(line[:1] == ["row"] for line in lines) == 30
    assert ["row", "7", found[6].label, f"{found[6].line()['probability']:.1%}"] in lines


def test_what_it_was_trained_on_keeps_its_splits(classifier: Classifier, file: Path) -> None:
    again = read_for(classifier, file)
    assert {name: len(split) for name, split in again.splits.items()} == {
        name: len(split) for name, split in pellucid.read(file).splits.items()
    }


def test_all_of_a_new_table_is_judged(classifier: Classifier, tmp_path: Path) -> None:
    new = shop(90, seed=5)
    new.to_parquet(tmp_path / "new.parquet")
    dataset = read_for(classifier, tmp_path / "new.parquet")
    assert {name: len(split) for name, split in dataset.splits.items()} == {"test": 90}
    right = np.array(pellucid.predict(classifier, new).labels) == new.bought
    assert pellucid.evaluate(classifier, dataset).score == pytest.approx(right.mean())


def test_splits_that_were_cut_are_put_together_again() -> None:
    labels = np.arange(40) % 2
    dataset = pellucid.from_arrays(np.arange(40, dtype=np.float32)[:, None], labels)
    whole = as_new(dataset)
    assert list(whole.splits) == ["test"]
    assert sorted(whole.test.inputs.ravel().tolist()) == list(range(40))
    assert (whole.test.inputs.ravel().astype(int) % 2 == whole.test.labels).all()


def test_a_split_that_was_given_stays_the_one_that_is_judged() -> None:
    labels = np.arange(40) % 2
    inputs = np.arange(40, dtype=np.float32)[:, None]
    dataset = pellucid.from_arrays(inputs, labels, test=(inputs[:6] + 100, labels[:6]))
    assert sorted(as_new(dataset).test.inputs.ravel().tolist()) == list(range(100, 106))


COLUMNS = (InputColumn("x", "number"),)


def of_one_number(outputs: int, **rest: object) -> Classifier:
    """Output i is i + x."""
    network = torch.nn.Linear(1, outputs)
    with torch.no_grad():
        network.weight.fill_(1.0)
        network.bias.copy_(torch.arange(outputs).float())
    preparation = TablePreparation(COLUMNS, (0.0,), (1.0,), (False,))
    return Classifier(network, preparation, tuple("abc"[:outputs]), **rest)  # type: ignore[arg-type]


def test_labels_that_hold_are_named() -> None:
    found = pellucid.predict(of_one_number(3, task="multilabel"), [{"x": -1.5}])[0]
    assert isinstance(found, LabelsPrediction)
    assert found.labels == ("c",)
    assert list(found.probabilities) == ["c", "b", "a"]
    assert found.probabilities["a"] == pytest.approx(1 / (1 + np.exp(1.5)))


def test_numbers_are_given_in_the_units_of_the_labels() -> None:
    classifier = of_one_number(2, task="regression", targets=TargetScale((10.0, 20.0), (2.0, 3.0)))
    found = pellucid.predict(classifier, [{"x": 4.0}])[0]
    assert isinstance(found, NumbersPrediction)
    assert found.values == {"a": 18.0, "b": 35.0}
    assert found.to_dict()["values"] == {"a": 18.0, "b": 35.0}
    assert found.label == "a 18, b 35"


def test_a_dataset_says_which_splits_were_cut(file: Path) -> None:
    dataset: Dataset = pellucid.read(file)
    assert set(dataset.cut) == {"validation", "test"}
    assert dataset.options.label == ("bought",)


def test_a_csv_file_holds_every_answer_with_all_probabilities(classifier: Classifier, tmp_path: Path) -> None:
    found = pellucid.predict(classifier, shop(30, seed=3), top=1)
    write_result(found, tmp_path / "answers.csv")
    written = pd.read_csv(tmp_path / "answers.csv")
    assert written.label.tolist() == found.labels
    assert (written.yes + written.no).to_numpy() == pytest.approx(1)


def test_a_predictor_answers_each_task_in_its_own_way() -> None:
    rows = torch.tensor([[-1.5], [0.5]])
    binary = Classifier(
        torch.nn.Linear(1, 1), TablePreparation(COLUMNS, (0.0,), (1.0,), (False,)), ("a", "b"), "binary"
    )
    predictor = binary.predictor()
    assert torch.allclose(predictor.probabilities(rows).sum(dim=1), torch.ones(2))
    assert predictor.classes(rows).tolist() == binary.logits(rows).argmax(dim=1).tolist()
    several = of_one_number(3, task="multilabel").predictor()
    assert torch.allclose(several.probabilities(rows), (rows + torch.arange(3)).sigmoid())
    assert several.classes(rows).tolist() == [[False, False, True], [True, True, True]]
    numbers = of_one_number(1, task="regression", targets=TargetScale((10.0,), (2.0,))).predictor()
    assert numbers.logits(rows).flatten().tolist() == [7.0, 11.0]
    with pytest.raises(SettingError, match="a regression has no classes"):
        numbers.probabilities(rows)


def test_classes_that_are_numbers_are_found_by_their_names() -> None:
    labels = np.repeat(np.arange(1, 4), 20)
    inputs = labels[:, None].astype(np.float32)
    trained_on = pellucid.from_arrays(inputs, np.array([str(label) for label in labels]))
    run = pellucid.train(pellucid.mlp(1, (16,), 3, seed=0), trained_on, Settings(epochs=30))
    others = pellucid.from_arrays(inputs - 1, np.array([str(label - 1) for label in labels]), test=None)
    with pytest.raises(DataError, match="has the classes 0, 1, 2 but the classifier knows 1, 2, 3"):
        pellucid.evaluate(run.classifier, others)


@pytest.mark.parametrize("name", ["two\nlines", "turned\u202etext", "line\u2028end"])
def test_names_that_no_file_may_hold_are_refused_before_training(name: str) -> None:
    with pytest.raises(DataError, match=r"column 'colour' has control characters .*\n  fix: write it in one line"):
        Dataset(
            "made",
            {"train": Split(np.zeros((2, 1), np.float32), np.array([0, 1]))},
            ("a", "b"),
            columns=(InputColumn("colour", "category", ("red", name)),),
        )
