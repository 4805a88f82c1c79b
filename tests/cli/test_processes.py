"""Real processes: interrupted by a real signal, and on a real terminal."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import pellucid

PROGRAM = [sys.executable, "-c", "from pellucid.cli import main; main()"]
pytestmark = pytest.mark.slow


def test_ctrl_c_saves_the_best_epoch_and_says_how_to_go_on(tmp_path: Path, environment: dict[str, str]) -> None:
    with subprocess.Popen(
        [*PROGRAM, "train", "--epochs", "50", "--hidden", "64"],
        cwd=tmp_path, env={**environment, "PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        printed = []
        for line in process.stdout:
            printed.append(line)
            if line.startswith("epoch  1/50"):
                break
        time.sleep(0.3)  # within the second epoch
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(timeout=30) == 130
        assert time.monotonic() - started < 15
    assert "interrupted: the best epoch so far is saved. Go on with: pellucid train fashion-mnist --from" in rest
    classifier = pellucid.load(tmp_path / "fashion-mnist.safetensors")
    assert classifier.metrics["test_accuracy"] > 0.6
    again = subprocess.run(
        [*PROGRAM, "train", "--from", "fashion-mnist.safetensors", "--epochs", "1", "--json"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(again.stdout)["test"]["accuracy"] > classifier.metrics["test_accuracy"] - 0.03


def test_on_a_terminal_one_line_is_redrawn_and_one_row_an_epoch_is_left(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    leader, follower = pty.openpty()
    environment = {**environment, "LINES": "40", "TERM": "xterm-256color"}
    started = time.monotonic()
    process = subprocess.Popen(
        [*PROGRAM, "train", "--epochs", "2", "--hidden", "64"], cwd=tmp_path, env=environment, stdout=follower
    )
    os.close(follower)
    printed = b""
    while select.select([leader], [], [], 120)[0]:
        try:
            block = os.read(leader, 65536)
        except OSError:  # the other end is closed
            break
        if not block:
            break
        printed += block
    os.close(leader)
    assert process.wait(timeout=60) == 0
    seconds = time.monotonic() - started
    text = printed.decode()
    redrawn = re.findall(r"\x1b\[2Kepoch \d/2 ", text)
    assert len(redrawn) > 2
    assert len(redrawn) <= seconds * 10 + 2
    # What a line shows in the end is what was written after it was last erased.
    left = [line.rstrip("\r").split("\r\x1b[2K")[-1] for line in text.split("\n")]
    rows = [match[1] for line in left if (match := re.match(r"epoch (\d)/2  train loss .*examples/s", line))]
    assert rows == ["1", "2"]
