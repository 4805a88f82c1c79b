"""describe, trace and parameters on the command line."""

import json
from pathlib import Path

import pytest

from .conftest import Command

OWN = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(64, 12)
        self.last = nn.Linear(12, 3)

    def forward(self, images):
        return self.last(torch.relu(self.first(images.flatten(1))))

class Broken(Net):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(11, 3)
"""


@pytest.fixture
def trained(pellucid_command: Command, digits: Path) -> Path:
    """A saved classifier, with an image beside it and a file of networks."""
    pellucid_command("train", digits, "--epochs", "10", "--batch-size", "32", "--hidden", "16")
    pellucid_command("data", digits, "--examples", "pictures")
    Path("net.py").write_text(OWN)
    return Path("dots.safetensors")


def test_describe_shows_a_classifier_as_executed(pellucid_command: Command, trained: Path) -> None:
    facts = json.loads(pellucid_command("describe", trained, "--json").out)
    assert facts["layers"][1]["output_shapes"] == [[1, 64]]
    assert facts["parameters"] == 64 * 16 + 16 + 16 * 3 + 3
    assert facts["macs"] == {"value": 64 * 16 + 16 * 3, "source": "estimated"}
    assert "linear_relu_stack" in pellucid_command("describe", trained).out
    assert "rows are left out" in pellucid_command("describe", trained, "--kind", "Linear").out


def test_no_line_of_the_program_itself_is_taken_for_the_users(pellucid_command: Command, trained: Path) -> None:
    facts = json.loads(pellucid_command("describe", trained, "--json").out)
    assert {layer["place"] for layer in facts["layers"]} == {None}
    wrong = pellucid_command("describe", trained, "--shape", "1,7,7")
    assert "error: Linear(64→16) (linear_relu_stack.0) was given 49 features by Flatten\n" in wrong.err


def test_describe_shows_a_class_in_a_file(pellucid_command: Command, trained: Path) -> None:
    outcome = pellucid_command("describe", "net.py:Net")
    assert "inferred from Linear" in outcome.out
    assert "net.py:12" in outcome.out
    assert "relu" in outcome.out
    shaped = json.loads(pellucid_command("describe", "net.py:Net", "--shape", "1,8,8", "--json").out)
    assert shaped["layers"][0]["input_shapes"] == [[1, 1, 8, 8]]
    broken = pellucid_command("describe", "net.py:Broken", "--shape", "1,8,8")
    assert "Linear(11→3) (last, net.py:12) was given 12 features by relu at net.py:12" in broken.err
    assert "fix: make in_features 12" in broken.err


def test_trace_walks_an_image_through(pellucid_command: Command, trained: Path) -> None:
    outcome = pellucid_command("trace", trained, "pictures/1.png")
    assert "histogram" in outcome.out and "after softmax" in outcome.out
    facts = json.loads(pellucid_command("trace", trained, "pictures/1.png", "--json").out)
    assert max(facts["probabilities"], key=facts["probabilities"].get) == "1"
    assert facts["layers"][1]["statistics"]["count"] == 64
    one = pellucid_command("trace", trained, "pictures/1.png", "--layer", "linear_relu_stack.1")
    assert "quantile" in one.out and "16 units of example 0" in one.out


def test_trace_shows_the_arithmetic_of_a_unit(pellucid_command: Command, trained: Path) -> None:
    outcome = pellucid_command("trace", trained, "pictures/1.png", "--layer", "linear_relu_stack.0", "--unit", "7")
    assert "the sum equals PyTorch's" in outcome.out
    assert "error: --unit names no layer" in pellucid_command("trace", trained, "pictures/1.png", "--unit", "7").err
    assert "fix: write 'flatten'" in pellucid_command("trace", trained, "pictures/1.png", "--layer", "flaten").err
    assert "fix: train it first" in pellucid_command("trace", "net.py:Net", "pictures/1.png").err


def test_parameters_are_listed(pellucid_command: Command, trained: Path) -> None:
    assert "the first units' weights as images" in pellucid_command("parameters", trained).out
    facts = json.loads(pellucid_command("parameters", trained, "--layer", "linear_relu_stack.2", "--json").out)
    assert [row["shape"] for row in facts["parameters"]] == [[3, 16], [3]]


def test_results_are_written_into_files_and_overwrite_nothing(pellucid_command: Command, trained: Path) -> None:
    assert pellucid_command("describe", trained, "-o", "net.html").out == "written  net.html\n"
    assert Path("net.html").read_text().startswith("<!doctype html>")
    assert "net.html is there already" in pellucid_command("describe", trained, "-o", "net.html").err
    assert pellucid_command("describe", trained, "-o", "net.html", "--overwrite").code == 0
    assert pellucid_command("evaluate", trained, trained.parent.resolve().parent / "dots", "-o", "e.md").code == 0
    assert "**confusion" in Path("e.md").read_text()
    assert "there is no form 'txt'" in pellucid_command("parameters", trained, "-o", "x.txt").err


def test_data_shows_augmented_images(pellucid_command: Command, digits: Path) -> None:
    facts = json.loads(pellucid_command("data", digits, "--augment", "shift:0.2,flip", "--json").out)
    assert facts["augmentation"] == "shift:0.2,flip:0.5"
    assert [len(example["versions"]) for example in facts["examples"]] == [5, 5, 5]
    assert pellucid_command("data", digits, "--augment", "flip", "-o", "page.html").code == 0
    assert Path("page.html").read_text(encoding="utf-8").count("<img") == 18
    outcome = pellucid_command("data", digits, "--augment", "flop")
    assert outcome.err.startswith("error: there is no augmentation 'flop'\n  fix: write 'flip' (did you mean that?)")


def test_train_takes_an_augmentation(pellucid_command: Command, digits: Path) -> None:
    outcome = pellucid_command("train", digits, "--epochs", "1", "--augment", "shift,mixup", "--json")
    assert json.loads(outcome.out)["settings"]["augment"] == "shift,mixup"
    assert pellucid_command("train", digits, "--augment", "shift:9").err.startswith(
        "error: the augmentation shift is 9.0"
    )
