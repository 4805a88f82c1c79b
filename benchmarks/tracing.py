"""Looking at a network beside torchinfo and torchlens: time as a multiple of a plain forward pass.

    pip install torchinfo torchlens
    python -m benchmarks.tracing [--rounds 30] [--threads 2] [-o benchmarks/results/tracing.json]

Measured in turn within one process, on the 784-512-512-10 network at batch 3 and batch 256 and on a CNN of the size of
ResNet-18:

capture       `pellucid.trace`: every layer's output by reference
statistics    the same, with the statistics of every layer
class         the capture of the same network written as a class of the user's: NumPy's and Python's random generators
              are then kept as well
torchinfo     `torchinfo.summary` with inputs
torchlens     `torchlens.trace`, every output kept
"""

import argparse
import contextlib
import io
import json
import statistics
import warnings
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

import pellucid
from benchmarks.machine import machine, spread


class AsClass(nn.Module):
    """The default network as a class of the user's."""

    def __init__(self) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.linear_relu_stack = pellucid.mlp(784, (512, 512), 10, seed=0).get_submodule("linear_relu_stack")

    def forward(self, images: Tensor) -> Tensor:
        """Return logits."""
        logits: Tensor = self.linear_relu_stack(self.flatten(images))
        return logits


class Basic(nn.Module):
    """The basic block of ResNet-18."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after)
        self.conv2, self.bn2 = nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after)
        self.relu = nn.ReLU()
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or before != after:
            self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the feature maps."""
        hidden = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(inputs)))))
        outputs: Tensor = self.relu(hidden + self.shortcut(inputs))
        return outputs


def resnet18() -> nn.Module:
    """A CNN of ResNet-18's depth and width, for 64x64 images."""
    sizes = [
        (64, 64, 1),
        (64, 64, 1),
        (64, 128, 2),
        (128, 128, 1),
        (128, 256, 2),
        (256, 256, 1),
        (256, 512, 2),
        (512, 512, 1),
    ]
    return nn.Sequential(
        nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
        *(Basic(*size) for size in sizes), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000),
    )  # fmt: skip


def contestants(network: nn.Module, inputs: Tensor, user_class: nn.Module | None) -> dict[str, Callable[[], Any]]:
    """Return what looks at the network, by name."""

    def plain() -> Any:
        with torch.no_grad():
            return network(inputs)

    found: dict[str, Callable[[], Any]] = {
        "plain": plain,
        "capture": lambda: pellucid.trace(network, inputs),
        "statistics": lambda: pellucid.trace(network, inputs).statistics,
    }
    if user_class is not None:
        found["class"] = lambda: pellucid.trace(user_class, inputs)
    with contextlib.suppress(ImportError):
        import torchinfo

        found["torchinfo"] = lambda: torchinfo.summary(network, input_data=inputs, verbose=0)
    with contextlib.suppress(ImportError):
        import torchlens

        def lens() -> Any:
            with contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
                return torchlens.trace(network, inputs)

        found["torchlens"] = lens
    return found


def measure(looks: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each, in turn within each round; the slowest are run in every tenth round."""
    seconds: dict[str, list[float]] = {name: [] for name in looks}
    for look in looks.values():
        look()
        look()
    for number in range(rounds):
        for name, look in looks.items():
            if name == "torchlens" and number % 10:
                continue
            started = perf_counter()
            look()
            seconds[name].append(perf_counter() - started)
    return seconds


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent / "results/tracing.json")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    warnings.simplefilter("ignore")
    small = pellucid.mlp(784, (512, 512), 10, seed=0).eval()
    cases: dict[str, tuple[nn.Module, Tensor, nn.Module | None, int]] = {
        "784-512-512-10, batch 3": (small, torch.rand(3, 28, 28), AsClass().eval(), arguments.rounds),
        "784-512-512-10, batch 256": (small, torch.rand(256, 28, 28), AsClass().eval(), arguments.rounds // 4),
        "ResNet-18, batch 8": (resnet18().eval(), torch.rand(8, 3, 64, 64), None, max(10, arguments.rounds // 20)),
    }
    result: dict[str, Any] = {"machine": machine(arguments.threads), "multiples_of_a_plain_forward": {}}
    for case, (network, inputs, user_class, rounds) in cases.items():
        seconds = measure(contestants(network, inputs, user_class), rounds)
        plain = statistics.median(seconds["plain"])
        print(f"{case}: plain forward {plain * 1e6:,.0f} microseconds")
        multiples = {}
        for name, values in seconds.items():
            facts = spread([value / plain for value in values])
            multiples[name] = {key: facts[key] for key in ("median", "lowest", "highest")}
            print(f"  {name:10} {facts['median']:8.2f} times ({facts['lowest']:.2f} to {facts['highest']:.2f})")
        result["multiples_of_a_plain_forward"][case] = {"plain_seconds": plain, **multiples}
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
