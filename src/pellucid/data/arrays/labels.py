"""Arrays of labels, as their owners write them: which task they ask for, which classes there are, and their numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError, ShapeError, did_you_mean
from pellucid.tasks import Task

Arrays = dict[str, NDArray[Any]]
# Each class gets a name and a unit of the network.
MOST_CLASSES = 100_000
# Whole numbers with more different values than this, and hardly any twice, measure something.
MANY_VALUES = 50


@dataclass(frozen=True, eq=False)
class ReadLabels:
    """The labels of all splits, as a `Split` has them.

    Attributes:
        splits: By split: int64 [examples] or float32 [examples, numbers].
        class_names: As in a `Dataset`.
        task: What they ask for.
        notes: What was found out, in sentences.
    """

    splits: Arrays
    class_names: tuple[str, ...]
    task: Task
    notes: tuple[str, ...]


def as_labels(
    arrays: Mapping[str, NDArray[Any]],
    *,
    source: str,
    class_names: Sequence[str] | None = None,
    task: Task | None = None,
    target_name: str = "target",
) -> ReadLabels:
    """Find out what labels ask for, and number the classes.

    Whole numbers, booleans and text name classes; other numbers are a regression; rows of 0 and 1 are several labels
    at once, or the one class of several if exactly one 1 stands in every row; other rows are several targets.

    Args:
        arrays: By split; "train" among them: [examples] or [examples, numbers].
        source: What to call them in an error.
        class_names: By class number, or of the labels or targets; by default their values or numbers.
        task: What the labels ask for; None to find it out.
        target_name: Of a single target of a regression.

    Raises:
        DataError: If the labels do not fit the task or the names, are missing, or are all the same.
        ShapeError: If they have more than two dimensions, or another width in another split.
    """
    plain = {name: _plain(values, f"the {name} labels of {source}") for name, values in arrays.items()}
    if len({(values.ndim, values.shape[1:], values.dtype.kind == "U") for values in plain.values()}) > 1:
        seen = ", ".join(f"{name} {values.dtype} {list(values.shape)}" for name, values in plain.items())
        raise ShapeError(f"the labels of {source} are of several kinds: {seen}", fix="give every split labels alike")
    names = None if class_names is None else tuple(str(name) for name in class_names)
    whole = np.concatenate(list(plain.values()))
    one_hot = _is_one_hot(whole, task)
    if whole.ndim == 2 and not one_hot:
        return _several(plain, whole, names, task, source)
    notes: list[str] = []
    if one_hot:
        notes.append(f"each row of the labels has exactly one 1 in {whole.shape[1]}: taken as the number of a class")
        names = names or tuple(str(number) for number in range(whole.shape[1]))
        if len(names) != whole.shape[1]:
            _refuse_names(len(names), f"labels of {whole.shape[1]} classes", source)
        plain = {name: values.argmax(axis=1).astype(np.int64) for name, values in plain.items()}
        whole = np.concatenate(list(plain.values()))
    elif _is_measured(whole, task, names, notes, source):
        values = {name: _as_float32(values[:, None], source) for name, values in plain.items()}
        if names is not None and len(names) != 1:
            _refuse_names(len(names), "one number for each example", source)
        return ReadLabels(values, names or (target_name,), "regression", tuple(notes))
    return _classes(plain, whole, names, task, notes, source)


def _plain(values: NDArray[Any], what: str) -> NDArray[Any]:
    """Return labels as booleans, numbers or Unicode text, one- or two-dimensional.

    Raises:
        DataError: If they are of another type, or some are missing.
        ShapeError: If they have another shape.
    """
    if values.dtype.kind == "O":
        if not all(isinstance(value, str) for value in values.flat):
            kinds = ", ".join(sorted({type(value).__name__ for value in values.flat}))
            raise DataError(f"{what} are objects ({kinds})", fix="give an array of numbers or of text")
        values = values.astype(np.str_)
    if values.dtype.kind == "S":
        try:
            values = np.char.decode(values, "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"{what} are no UTF-8 text ({error})", fix="give text as str, not bytes") from error
    if values.dtype.kind not in "biufU":
        raise DataError(f"{what} are of type {values.dtype}", fix="give an array of numbers or of text")
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim not in (1, 2) or 0 in values.shape[1:] or (values.ndim == 2 and values.dtype.kind == "U"):
        raise ShapeError(
            f"{what} have shape {list(values.shape)} and type {values.dtype}",
            fix="give one label for each example, or a row of numbers",
        )
    is_missing = (
        ~np.isfinite(values) if values.dtype.kind == "f" else values == "" if values.dtype.kind == "U" else None
    )
    if is_missing is not None and is_missing.any():
        gone = "empty" if values.dtype.kind == "U" else "NaN or infinite"
        count = int(is_missing.reshape(len(values), -1).any(axis=1).sum())
        raise DataError(f"{count:,} of {what} are {gone}", fix="leave those examples out")
    return values


def _is_one_hot(whole: NDArray[Any], task: Task | None) -> bool:
    if whole.ndim != 2 or task in ("multilabel", "regression"):
        return False
    return bool(np.isin(whole, (0, 1)).all() and (whole.sum(axis=1) == 1).all())


def _is_measured(
    whole: NDArray[Any], task: Task | None, names: tuple[str, ...] | None, notes: list[str], source: str
) -> bool:
    """Return whether [examples] are targets of a regression rather than classes; say so where it was found out.

    Raises:
        DataError: If the task asks for something else than the labels are.
    """
    if task == "multilabel":
        raise DataError(
            f"the labels of {source} are one for each example", fix="give rows of 0 and 1 for several labels at once"
        )
    if whole.dtype.kind in "Ub":
        if task == "regression" and whole.dtype.kind == "U":
            raise DataError(
                f"the labels of {source} are text, such as {str(whole[0])!r}", fix="give numbers to predict"
            )
        return task == "regression"
    is_whole = bool(whole.dtype.kind in "iu" or (whole == np.rint(whole)).all())
    if task is not None:
        if task != "regression" and not is_whole:
            part = whole[whole != np.rint(whole)][0]
            raise DataError(
                f"the labels of {source} are no class numbers: {part:g} is among them",
                fix="number the classes 0, 1, 2 …, or call the task regression",
            )
        return task == "regression"
    count = len(np.unique(whole))
    if whole.dtype.kind == "f" and is_whole and names is not None and len(names) > 1:
        notes.append(f"labels of type {whole.dtype} taken as class numbers, since {len(names)} classes are named")
        return False
    if whole.dtype.kind == "f":
        if is_whole and count <= MANY_VALUES:
            notes.append(
                f"labels of type {whole.dtype} taken as numbers to predict (regression), although they are only "
                f"{count} whole ones: name the task multiclass if they are classes"
            )
        else:
            notes.append(f"labels of type {whole.dtype} taken as numbers to predict (regression)")
        return True
    if names is None and count > MANY_VALUES and count > len(whole) / 4:
        notes.append(
            f"{count:,} different labels of {len(whole):,} examples taken as numbers to predict (regression): "
            "name the task multiclass if they are classes"
        )
        return True
    return False


def _classes(
    plain: Arrays,
    whole: NDArray[Any],
    names: tuple[str, ...] | None,
    task: Task | None,
    notes: list[str],
    source: str,
) -> ReadLabels:
    """Return labels that each name one class.

    Raises:
        DataError: If there is one class only, a class that is not trained, or a wrong number of them.
    """
    values = np.unique(whole)
    if len(values) > MOST_CLASSES:
        raise DataError(f"the labels of {source} name {len(values):,} classes", fix="call the task regression")
    is_named = names is not None
    numbers: NDArray[np.int64]
    if names is None:
        names = tuple(_written(value) for value in values)
        numbers = np.arange(len(values))
        if whole.dtype.kind == "U" or not np.array_equal(values, numbers):
            notes.append(f"classes numbered in the order {', '.join(names[:10])}{' …' if len(names) > 10 else ''}")
    elif whole.dtype.kind == "U":
        numbers = _places(values, names, source)
    else:
        numbers = _numbers(values, names, notes, source)
    made = {name: numbers[np.searchsorted(values, labels)] for name, labels in plain.items()}
    seen = np.bincount(made["train"], minlength=len(names)) > 0
    if seen.sum() < 2:
        raise DataError(
            f"all training labels of {source} are {names[int(made['train'][0])]!r}", fix="add examples of another class"
        )
    for name, labels in made.items():
        unseen = [names[number] for number in np.unique(labels) if not seen[number]]
        if unseen:
            raise DataError(
                f"the class {unseen[0]!r} stands in the {name} labels of {source} but not in the training labels",
                fix="add training examples of it, or leave it out",
            )
    if is_named and not seen.all():
        idle = [name for name, is_seen in zip(names, seen, strict=True) if not is_seen]
        notes.append(f"no example is of the class {', '.join(idle[:5])}{' …' if len(idle) > 5 else ''}")
    if task == "binary" and len(names) != 2:
        raise DataError(f"the labels of {source} name {len(names)} classes, not two", fix="call the task multiclass")
    return ReadLabels(made, names, task or ("binary" if len(names) == 2 else "multiclass"), tuple(notes))


def _written(value: Any) -> str:
    return str(int(value)) if value.dtype.kind == "f" else str(value)


def _places(values: NDArray[Any], names: tuple[str, ...], source: str) -> NDArray[np.int64]:
    places = {name: number for number, name in enumerate(names)}
    for value in values.tolist():
        if value not in places:
            raise DataError(f"the label {value!r} of {source} is no class name", fix=did_you_mean(value, names))
    return np.array([places[value] for value in values.tolist()], np.int64)


def _numbers(values: NDArray[Any], names: tuple[str, ...], notes: list[str], source: str) -> NDArray[np.int64]:
    """Return the class number of each different label, given as a number where the classes have names.

    Raises:
        DataError: If it is the number of no class.
    """
    low, high = int(values[0]), int(values[-1])
    if low >= 0 and high < len(names):
        return values.astype(np.int64)
    if low >= 1 and high == len(names):
        notes.append(f"labels from {low} to {high} taken as places among the {len(names)} class names, counted from 1")
        return values.astype(np.int64) - 1
    if len(values) == len(names):
        listed = ", ".join(f"{_written(value)} is {name}" for value, name in zip(values[:5], names, strict=False))
        notes.append(f"class names given to the labels in their order: {listed}{' …' if len(names) > 5 else ''}")
        return np.arange(len(values))
    raise DataError(
        f"the labels of {source} go from {low} to {high}, but there are {len(names)} class names",
        fix=f"number the classes 0 to {len(names) - 1}, or name every class",
    )


def _several(
    plain: Arrays, whole: NDArray[Any], names: tuple[str, ...] | None, task: Task | None, source: str
) -> ReadLabels:
    """Return rows of labels: several at once, or several targets.

    Raises:
        DataError: If they do not fit the task or the names.
    """
    is_zero_one = bool(np.isin(whole, (0, 1)).all())
    if task in ("multiclass", "binary") or (task == "multilabel" and not is_zero_one):
        want = "0 and 1, exactly one 1 in each" if task != "multilabel" else "0 and 1"
        raise DataError(
            f"the labels of {source} are rows of {whole.shape[1]} numbers, but not of {want}",
            fix=f"give such rows for the task {task}, or name another task",
        )
    found: Task = task or ("multilabel" if is_zero_one else "regression")
    width = whole.shape[1]
    if names is not None and len(names) != width:
        _refuse_names(len(names), f"labels of {width} numbers", source)
    says = {"multilabel": "0 and 1 taken as several labels at once", "regression": "numbers to predict (regression)"}
    notes = () if task else (f"labels in rows of {width}: {says[found]}",)
    made = {name: _as_float32(values, source) for name, values in plain.items()}
    return ReadLabels(made, names or tuple(str(number) for number in range(width)), found, notes)


def _as_float32(values: NDArray[Any], source: str) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        single = np.ascontiguousarray(values, dtype=np.float32)
    if not np.isfinite(single).all():
        raise DataError(f"labels of {source} are larger than float32 can hold", fix="give them in a larger unit")
    return single


def _refuse_names(count: int, what: str, source: str) -> None:
    raise DataError(f"{source} has {what}, but {count} names for them", fix="give one name for each")
