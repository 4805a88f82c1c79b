"""Errors that end in a fix: what was seen, then what to do about it."""

import difflib
from collections.abc import Iterable


class PellucidError(Exception):
    """The parent of every error that a user can cause.

    Args:
        problem: What is wrong, with the values seen; no final full stop.
        fix: What to do about it; starts with a verb.
    """

    def __init__(self, problem: str, fix: str) -> None:
        # Both go to the parent: pickling between processes calls the class with exactly these.
        super().__init__(problem, fix)
        self.problem = problem
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.problem}\n  fix: {self.fix}"


class ShapeError(PellucidError, ValueError):
    """Arrays, layers or labels whose sizes do not fit together."""


class DataError(PellucidError, ValueError):
    """A file or array whose content is not what it should be."""


class MissingFileError(PellucidError, FileNotFoundError):
    """A file or folder that is not there."""


class UnwritableError(PellucidError, PermissionError):
    """A place where nothing can be written."""


class OverwriteError(PellucidError, FileExistsError):
    """A file of the user's that would be overwritten."""


class ClassifierFileError(PellucidError, ValueError):
    """A file that is no classifier, or no longer the one that was saved."""


class RecipeError(PellucidError, ValueError):
    """A network that cannot be written as a recipe, or a recipe that names no network."""


class UserCodeError(PellucidError, RuntimeError):
    """A user's own Python file that cannot be used; the original exception is the cause."""


class SettingError(PellucidError, ValueError):
    """A setting outside what it allows."""


class DeviceError(PellucidError, RuntimeError):
    """A device that is not there."""


class NonfiniteLossError(PellucidError, FloatingPointError):
    """A loss that became NaN or infinite."""


class MissingPackageError(PellucidError, ImportError):
    """An optional package that is not installed."""


class UnknownNameError(PellucidError, LookupError):
    """A name that is in no table of ours."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the fix for a name that is not known: the nearest one that is, and all of them.

    Args:
        name: What was given.
        known: The names that exist.

    Example:
        >>> did_you_mean("rlu", ["relu", "tanh"])
        "write 'relu' (did you mean that?), or one of: relu, tanh"
    """
    names = list(known)
    listed = ", ".join(names)
    # Case is the commonest slip, and difflib counts every capital as a different letter.
    folded = {candidate.casefold(): candidate for candidate in names}
    near = difflib.get_close_matches(name.casefold(), folded, n=1)
    if near:
        return f"write {folded[near[0]]!r} (did you mean that?), or one of: {listed}"
    return f"choose one of: {listed}"
