"""The device that a network runs on."""

import contextlib
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from pellucid.errors import DeviceError, UnknownNameError, did_you_mean

# In order of preference.
KINDS = ("cuda", "mps", "xpu", "cpu")


@dataclass(frozen=True)
class DeviceChoice:
    """A device and why it was chosen.

    Attributes:
        device: For `tensor.to`.
        hardware: What it is, in words.
        reason: Why this one.
    """

    device: torch.device
    hardware: str
    reason: str

    def __str__(self) -> str:
        return f"{self.device}: {self.hardware} ({self.reason})"

    def to_dict(self) -> dict[str, str]:
        """Return the facts as strings."""
        return {"device": str(self.device), "hardware": self.hardware, "reason": self.reason}


def choose_device(name: str | None = None) -> DeviceChoice:
    """Choose the device to run on: CUDA, then MPS, then XPU, then the CPU.

    Args:
        name: A device the user asks for ("cpu", "cuda", "cuda:1"); by default the first that is there.

    Raises:
        DeviceError: If the device asked for is not there.
        UnknownNameError: If it names no kind of device.
    """
    if name is None:
        found = next(kind for kind in KINDS if count(kind))
        missing = [kind.upper() for kind in KINDS[: KINDS.index(found)]]
        reason = f"found no {', '.join(missing)}" if missing else "the first choice"
        return DeviceChoice(torch.device(found), hardware(torch.device(found)), reason)
    kind, _, index = name.partition(":")
    if kind not in KINDS:
        is_gpu = kind.casefold() == "gpu"
        fix = "write 'cuda' (NVIDIA and AMD), 'mps' (Apple) or 'xpu' (Intel)" if is_gpu else did_you_mean(name, KINDS)
        raise UnknownNameError(f"there is no device {name!r}", fix=fix)
    if not re.fullmatch(r"(cuda|xpu)(:(0|[1-9]\d*))?|(mps|cpu)(:0)?", name):
        raise DeviceError(f"there is no device {name!r}", fix=f"write {kind!r}")
    if int(index or 0) >= count(kind):
        available = ", ".join(known for known in KINDS if count(known))
        raise DeviceError(
            f"there is no device {name!r}: {count(kind)} of this kind found",
            fix=f"choose one of: {available}; or leave the device out",
        )
    return DeviceChoice(torch.device(name), hardware(torch.device(name)), "as asked")


def count(kind: str) -> int:
    """Return how many devices of a kind are there."""
    if kind == "cuda":
        return torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind == "mps":
        return int(torch.backends.mps.is_available())
    if kind == "xpu":
        return torch.xpu.device_count() if torch.xpu.is_available() else 0
    return 1


def hardware(device: torch.device) -> str:
    """Return what a device is, in words."""
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"
    if device.type == "xpu":
        return str(torch.xpu.get_device_name(device))
    if device.type == "mps":
        return f"Apple GPU, {platform.machine()}"
    threads = torch.get_num_threads()
    return f"{_processor()}, {threads} thread{'s' if threads > 1 else ''}"


def _processor() -> str:
    # platform.processor() is empty on most Linux systems.
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def has_fast_bfloat16(device: torch.device) -> bool:
    """Return whether a device multiplies bfloat16 in its hardware, and so about twice as fast as float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        # There is no public question; PyTorch's own kernels ask these.
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())  # noqa: SLF001
    return False


def has_fast_float16(device: torch.device) -> bool:
    """Return whether a device multiplies float16 in its hardware: NVIDIA's tensor cores, from capability 7.0 on."""
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (7, 0)


@contextlib.contextmanager
def random_state_kept(device: torch.device, seed: int | None = None) -> Iterator[None]:
    """Leave the random generators of the CPU and of one device as they were.

    Args:
        device: Whose generator is used inside, beside the CPU's.
        seed: To start both from; None leaves them where they are.
    """
    of_device = None if device.type == "cpu" else _generator(device)
    generators = [torch.default_generator, *([of_device] if of_device is not None else [])]
    states = [generator.get_state() for generator in generators]
    try:
        if seed is not None:
            for generator in generators:
                generator.manual_seed(seed)
        yield
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)


def _generator(device: torch.device) -> torch.Generator:
    if device.type == "mps":
        return torch.mps._get_default_mps_generator()  # noqa: SLF001 there is no public way
    module = torch.get_device_module(device)
    index = module.current_device() if device.index is None else device.index
    generators: tuple[torch.Generator, ...] = module.default_generators
    return generators[index]
