"""What `train` says to do next can be pasted into a shell, whatever the names are."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pellucid.training.engine import fit
from pellucid.training.history import History

from .conftest import Command

TRAIN = ("--epochs", "1", "--batch-size", "64", "--hidden", "8")
OWN = """
from torch import nn

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(64, 3))
"""


def next_steps(out: str) -> list[list[str]]:
    """The commands that are proposed, as a shell splits them, without the program's name."""
    return [shlex.split(line)[1:] for line in re.findall(r"^(?:next  |      ) (pellucid .*)$", out, re.MULTILINE)]


def test_every_proposed_command_works(pellucid_command: Command, digits: Path) -> None:
    folder = digits.rename(digits.parent / "my [red] dots")
    steps = next_steps(pellucid_command("train", folder, *TRAIN).out)
    assert [step[0] for step in steps] == ["evaluate", "data", "predict"]
    for step in steps:
        pictures = sorted(map(str, Path().glob("pictures/*.png")))
        outcome = pellucid_command(*step[:-1], *pictures) if step[0] == "predict" else pellucid_command(*step)
        assert outcome.code == 0, outcome.err


def test_a_name_with_brackets_is_shown_as_it_is(pellucid_command: Command, digits: Path) -> None:
    outcome = pellucid_command("train", digits, *TRAIN, "-o", "a[red]b.safetensors")
    assert "saved  a[red]b.safetensors  (weights of epoch 1" in outcome.out


def test_every_proposed_command_names_a_network_of_the_users_own(pellucid_command: Command, digits: Path) -> None:
    Path("net.py").write_text(OWN)
    steps = next_steps(pellucid_command("train", digits, *TRAIN, "--network", "net.py:Net").out)
    named = {step[0]: step[step.index("--network") + 1] for step in steps if "--network" in step}
    assert named == {"evaluate": "net.py:Net", "predict": "net.py:Net"}


def test_what_goes_on_after_an_interruption_works(
    pellucid_command: Command, digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("net.py").write_text(OWN)

    def interrupted(*arguments: object, **options: object) -> History:
        history = fit(*arguments, **options)  # type: ignore[arg-type]
        return History(history.epochs, "interrupted", history.best_epoch)

    with monkeypatch.context() as patch:
        patch.setattr("pellucid.training.run.fit", interrupted)
        outcome = pellucid_command("train", digits, *TRAIN, "--network", "net.py:Net")
    assert outcome.code == 130
    (hint,) = re.findall(r"Go on with: pellucid (.*)$", outcome.out, re.MULTILINE)
    again = pellucid_command(*shlex.split(hint), "--epochs", "1")
    assert (again.code, again.err) == (0, "")


def test_an_error_is_two_lines_on_stderr(pellucid_command: Command) -> None:
    outcome = pellucid_command("evaluate", "none.safetensors")
    assert (outcome.code, outcome.out) == (1, "")
    assert re.fullmatch(r"error: there is no file none\.safetensors\n  fix: check .*\n", outcome.err)


def test_debug_works_before_a_command_too(pellucid_command: Command) -> None:
    from pellucid.errors import MissingFileError

    with pytest.raises(MissingFileError, match="there is no file none"):
        pellucid_command("--debug", "evaluate", "none")


def test_far_too_high_a_learning_rate_stops_with_its_step_named_and_no_file(
    pellucid_command: Command, digits: Path
) -> None:
    outcome = pellucid_command("train", digits, *TRAIN, "--epochs", "30", "--lr", "1e30")
    assert outcome.code == 1
    assert re.search(r"not a finite number at epoch \d+, step \d+ of 5; its update was not made\n  fix: ", outcome.err)
    assert not list(Path().iterdir())


def test_an_option_that_is_not_there_is_a_usage_error(pellucid_command: Command) -> None:
    outcome = pellucid_command("train", "--epoch", "3")
    assert outcome.code == 2
    assert "No such option" in outcome.err and "--epochs" in outcome.err


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_crash(environment: dict[str, str]) -> None:
    program = f"{shlex.quote(sys.executable)} -c 'from pellucid.cli import main; main()' activations"
    outcome = subprocess.run(
        ["sh", "-c", f"{program} | true"], env=environment, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in outcome.stderr
