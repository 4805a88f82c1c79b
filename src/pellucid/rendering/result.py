"""What every result has in common: facts as a dict, and views made from its blocks."""

import json
import math
import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from pellucid.errors import MissingPackageError
from pellucid.rendering.blocks import Block, Table


class Result(ABC):
    """A frozen dataclass of facts that shows itself as text, HTML and JSON with the same numbers."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return the facts as plain dicts, lists, strings, numbers and None."""

    @abstractmethod
    def blocks(self) -> Sequence[Block]:
        """Return what to show, in order."""

    def page_blocks(self) -> Sequence[Block]:
        """Return what a page of its own shows, which has room for more than a terminal."""
        return self.blocks()

    def listing(self) -> Table | None:
        """Return the table that a CSV file holds: the first that is shown, or all rows of one that is shortened."""
        return next((block for block in self.blocks() if isinstance(block, Table)), None)

    def to_json(self) -> str:
        """Return `to_dict()` as JSON; a number that is not finite becomes null."""
        return to_json(self.to_dict())

    def __str__(self) -> str:
        # Importing rich draws from Python's random generator, which is the user's.
        state = random.getstate()
        from pellucid.rendering.terminal import to_text

        random.setstate(state)
        return to_text(self.blocks())

    def _repr_html_(self) -> str:
        from pellucid.rendering.markup import to_html

        return to_html(self.blocks())


def to_json(facts: Mapping[str, Any], *, indent: int | None = 2) -> str:
    """Return facts as JSON that every parser accepts: NaN and infinity become null."""
    return json.dumps(_finite(facts), indent=indent, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return value


def to_frame(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Return rows as a pandas DataFrame.

    Args:
        rows: One mapping per row, column name to value.

    Raises:
        MissingPackageError: If pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingPackageError(
            "to_frame() makes a pandas DataFrame, and pandas is not installed", fix="run: pip install pandas"
        ) from error
    return pd.DataFrame(list(rows))
