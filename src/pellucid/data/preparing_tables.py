"""The preparation of tables: numbers standardised, categories one-hot, missing values imputed and flagged."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pellucid.data.columns import InputColumn
from pellucid.data.dataset import Split
from pellucid.errors import ShapeError

# Rows that are looked at at once; bounds the memory that fitting takes.
BLOCK = 65_536


@dataclass(frozen=True)
class TablePreparation:
    """Turn the columns of a table into features.

    A number, boolean or date gives one feature, (value - mean) / std; a missing one is imputed by the mean. A category
    gives a feature for each value that was seen in training: 1 for its own, else 0; an unknown one is 0 everywhere. A
    column that has missing values in training gives one feature more: 1 where the value is missing.

    Attributes:
        columns: In the order of the raw inputs.
        mean: Of the training examples, by column; 0 of a category.
        std: Standard deviation of the training examples, by column; 1 of a category and of a constant.
        has_missing: By column, whether a value is missing in training.
    """

    columns: tuple[InputColumn, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    has_missing: tuple[bool, ...]

    @classmethod
    def fit(cls, split: Split, columns: Sequence[InputColumn]) -> "TablePreparation":
        """Measure mean, standard deviation and missing values of each column.

        Args:
            split: The training examples: inputs float [examples, columns].
            columns: One for each column of the inputs.
        """
        count = len(columns)
        seen, total, square = np.zeros(count), np.zeros(count), np.zeros(count)
        low, high = np.full(count, np.inf), np.full(count, -np.inf)
        is_measured = np.array([column.kind != "category" for column in columns])
        for is_second in (False, True):
            # Twice through, since a sum of squares minus the square of a sum loses all digits of a large mean.
            mean = total / np.maximum(seen, 1)
            for start in range(0, len(split), BLOCK):
                block = split.inputs[start : start + BLOCK].astype(np.float64)
                if is_second:
                    square += np.nansum((block - mean) ** 2, axis=0)
                else:
                    seen += (~np.isnan(block)).sum(axis=0)
                    total += np.nansum(block, axis=0)
                    low = np.fmin(low, np.fmin.reduce(block, axis=0))
                    high = np.fmax(high, np.fmax.reduce(block, axis=0))
        std = np.sqrt(square / np.maximum(seen, 1))
        # The mean of equal values is not always that value; and float32 has no numbers to divide tiny ones by.
        is_constant = (low >= high) | (std <= np.finfo(split.inputs.dtype).tiny)
        return cls(
            columns=tuple(columns),
            mean=tuple(np.where(is_measured, mean, 0.0).tolist()),
            std=tuple(np.where(is_measured & ~is_constant, std, 1.0).tolist()),
            has_missing=tuple((seen < len(split)).tolist()),
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one raw input: (columns,)."""
        return (len(self.columns),)

    @property
    def prepared_shape(self) -> tuple[int, ...]:
        """Of one prepared input: (features,)."""
        return (self._layout.width,)

    @cached_property
    def _layout(self) -> "_Layout":
        return _Layout.of(self.columns, self.has_missing)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What each feature is: "age", "colour=red", "age is missing"."""
        names: list[str] = []
        for column, is_flagged in zip(self.columns, self.has_missing, strict=True):
            if column.kind == "category":
                names += [f"{column.name}={category}" for category in column.categories]
            else:
                names.append(column.name)
            if is_flagged:
                names.append(f"{column.name} is missing")
        return tuple(names)

    def __call__(self, inputs: Tensor) -> Tensor:
        """Prepare raw inputs.

        Args:
            inputs: Float [examples, columns], raw as in the dataset; NaN is missing, a category is its place, or -1.

        Returns:
            Float32 [examples, features], on the same device.

        Raises:
            ShapeError: If there are more or fewer columns.
        """
        self.check_shape(inputs)
        mean = torch.tensor(self.mean, dtype=inputs.dtype, device=inputs.device)
        std = torch.tensor(self.std, dtype=inputs.dtype, device=inputs.device)
        is_missing = inputs.isnan()
        scaled = ((inputs - mean) / std).masked_fill_(is_missing, 0).to(torch.float32)
        layout = self._layout
        if not layout.flagged and not layout.categories:
            return scaled
        features = scaled.new_zeros(len(inputs), layout.width)
        features[:, layout.number_features] = scaled[:, layout.numbers]
        features[:, layout.flag_features] = is_missing[:, layout.flagged].to(torch.float32)
        if layout.categories:
            places = inputs[:, layout.categories]
            is_known = (places >= 0) & (places < inputs.new_tensor(layout.counts))
            starts = torch.tensor(layout.starts, device=inputs.device)
            chosen = torch.where(is_known, places, 0).long() + starts
            # An unknown one writes its 0 where its column begins, and no other column does.
            features.scatter_(1, chosen, is_known.to(torch.float32))
        return features

    def check_shape(self, inputs: Tensor) -> None:
        """Check that inputs have the columns of the training inputs.

        Raises:
            ShapeError: If they have not.
        """
        if inputs.shape[1:] != self.shape:
            raise ShapeError(
                f"the inputs are {list(inputs.shape[1:])} but the classifier takes {len(self.columns)} columns",
                fix=f"give inputs of shape [examples, {len(self.columns)}]",
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the values as JSON can hold them."""
        return {
            "columns": [column.to_dict() for column in self.columns],
            "mean": list(self.mean),
            "std": list(self.std),
            "has_missing": list(self.has_missing),
        }


@dataclass
class _Layout:
    """Which features the columns become: places of columns, and the places of their features.

    Attributes:
        numbers: Columns that are no categories.
        number_features: The feature of each.
        categories: Columns that are.
        starts: The first feature of each.
        counts: How many categories each has.
        flagged: Columns with a feature that says that a value is missing.
        flag_features: That feature of each.
        width: Features in all.
    """

    numbers: list[int] = field(default_factory=list)
    number_features: list[int] = field(default_factory=list)
    categories: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    flagged: list[int] = field(default_factory=list)
    flag_features: list[int] = field(default_factory=list)
    width: int = 0

    @classmethod
    def of(cls, columns: Sequence[InputColumn], has_missing: Sequence[bool]) -> "_Layout":
        layout = cls()
        for place, (column, is_flagged) in enumerate(zip(columns, has_missing, strict=True)):
            if column.kind == "category":
                # A category without values, as all are missing, has no feature to write to.
                if column.categories:
                    layout.categories.append(place)
                    layout.starts.append(layout.width)
                    layout.counts.append(len(column.categories))
                layout.width += len(column.categories)
            else:
                layout.numbers.append(place)
                layout.number_features.append(layout.width)
                layout.width += 1
            if is_flagged:
                layout.flagged.append(place)
                layout.flag_features.append(layout.width)
                layout.width += 1
        return layout
