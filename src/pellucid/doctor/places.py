"""Lines of the user's source: which frame is theirs, and how a place is written."""

import functools
import site
import sys
import sysconfig
from pathlib import Path
from types import CodeType, FrameType

import torch

_RULES = str(Path(__file__).parent / "rules")
_OURS = (str(Path(__file__).parent.parent), str(Path(torch.__file__).parent), "<")
_INSTALLED = tuple(
    {
        *site.getsitepackages(),
        site.getusersitepackages(),
        *(sysconfig.get_paths()[key] for key in ("stdlib", "purelib")),
    }
)
# Where the source of a place stands: "train.py" -> "/home/me/train.py".
FILES: dict[str, str] = {}


@functools.cache
def _rank(code: CodeType) -> int:
    """Return 0 for code of PyTorch or ours, 1 for other installed packages, 2 for the user's."""
    name = code.co_filename
    if name.startswith(_RULES):
        return 2  # the examples of the rules
    if name.startswith(_OURS):
        return 0
    if name.startswith(_INSTALLED):
        return 1
    FILES.setdefault(Path(name).name, name)
    return 2


def is_users(code: CodeType) -> bool:
    """Return whether code is the user's own, not an installed package's."""
    return _rank(code) == 2


@functools.cache
def _name(code: CodeType) -> str:
    return Path(code.co_filename).name


def place_of(frame: FrameType) -> str:
    """Return "train.py:12" for a frame."""
    return f"{_name(frame.f_code)}:{frame.f_lineno}"


def user_place() -> str | None:
    """Return the innermost line of the user's, or of an installed package that is not PyTorch, or None."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 the traceback module costs a hundred times as much
    second: FrameType | None = None
    while frame is not None:
        rank = _rank(frame.f_code)
        if rank == 2:
            return place_of(frame)
        if rank == 1 and second is None:
            second = frame
        frame = frame.f_back
    return None if second is None else place_of(second)
