"""Arrays larger than memory: their rows stay in the file, a sample of them becomes the splits of the dataset."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.arrays.assembling import Pair
from pellucid.data.arrays.labels import MOST_CLASSES
from pellucid.data.arrays.names import NamedArray, Roles, dataset_of, groups_of_train
from pellucid.data.arrays.safetensors_file import listed, open_safetensors
from pellucid.data.dataset import SPLITS, Dataset
from pellucid.data.options import ReadOptions
from pellucid.data.streaming.array_forms import InputForm, LabelForm
from pellucid.data.streaming.array_source import ArraySource, RowFiles, part_sizes
from pellucid.data.streaming.assigning import Bits, Masks, row_keys, split_numbers, text_key
from pellucid.data.streaming.noting import stream_notes
from pellucid.data.streaming.raw_arrays import RawArray, raw_arrays
from pellucid.data.streaming.sampling import sampled_places
from pellucid.data.streaming.sources import slice_size
from pellucid.data.streaming.stream import Stream
from pellucid.errors import DataError, ShapeError

# Labels that are looked at at once.
LABEL_BYTES = 2**24


@dataclass(frozen=True, eq=False)
class _Part:
    """Inputs and labels of one array each that a split, or several, are drawn from."""

    inputs: RawArray
    labels: tuple[RawArray, ...]
    masks: Mapping[str, tuple[Bits, ...] | None]


def npy_files(folder: Path) -> list[Path]:
    """Return the .npy files of a folder, sorted."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".npy" and path.is_file())


def arrays_of(path: Path) -> dict[str, RawArray]:
    """Find the arrays of a file, or of the .npy files of a folder, by name.

    Raises:
        DataError: If a file is damaged.
    """
    if not path.is_dir():
        return raw_arrays(path)
    return {name: array for file in npy_files(path) for name, array in raw_arrays(file).items()}


def open_arrays(path: Path, options: ReadOptions) -> Dataset:
    """Open arrays that are to be streamed.

    Args:
        path: .npz, .safetensors, or a folder with .npy files.
        options: What the user says about the data.

    Raises:
        DataError: If a file is damaged, or has no inputs or labels that can be told.
        ShapeError: If arrays do not belong together.
    """
    arrays = arrays_of(path)
    drawn: dict[str, _Part] = {}
    pairs: dict[str, Pair] = {}

    def draw(roles: Roles, groups: Sequence[str]) -> Mapping[str, Pair]:
        drawn.update(_parts(arrays, roles, groups_of_train(groups), str(path)))
        for name, part in drawn.items():
            pairs.update(_sampled(part, is_training=name == "train"))
        if "train" not in pairs:
            raise DataError(f"{path} has no training examples", fix="give at least a few examples of each class")
        return pairs

    metadata = open_safetensors(path)[1] if path.suffix.lower() == ".safetensors" else {}
    class_names, columns = (listed(metadata, key, path) for key in ("class_names", "feature_names"))
    dataset = dataset_of(
        {name: NamedArray(array.shape, partial(_whole, array)) for name, array in arrays.items()},
        options,
        name=path.stem,
        source=str(path),
        class_names=class_names,
        columns=columns,
        draw=draw,
    )
    train = drawn["train"]
    made = dataset.train
    source = ArraySource(
        train.inputs,
        train.labels,
        InputForm.of(pairs["train"][0], made.inputs),
        LabelForm.of(pairs["train"][1], made.labels),
    )
    stream = Stream(source, train.masks["train"])
    return replace(
        dataset,
        stream=stream,
        options=replace(dataset.options, stream=True),
        cut=tuple(split for split in dataset.splits if split not in drawn),
        notes=(*dataset.notes, *stream_notes(dataset, stream, is_cut=len(train.masks) > 1)),
    )


def _parts(arrays: Mapping[str, RawArray], roles: Roles, groups: Sequence[str], source: str) -> dict[str, _Part]:
    """Return where the splits are drawn from; those that have no arrays of their own are drawn from training.

    Raises:
        ShapeError: If inputs, labels and groups have not as many rows.
    """
    parts = {}
    for split, name in roles.inputs.items():
        inputs, labels = arrays[name], tuple(arrays[label] for label in roles.labels[split])
        for other in labels:
            if len(other) != len(inputs):
                raise ShapeError(
                    f"{inputs} has {len(inputs):,} rows but {other} {len(other):,}", fix="give one label for each input"
                )
        parts[split] = _Part(inputs, labels, {split: None})
    missing = [split for split in SPLITS if split not in parts]
    if missing:
        train = parts["train"]
        group = arrays[groups[0]] if groups else None
        if group is not None and group.shape != (len(train.inputs),):
            raise ShapeError(
                f"{source} has groups of shape {list(group.shape)} for {len(train.inputs):,} training examples",
                fix="give one group for each training example",
            )
        masks = Masks(slice_size(train.inputs.row_bytes))
        for numbers in _numbers(train.inputs, group):
            # What is drawn for a split that is given stays with the training examples.
            masks.add(
                np.where(np.isin(numbers, [SPLITS.index(split) for split in missing]), numbers, 0).astype(np.uint8)
            )
        parts["train"] = replace(train, masks=masks.of(["train", *missing]))
    return parts


def _numbers(inputs: RawArray, group: RawArray | None) -> Iterator[NDArray[np.uint8]]:
    """Give the split of each row, slice by slice."""
    first = 0
    with RowFiles() as files:
        for size in part_sizes(inputs).tolist():
            if group is None:
                keys = row_keys("", first, size)
            else:
                values, places = np.unique(files.rows(group, first, size), return_inverse=True)
                keys = np.array([text_key(str(value)) for value in values.tolist()], np.uint64)[places.reshape(-1)]
            yield split_numbers(keys)
            first += size


def _sampled(part: _Part, *, is_training: bool) -> dict[str, Pair]:
    """Read examples from all over the arrays; of training also the first of each class that is not among them."""
    size = slice_size(part.inputs.row_bytes)
    sizes = part_sizes(part.inputs)
    inputs: dict[str, list[NDArray[Any]]] = {name: [] for name in part.masks}
    labels: dict[str, list[NDArray[Any]]] = {name: [] for name in part.masks}
    decoded = max(part.inputs.row_bytes, int(np.prod(part.inputs.shape[1:])) * (1 if _is_bytes(part.inputs) else 4))
    with RowFiles() as files:
        for number, _, taken in sampled_places(sizes, size, part.masks, decoded):
            first, count = number * size, int(sizes[number])
            rows, answers = files.rows(part.inputs, first, count), files.side_by_side(part.labels, first, count)
            for name, places in taken.items():
                inputs[name].append(rows[places])
                labels[name].append(answers[places])
        if is_training:
            seen = {value.item() for chunk in labels["train"] for value in np.unique(chunk)}
            for row in _first_of_each(part, files, size, seen):
                inputs["train"].append(files.rows(part.inputs, row, 1))
                labels["train"].append(files.side_by_side(part.labels, row, 1))
    return {name: (np.concatenate(inputs[name]), np.concatenate(labels[name])) for name in inputs if inputs[name]}


def _is_bytes(array: RawArray) -> bool:
    return array.dtype.itemsize == 1 and len(array.shape) > 2


def _first_of_each(part: _Part, files: RowFiles, size: int, seen: Container[Any]) -> list[int]:
    """Return the first training row of each different label that is not yet seen; nothing if they are no classes.

    Raises:
        DataError: If labels name too many classes.
    """
    label = part.labels[0]
    if len(part.labels) > 1 or label.row_bytes != label.dtype.itemsize:
        return []
    found: dict[Any, int] = {}
    masks = part.masks["train"]
    # As many whole slices as make a good read.
    step = max(LABEL_BYTES // (label.row_bytes * size), 1) * size
    for first in range(0, len(label), step):
        values = files.rows(label, first, min(step, len(label) - first)).reshape(-1)
        rows = np.arange(first, first + len(values))
        if masks is not None:
            chosen = [
                np.unpackbits(masks[number], count=min(size, len(label) - number * size)).view(bool)
                for number in range(first // size, -(-(first + len(values)) // size))
            ]
            mask = np.concatenate(chosen)
            values, rows = values[mask], rows[mask]
        for value, place in zip(*np.unique(values, return_index=True), strict=True):
            found.setdefault(value.item(), int(rows[place]))
        if len(found) > MOST_CLASSES:
            if label.dtype.kind == "U":
                raise DataError(f"{label} names more than {MOST_CLASSES:,} classes", fix="give labels that repeat")
            return []
    return [row for value, row in found.items() if value not in seen]


def _whole(array: RawArray) -> NDArray[Any]:
    with RowFiles() as files:
        return files.rows(array, 0, len(array))
