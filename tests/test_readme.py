"""The README, as a stranger would follow it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import pellucid
from pellucid.data.dataset import Dataset
from pellucid.data.examples import write_examples

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def fences(language: str) -> list[str]:
    """The contents of the README's code fences of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_the_first_python_example_runs(
    fashion_mnist: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_examples(fashion_mnist, tmp_path / "pictures")
    shutil.copy("pictures/ankle-boot.png", "boot.png")
    example = fences("python")[0]
    statements = [line for line in example.splitlines() if line and not line.startswith(("import", "#", " ", ")"))]
    assert len(statements) <= 6
    exec(example, {"__name__": "readme"})
    printed = capsys.readouterr().out
    assert "test accuracy" in printed
    assert "boot.png: Ankle boot" in printed
    assert pellucid.load("clothes.safetensors").metrics["test_accuracy"] > 0.88


def copied_project(folder: Path) -> Path:
    """A clean copy of the project, as a fresh clone would be."""
    left_out = shutil.ignore_patterns(
        ".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "dist", "build", "*.safetensors"
    )
    return Path(shutil.copytree(ROOT, folder / "pellucid", ignore=left_out))


def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a stranger: an empty cache, and no path to this checkout."""
    kept = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    return {**kept, "PELLUCID_CACHE": str(tmp_path / "cache")}


@pytest.mark.slow
def test_both_commands_run_in_a_new_virtual_environment(tmp_path: Path) -> None:
    first, second = [line for line in fences("sh")[0].splitlines() if line.strip()][:2]
    assert first.startswith("pip install . && pellucid train")
    assert second.startswith("./check")
    project = copied_project(tmp_path)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    shell = {**environment(tmp_path), "PATH": f"{tmp_path / 'venv' / 'bin'}:{os.environ['PATH']}"}
    run = subprocess.run(["bash", "-ec", first], cwd=project, env=shell, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    accuracy = re.search(r"test accuracy (\d+\.\d+)%  \(95 % Wilson interval", run.stdout)
    assert accuracy and float(accuracy[1]) > 88, run.stdout
    assert re.search(r"^saved  fashion-mnist\.safetensors", run.stdout, re.MULTILINE)
    # The three commands that it says to try next.
    following = re.findall(r"^(?:next  |      ) (pellucid .*)$", run.stdout, re.MULTILINE)
    assert len(following) == 3
    for command in following:
        again = subprocess.run(["bash", "-ec", command], cwd=project, env=shell, capture_output=True, text=True)
        assert again.returncode == 0, again.stderr
    assert "ankle-boot.png: Ankle boot" in again.stdout
    wheels = list((tmp_path / "venv").rglob("fashion-mnist.idx.xz"))
    assert len(wheels) == 1
    shutil.rmtree(project / "pictures")
    # The whole of ./check would run this test again; its fast part installs and runs all the rest.
    check = subprocess.run(
        ["bash", "-ec", second.split("#")[0].strip() + " --fast"],
        cwd=project, env=environment(tmp_path), capture_output=True, text=True,
    )  # fmt: skip
    assert check.returncode == 0, check.stdout[-3000:] + check.stderr[-3000:]


@pytest.mark.slow
def test_the_wheel_is_small_enough(tmp_path: Path) -> None:
    project = copied_project(tmp_path)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path / "wheels", project], check=True
    )
    (wheel,) = (tmp_path / "wheels").iterdir()
    assert wheel.stat().st_size <= 28_000_000


def test_a_picture_of_the_readme_exists() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_figures_are_those_that_were_measured() -> None:
    page = (ROOT / "docs/speed.md").read_text(encoding="utf-8")  # which its own test compares with what was measured
    sooner = re.search(
        r"- 88% by .*?, ([\d.]+) s; the quick start .*? ([\d.]+) times as long;.* ([\d.]+) times as long", page
    )
    assert sooner is not None
    seconds, quick, fastest = sooner.groups()
    assert f"{seconds} s (mean of 5 seeds" in README
    assert f"{quick} times sooner than the PyTorch quick start, {fastest} times sooner than the fastest" in README
    later = [re.search(rf"- {goal}% by .*?, ([\d.]+) s;", page) for goal in (89, 90)]
    assert all(later)
    assert "{} s and {} s; none of the peers reaches 89 %".format(*(found[1] for found in later if found)) in README
    ours = re.search(r"^\| pellucid \| ([\d,]+) \([^|]*\| ([\d.]+) \|", page, re.MULTILINE)
    assert ours is not None
    assert f"{ours[1]}: {ours[2]} times the quick start" in README
    equal = re.search(r"^\| pellucid, float32 \| ([\d,]+) ", page, re.MULTILINE)
    assert equal is not None and f"{equal[1]}: " in README
    accuracy = json.loads((ROOT / "benchmarks/results/default_accuracy.json").read_text())
    assert f"{accuracy['test_accuracy']['mean'] * 100:.2f} %" in README
    assert f"the same recipe in float32 {accuracy['test_accuracy_in_float32']['mean'] * 100:.2f} %" in README
    assert accuracy["settings"] == pellucid.Settings().to_dict()
    for row in json.loads((ROOT / "benchmarks/results/cnn_by_seconds.json").read_text())["rows"]:
        assert f"{row['test_accuracy']['mean'] * 100:.2f} % in {row['seconds']} s" in README
    answers = json.loads((ROOT / "benchmarks/results/prediction.json").read_text())
    assert f"{answers['1_at_a_time']['auto']['microseconds']['median']:.0f} µs" in README
    assert f"{answers['1024_at_a_time']['auto']['images_per_second']['median']:,.0f} images a second" in README
    cases = json.loads((ROOT / "benchmarks/results/doctor_cases.json").read_text())["figures"]
    assert f"named in {cases['recall'] * 100:.1f} %, named first in {cases['top1'] * 100:.1f} %" in README
    doctor = json.loads((ROOT / "benchmarks/results/doctor.json").read_text())
    assert f"{doctor['check']['network']['seconds']['median']:.2f} s" in README
    assert f"{doctor['watching']['plain loop']['ratio']['median']:.2f} times as long" in README
    looks = json.loads((ROOT / "benchmarks/results/tracing.json").read_text())["multiples_of_a_plain_forward"]
    small = {
        name: facts["median"] for name, facts in looks["784-512-512-10, batch 3"].items() if name != "plain_seconds"
    }
    assert f"capture {small['capture']:.2f}, with all statistics {small['statistics']:.2f}" in README
    assert f"torchinfo {small['torchinfo']:.2f}, torchlens {small['torchlens']:.0f}" in README


def test_figures_of_memory_are_those_that_were_measured() -> None:
    rows = {row["copies"]: row for row in results("memory")["rows"] if row["kind"] == "default"}
    most = ["{:.2f} times".format(rows[copies]["ratio"]) for copies in (20, 5, 1)]
    counts = [f"{rows[copies]['examples']:,}" for copies in (20, 5, 1)]
    assert f"{most[0]} with {counts[0]} images, {most[1]} with {counts[1]}, {most[2]} with {counts[2]}" in README


def results(name: str) -> dict[str, Any]:
    """What a benchmark wrote."""
    found: dict[str, Any] = json.loads((ROOT / f"benchmarks/results/{name}.json").read_text())
    return found


def test_figures_of_own_data_are_those_that_were_measured() -> None:
    streamed = results("streaming")
    parquet, arrays = streamed["parquet"], streamed["npy"]
    most = [facts["highest_resident_bytes"] / 1e9 for facts in (parquet, arrays)]
    assert "at most {:.2f} GB, or {:.2f} GB, resident".format(*most) in README
    waited = f"training waited {parquet['share_waited']:.1%}, or {arrays['share_waited']:.1%}, of the time"
    assert waited.replace("%", " %") in README
    data = results("data")
    speeds = {kind: data[kind]["images_per_second"] for kind in ("png", "jpeg")}
    for kind, words in (("png", "times (28 x 28 PNG)"), ("jpeg", "times (JPEG)")):
        ratio = speeds[kind]["first"]["median"] / speeds[kind]["loader"]["median"]
        assert f"{ratio:.2f} {words}" in README
    again = [speeds[kind]["again"]["median"] / speeds[kind]["loader"]["median"] for kind in ("png", "jpeg")]
    assert "from the cache {:.0f} and {:.0f} times".format(*again) in README
    tables = results("small_tables")["tables"]
    assert all(facts["difference"]["mean"] > -1e-9 for facts in tables.values())
    assert all(abs(tables[name]["difference"]["mean"]) < 1e-9 for name in ("iris", "wine", "breast cancer"))
    assert f"+{tables['digits']['difference']['mean'] * 100:.1f} points on digits" in README
    diabetes = tables["diabetes"]
    assert f"R² {diabetes['pellucid']['mean']:.2f} instead of {diabetes['scikit_learn']['mean']:.2f}" in README
    rows = {row["augment"]: row["validation_accuracy"]["mean"] for row in results("augmentation")["rows"]}
    assert f"{rows['shift,flip']:.1%} instead of {rows['none']:.1%}".replace("%", " %") in README
