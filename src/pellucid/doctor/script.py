"""Running somebody's script as `__main__` under watch: its arguments, its folder, its output and its exit."""

import builtins
import contextlib
import os
import signal
import sys
import traceback
import types
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pellucid.doctor.limits import StopWatching
from pellucid.doctor.places import FILES
from pellucid.doctor.watching import Watch
from pellucid.errors import MissingFileError, UserCodeError


@dataclass(frozen=True)
class Outcome:
    """What became of a script.

    Attributes:
        watch: The watch, with its `checkup`.
        exit_code: That the script itself ended with: 0, what it gave to `sys.exit`, or 1 if it raised.
    """

    watch: Watch
    exit_code: int


def run_script(
    path: Path,
    arguments: Sequence[str] = (),
    *,
    max_steps: int | None = None,
    max_seconds: float | None = None,
    ignore: Collection[str] = (),
) -> Outcome:
    """Run a script as Python would, and watch it.

    Args:
        path: Of the script.
        arguments: Its own.
        max_steps: End it after so many optimizer steps.
        max_seconds: End it after so many seconds.
        ignore: Names of rules to leave out.

    Raises:
        MissingFileError: If there is no such file.
        UserCodeError: If it is not Python.
    """
    if not path.is_file():
        raise MissingFileError(f"there is no script {path}", fix="name a Python file that trains a network")
    resolved = path.resolve()
    try:
        code = compile(resolved.read_bytes(), str(path), "exec")
    except (SyntaxError, ValueError) as error:
        raise UserCodeError(f"{path} is not Python: {error}", fix="correct it, and try again") from error
    FILES[path.name] = str(resolved)
    watch = Watch(ignore=ignore, max_steps=max_steps, max_seconds=max_seconds)
    exit_code = 0
    with _as_main(path, resolved, arguments) as module, _alarm(max_seconds):
        try:
            with watch:
                exec(code, module.__dict__)  # noqa: S102 the user asked for it
        except StopWatching:
            pass
        except SystemExit as leaving:
            exit_code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
            if isinstance(leaving.code, str):
                sys.stderr.write(f"{leaving.code}\n")
        except KeyboardInterrupt:
            exit_code = 130
        except BaseException as error:  # noqa: BLE001 shown as Python shows it, then the findings
            exit_code = 1
            _show(error)
    return Outcome(watch, exit_code)


def _show(error: BaseException) -> None:
    """Print the traceback from the script's first line on, without our frames above it and in PyTorch's wrappers."""
    ours = str(Path(__file__).parent)
    shown = traceback.TracebackException.from_exception(error)
    shown.stack = traceback.StackSummary.from_list(
        [entry for entry in shown.stack if not entry.filename.startswith(ours)]
    )
    sys.stderr.write("".join(shown.format()))


@contextlib.contextmanager
def _as_main(path: Path, resolved: Path, arguments: Sequence[str]) -> Iterator[types.ModuleType]:
    module = types.ModuleType("__main__")
    module.__dict__.update(__file__=str(path), __builtins__=builtins, __cached__=None, __spec__=None)
    kept = sys.argv, sys.path[:], sys.modules["__main__"]
    streams, folder = (sys.stdout, sys.stderr), Path.cwd()
    sys.argv = [str(path), *arguments]
    sys.path.insert(0, str(resolved.parent))
    # Classes of the script are pickled as those of `__main__`, and worker processes look it up there.
    sys.modules["__main__"] = module
    try:
        yield module
    finally:
        # The module stays while findings are made: its objects are still looked at.
        sys.argv = kept[0]
        sys.path[:] = kept[1]
        sys.modules["__main__"] = kept[2]
        # What it wrote elsewhere stays there; the findings go where they were asked for.
        sys.stdout, sys.stderr = streams
        if sys.stdout.closed:
            sys.stdout = sys.stderr
        with contextlib.suppress(OSError):
            os.chdir(folder)
        _KEPT.append(module)


_KEPT: list[types.ModuleType] = []
RINGS = 5


@contextlib.contextmanager
def _alarm(seconds: float | None) -> Iterator[None]:
    """End what neither steps nor calls a network, where the system has alarms."""
    if seconds is None or not hasattr(signal, "setitimer"):
        yield
        return

    rung = 0

    def ring(number: int, frame: object) -> None:
        nonlocal rung
        rung += 1
        if rung > RINGS:
            os.write(2, b"error: the program catches everything that would end it\n  fix: catch Exception, not all\n")
            os._exit(2)
        raise StopWatching

    try:
        before = signal.signal(signal.SIGALRM, ring)
    except ValueError:  # not in the main thread
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds, 2.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
