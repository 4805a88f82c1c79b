"""How much memory is left for data."""

import os
from pathlib import Path

# Where the system does not say.
ASSUMED_BYTES = 4 * 2**30


def memory_left() -> int:
    """Return how many bytes can be taken without swapping, within the limit of a container if there is one."""
    free = ASSUMED_BYTES
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                free = int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
            free = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    try:
        group = Path("/sys/fs/cgroup")
        most = int((group / "memory.max").read_text())
        # The cache of files counts as used there, though it gives way.
        used = int((group / "memory.current").read_text()) - _file_cache(group)
        free = min(free, max(0, most - used))
    except (OSError, ValueError):
        pass  # no container, or one without a limit ("max")
    return free


def _file_cache(group: Path) -> int:
    for line in (group / "memory.stat").read_text().splitlines():
        if line.startswith("inactive_file "):
            return int(line.split()[1])
    return 0


def in_bytes(count: int) -> str:
    """Return a number of bytes in words.

    Example:
        >>> in_bytes(3_221_225_472), in_bytes(2048), in_bytes(7)
        ('3.0 GiB', '2.0 KiB', '7 bytes')
    """
    for power, unit in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
        if count >= 1024**power:
            return f"{count / 1024**power:.1f} {unit}"
    return f"{count} bytes"
