"""How fast the machine multiplies matrices: float32 and bfloat16 in turn, by both libraries of PyTorch, at best.

PyTorch takes MKL for float32; where oneDNN is faster, what the machine can do is what oneDNN does.
"""

import json
from time import perf_counter

import torch

from pellucid.products import product

SIZES = (1024, 2048)
REPEATS = 8


def main() -> None:
    """Measure and print floating point operations per second."""
    best = {"float32": 0.0, "bfloat16": 0.0}
    for size in SIZES:
        pairs = {name: torch.rand(2, size, size).to(getattr(torch, name)) for name in best}
        for _ in range(REPEATS):
            for name, (left, right) in pairs.items():
                for multiply in (torch.mm, product):
                    started = perf_counter()
                    multiply(left, right)
                    best[name] = max(best[name], 2 * size**3 / (perf_counter() - started))
    print(json.dumps(best))


if __name__ == "__main__":
    main()
