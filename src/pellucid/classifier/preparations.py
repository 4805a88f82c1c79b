"""Preparations as they stand in a card: written, checked before anything is built from them, and read."""

import math
import sys
from typing import Any, get_args

from pellucid.data.columns import InputColumn, Kind
from pellucid.data.preparing import Preparation
from pellucid.data.preparing_images import ImagePreparation
from pellucid.data.preparing_tables import TablePreparation
from pellucid.data.targets import TargetScale

# Values of one prepared input, and of what a layer makes of it: a forged card could ask for any memory.
MOST_INPUTS = 100_000_000
MOST_COLUMNS = 1_000_000
LARGEST_NUMBER = sys.float_info.max
IMAGES, TABLE = "images", "table"
KEYS = {
    IMAGES: {"kind", "shape", "divisor", "mean", "std", "border"},
    TABLE: {"kind", "columns", "mean", "std", "has_missing"},
}


def preparation_facts(preparation: Preparation) -> dict[str, Any]:
    """Return a preparation as it stands in a card."""
    kind = TABLE if isinstance(preparation, TablePreparation) else IMAGES
    return {"kind": kind, **preparation.to_dict()}


def is_preparation(facts: Any) -> bool:
    """Return whether a card's preparation is one, whoever wrote it."""
    if not isinstance(facts, dict) or not isinstance(facts.get("kind"), str):
        return False
    if facts["kind"] not in KEYS or facts.keys() != KEYS[facts["kind"]]:
        return False
    return _is_of_images(facts) if facts["kind"] == IMAGES else _is_of_a_table(facts)


def preparation_of(facts: dict[str, Any]) -> Preparation:
    """Return the preparation that checked facts stand for."""
    mean, std = tuple(facts["mean"]), tuple(facts["std"])
    if facts["kind"] == IMAGES:
        shape = tuple(facts["shape"])
        return ImagePreparation(shape=shape, divisor=facts["divisor"], mean=mean, std=std, border=facts["border"])
    columns = tuple(
        InputColumn(column["name"], column["kind"], tuple(column["categories"])) for column in facts["columns"]
    )
    return TablePreparation(columns, mean, std, tuple(facts["has_missing"]))


def is_scale(facts: Any, targets: int) -> bool:
    """Return whether a card's scale of targets is one, for so many."""
    if not isinstance(facts, dict) or facts.keys() != {"mean", "std"}:
        return False
    return are_numbers(facts["mean"], targets) and are_numbers(facts["std"], targets) and min(facts["std"]) > 0


def scale_of(facts: dict[str, Any] | None) -> TargetScale | None:
    """Return the scale that checked facts stand for."""
    return None if facts is None else TargetScale(tuple(facts["mean"]), tuple(facts["std"]))


def are_numbers(values: Any, count: int) -> bool:
    """Return whether these are so many finite numbers in a list."""
    return isinstance(values, list) and len(values) == count and all(_is_number(value) for value in values)


def _is_of_images(facts: dict[str, Any]) -> bool:
    shape, mean, std = facts["shape"], facts["mean"], facts["std"]
    if not (isinstance(shape, list) and len(shape) == 3 and all(_is_size(size) for size in shape)):
        return False
    if math.prod(shape) > MOST_INPUTS or not (are_numbers(mean, shape[0]) and are_numbers(std, shape[0])):
        return False
    return _is_number(facts["divisor"]) and _is_number(facts["border"]) and facts["divisor"] > 0 and min(std) > 0


def _is_of_a_table(facts: dict[str, Any]) -> bool:
    columns, has_missing = facts["columns"], facts["has_missing"]
    if not (isinstance(columns, list) and 1 <= len(columns) <= MOST_COLUMNS and all(map(_is_column, columns))):
        return False
    if len({column["name"] for column in columns}) < len(columns):
        return False
    if sum(1 + len(column["categories"]) for column in columns) > MOST_INPUTS:
        return False
    if not (are_numbers(facts["mean"], len(columns)) and are_numbers(facts["std"], len(columns))):
        return False
    are_flags = isinstance(has_missing, list) and all(isinstance(value, bool) for value in has_missing)
    return are_flags and len(has_missing) == len(columns) and min(facts["std"]) > 0


def _is_column(facts: Any) -> bool:
    if not isinstance(facts, dict) or facts.keys() != {"name", "kind", "categories"}:
        return False
    categories = facts["categories"]
    if not isinstance(facts["name"], str) or facts["kind"] not in get_args(Kind) or not isinstance(categories, list):
        return False
    are_texts = all(isinstance(category, str) for category in categories)
    return are_texts and len(set(categories)) == len(categories) and (not categories or facts["kind"] == "category")


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_number(value: Any) -> bool:
    # Compared, not math.isfinite: that overflows at a whole number of 400 digits; a NaN fails every comparison.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST_NUMBER
