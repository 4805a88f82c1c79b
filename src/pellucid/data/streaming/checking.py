"""Values that a network cannot take are refused where they are read."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError


def checked(values: NDArray[Any], where: str, *, may_miss: bool) -> None:
    """Refuse infinite values, and NaN where it does not stand for a missing value.

    Args:
        values: Of a slice.
        where: They come from, in words.
        may_miss: Whether NaN is a missing value.

    Raises:
        DataError: If there are any.
    """
    if values.dtype.kind != "f":
        return
    with np.errstate(over="ignore", invalid="ignore"):
        # One sum is the cheapest question; it is finite unless there is something to be looked at.
        if np.isfinite(values.sum()):
            return
    if np.isinf(values).any() or (not may_miss and np.isnan(values).any()):
        kind = "infinite" if may_miss else "NaN or infinite"
        raise DataError(f"{where}, hold {kind} values", fix="remove or replace them")
