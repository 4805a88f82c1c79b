"""The command line, called in this process or as a program, on a small dataset of IDX files."""

import os
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import pellucid

PROGRAM = [sys.executable, "-c", "from pellucid.cli import main; main()"]


@dataclass
class Outcome:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


Command = Callable[..., Outcome]


@pytest.fixture
def pellucid_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command as the entry point does."""
    from pellucid.cli import main

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["pellucid", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "100")
        capsys.readouterr()
        code: object = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code
        captured = capsys.readouterr()
        return Outcome(int(code or 0) if isinstance(code, int | None) else 1, captured.out, captured.err)

    return run


def write_idx(path: Path, values: np.ndarray) -> None:
    """Write an IDX file by hand."""
    header = struct.pack(">BBBB", 0, 0, 8, values.ndim) + b"".join(struct.pack(">I", size) for size in values.shape)
    path.write_bytes(header + values.astype(np.uint8).tobytes())


@pytest.fixture
def digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with 300 training and 60 test images of 8x8 pixels in three classes; the current folder is beside it."""
    folder = tmp_path / "dots"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for name, count in (("train", 300), ("t10k", 60)):
        labels = generator.integers(0, 3, count)
        images = generator.integers(0, 60, (count, 8, 8))
        for image, label in zip(images, labels, strict=True):
            image[label * 2 : label * 2 + 3, 2:6] += 150
        write_idx(folder / f"{name}-images-idx3-ubyte", images)
        write_idx(folder / f"{name}-labels-idx1-ubyte", labels)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return folder


@pytest.fixture
def environment() -> dict[str, str]:
    """For a program in another process: plain output, one thread."""
    # Absolute: the program runs in another folder, where a PYTHONPATH of "src" would find nothing.
    source = str(Path(pellucid.__file__).resolve().parent.parent)
    paths = os.pathsep.join([source, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "COLUMNS": "100", "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
