"""A folder of Hugging Face `datasets`, as `save_to_disk` writes it; no code in it is run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from pellucid.data.arrays.assembling import assemble
from pellucid.data.arrays.names import LABELS
from pellucid.data.columns import InputColumn, Kind
from pellucid.data.dataset import Dataset
from pellucid.data.huggingface.columns import (
    HfColumn,
    arrays_of,
    categories_of,
    codes_of,
    column_of,
    is_free_text,
    numbers_of,
    several_of,
    with_seen_categories,
)
from pellucid.data.huggingface.images import read_images
from pellucid.data.huggingface.shards import Shards, open_splits
from pellucid.data.options import ReadOptions
from pellucid.errors import DataError, UnknownNameError, did_you_mean

Arrays = dict[str, NDArray[Any]]
# Contents that make a column of a table.
KINDS: Mapping[str, Kind] = {
    "number": "number", "boolean": "boolean", "date": "date", "text": "category", "class": "category",
}  # fmt: skip
LABEL_CONTENTS = ("class", "classes", "number", "boolean", "text", "array")


def read_hf_folder(path: Path, options: ReadOptions) -> Dataset:
    """Read a folder that `Dataset.save_to_disk` or `DatasetDict.save_to_disk` wrote.

    Args:
        path: Of the folder.
        options: What the user says about the data.

    Returns:
        The dataset: of images, if a column holds images or arrays; else of a table.

    Raises:
        MissingFileError: If a file is not there.
        UnknownNameError: If a column that the user names is not there.
        DataError: If a file is damaged, or has no inputs or labels that can be told.
    """
    splits, notes = open_splits(path)
    if scripts := sorted(script.name for script in path.glob("*.py")):
        notes.append(f"programs in the folder are not run: {', '.join(scripts[:5])}")
    columns = _columns(splits, path)
    labels = _find_labels(columns, options, notes, path)
    ignored = {*(label.name for label in labels), *options.ignore, options.group}
    inputs = _find_inputs([column for name, column in columns.items() if name not in ignored], notes, path)
    splits = _labelled(splits, labels, options, notes)
    arrays, splits, ready = _arrays(splits, inputs, options, notes, path)
    first = labels[0]
    dataset = assemble(
        {split: (arrays[split], _label_array(one, labels)) for split, one in splits.items()},
        name=path.resolve().name or "dataset",
        source=str(path),
        notes=notes,
        class_names=first.names or ([label.name for label in labels] if len(labels) > 1 else None),
        columns=ready,
        task=options.task or ("multilabel" if first.content == "classes" else None),
        groups=None if options.group is None else _groups(splits["train"].table.column(options.group)),
        channels_last=False if inputs[0].content == "image" else None,
        target_name=first.name,
    )
    return with_seen_categories(dataset)


def _columns(splits: Mapping[str, Shards], path: Path) -> dict[str, HfColumn]:
    """Find out what each column holds.

    Raises:
        DataError: If splits have other columns.
    """
    of_split = {
        split: {
            field.name: column_of(field.name, one.features.get(field.name), field.type) for field in one.table.schema
        }
        for split, one in splits.items()
    }
    for split, columns in of_split.items():
        for name, column in of_split["train"].items():
            if columns.get(name) != column:
                raise DataError(
                    f"column {name!r} of {path} is another in {split} than in train", fix="save all splits alike"
                )
    return of_split["train"]


def _find_labels(columns: Mapping[str, HfColumn], options: ReadOptions, notes: list[str], path: Path) -> list[HfColumn]:
    """Find the label columns.

    Raises:
        UnknownNameError: If a column that the user names is not there.
        DataError: If none can be told, or a column cannot be a label.
    """
    for wanted in (*options.label, *options.ignore, *([options.group] if options.group else [])):
        if wanted not in columns:
            raise UnknownNameError(f"{path} has no column {wanted!r}", fix=did_you_mean(wanted, columns))
    found = [columns[name] for name in options.label]
    if not found:
        left = [column for column in columns.values() if column.name not in {*options.ignore, options.group}]
        classes = [column for column in left if column.content in ("class", "classes")]
        called = [column for column in left if column.name.casefold() in LABELS and column.content in LABEL_CONTENTS]
        found = next((some for some in (classes, [c for c in classes if c in called], called) if len(some) == 1), [])
        if not found:
            _refuse_roles("label", list(columns.values()), path, "name the label column")
        why = "the only column of classes" if found == classes else "by its name"
        notes.append(f"label column: {found[0].name} ({why})")
    for column in found:
        if column.content not in LABEL_CONTENTS or (len(found) > 1 and column.content not in ("number", "boolean")):
            raise DataError(
                f"column {column.name!r} of {path} holds {column.content}, which is no label",
                fix="name a column of classes, numbers or text; several must be of numbers",
            )
    return found


def _find_inputs(free: Sequence[HfColumn], notes: list[str], path: Path) -> list[HfColumn]:
    """Find the columns that a network sees: one of images, or one of arrays, or those of a table.

    Raises:
        DataError: If none can be told.
    """
    images = [column for column in free if column.content == "image"]
    arrays = [column for column in free if column.content == "array"]
    table = [column for column in free if column.content in KINDS]
    chosen = images or (arrays if not table or (len(arrays) == 1 and len(arrays[0].shape) > 1) else []) or table
    if not chosen or (chosen is not table and len(chosen) > 1):
        _refuse_roles("input", free, path, "ignore the columns that are not to be used, so that one is left")
    unused = [column.name for column in free if column not in chosen]
    if unused:
        notes.append(f"columns not used: {', '.join(unused[:10])}{' …' if len(unused) > 10 else ''}")
    if chosen is not table:
        notes.append(f"inputs: column {chosen[0].name}")
    return chosen


def _refuse_roles(what: str, columns: Sequence[HfColumn], path: Path, fix: str) -> NoReturn:
    listed = ", ".join(f"{column.name} ({column.content})" for column in columns[:20])
    raise DataError(f"{path} has no column that is surely the {what}: {listed or 'none is left'}", fix=fix)


def _labelled(
    splits: Mapping[str, Shards], labels: Sequence[HfColumn], options: ReadOptions, notes: list[str]
) -> dict[str, Shards]:
    """Return the splits that have labels; those of a contest are often kept back, as -1.

    Raises:
        DataError: If some rows have none, or one that is no class.
    """
    made = {}
    for split, one in splits.items():
        is_missing = np.zeros(len(one.table), bool)
        for label in labels:
            values = one.table.column(label.name)
            is_missing |= np.asarray(values.is_null().to_numpy(), bool)
            if label.content == "class":
                numbers = np.asarray(values.fill_null(-1).to_numpy())
                is_missing |= numbers == -1
                if len(numbers) and not (numbers.min() >= -1 and numbers.max() < len(label.names)):
                    raise DataError(
                        f"the labels in {one.name} go from {numbers.min()} to {numbers.max()}, "
                        f"but there are {len(label.names)} class names",
                        fix="name every class",
                    )
        if split != "train" and is_missing.all():
            notes.append(f"{split} split left out, since none of its {len(one.table):,} examples has a label")
            continue
        if is_missing.any() and not options.skip_bad:
            raise DataError(
                f"{is_missing.sum():,} of {len(one.table):,} examples in {one.name} have no label, "
                f"such as row {int(is_missing.argmax())}",
                fix="leave them out, or skip what is bad",
            )
        if is_missing.any():
            notes.append(f"{is_missing.sum():,} {split} examples without a label are left out")
        made[split] = _where(one, ~is_missing)
    return made


def _where(one: Shards, kept: NDArray[np.bool_]) -> Shards:
    import pyarrow as pa

    return one if kept.all() else Shards(one.name, one.features, one.table.filter(pa.array(kept)))


def _arrays(
    splits: dict[str, Shards], inputs: Sequence[HfColumn], options: ReadOptions, notes: list[str], path: Path
) -> tuple[Arrays, dict[str, Shards], Sequence[InputColumn] | None]:
    """Return the inputs, the rows they are of, and the columns if they are a table's."""
    first = inputs[0]
    if first.content == "image":
        arrays, kept, more = read_images(splits, first.name, options)
        notes += more
        return arrays, {split: _where(one, kept[split]) for split, one in splits.items()}, None
    if first.content == "array":
        what = {split: f"column {first.name!r} of {one.name}" for split, one in splits.items()}
        return (
            {split: arrays_of(first, one.table.column(first.name), what[split]) for split, one in splits.items()},
            splits,
            None,
        )
    arrays, ready = _table(splits, inputs, path)
    return arrays, splits, ready


def _table(
    splits: Mapping[str, Shards], inputs: Sequence[HfColumn], path: Path
) -> tuple[Arrays, tuple[InputColumn, ...]]:
    """Return the columns of a table as float32 or float64 [rows, columns].

    Raises:
        DataError: If a column is free text.
    """
    ready = []
    for column in inputs:
        categories: tuple[str, ...] = column.names
        if column.content == "text":
            values = splits["train"].table.column(column.name)
            categories = categories_of(values)
            if is_free_text(values, categories):
                raise DataError(
                    f"column {column.name!r} of {path} holds free text, such as {categories[0][:40]!r}",
                    fix=f"ignore the column {column.name!r}",
                )
        ready.append(InputColumn(column.name, KINDS[column.content], categories))
    arrays = {}
    for split, one in splits.items():
        made = np.empty((len(one.table), len(inputs)), np.float64)
        for place, column in enumerate(inputs):
            values = one.table.column(column.name)
            if column.content == "text":
                made[:, place] = codes_of(values, ready[place].categories)
            else:
                made[:, place] = numbers_of(column, values, f"column {column.name!r} of {one.name}")
        arrays[split] = made
    with np.errstate(over="ignore", invalid="ignore"):
        single = {split: made.astype(np.float32) for split, made in arrays.items()}
    is_exact = all(np.array_equal(single[split], made, equal_nan=True) for split, made in arrays.items())
    return single if is_exact else arrays, tuple(ready)


def _label_array(one: Shards, labels: Sequence[HfColumn]) -> NDArray[Any]:
    made = []
    for label in labels:
        values, what = one.table.column(label.name), f"column {label.name!r} of {one.name}"
        if label.content == "classes":
            return several_of(label, values, what)
        if label.content == "array":
            return arrays_of(label, values, what)
        if label.content == "text":
            return np.array(values.to_pylist(), np.str_)
        made.append(numbers_of(label, values, what))
    return made[0] if len(made) == 1 else np.stack(made, axis=1)


def _groups(values: Any) -> NDArray[Any]:
    """Return a number for each different value; a missing one is a group too."""
    encoded = values.combine_chunks().dictionary_encode()
    indices = encoded.combine_chunks().indices if hasattr(encoded, "chunks") else encoded.indices
    return np.asarray(indices.fill_null(-1).to_numpy(zero_copy_only=False), np.int64)
