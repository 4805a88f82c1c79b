"""Which of several named arrays are inputs, labels and names, and of which split."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.arrays.assembling import Pair, assemble
from pellucid.data.dataset import SPLITS, Dataset
from pellucid.data.options import ReadOptions
from pellucid.errors import DataError, UnknownNameError, did_you_mean

INPUTS = ("x", "input", "inputs", "image", "images", "img", "imgs", "data", "feature", "features", "pixels")
LABELS = ("y", "label", "labels", "target", "targets")
CLASS_NAMES = ("class names", "classes", "label names", "target names")
COLUMN_NAMES = ("feature names", "column names", "columns")
# What people call their splits; a split they keep for something else is none of ours.
SPLIT_WORDS = {
    "train": "train", "training": "train", "val": "validation", "valid": "validation", "validation": "validation",
    "dev": "validation", "test": "test", "testing": "test", "t10k": "test",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class NamedArray:
    """An array that is not yet read.

    Attributes:
        shape: Of the array.
        read: Reads it.
    """

    shape: tuple[int, ...]
    read: Callable[[], NDArray[Any]]


@dataclass(frozen=True)
class Roles:
    """What named arrays are.

    Attributes:
        inputs: By split, the name of the array.
        labels: By split, the names of the arrays.
        class_names: The name of the array with the names of the classes; None without one.
        columns: The name of the array with the names of the columns; None without one.
        notes: How it was found out, in sentences.
    """

    inputs: Mapping[str, str]
    labels: Mapping[str, tuple[str, ...]]
    class_names: str | None
    columns: str | None
    notes: tuple[str, ...]


def split_of(word: str) -> str | None:
    """Return the split that people mean by a word, if any.

    Example:
        >>> split_of("Val"), split_of("everything")
        ('validation', None)
    """
    return SPLIT_WORDS.get(word.casefold())


def role_of(name: str) -> str:
    """Return a name in plain words, without the split it speaks of.

    Example:
        >>> role_of("x_train"), role_of("classNames")
        ('x', 'class names')
    """
    return _without_split(name)[1]


def dataset_of(
    arrays: Mapping[str, NamedArray],
    options: ReadOptions,
    *,
    name: str,
    source: str,
    notes: Sequence[str] = (),
    class_names: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    draw: Callable[[Roles, Sequence[str]], Mapping[str, Pair]] | None = None,
) -> Dataset:
    """Make a dataset of named arrays: find out which is which, and say so.

    Args:
        arrays: By name; only those that are needed are read.
        options: What the user says: the label array, the task, arrays to ignore, the array of groups.
        name: Of the dataset.
        source: Where the arrays come from.
        notes: What was found out before.
        class_names: Where no array has them.
        columns: Names of the columns of a table, where no array has them.
        draw: Given the roles and the names of the arrays of groups, returns inputs and labels of each split; by
            default all that the arrays hold, cut by the groups.

    Raises:
        DataError: If inputs or labels are missing, or several arrays may be them.
        UnknownNameError: If an array that the user names is not there.
    """
    for wanted in options.label:
        _meant(wanted, arrays, source)
    ignored = {name for wanted in options.ignore for name in _meant(wanted, arrays, source)}
    groups = _meant(options.group, arrays, source) if options.group else []
    left = {known: array for known, array in arrays.items() if known not in {*ignored, *groups}}
    roles = _find_roles(left, options, source)
    pairs = _pairs(left, roles, source) if draw is None else draw(roles, groups)
    if roles.class_names is not None:
        class_names = _text(left[roles.class_names], f"{source}: {roles.class_names}")
    elif len(options.label) > 1:
        class_names = options.label
    if roles.columns is not None:
        columns = _text(left[roles.columns], f"{source}: {roles.columns}")
    is_table = pairs["train"][0].ndim <= 2
    return assemble(
        pairs,
        name=name,
        source=source,
        notes=[*notes, *roles.notes],
        class_names=class_names,
        columns=columns if is_table else None,
        task=options.task,
        groups=None if draw is not None else next((arrays[group].read() for group in groups_of_train(groups)), None),
        target_name=_without_split(roles.labels["train"][0])[1],
    )


def groups_of_train(groups: Sequence[str]) -> list[str]:
    """Return the names of those arrays of groups that speak of the training examples."""
    return [group for group in groups if _without_split(group)[0] in ("", "train")]


def _pairs(arrays: Mapping[str, NamedArray], roles: Roles, source: str) -> dict[str, Pair]:
    pairs: dict[str, Pair] = {}
    for split in SPLITS:
        if split in roles.inputs:
            labels = [arrays[label].read() for label in roles.labels[split]]
            pairs[split] = (arrays[roles.inputs[split]].read(), _side_by_side(labels, roles.labels[split], source))
    return pairs


def _meant(wanted: str, arrays: Mapping[str, NamedArray], source: str) -> list[str]:
    """Return the arrays that a user means: the one of that name, or those of that name in each split.

    Raises:
        UnknownNameError: If there is none.
    """
    if wanted in arrays:
        return [wanted]
    meant = [name for name in arrays if _without_split(name)[1] == wanted.casefold()]
    if not meant:
        raise UnknownNameError(f"{source} has no array {wanted!r}", fix=did_you_mean(wanted, arrays))
    return meant


def _find_roles(arrays: Mapping[str, NamedArray], options: ReadOptions, source: str) -> Roles:
    """Say for each array what it is.

    Raises:
        DataError: If inputs or labels are missing, or several arrays may be them.
    """
    found: dict[tuple[str, str], list[str]] = {}
    names: dict[str, str] = {}
    for array in arrays:
        split, role = _without_split(array)
        wanted = {label.casefold() for label in options.label}
        if array in options.label or role in wanted:
            found.setdefault((split, "labels"), []).append(array)
        elif role in CLASS_NAMES or role in COLUMN_NAMES:
            names.setdefault("classes" if role in CLASS_NAMES else "columns", array)
        elif role in INPUTS or (role in LABELS and not wanted):
            found.setdefault((split, "inputs" if role in INPUTS else "labels"), []).append(array)
    notes: list[str] = []
    how = "found by their names"
    if not any(kind == "inputs" for _, kind in found) or not any(kind == "labels" for _, kind in found):
        how = _guess(arrays, found, set(names.values()))
    if any(split == "" for split, _ in found):
        # Arrays of no split are the training examples, beside those of a test split perhaps.
        for kind in ("inputs", "labels"):
            found[("train", kind)] = found.pop(("", kind), []) + found.get(("train", kind), [])
    inputs, labels = _one_each(found, options, notes, arrays, source)
    used = {*inputs.values(), *(name for many in labels.values() for name in many), *names.values()}
    listed = "; ".join(f"{split} {inputs[split]} and {', '.join(labels[split])}" for split in inputs)
    notes.insert(0, f"inputs and labels {how}: {listed}")
    if unused := [name for name in arrays if name not in used]:
        notes.append(f"arrays not used: {', '.join(unused[:10])}{' …' if len(unused) > 10 else ''}")
    return Roles(inputs, labels, names.get("classes"), names.get("columns"), tuple(notes))


def _guess(
    arrays: Mapping[str, NamedArray],
    found: dict[tuple[str, str], list[str]],
    taken: set[str],
) -> str:
    """Take two arrays of as many examples for inputs and labels, whatever they are called; say how they were found."""
    how = "found by their names"
    rest = [name for name, array in arrays.items() if name not in taken and array.shape]
    if len(rest) != 2 or arrays[rest[0]].shape[0] != arrays[rest[1]].shape[0]:
        return how
    has_labels = [name for (_, kind), many in found.items() for name in many if kind == "labels"]
    has_inputs = [name for (_, kind), many in found.items() for name in many if kind == "inputs"]
    labels = next((name for name in rest if name in has_labels or (has_inputs and name not in has_inputs)), None)
    labels = labels or min(rest, key=lambda name: len(arrays[name].shape))
    inputs = next(name for name in rest if name != labels)
    if labels not in has_labels and len(arrays[labels].shape) == len(arrays[inputs].shape):
        return how
    found.clear()
    found[("", "inputs")], found[("", "labels")] = [inputs], [labels]
    return "guessed, since names do not say it"


def _one_each(
    found: Mapping[tuple[str, str], list[str]],
    options: ReadOptions,
    notes: list[str],
    arrays: Mapping[str, NamedArray],
    source: str,
) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    inputs: dict[str, str] = {}
    labels: dict[str, tuple[str, ...]] = {}
    for split in SPLITS:
        some_inputs, some_labels = found.get((split, "inputs"), []), found.get((split, "labels"), [])
        for kind, some in (("inputs", some_inputs), ("labels", some_labels)):
            if len(some) > 1 and not (kind == "labels" and len(options.label) > 1):
                raise DataError(
                    f"{source} has several arrays that may be the {split} {kind}: {', '.join(some)}",
                    fix="name the label array, and ignore the arrays that are not to be used",
                )
        if some_inputs and some_labels:
            wanted = [label.casefold() for label in options.label]
            if len(wanted) > 1:
                some_labels = sorted(some_labels, key=lambda name: _place(name, wanted))
            inputs[split], labels[split] = some_inputs[0], tuple(some_labels)
        elif split == "train":
            listed = ", ".join(f"{name} {list(array.shape)}" for name, array in list(arrays.items())[:10])
            gone = "labels" if some_inputs else "inputs"
            raise DataError(
                f"{source} has no array that is called like {gone}; it has {listed or 'no arrays'}",
                fix="call them x and y, or x_train, y_train, x_test, y_test; or name the label array",
            )
        elif some_inputs or some_labels:
            gone = "labels" if some_inputs else "inputs"
            notes.append(f"{split} split left out, since it has no {gone}: {', '.join(some_inputs or some_labels)}")
    return inputs, labels


def _without_split(name: str) -> tuple[str, str]:
    """Return the split that a name speaks of, "" for none, and the rest of the name in plain words."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    words = [word for word in re.split(r"[\W_]+", spaced.casefold()) if word]
    if len(words) == 1:
        # xtrain, trainx
        glued = re.fullmatch(r"(x|y)(train|test|val|valid)|(train|test|val|valid)(x|y)", words[0])
        words = [part for part in glued.groups() if part] if glued else words
    splits = [SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS]
    rest = " ".join(word for word in words if word not in SPLIT_WORDS)
    return (splits[0], rest) if len(splits) == 1 and rest else ("", " ".join(words) if splits else rest or name)


def _place(name: str, wanted: Sequence[str]) -> int:
    full, plain = name.casefold(), _without_split(name)[1]
    return next((place for place, label in enumerate(wanted) if label in (full, plain)), len(wanted))


def _side_by_side(labels: Sequence[NDArray[Any]], names: Iterable[str], source: str) -> NDArray[Any]:
    if len(labels) == 1:
        return labels[0]
    shapes = {label.shape for label in labels}
    if len(shapes) > 1 or len(next(iter(shapes))) != 1 or any(label.dtype.kind not in "biuf" for label in labels):
        seen = ", ".join(f"{name} {label.dtype} {list(label.shape)}" for name, label in zip(names, labels, strict=True))
        raise DataError(
            f"several label arrays of {source} do not stand side by side: {seen}",
            fix="give each one number for each example",
        )
    return np.stack(labels, axis=1)


def _text(array: NamedArray, what: str) -> tuple[str, ...]:
    values = array.read()
    if values.ndim != 1 or values.dtype.kind not in "USiuO":
        raise DataError(f"{what} is of type {values.dtype}, shape {list(values.shape)}", fix="give a list of names")
    try:
        return tuple(value.decode("utf-8") if isinstance(value, bytes) else str(value) for value in values.tolist())
    except UnicodeDecodeError as error:
        raise DataError(f"{what} is no UTF-8 text ({error})", fix="give names as str, not bytes") from error
