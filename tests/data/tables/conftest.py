"""Tables written with pandas, in every format."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

Write = Callable[[Path, pd.DataFrame], Path]


def written(path: Path, frame: pd.DataFrame) -> Path:
    name = path.name.removesuffix(".gz")
    ending = name[name.rindex(".") :]
    if ending in (".csv", ".tsv"):
        frame.to_csv(path, index=False, sep="\t" if ending == ".tsv" else ",")
    elif ending == ".parquet":
        frame.to_parquet(path)
    elif ending in (".feather", ".arrow"):
        frame.to_feather(path)
    else:
        frame.to_json(path, orient="records", lines=True, double_precision=15)
    return path


@pytest.fixture(scope="session")
def write() -> Write:
    """Writes a frame in the format that the name says."""
    return written
