"""The commands, and their errors."""

import json
import re
from dataclasses import fields
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image

from pellucid.cli import COMMANDS, group
from pellucid.cli.commands.train import command as train_command
from pellucid.training.settings import Settings

from .conftest import Command

ROOT = Path(__file__).parent.parent.parent
TRAIN = ("--epochs", "3", "--batch-size", "32", "--hidden", "16")


def test_every_file_of_a_command_is_listed_in_the_help(pellucid_command: Command) -> None:
    shown = pellucid_command("--help").out
    names = {path.stem for path in COMMANDS.glob("*.py")} - {"__init__"}
    assert names == {line.split()[0] for line in shown.split("Commands:\n")[1].splitlines() if line.strip()}


def test_the_options_of_train_are_the_settings() -> None:
    options = {parameter.name: parameter for parameter in train_command.params}
    for entry in fields(Settings):
        assert options[entry.name].default == entry.default, entry.name
    assert "--lr" in options["learning_rate"].opts


def test_every_option_is_explained() -> None:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None and command.help
        assert all(option.help for option in command.params if isinstance(option, click.Option)), name


def test_an_unknown_command_is_told_the_nearest_one(pellucid_command: Command) -> None:
    outcome = pellucid_command("trian")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith("error: there is no command 'trian'\n  fix: write 'train' (did you mean that?)")


def test_train_saves_a_classifier_and_says_what_to_try_next(pellucid_command: Command, digits: Path) -> None:
    outcome = pellucid_command("train", digits, *TRAIN)
    assert outcome.code == 0, outcome.err
    lines = outcome.out.splitlines()
    assert lines[0].startswith("device   cpu: ")
    assert lines[1] == "dataset  dots: 275 train, 25 validation, 60 test; 3 classes"
    assert re.search(r"^    0 +Linear +2 x 16 +1,040 ", outcome.out, re.MULTILINE)
    rows = [line for line in lines if line.startswith("epoch ")]
    assert [row[:9] for row in rows] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert "\r" not in outcome.out and "\x1b" not in outcome.out
    share = r"\d+\.\d\d%"
    headline = rf"^test accuracy {share}  \(95 % Wilson interval {share} to {share}, 60 examples\)$"
    assert re.search(headline, outcome.out, re.MULTILINE)
    assert re.search(r"^class +precision +recall +F1 +examples$", outcome.out, re.MULTILINE)
    assert "saved  dots.safetensors" in outcome.out
    assert len(re.findall(r"^(?:next  |      ) pellucid ", outcome.out, re.MULTILINE)) == 3
    assert Path("dots.safetensors").exists()


def test_json_is_all_of_stdout_and_progress_goes_to_stderr(pellucid_command: Command, digits: Path) -> None:
    outcome = pellucid_command("train", digits, *TRAIN, "--json")
    facts = json.loads(outcome.out)
    assert facts["test"]["accuracy"] > 0.5
    assert facts["classifier"] == "dots.safetensors"
    assert len(facts["history"]["epochs"]) == 3
    assert facts["settings"]["epochs"] == 3
    assert "epoch 3/3" in outcome.err
    judged = json.loads(pellucid_command("evaluate", "dots.safetensors", digits, "--json").out)
    assert judged["accuracy"] == facts["test"]["accuracy"]
    assert judged["confusion"] == facts["test"]["confusion"]


def test_a_second_run_overwrites_nothing(pellucid_command: Command, digits: Path) -> None:
    pellucid_command("train", digits, *TRAIN)
    first = Path("dots.safetensors").read_bytes()
    assert "saved  dots-2.safetensors" in pellucid_command("train", digits, *TRAIN).out
    assert Path("dots.safetensors").read_bytes() == first


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("-o", "there.safetensors"), "there.safetensors is there already\n  fix: choose another name, or allow it"),
        (("-o", "no/where/one.safetensors"), "there is no folder no/where\n  fix: make it first: mkdir -p no/where"),
        (("-o", "there.safetensors/one.safetensors"), "there is no folder there.safetensors"),
        (("-o", "."), ". is a folder\n  fix: name a file"),
        (("--device", "cuda:7"), "there is no device 'cuda:7'"),
        (("--device", "gpu"), "there is no device 'gpu'\n  fix: write 'cuda' (NVIDIA and AMD)"),
        (("--network", "mpl"), "there is no network 'mpl'\n  fix: write 'mlp' (did you mean that?)"),
        (("--network", "none.py:Net"), "there is no file none.py"),
        (("--hidden", "a,b"), "--hidden is 'a,b'\n  fix: write numbers with commas"),
        (("--activation", "rulu"), "there is no activation 'rulu'\n  fix: write 'relu'"),
        (("--lr", "-1"), "learning_rate is -1.0\n  fix: give a number over 0"),
        (("--from", "none.safetensors"), "there is no file none.safetensors"),
    ],
)
def test_what_cannot_work_is_found_out_before_training(
    pellucid_command: Command, digits: Path, options: tuple[str, ...], message: str
) -> None:
    Path("there.safetensors").write_bytes(b"mine")
    outcome = pellucid_command("train", digits, *TRAIN, *options)
    assert outcome.code == 1
    assert f"error: {message}" in outcome.err
    assert "Traceback" not in outcome.err
    assert "epoch" not in outcome.out
    assert Path("there.safetensors").read_bytes() == b"mine"
    assert [path.name for path in Path().iterdir()] == ["there.safetensors"]


def test_overwrite_replaces_the_named_file(pellucid_command: Command, digits: Path) -> None:
    Path("there.safetensors").write_bytes(b"mine")
    assert pellucid_command("train", digits, *TRAIN, "-o", "there.safetensors", "--overwrite").code == 0
    assert pellucid_command("evaluate", "there.safetensors", digits).code == 0


def test_debug_shows_the_traceback(pellucid_command: Command) -> None:
    from pellucid.errors import MissingFileError

    with pytest.raises(MissingFileError, match="there is no file none"):
        pellucid_command("evaluate", "none", "--debug")


def test_a_loss_that_is_no_number_names_epoch_and_step_and_leaves_no_file(
    pellucid_command: Command, digits: Path
) -> None:
    outcome = pellucid_command("train", digits, *TRAIN, "--optimizer", "sgd", "--lr", "1e30", "--warmup", "0")
    assert outcome.code == 1
    assert re.search(r"error: the loss is not a finite number at epoch 1, step \d of 9", outcome.err)
    assert not list(Path().iterdir())


OWN = """
from torch import nn

class Net(nn.Module):
    def __init__(self, outputs=3):
        super().__init__()
        self.stack = nn.Sequential(nn.Flatten(), nn.Linear(64, 12), nn.Tanh(), nn.Linear(12, outputs))

    def forward(self, images):
        return self.stack(images)

class Wide(Net):
    def __init__(self):
        super().__init__(7)
"""


def test_a_network_of_the_users_own_is_trained_saved_and_used(pellucid_command: Command, digits: Path) -> None:
    Path("net.py").write_text(OWN)
    outcome = pellucid_command("train", digits, *TRAIN, "--network", "net.py:Net")
    assert outcome.code == 0, outcome.err
    assert re.search(r"pellucid evaluate dots\.safetensors .*--network net\.py:Net", outcome.out)
    refused = pellucid_command("evaluate", "dots.safetensors", digits)
    assert "fix: name the class again: --network net.py:Net" in refused.err
    assert pellucid_command("evaluate", "dots.safetensors", digits, "--network", "net.py:Net").code == 0
    again = pellucid_command("train", digits, *TRAIN, "--network", "net.py:Net", "--from", "dots.safetensors")
    assert "saved  dots-2.safetensors" in again.out


def test_a_network_of_the_wrong_width_is_told_the_right_one(pellucid_command: Command, digits: Path) -> None:
    Path("net.py").write_text(OWN)
    outcome = pellucid_command("train", digits, "--network", "net.py:Wide")
    assert "the network gives [2, 7] for 2 examples, not [2, 3]\n  fix:" in outcome.err
    assert "make the last layer 3 wide" in outcome.err


def test_going_on_starts_from_the_saved_weights(pellucid_command: Command, digits: Path) -> None:
    first = json.loads(pellucid_command("train", digits, *TRAIN, "--epochs", "20", "--json").out)
    again = pellucid_command("train", digits, "--from", "dots.safetensors", "--epochs", "1", "--lr", "1e-6", "--json")
    facts = json.loads(again.out)
    assert facts["history"]["epochs"][0]["train_loss"] < first["history"]["epochs"][0]["train_loss"] * 0.8
    assert facts["test"]["accuracy"] == pytest.approx(first["test"]["accuracy"], abs=0.02)


def test_predict_names_what_it_sees(pellucid_command: Command, digits: Path) -> None:
    pellucid_command("train", digits, *TRAIN, "--epochs", "20")
    pellucid_command("data", digits, "--examples", "pictures")
    outcome = pellucid_command("predict", "dots.safetensors", "pictures/0.png", "pictures/2.png", "--top", "2")
    assert "pictures/0.png: 0\n" in outcome.out and "pictures/2.png: 2\n" in outcome.out
    assert "█" in outcome.out
    facts = json.loads(pellucid_command("predict", "dots.safetensors", "pictures/1.png", "--json").out)
    (prediction,) = facts["predictions"]
    assert prediction.keys() == {"source", "label", "probability", "probabilities", "notes", "looks_inverted"}
    assert prediction["label"] == "1"


def test_predict_warns_of_an_inverted_image_and_inverts_it(pellucid_command: Command, digits: Path) -> None:
    pellucid_command("train", digits, *TRAIN, "--epochs", "20")
    pellucid_command("data", digits, "--examples", "pictures")
    pixels = np.asarray(Image.open("pictures/1.png"))
    Image.fromarray(255 - pixels).save("turned.png")
    assert (
        "! looks inverted against the training images: try --invert"
        in pellucid_command("predict", "dots.safetensors", "turned.png").out
    )
    outcome = pellucid_command("predict", "dots.safetensors", "turned.png", "--invert")
    assert "turned.png: 1\n" in outcome.out and "looks inverted" not in outcome.out


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is no image that can be read"), (b"hello", "is no image that can be read"), (None, "there is no file")],
)
def test_predict_refuses_what_is_no_image(
    pellucid_command: Command, digits: Path, content: bytes | None, message: str
) -> None:
    pellucid_command("train", digits, *TRAIN)
    if content is not None:
        Path("x.png").write_bytes(content)
    outcome = pellucid_command("predict", "dots.safetensors", "x.png")
    assert (outcome.code, outcome.out) == (1, "")
    assert re.match(rf"error: x\.png {message}|error: {message} x\.png", outcome.err)


def test_data_shows_what_is_in_it(pellucid_command: Command, digits: Path) -> None:
    facts = json.loads(pellucid_command("data", digits, "--json").out)
    assert facts["splits"]["train"]["examples"] == 275
    assert "class balance" in pellucid_command("data", digits).out


def test_activations_are_listed_and_explained(pellucid_command: Command) -> None:
    assert "max(0, x)" in pellucid_command("activations").out
    one = pellucid_command("activations", "relu").out
    assert "torch.nn.ReLU" in one and "● ReLU" in one
    assert "write 'relu' (did you mean that?)" in pellucid_command("activations", "rlu").err
    assert json.loads(pellucid_command("activations", "gelu", "--json").out)["name"] == "gelu"


def test_the_page_of_the_command_line_is_fresh() -> None:
    import runpy

    page = runpy.run_path(str(ROOT / "scripts/write_cli.py"))["page"]()
    assert (ROOT / "docs/cli.md").read_text() == page
