"""Arrays of images or of numbers, as their owners shape them, turned into the inputs of a dataset."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.columns import InputColumn, Kind
from pellucid.errors import DataError, ShapeError

Arrays = dict[str, NDArray[Any]]
# Grey, grey with transparency, colour, colour with transparency: what a size of an array may be to be its channels.
USUAL_CHANNELS = (1, 2, 3, 4)
# Values that are looked at at once, so that a mapped file is not drawn into memory as a whole.
BLOCK_VALUES = 1 << 22
# Whole numbers up to here are exact in float32.
EXACT_IN_FLOAT32 = 2**24


def as_inputs(
    arrays: Mapping[str, NDArray[Any]],
    *,
    source: str,
    columns: Sequence[str | InputColumn] | None = None,
    channels_last: bool | None = None,
) -> tuple[Arrays, tuple[InputColumn, ...] | None, list[str]]:
    """Bring the inputs of all splits to the shape and type that a `Split` has.

    Args:
        arrays: By split; "train" among them. [examples] or [examples, columns] is a table, [examples, height, width]
            are grey images, [examples, height, width, channels] and [examples, channels, height, width] images.
        source: What to call them in an error.
        columns: Of a table, or their names; by default their numbers.
        channels_last: Whether the channels of images stand last; None to find it out.

    Returns:
        The inputs by split, not copied where they can stay; the columns of a table, else None; notes.

    Raises:
        DataError: If there are no examples, or values that are no numbers or not finite.
        ShapeError: If the shape is none of these, or differs between splits.
    """
    train = arrays["train"]
    for name, values in arrays.items():
        what = f"the {name} inputs of {source}"
        if values.dtype.kind not in "biuf":
            raise DataError(f"{what} are of type {values.dtype}", fix="give an array of numbers")
        if 0 in values.shape:
            raise DataError(f"{what} have shape {list(values.shape)}: nothing", fix="give at least one example")
        if values.shape[1:] != train.shape[1:] or not values.ndim:
            raise ShapeError(
                f"{what} have shape {list(values.shape)} but the train inputs {list(train.shape)}",
                fix="give every split inputs of the same shape, the examples first",
            )
    if train.ndim <= 2:
        return _as_table(arrays, columns, source)
    if train.ndim > 4:
        raise ShapeError(
            f"the inputs of {source} have {train.ndim} dimensions: {list(train.shape)}",
            fix="give images as [examples, channels, height, width], or a table as [examples, columns]",
        )
    if columns is not None:
        raise ShapeError(f"the inputs of {source} are images, which have no columns", fix="leave the column names out")
    shaped, notes = _channels_first(arrays, channels_last, source)
    typed, more = _as_pixels(shaped, source)
    return typed, None, [*notes, *more]


def find_layout(shape: Sequence[int], source: str) -> tuple[bool, str]:
    """Find out where the channels of images stand.

    Args:
        shape: [height, width, channels] or [channels, height, width].
        source: What to call the images in an error.

    Returns:
        Whether the channels stand last, and why, in words.

    Raises:
        ShapeError: If both may be.
    """
    first, last = shape[0] in USUAL_CHANNELS, shape[2] in USUAL_CHANNELS
    if first == last:
        # An image of 13 bands is told by its square.
        first, last = shape[1] == shape[2] != shape[0], shape[0] == shape[1] != shape[2]
    if first == last:
        raise ShapeError(
            f"the images of {source} have shape {list(shape)}: their channels may stand first or last",
            fix="leave the channel out of grey images, or make them larger than 4 x 4; from_arrays takes channels_last",
        )
    order = "height, width, channels" if last else "channels, height, width"
    return last, f"images of shape {' x '.join(map(str, shape))} taken as {order}"


def _channels_first(arrays: Mapping[str, NDArray[Any]], is_last: bool | None, source: str) -> tuple[Arrays, list[str]]:
    shape = arrays["train"].shape[1:]
    if len(shape) == 2:
        note = f"images of shape {shape[0]} x {shape[1]} taken as grey: height, width"
        return {name: values[:, None] for name, values in arrays.items()}, [note]
    notes = []
    if is_last is None:
        is_last, note = find_layout(shape, source)
        notes = [note]
    if is_last:
        return {name: values.transpose(0, 3, 1, 2) for name, values in arrays.items()}, notes
    return dict(arrays), notes


def _as_pixels(arrays: Arrays, source: str) -> tuple[Arrays, list[str]]:
    """Return images as uint8 or float32, the same for all splits.

    Raises:
        DataError: If splits are of different kinds, or values are not finite.
    """
    kinds = {"i" if values.dtype.kind == "u" else values.dtype.kind for values in arrays.values()}
    if len(kinds) > 1:
        types = ", ".join(f"{name} {values.dtype}" for name, values in arrays.items())
        raise DataError(f"the images of {source} are of several types: {types}", fix="save every split as one type")
    if kinds == {"b"}:
        made = {name: np.where(values, np.uint8(255), np.uint8(0)) for name, values in arrays.items()}
        return made, ["black and white images taken as 0 and 255"]
    if all(values.dtype == np.uint8 for values in arrays.values()):
        return {name: _compact(values) for name, values in arrays.items()}, []
    types = " and ".join(sorted({str(values.dtype) for values in arrays.values()}))
    if kinds == {"i"}:
        low = min(int(values.min()) for values in arrays.values())
        high = max(int(values.max()) for values in arrays.values())
        if low >= 0 and 1 < high <= 255:
            # As float32 they would no longer be of the scale that image files have.
            made = {name: _compact(values.astype(np.uint8)) for name, values in arrays.items()}
            return made, [f"images of type {types} hold {low} to {high} and are kept as uint8"]
    floats = {}
    for name, values in arrays.items():
        with np.errstate(over="ignore", invalid="ignore"):
            # A float64 beyond float32 becomes infinite, which is refused below.
            single = values if values.dtype == np.dtype("=f4") else values.astype(np.float32)
        for block in _blocks(single):
            if not np.isfinite(block).all():
                raise DataError(
                    f"the {name} images of {source} have NaN or infinite values", fix="remove or replace them"
                )
        floats[name] = _compact(single)
    return floats, [] if types == "float32" else [f"images of type {types} are kept as float32"]


def _as_table(
    arrays: Mapping[str, NDArray[Any]], names: Sequence[str | InputColumn] | None, source: str
) -> tuple[Arrays, tuple[InputColumn, ...], list[str]]:
    """Return rows of numbers as float32 or float64, and their columns; NaN is missing.

    Raises:
        DataError: If a value is infinite, or the names of the columns are not one for each.
    """
    table = {name: values[:, None] if values.ndim == 1 else values for name, values in arrays.items()}
    count = table["train"].shape[1]
    given = [str(number) for number in range(count)] if names is None else names
    titles = [one.name if isinstance(one, InputColumn) else str(one) for one in given]
    if len(titles) != count or len(set(titles)) < count:
        raise DataError(
            f"the inputs of {source} have {count} columns but {len(set(titles))} different names",
            fix="name every column once",
        )
    is_boolean = all(values.dtype.kind == "b" for values in table.values())
    dtype = _exact_type(table.values())
    made, missing = {}, np.zeros(count, np.int64)
    for name, values in table.items():
        made[name] = _compact(values if values.dtype == dtype else values.astype(dtype))
        for block in _blocks(made[name]):
            infinite = np.isinf(block).any(axis=0)
            if infinite.any():
                column = titles[int(np.flatnonzero(infinite)[0])]
                raise DataError(
                    f"column {column!r} of the {name} inputs of {source} has infinite values",
                    fix="replace them, or write NaN where a value is missing",
                )
            missing += np.isnan(block).sum(axis=0)
    named = "" if names is None else f": {', '.join(titles[:5])}{' …' if count > 5 else ''}"
    notes = [f"inputs of {count} {'number' if count == 1 else 'numbers'} taken as the columns of a table{named}"]
    if missing.any():
        notes.append(f"{missing.sum():,} values are missing, in {(missing > 0).sum()} columns")
    kind: Kind = "boolean" if is_boolean else "number"
    return made, tuple(one if isinstance(one, InputColumn) else InputColumn(str(one), kind) for one in given), notes


def _exact_type(arrays: Any) -> np.dtype[Any]:
    """Return float32 if it holds all values as exactly as their type does, else float64."""
    for values in arrays:
        is_wide = values.dtype.kind == "f" and values.dtype.itemsize > 4
        if is_wide or (values.dtype.kind in "iu" and values.dtype.itemsize > 2 and _reach(values) > EXACT_IN_FLOAT32):
            return np.dtype(np.float64)
    return np.dtype(np.float32)


def _reach(values: NDArray[Any]) -> int:
    return max(abs(int(values.min())), abs(int(values.max())))


def _compact(values: NDArray[Any]) -> NDArray[Any]:
    """Return values in the order of their dimensions; those of a mapped file stay where they are."""
    # PyTorch takes no array that runs backwards.
    return values if _is_mapped(values) and min(values.strides) >= 0 else np.ascontiguousarray(values)


def _is_mapped(values: NDArray[Any]) -> bool:
    owner: Any = values
    while owner is not None:
        if isinstance(owner, np.memmap):
            return True
        owner = getattr(owner, "base", None)
    return False


def _blocks(values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    step = max(1, BLOCK_VALUES // max(1, values[0].size))
    for start in range(0, len(values), step):
        yield values[start : start + step]
