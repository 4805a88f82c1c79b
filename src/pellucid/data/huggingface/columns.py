"""The columns of a Hugging Face `datasets` table: what each holds, and its values as arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pellucid.data.columns import UNKNOWN, InputColumn
from pellucid.data.dataset import Dataset
from pellucid.errors import DataError, ShapeError

Content = Literal["image", "class", "classes", "number", "boolean", "date", "text", "array", "other"]
# Text with more different values than this, hardly any twice, or longer than this on average, is no category.
MANY_VALUES, LONG_TEXT = 50, 100
MICROSECONDS_A_DAY = 86_400_000_000


@dataclass(frozen=True)
class HfColumn:
    """What a column holds.

    Attributes:
        name: Of the column.
        content: An image, a class, a list of classes, a number, a boolean, a date, text, an array of numbers of one
            shape, or something else.
        names: Of the classes.
        shape: Of an array, where it is said.
    """

    name: str
    content: Content
    names: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()


def column_of(name: str, feature: Any, kind: Any) -> HfColumn:
    """Find out what a column holds.

    Args:
        name: Of the column.
        feature: What `datasets` says of it; None if nothing.
        kind: Its type, as pyarrow has it; what is said must fit it.

    Raises:
        DataError: If the names of its classes are no list of names.
    """
    import pyarrow as pa

    inner = _inner(feature)
    said = feature.get("_type") if isinstance(feature, dict) else None
    if said == "Image":
        is_struct = pa.types.is_struct(kind) and {"bytes", "path"} <= {kind.field(i).name for i in range(len(kind))}
        return HfColumn(name, "image" if is_struct else "other")
    if said == "ClassLabel" and pa.types.is_integer(kind):
        return HfColumn(name, "class", _names(feature, name))
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if inner is not None and inner.get("_type") == "ClassLabel" and is_list and pa.types.is_integer(kind.value_type):
        return HfColumn(name, "classes", _names(inner, name))
    if is_list:
        shape = feature.get("shape") if isinstance(feature, dict) else None
        known = tuple(shape) if isinstance(shape, list) and all(isinstance(size, int) for size in shape) else ()
        return HfColumn(name, "array" if _is_number(_innermost(kind)) else "other", shape=known)
    if pa.types.is_boolean(kind):
        return HfColumn(name, "boolean")
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return HfColumn(name, "text")
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return HfColumn(name, "date")
    return HfColumn(name, "number" if _is_number(kind) else "other")


def numbers_of(column: HfColumn, values: Any, what: str) -> NDArray[Any]:
    """Return numbers, booleans, dates or classes as [rows]; a missing one is NaN.

    Args:
        column: What it holds.
        values: Of pyarrow.
        what: What to call it in an error.

    Raises:
        DataError: If they cannot be converted.
    """
    import pyarrow as pa

    try:
        if column.content == "date":
            zone = getattr(values.type, "tz", None)
            moments = values.cast(pa.timestamp("us", zone), safe=False).cast(pa.int64())
            return np.asarray(moments.cast(pa.float64(), safe=False).to_numpy(), np.float64) / MICROSECONDS_A_DAY
        if column.content == "boolean" and values.null_count:
            values = values.cast(pa.int8())
        if pa.types.is_decimal(values.type):
            values = values.cast(pa.float64())
        made: NDArray[Any] = values.to_numpy()
    except (pa.ArrowException, ValueError) as error:
        raise DataError(f"{what} cannot be read as numbers ({error})", fix="ignore the column") from error
    return made


def categories_of(values: Any) -> tuple[str, ...]:
    """Return the different texts of a column, sorted; a missing one is none of them."""
    return tuple(sorted(text for text in values.unique().to_pylist() if text is not None))


def codes_of(values: Any, categories: Sequence[str]) -> NDArray[np.float64]:
    """Return the place of each text among the categories; NaN where it is missing, -1 where it is none of them."""
    import pyarrow as pa
    from pyarrow import compute

    places = compute.index_in(values, pa.array(categories, values.type))
    codes = np.asarray(places.fill_null(-1).to_numpy(), np.float64)
    codes[np.asarray(values.is_null().to_numpy(), bool)] = np.nan
    return codes


def is_free_text(values: Any, categories: Sequence[str]) -> bool:
    """Return whether a column of text is for readers, and no category."""
    if not categories:
        return False
    length = sum(map(len, categories)) / len(categories)
    return length > LONG_TEXT or (len(categories) > MANY_VALUES and len(categories) > len(values) / 2)


def arrays_of(column: HfColumn, values: Any, what: str) -> NDArray[Any]:
    """Return lists of numbers, all of one shape, as [rows, …].

    Args:
        column: What it holds.
        values: Of pyarrow, as lists within lists.
        what: What to call it in an error.

    Raises:
        ShapeError: If they are of several shapes, or one is missing.
    """
    import pyarrow as pa

    sizes = [len(values)]
    flat = values.combine_chunks()
    flat = pa.concat_arrays(flat.chunks) if isinstance(flat, pa.ChunkedArray) else flat
    if isinstance(flat.type, pa.BaseExtensionType):
        flat = flat.storage
    while pa.types.is_list(flat.type) or pa.types.is_large_list(flat.type) or pa.types.is_fixed_size_list(flat.type):
        lengths = np.unique(np.asarray(flat.value_lengths().fill_null(-1).to_numpy(zero_copy_only=False)))
        if len(lengths) > 1 or flat.null_count:
            seen = ", ".join("missing" if length < 0 else str(length) for length in lengths[:5])
            raise ShapeError(f"{what} has lists of several lengths: {seen}", fix="pad them to one length")
        sizes.append(int(lengths[0]) if len(lengths) else 0)
        flat = flat.flatten()
    if column.shape and tuple(sizes[1:]) != column.shape:
        raise ShapeError(f"{what} has arrays of shape {sizes[1:]}, not {list(column.shape)}", fix="save it again")
    made: NDArray[Any] = flat.to_numpy(zero_copy_only=False).reshape(sizes)
    return made


def several_of(column: HfColumn, values: Any, what: str) -> NDArray[np.float32]:
    """Return lists of classes as [rows, classes], 1 for each class that is listed.

    Raises:
        DataError: If one is no class number.
    """
    made = np.zeros((len(values), len(column.names)), np.float32)
    for row, classes in enumerate(values.to_pylist()):
        for number in classes or ():
            if number is None or not 0 <= number < len(column.names):
                raise DataError(
                    f"{what} has the class {number} in row {row}, but there are {len(column.names)} classes",
                    fix="correct the row, or name every class",
                )
            made[row, number] = 1
    return made


def with_seen_categories(dataset: Dataset) -> Dataset:
    """Return a dataset whose categories are those of its training examples; others become unknown."""
    if dataset.columns is None:
        return dataset
    columns = list(dataset.columns)
    for place, column in enumerate(columns):
        train = dataset.train.inputs[:, place]
        seen = np.unique(train[train >= 0]).astype(np.int64)
        if column.kind != "category" or len(seen) == len(column.categories):
            continue
        codes = np.full(len(column.categories) + 1, UNKNOWN)
        codes[seen] = np.arange(len(seen))
        columns[place] = InputColumn(column.name, "category", tuple(column.categories[code] for code in seen))
        for split in dataset.splits.values():
            values = split.inputs[:, place]
            known = ~np.isnan(values)
            # -1, unknown already, stays so: it is the last of the codes.
            values[known] = codes[values[known].astype(np.int64)]
    return replace(dataset, columns=tuple(columns))


def _inner(feature: Any) -> dict[str, Any] | None:
    """Return what is said of the items of a list, in any of the ways it has been written."""
    if isinstance(feature, list) and len(feature) == 1:
        feature = {"_type": "List", "feature": feature[0]}
    if isinstance(feature, dict) and feature.get("_type") in ("List", "LargeList", "Sequence"):
        inner = feature.get("feature")
        return inner if isinstance(inner, dict) else None
    return None


def _innermost(kind: Any) -> Any:
    import pyarrow as pa

    while pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        kind = kind.value_type
    return kind


def _is_number(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _names(feature: Mapping[str, Any], column: str) -> tuple[str, ...]:
    names = feature.get("names")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise DataError(f"the classes of column {column!r} have no list of names", fix="name every class")
    return tuple(names)
