"""Other doctors on the same cases: torch-audit and torchtest2, given what ours recorded of each program.

    pip install torch-audit torchtest2
    python -m benchmarks.doctors CASES [--jobs 2] [--only a,b] [-o benchmarks/results/doctors.json]

CASES is a folder with faulty/NAME.py and healthy/NAME.py. Neither tool runs a script: each is called from a program. So
each script is run under our watch, in a process of its own, and the tools are given its network as it started, its
first batch, its optimizer made anew, and (torchtest2) its loss function. Counted is whether a tool says anything at all
of warning or worse, in the faulty program and in its healthy twin: not whether it names the fault. A program that
raises before a step, or whose step cannot be given to them, counts as not judged.
"""

import argparse
import contextlib
import io
import json
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

TOOLS = ("torch-audit", "torchtest2")
TIMEOUT_SECONDS = 120


def judged(path: Path) -> dict[str, Any]:
    """Run one script in this process, and return what each tool says: words, or None if it could not judge."""
    import torch
    import torch_audit
    import torchtest2

    from pellucid.doctor.retraining import recorded
    from pellucid.doctor.script import run_script
    from pellucid.errors import PellucidError

    torch.set_num_threads(1)
    found: dict[str, Any] = dict.fromkeys(TOOLS)
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        evidence = run_script(path).watch.evidence
        try:
            network, batches, make, group = recorded(evidence)
        except PellucidError:
            return found
        inputs, targets, loss = batches[0]
        settings = {name: value for name, value in group.items() if name not in ("params", "initial_lr", "foreach")}
        optimizer = make(network.parameters(), **settings)
        with contextlib.suppress(Exception):
            said = []
            for phase in ("static", "init", "data"):
                result = torch_audit.audit(network, phase=phase, batch=inputs[0], optimizer=optimizer)
                said += [finding.rule_id for finding in result.findings if finding.severity.name != "INFO"]
            found["torch-audit"] = said
        with contextlib.suppress(Exception):
            report = torchtest2.check_model(network, inputs[0], targets, loss_fn=loss, optimizer=optimizer)
            found["torchtest2"] = [result.name for result in report.results if result.status.name in ("FAIL", "WARN")]
    return found


def run(path: Path) -> dict[str, Any]:
    """Judge one script in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.doctors", "--one", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
        answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except (subprocess.TimeoutExpired, IndexError, ValueError):
        return dict.fromkeys(TOOLS)
    return answer


def main() -> None:
    """Judge all scripts and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path, nargs="?")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "results/doctors.json")
    arguments = parser.parse_args()
    if arguments.one is not None:
        print(json.dumps(judged(arguments.one)))
        return
    names = sorted(path.stem for path in (arguments.cases / "faulty").glob("*.py"))
    names = [name for name in names if not arguments.only or name in arguments.only.split(",")]
    jobs = [(kind, name) for name in names for kind in ("faulty", "healthy")]
    with ThreadPoolExecutor(arguments.jobs) as pool:
        answers = list(pool.map(lambda job: run((arguments.cases / job[0] / f"{job[1]}.py").resolve()), jobs))
    rows = [{"kind": kind, "case": name, **answer} for (kind, name), answer in zip(jobs, answers, strict=True)]
    figures: dict[str, Any] = {}
    for tool in TOOLS:
        figures[tool] = {"version": version(tool)}
        for kind in ("faulty", "healthy"):
            seen = [row[tool] for row in rows if row["kind"] == kind]
            figures[tool][kind] = {
                "programs": len(seen),
                "judged": sum(entry is not None for entry in seen),
                "warned": sum(bool(entry) for entry in seen),
            }
        print(tool, figures[tool])
    arguments.output.write_text(json.dumps({"figures": figures, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
