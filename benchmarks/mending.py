"""How much of the distance to the healthy program a mended copy recovers.

    python -m benchmarks.mending CASES [--only a,b] [-o benchmarks/results/mending.json]

CASES is a folder with faulty/NAME.py and healthy/NAME.py, training scripts without and with the mistake put right. Each
faulty one is run under the doctor. If its first cause has a fix that a machine can make, the network as it started, its
mended copy, and the network of the healthy program are trained for the same number of steps on the batches that were
recorded; recovered = (loss as written - loss mended) / (loss as written - loss of the healthy network).
"""

import argparse
import contextlib
import io
import json
from pathlib import Path
from typing import Any

import torch

from benchmarks.machine import machine
from pellucid.doctor.retraining import retrained, trained_as_written
from pellucid.doctor.script import run_script
from pellucid.errors import PellucidError


def recovered(cases: Path, name: str) -> dict[str, Any] | None:
    """Return the losses of a case; None if nothing of it can be mended by a machine."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        faulty = run_script(cases / "faulty" / f"{name}.py").watch
        checkup = faulty.checkup
    if not checkup.causes or checkup.causes[0].mend is None or not checkup.causes[0].mend.is_possible:
        return None
    try:
        result = retrained(faulty.evidence, checkup)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            healthy = trained_as_written(run_script(cases / "healthy" / f"{name}.py").watch.evidence)
    except PellucidError as error:
        return {"case": name, "trouble": str(error)}
    row: dict[str, Any] = {"case": name, "rule": checkup.causes[0].rule, **result.to_dict(), "healthy": healthy}
    if result.before is None or healthy is None or result.before <= healthy:
        row["share"] = None  # it did not run, or was no worse by this measure
    else:
        row["share"] = (result.before - result.after) / (result.before - healthy)
    return row


def main() -> None:
    """Mend every case and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--only")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "results/mending.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    names = sorted(path.stem for path in (arguments.cases / "faulty").glob("*.py"))
    rows = []
    for name in names:
        if arguments.only and name not in arguments.only.split(","):
            continue
        row = recovered(arguments.cases, name)
        if row is not None:
            rows.append(row)
            print(json.dumps(row), flush=True)
    shares = [row["share"] for row in rows if row.get("share") is not None]
    good = sum(share >= 0.8 for share in shares)
    figures = {"mended": len(rows), "measured": len(shares), "at_least_80_percent": good}
    print(figures)
    arguments.output.write_text(json.dumps({"machine": machine(1), "figures": figures, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
