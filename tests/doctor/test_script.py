"""`pellucid check` on scripts of all manners."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# Each test starts other programs.
pytestmark = pytest.mark.slow

HEAD = """
import sys, os, torch
from torch import nn
torch.manual_seed(0)
inputs = torch.randn(256, 8)
labels = (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0).long()
network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3){last})
optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
def train(steps=30):
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
"""
SICK = HEAD.format(last=", nn.ReLU()")
HEALTHY = HEAD.format(last="")


def run(folder: Path, program: str, *options: str) -> subprocess.CompletedProcess[str]:
    path = folder / "program.py"
    path.write_text(program)
    code = "from pellucid.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, "check", str(path), *options],
        capture_output=True, text=True, cwd=folder, check=False, timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def facts(done: subprocess.CompletedProcess[str]) -> dict[str, list[dict[str, object]]]:
    loaded: dict[str, list[dict[str, object]]] = json.loads(done.stdout.splitlines()[-1])
    return loaded


def test_json_is_the_last_line_and_keeps_the_contract(tmp_path: Path) -> None:
    done = run(tmp_path, SICK + "train()\nprint('done', sys.argv[1:])", "--json", "one", "--two")
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[0] == "done ['one', '--two']"
    finding = facts(done)["findings"][0]
    assert (finding["rule"], finding["severity"], finding["cause"]) == ("rectified-logits", "error", True)
    assert finding["place"] == "program.py:12"
    assert {"rule", "severity", "where", "evidence", "fix", "confidence", "cause", "why", "place"} <= set(finding)
    assert {"findings", "skipped", "overhead"} <= set(facts(done))


def test_a_healthy_script_ends_with_0(tmp_path: Path) -> None:
    done = run(tmp_path, HEALTHY + "train()")
    assert done.returncode == 0, done.stdout
    assert "Nothing found." in done.stdout


@pytest.mark.parametrize(
    ("tail", "said"),
    [
        ("train()\nraise KeyError('x')", "The program raised KeyError after 30 optimizer steps"),
        ("train()\nsys.exit(3)", "30 optimizer steps"),
        ("os.chdir('/')\ntrain()", "30 optimizer steps"),
        ("train(10**9)", "Stopped early after 25 optimizer steps"),
    ],
)
def test_findings_come_however_the_script_ends(tmp_path: Path, tail: str, said: str) -> None:
    done = run(tmp_path, SICK + tail, "--json", "--steps", "25" if "10**9" in tail else "1000")
    assert facts(done)["findings"][0]["rule"] == "rectified-logits", done.stderr
    assert str(facts(done)["ending"]).find(said) >= 0
    if "KeyError" in tail:
        assert "Traceback" in done.stderr and "program.py" in done.stderr and "runpy" not in done.stderr


def test_seconds_end_a_script_that_never_steps(tmp_path: Path) -> None:
    done = run(tmp_path, "import time\nwhile True: time.sleep(0.1)", "--seconds", "1", "--json")
    assert done.returncode == 0
    assert "Stopped early" in str(facts(done)["ending"])


def test_a_script_that_never_trains_is_told_so(tmp_path: Path) -> None:
    done = run(tmp_path, "print('hello')")
    assert done.returncode == 0
    assert "never trained" in done.stdout


@pytest.mark.parametrize(("program", "said"), [("x = (", "is not Python"), (None, "there is no script")])
def test_wrong_use_ends_with_2(tmp_path: Path, program: str | None, said: str) -> None:
    if program is None:
        code = "from pellucid.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, "check", "none.py"], capture_output=True, text=True, cwd=tmp_path, check=False
        )
    else:
        done = run(tmp_path, program)
    assert done.returncode == 2
    assert said in done.stderr and "fix:" in done.stderr


def test_worker_processes_and_classes_of_the_script_work(tmp_path: Path) -> None:
    program = HEALTHY + (
        "from torch.utils.data import DataLoader, Dataset\n"
        "class Rows(Dataset):\n"
        "    def __len__(self): return 64\n"
        "    def __getitem__(self, i): return inputs[i], labels[i]\n"
        "if __name__ == '__main__':\n"
        "    import pickle; pickle.loads(pickle.dumps(Rows()))\n"
        "    for x, y in DataLoader(Rows(), batch_size=16, num_workers=2):\n"
        "        optimizer.zero_grad(); nn.functional.cross_entropy(network(x), y).backward(); optimizer.step()\n"
        "    train(); print('good')\n"
    )
    done = run(tmp_path, program)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "good"), done.stderr


def test_a_comment_on_the_line_silences_a_rule_there(tmp_path: Path) -> None:
    program = SICK.replace("labels).backward()", "labels).backward()  # pellucid: ignore[rectified-logits]")
    assert not facts(run(tmp_path, program + "train()", "--json"))["findings"]
    assert not facts(run(tmp_path, SICK + "train()", "--json", "--ignore", "rectified-logits"))["findings"]


def test_a_script_that_cannot_be_ended_is_ended(tmp_path: Path) -> None:
    program = "import time\nwhile True:\n    try: time.sleep(0.05)\n    except: pass"
    done = run(tmp_path, program, "--seconds", "0.5")
    assert done.returncode == 2
    assert "catches everything" in done.stderr and "fix:" in done.stderr


@pytest.mark.parametrize(
    "spoils", ["sys.stdout = open(os.devnull, 'w')", "os.makedirs('x'); os.chdir('x'); os.rmdir('../x')"]
)
def test_findings_are_shown_whatever_the_script_did_to_its_output_and_folder(tmp_path: Path, spoils: str) -> None:
    done = run(tmp_path, SICK + f"train()\n{spoils}", "--json")
    assert facts(done)["findings"][0]["rule"] == "rectified-logits", done.stderr


def test_a_closed_output_does_no_harm(tmp_path: Path) -> None:
    done = run(tmp_path, SICK + "train()\nsys.stdout.close()")
    assert done.returncode == 1
    assert "rectified-logits" in done.stderr and "Traceback" not in done.stderr


def test_spawned_processes_work(tmp_path: Path) -> None:
    program = (
        "import multiprocessing, torch\n"
        "from torch import nn\n"
        "from torch.utils.data import DataLoader, Dataset\n"
        "class Rows(Dataset):\n"
        "    def __len__(self): return 32\n"
        "    def __getitem__(self, i): return torch.ones(3) * i, i % 2\n"
        "def double(x): return 2 * x\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool: print(pool.map(double, [1, 2]))\n"
        "    loader = DataLoader(Rows(), 16, num_workers=1, multiprocessing_context='spawn')\n"
        "    print(len([batch for batch in loader]))\n"
    )
    done = run(tmp_path, program)
    assert (done.returncode, done.stdout.splitlines()[:2]) == (0, ["[2, 4]", "2"]), done.stderr


def test_steps_without_any_gradient_are_an_error(tmp_path: Path) -> None:
    program = (
        HEALTHY
        + "for p in network.parameters(): p.requires_grad_(False)\nfor _ in range(5): network(inputs); optimizer.step()"
    )
    assert facts(run(tmp_path, program, "--json"))["findings"][0]["rule"] == "never-stepped"
