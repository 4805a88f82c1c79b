"""The text of a column: its different values, and which of them stands in each row."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Those of pandas, and what statistics programs and the UCI archive write.
MISSING = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"),
    *("NULL", "NaN", "None", "n/a", "nan", "null", "?", "-"),
)

LINE_END = r" *[\r\n]+ *"


@dataclass(frozen=True, eq=False)
class Words:
    """Text by row.

    Attributes:
        array: Its different values without blanks around them or line ends within, none of them missing, as pyarrow
            holds them.
        codes: By row, the place of its value; -1 where it is missing.
    """

    array: Any
    codes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.codes)

    @cached_property
    def distinct(self) -> list[str]:
        """The different values."""
        found: list[str] = self.array.to_pylist()
        return found

    @property
    def is_missing(self) -> NDArray[np.bool_]:
        """By row."""
        return self.codes < 0

    def __getitem__(self, row: int) -> str:
        return self.distinct[int(self.codes[row])]

    @classmethod
    def of(cls, column: Any) -> "Words":
        """Return the values of a column of text, or of a dictionary.

        Args:
            column: A chunked array of pyarrow.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        encoded = column.unify_dictionaries().combine_chunks()
        rows = np.array(encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy(), np.int64)
        # Values that differ in the blanks around them are one, and a dictionary may have values that no row has.
        # A line end within a value becomes a blank, as in names of columns: no name of a category has one.
        texts = pc.replace_substring_regex(_as_text(encoded.dictionary), pattern=LINE_END, replacement=" ")
        stripped = pc.utf8_trim_whitespace(texts).dictionary_encode()
        places = np.append(np.array(stripped.indices.fill_null(-1).to_numpy(), np.int64), -1)
        codes = places[rows]
        texts = stripped.dictionary
        is_used = np.bincount(codes[codes >= 0], minlength=len(texts)) > 0
        marks = [mark for mark in MISSING if mark != "-" or not pc.any(pc.equal(texts, "+")).as_py()]
        is_used &= ~np.array(pc.is_in(texts, value_set=pa.array(marks)).to_numpy(False))
        renumbered = np.append(np.where(is_used, np.cumsum(is_used) - 1, -1), -1)
        return cls(texts.filter(pa.array(is_used)), renumbered[codes])


def _as_text(values: Any) -> Any:
    """Return the entries of a dictionary as text; whole numbers without a point."""
    import pyarrow as pa

    if pa.types.is_floating(values.type) and all(value is None or value.is_integer() for value in values.to_pylist()):
        values = values.cast(pa.int64(), safe=False)
    return values.cast(pa.string())
