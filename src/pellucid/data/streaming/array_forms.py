"""How arrays in a file become inputs and labels: learnt from a sample that was read as usual."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.streaming.checking import checked
from pellucid.errors import DataError


@dataclass(frozen=True, eq=False)
class InputForm:
    """How inputs are written in a dataset.

    Attributes:
        shape: Of one input there.
        dtype: There.
        is_transposed: Whether the channels of images stand last in the file.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_transposed: bool

    @classmethod
    def of(cls, raw: NDArray[Any], made: NDArray[Any]) -> "InputForm":
        """Learn it from the inputs of a file and what was made of them."""
        is_transposed = raw.ndim == 4 and raw.shape[1:] != made.shape[1:]
        return cls(made.shape[1:], made.dtype, is_transposed)

    def apply(self, raw: NDArray[Any], where: str) -> NDArray[Any]:
        """Return inputs of a file as a dataset has them.

        Args:
            raw: As they stand in the file.
            where: In words, for an error.

        Raises:
            DataError: If there are values that the sample gave no reason to expect: infinite, or no bytes.
        """
        is_image = len(self.shape) == 3
        if raw.dtype.kind == "b" and is_image:
            raw = np.where(raw, np.uint8(255), np.uint8(0))
        values = raw.transpose(0, 3, 1, 2) if self.is_transposed else raw.reshape(len(raw), *self.shape)
        if values.dtype != self.dtype:
            is_outside = self.dtype == np.uint8 and len(values) and (values.min() < 0 or values.max() > 255)
            if is_outside:
                raise DataError(
                    f"{where}: values from {values.min():g} to {values.max():g}, where others go from 0 to 255",
                    fix="save the images as uint8, or as float32",
                )
            with np.errstate(over="ignore", invalid="ignore"):
                # A float64 beyond float32 becomes infinite, which is refused below.
                values = values.astype(self.dtype)
        checked(values, where, may_miss=not is_image)
        return np.ascontiguousarray(values)


@dataclass(frozen=True, eq=False)
class LabelForm:
    """How labels are written in a dataset.

    Attributes:
        known: Sorted labels of a file, where they name classes; None where they are numbers to learn.
        numbers: Of the class of each.
        is_one_hot: Whether a row of the file has a 1 at the place of the class.
    """

    known: NDArray[Any] | None
    numbers: NDArray[np.int64] | None
    is_one_hot: bool

    @classmethod
    def of(cls, raw: NDArray[Any], made: NDArray[Any]) -> "LabelForm":
        """Learn it from labels of a file, among them one of each class, and what was made of them."""
        if made.ndim == 2:
            return cls(None, None, is_one_hot=False)
        if raw.ndim == 2 and raw.shape[1] > 1:
            return cls(None, None, is_one_hot=True)
        known, first = np.unique(raw.reshape(-1), return_index=True)
        return cls(known, made[first], is_one_hot=False)

    def apply(self, raw: NDArray[Any], where: str) -> NDArray[Any]:
        """Return labels of a file as a dataset has them.

        Args:
            raw: As they stand in the file.
            where: In words, for an error.

        Raises:
            DataError: If a label names no class, or is not finite.
        """
        if self.is_one_hot:
            if not (np.isin(raw, (0, 1)).all() and (raw.sum(axis=1) == 1).all()):
                raise DataError(f"{where}: rows that have not exactly one 1, as others have", fix="correct the labels")
            places: NDArray[np.int64] = raw.argmax(axis=1).astype(np.int64)
            return places
        if self.known is None or self.numbers is None:
            with np.errstate(over="ignore", invalid="ignore"):
                values = raw.reshape(len(raw), -1).astype(np.float32)
            checked(values, where, may_miss=False)
            return values
        flat = raw.reshape(-1)
        places = np.minimum(np.searchsorted(self.known, flat), len(self.known) - 1)
        is_wrong = self.known[places] != flat
        if is_wrong.any():
            raise DataError(
                f"{where}: the label {flat[is_wrong][0].item()!r}, which names no class", fix="correct the labels"
            )
        return self.numbers[places]
