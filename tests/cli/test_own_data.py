"""A user's own pictures and tables, through every command, on real data of scikit-learn and of the package."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn import datasets

import pellucid

from .conftest import Command

QUICK = ("--epochs", "8", "--batch-size", "16")


def flowers() -> pd.DataFrame:
    found = datasets.load_iris(as_frame=True)
    return found.data.assign(species=[found.target_names[label] for label in found.target])


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    flowers().to_csv("flowers.csv", index=False)
    return tmp_path / "flowers.csv"


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """300 pictures of clothes in a folder for each class."""
    monkeypatch.chdir(tmp_path)
    dataset = pellucid.read()
    for number in range(300):
        name = dataset.class_names[dataset.train.labels[number]].replace("/", "-")
        folder = tmp_path / "photos" / name
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(dataset.train.inputs[number, 0]).save(folder / f"{number}.png")
    return tmp_path / "photos"


def content(folder: Path) -> dict[str, str]:
    """Every file below a folder, with its digest."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_table_is_trained_on_predicted_judged_and_reported(pellucid_command: Command, table: Path) -> None:
    trained = pellucid_command("train", "flowers.csv", "--label", "species", *QUICK)
    assert trained.code == 0, trained.err
    assert "107 train, 22 validation, 21 test; 3 classes" in trained.out
    assert "task: multiclass (inferred" in trained.out
    new = flowers().drop(columns="species").iloc[[0, 60, 120]]
    new.to_json("new.jsonl", orient="records", lines=True)
    answers = json.loads(pellucid_command("predict", "flowers.safetensors", "new.jsonl", "--json").out)
    assert [answer["label"] for answer in answers["predictions"]] == ["setosa", "versicolor", "virginica"]
    judged = json.loads(pellucid_command("evaluate", "flowers.safetensors", "flowers.csv", "--json").out)
    assert judged["examples"] == 21
    flowers().iloc[::2].to_csv("others.csv", index=False)
    assert json.loads(pellucid_command("evaluate", "flowers.safetensors", "others.csv", "--json").out)["examples"] == 75
    report = pellucid_command("report", "flowers.safetensors", "flowers.csv", "--baselines", "-o", "report.html")
    assert report.code == 0, report.err
    assert "logistic regression" in Path("report.html").read_text()


def test_a_regression_is_trained_and_answers_with_numbers(pellucid_command: Command, table: Path) -> None:
    datasets.load_diabetes(as_frame=True).frame.to_parquet(table.parent / "diabetes.parquet")
    trained = pellucid_command("train", "diabetes.parquet", *QUICK)
    assert trained.code == 0, trained.err
    assert "a number: target" in trained.out
    assert "test R² 0." in trained.out
    answers = json.loads(pellucid_command("predict", "diabetes.safetensors", "diabetes.parquet", "--json").out)
    values = [answer["values"]["target"] for answer in answers["predictions"]]
    assert np.corrcoef(values, datasets.load_diabetes().target)[0, 1] > 0.6


def test_a_folder_of_pictures_is_trained_on_and_left_as_it_was(pellucid_command: Command, photos: Path) -> None:
    before = content(photos)
    trained = pellucid_command("train", "photos", "--hidden", "32", *QUICK)
    assert trained.code == 0, trained.err
    assert "classes are the folders: Ankle boot, Bag" in trained.out
    judged = json.loads(pellucid_command("evaluate", "photos.safetensors", "photos", "--json").out)
    assert judged["examples"] == len(pellucid.read(photos).test)
    picture = next((photos / "Bag").iterdir())
    assert pellucid_command("predict", "photos.safetensors", picture).code == 0
    assert pellucid_command("data", "photos").code == 0
    assert content(photos) == before


def test_new_pictures_of_some_classes_are_all_judged(pellucid_command: Command, photos: Path) -> None:
    assert pellucid_command("train", "photos", "--hidden", "32", *QUICK).code == 0
    new = photos.parent / "new"
    for name in ("Bag", "Sandal"):
        (new / name).mkdir(parents=True)
        for path in list((photos / name).iterdir())[:5]:
            # Of another size and in colour, as another camera takes them.
            Image.open(path).convert("RGB").resize((60, 60)).save(new / name / f"{path.stem}.jpg", quality=95)
    judged = json.loads(pellucid_command("evaluate", "photos.safetensors", new, "--json").out)
    assert judged["examples"] == 10
    assert sum(score["examples"] for score in judged["classes"] if score["name"] in ("Bag", "Sandal")) == 10


def test_a_single_class_is_enough_to_judge_on(pellucid_command: Command, photos: Path) -> None:
    assert pellucid_command("train", "photos", "--hidden", "32", *QUICK).code == 0
    (photos.parent / "bags" / "Bag").mkdir(parents=True)
    for path in list((photos / "Bag").iterdir())[:4]:
        (photos.parent / "bags" / "Bag" / path.name).write_bytes(path.read_bytes())
    outcome = pellucid_command("evaluate", "photos.safetensors", photos.parent / "bags", "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["examples"] == 4


def test_pictures_that_cannot_be_read_are_named_and_left_out_if_asked(pellucid_command: Command, photos: Path) -> None:
    (photos / "Bag" / "broken.png").write_bytes(b"no picture")
    refused = pellucid_command("train", "photos", *QUICK)
    assert refused.code == 1
    assert "Bag/broken.png" in refused.err and "--skip-bad" in refused.err
    trained = pellucid_command("train", "photos", "--skip-bad", "--hidden", "32", *QUICK)
    assert trained.code == 0, trained.err
    assert "left out: 1 of 301 image files" in " ".join(trained.out.split())


def test_what_is_no_data_says_what_is(pellucid_command: Command, table: Path) -> None:
    (table.parent / "notes.txt.doc").write_text("hello")
    outcome = pellucid_command("train", table.parent / "notes.txt.doc")
    assert outcome.code == 1
    assert "is no file of a kind that is known" in outcome.err and "a table (CSV" in outcome.err


def test_a_size_that_is_none_is_refused(pellucid_command: Command, photos: Path) -> None:
    outcome = pellucid_command("train", "photos", "--image-size", "big")
    assert outcome.code != 0
    assert "write it as 64x48" in outcome.err


def test_images_are_brought_to_the_size_that_is_asked(pellucid_command: Command, photos: Path) -> None:
    facts = json.loads(pellucid_command("data", "photos", "--image-size", "14x20", "--json").out)
    assert facts["splits"]["train"]["shape"] == [1, 14, 20]


def test_what_was_said_of_the_data_need_not_be_said_again(pellucid_command: Command, table: Path) -> None:
    frame = flowers().assign(patient=np.arange(150) // 3, other="x")
    frame.loc[::2, "other"] = "y"
    frame.to_csv("flowers.csv", index=False)
    said = ("--label", "other", "--group", "patient", "--ignore", "species")
    assert pellucid_command("train", "flowers.csv", *said, *QUICK).code == 0
    dataset = pellucid.read("flowers.csv", label="other", group="patient", ignore="species")
    judged = json.loads(pellucid_command("evaluate", "flowers.safetensors", "flowers.csv", "--json").out)
    assert judged["examples"] == len(dataset.test)
    again = pellucid_command("train", "flowers.csv", "--from", "flowers.safetensors", "-o", "more.safetensors", *QUICK)
    assert again.code == 0, again.err
    report = json.loads(pellucid_command("report", "flowers.safetensors", "--json").out)
    assert report["evaluation"]["examples"] == len(dataset.test)


def test_a_size_that_was_asked_for_is_kept_when_going_on(pellucid_command: Command, photos: Path) -> None:
    said = ("--image-size", "14", "--hidden", "16", *QUICK)
    assert pellucid_command("train", "photos", *said).code == 0
    again = pellucid_command("train", "photos", "--from", "photos.safetensors", "-o", "more.safetensors", *QUICK)
    assert again.code == 0, again.err
    judged = json.loads(pellucid_command("evaluate", "photos.safetensors", "photos", "--json").out)
    assert judged["examples"] == len(pellucid.read(photos).test)
    assert json.loads(pellucid_command("report", "photos.safetensors", "--json").out)["evaluation"] is not None


def test_a_streamed_array_file_is_judged_on_its_test_split(pellucid_command: Command, table: Path) -> None:
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(600, 3)).astype(np.float32)
    np.savez("numbers.npz", x=inputs, y=(inputs[:, 0] > 0).astype(int))
    assert pellucid_command("train", "numbers.npz", "--stream", *QUICK).code == 0
    judged = json.loads(pellucid_command("evaluate", "numbers.safetensors", "numbers.npz", "--json").out)
    assert judged["examples"] < 60


def test_a_classifier_of_a_table_is_traced_on_its_rows(pellucid_command: Command, table: Path) -> None:
    assert pellucid_command("train", "flowers.csv", *QUICK).code == 0
    traced = pellucid_command("trace", "flowers.safetensors", "flowers.csv")
    assert traced.code == 0, traced.err
    assert "Linear" in traced.out


def test_a_classifier_of_another_task_is_not_gone_on_with(pellucid_command: Command, table: Path) -> None:
    assert pellucid_command("train", "flowers.csv", *QUICK).code == 0
    outcome = pellucid_command("train", "flowers.csv", "--label", "petal width (cm)", "--from", "flowers.safetensors")
    assert outcome.code == 1
    assert "is for the task multiclass, but flowers.csv for regression" in outcome.err


def test_a_column_of_words_is_described_by_its_features(pellucid_command: Command, table: Path) -> None:
    frame = flowers().assign(colour=np.where(np.arange(150) % 2, "red", "blue"), nr=np.arange(150))
    frame.to_csv("flowers.csv", index=False)
    trained = pellucid_command("train", "flowers.csv", "--label", "species", *QUICK)
    assert "only tell rows apart: column nr" in " ".join(trained.out.split())
    described = pellucid_command("describe", "flowers.safetensors")
    assert described.code == 0, described.err
    assert "1 x 6" in described.out
    assert pellucid_command("parameters", "flowers.safetensors").code == 0


def test_what_a_binary_and_a_regression_answer_is_shown_with_the_trace(pellucid_command: Command, table: Path) -> None:
    frame = flowers()
    frame[frame.species != "setosa"].to_csv("two.csv", index=False)
    assert pellucid_command("train", "two.csv", *QUICK).code == 0
    facts = json.loads(pellucid_command("trace", "two.safetensors", "two.csv", "--json").out)
    answers = json.loads(pellucid_command("predict", "two.safetensors", "two.csv", "--json").out)["predictions"]
    assert facts["probabilities"] == pytest.approx(answers[0]["probabilities"], abs=1e-5)
    assert "after sigmoid" in pellucid_command("trace", "two.safetensors", "two.csv").out
    frame.drop(columns="species").to_csv("sizes.csv", index=False)
    assert pellucid_command("train", "sizes.csv", "--task", "regression", *QUICK).code == 0
    facts = json.loads(pellucid_command("trace", "sizes.safetensors", "sizes.csv", "--json").out)
    answers = json.loads(pellucid_command("predict", "sizes.safetensors", "sizes.csv", "--json").out)["predictions"]
    assert facts["values"] == pytest.approx(answers[0]["values"], abs=1e-4)


def test_what_is_to_be_tried_next_of_arrays_is_no_table(pellucid_command: Command, table: Path) -> None:
    inputs = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    np.savez("numbers.npz", x=inputs, y=(inputs[:, 0] > 0).astype(int))
    assert "pellucid predict numbers.safetensors rows.csv" in pellucid_command("train", "numbers.npz", *QUICK).out


def test_labels_that_fit_no_regression_say_that_the_task_is_wrong(pellucid_command: Command, table: Path) -> None:
    outcome = pellucid_command("train", "flowers.csv", "--task", "regression", "--label", "species")
    assert outcome.code == 1
    assert "'setosa', which is no number" in outcome.err
    assert "fix: leave --task out, or name a label column that fits it" in outcome.err
