"""Labels of which an example has any number: from a column of lists, or of text such as "red;round"."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.tables.values import Values, words_of
from pellucid.data.tables.words import Words
from pellucid.errors import DataError

SEPARATOR = re.compile(r"[;|]")


@dataclass(frozen=True, eq=False)
class Several:
    """Labels of rows, one after the other.

    Attributes:
        rows: The row that each stands in.
        words: The labels.
    """

    rows: NDArray[np.int64]
    words: Words


def of_lists(column: Any, name: str) -> Values:
    """Return the labels in a column of lists.

    Args:
        column: A chunked array of pyarrow.
        name: Of the column, for the error.

    Raises:
        DataError: If the lists hold lists or objects.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    lists = column.combine_chunks()
    words = words_of(pa.chunked_array([pc.list_flatten(lists)]))
    if words is None:
        raise DataError(f"the lists in column {name!r} hold no labels but {lists.type}", fix="give lists of names")
    rows = np.array(pc.list_parent_indices(lists).to_numpy(), np.int64)
    is_there = ~words.is_missing
    several = Several(rows[is_there], Words(words.array, words.codes[is_there]))
    is_missing = np.array(pc.is_null(column).to_numpy())
    return Values("list", is_missing, np.zeros(len(is_missing), bool), lists=several)


def of_text(column: Any, words: Words) -> Values:
    """Return the labels in a column of text, separated by ; or |; an empty text has none.

    Args:
        column: A chunked array of pyarrow.
        words: The same, taken apart.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    parts = [[part.strip() for part in SEPARATOR.split(text) if part.strip()] for text in words.distinct]
    names = sorted({part for of_one in parts for part in of_one})
    places = {name: place for place, name in enumerate(names)}
    by_row = [sorted({places[part] for part in parts[code]}) if code >= 0 else [] for code in words.codes]
    rows = np.repeat(np.arange(len(by_row)), [len(of_one) for of_one in by_row])
    codes = np.array([place for of_one in by_row for place in of_one], np.int64)
    is_empty = pc.equal(pc.utf8_trim_whitespace(column.cast(pa.string())), "").fill_null(False).to_numpy()
    is_missing = words.is_missing & ~np.array(is_empty)
    lists = Several(rows, Words(pa.array(names, pa.string()), codes))
    return Values("list", is_missing, np.zeros(len(words), bool), lists=lists)
