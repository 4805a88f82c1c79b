"""What a figure was measured on, and how figures are summed up."""

import os
import platform
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

import pellucid
from pellucid.devices import hardware


def machine(threads: int) -> dict[str, Any]:
    """Return machine and versions, to be written beside every figure."""
    return {
        "processor": hardware(torch.device("cpu")),
        "cores": os.cpu_count(),
        "threads": threads,
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "pellucid": pellucid.__version__,
    }


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Return median, lowest and highest of several runs."""
    return {"median": statistics.median(values), "lowest": min(values), "highest": max(values), "runs": list(values)}
