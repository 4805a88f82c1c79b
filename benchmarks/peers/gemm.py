"""How fast the machine multiplies matrices, as PyTorch calls it: float32 and bfloat16 in turn, the best of several."""

import json
from time import perf_counter

import torch

SIZES = (1024, 2048)
REPEATS = 8


def main() -> None:
    """Measure and print floating point operations per second."""
    best = {"float32": 0.0, "bfloat16": 0.0}
    for size in SIZES:
        pairs = {name: torch.rand(2, size, size).to(getattr(torch, name)) for name in best}
        for _ in range(REPEATS):
            for name, (left, right) in pairs.items():
                started = perf_counter()
                torch.mm(left, right)
                best[name] = max(best[name], 2 * size**3 / (perf_counter() - started))
    print(json.dumps(best))


if __name__ == "__main__":
    main()
