"""Groups of examples by what their inputs show: brightness and contrast of images, the columns of tables."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.columns import InputColumn
from pellucid.rendering.rounding import pattern_for

# Values of images that are looked at at once; bounds the memory, and stays in the processor's cache.
BLOCK = 2**18
# Of a column with more values, the commonest are looked at.
MOST_VALUES = 50


@dataclass(frozen=True, eq=False)
class Group:
    """Examples that have something in common.

    Attributes:
        name: What that is.
        members: Bool [examples].
    """

    name: str
    members: NDArray[np.bool_]


def groups_of(inputs: NDArray[Any], columns: Sequence[InputColumn] | None) -> list[Group]:
    """Return the groups that inputs fall into.

    Args:
        inputs: As in a `Split`.
        columns: Of a table; None of images.
    """
    if inputs.ndim == 4:
        brightness, contrast = _light(inputs)
        return [*quarters("brightness", brightness), *quarters("contrast", contrast)]
    return [
        group
        for place, column in enumerate(columns or ())
        for group in _groups_of_column(inputs[:, place].astype(np.float64), column)
    ]


def quarters(name: str, values: NDArray[np.float64], *, are_dates: bool = False) -> list[Group]:
    """Return four groups of examples, by the quarter of the values that theirs lies in; NaN and infinity are in none.

    Args:
        name: What the values are.
        values: [examples].
        are_dates: Whether they count days since 1970-01-01.
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return []
    edges = np.quantile(known, (0, 0.25, 0.5, 0.75, 1))
    pattern = pattern_for(float(np.abs(edges).max()))
    shown = [str(np.datetime64(int(edge), "D")) if are_dates else format(edge, pattern) for edge in edges]
    place = np.where(~np.isfinite(values), -1, np.searchsorted(edges[1:-1], values))
    return [Group(f"{name} {shown[quarter]} to {shown[quarter + 1]}", place == quarter) for quarter in range(4)]


def _groups_of_column(values: NDArray[np.float64], column: InputColumn) -> Iterator[Group]:
    if column.kind == "category":
        counts = [(int((values == place).sum()), place, name) for place, name in enumerate(column.categories)]
        for _, place, name in sorted(counts, key=lambda one: -one[0])[:MOST_VALUES]:
            yield Group(f"{column.name} = {name}", values == place)
        yield Group(f"{column.name} is unknown", values == -1)
    elif column.kind == "boolean":
        yield Group(f"{column.name} is true", values == 1)
        yield Group(f"{column.name} is false", values == 0)
    else:
        yield from quarters(column.name, values, are_dates=column.kind == "date")
    yield Group(f"{column.name} is missing", np.isnan(values))


def _light(images: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of each image; of bytes as a share of 255."""
    unit = 255.0 if images.dtype == np.uint8 else 1.0
    mean, std = np.empty(len(images)), np.empty(len(images))
    together = max(1, BLOCK // max(math.prod(images.shape[1:]), 1))
    for start in range(0, len(images), together):
        part = slice(start, start + together)
        block = images[part].astype(np.float32)
        mean[part] = block.mean(axis=(1, 2, 3))
        std[part] = block.std(axis=(1, 2, 3))
    return mean / unit, std / unit
