"""The columns of a table: what stands in each, and how its values become numbers."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from pellucid.errors import DataError, UnknownNameError, did_you_mean

# Numbers stand as they are, booleans as 0 and 1, dates as days since 1970-01-01 (UTC), categories as their place.
Kind = Literal["number", "boolean", "date", "category"]
# Stands for a category that is none of the column's; a missing value of any kind is NaN.
UNKNOWN = -1.0


@dataclass(frozen=True)
class InputColumn:
    """A column of a table that a network sees.

    Attributes:
        name: As it stands in the file.
        kind: "number", "boolean", "date" or "category".
        categories: Of a category: its values among the training examples, in the order of their numbers.
    """

    name: str
    kind: Kind
    categories: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise UnknownNameError(
                f"there is no kind of column {self.kind!r}", fix=did_you_mean(self.kind, get_args(Kind))
            )
        if len(set(self.categories)) < len(self.categories):
            raise DataError(f"column {self.name!r} has a category twice", fix="name each category once")

    def to_dict(self) -> dict[str, Any]:
        """Return the facts."""
        return {"name": self.name, "kind": self.kind, "categories": list(self.categories)}
