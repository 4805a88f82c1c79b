"""Rows read from where they lie, against NumPy and safetensors."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from numpy.typing import NDArray
from safetensors.numpy import save_file

from pellucid.data.streaming.array_source import RowFiles
from pellucid.data.streaming.raw_arrays import raw_arrays
from pellucid.errors import DataError

TYPES = st.sampled_from(["u1", "i1", "<i2", "<i4", "<i8", "<f2", "<f4", "<f8", "?"])
ARRAYS = TYPES.flatmap(
    lambda kind: arrays_of.arrays(kind, arrays_of.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=6))
)
ONE_FOLDER = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def rows_of(path: Path, name: str, first: int, count: int) -> NDArray[Any]:
    with RowFiles() as files:
        return files.rows(raw_arrays(path)[name], first, count)


def same(found: NDArray[Any], expected: NDArray[Any]) -> bool:
    return found.dtype == expected.dtype and found.tobytes() == np.ascontiguousarray(expected).tobytes()


@ONE_FOLDER
@given(st.data(), ARRAYS)
def test_rows_of_every_format_are_those_of_the_array(tmp_path: Path, data: Any, array: NDArray[Any]) -> None:
    first = data.draw(st.integers(0, len(array)))
    count = data.draw(st.integers(0, len(array) - first))
    np.save(tmp_path / "one.npy", array)
    np.savez(tmp_path / "some.npz", a=np.zeros((3, 2)), one=array, **{"ä long name": np.arange(5)})  # type: ignore[arg-type]
    save_file({"a": np.zeros(7, np.uint8), "one": array}, tmp_path / "some.safetensors")
    for name in ("one.npy", "some.npz", "some.safetensors"):
        assert same(rows_of(tmp_path / name, "one", first, count), array[first : first + count]), name


def test_text_is_read_as_it_is(tmp_path: Path) -> None:
    words = np.array(["cat", "dög", ""])
    np.savez(tmp_path / "a.npz", words=words)
    assert rows_of(tmp_path / "a.npz", "words", 1, 2).tolist() == ["dög", ""]


def test_what_no_row_can_be_read_of_alone_is_left_out(tmp_path: Path) -> None:
    table = np.asfortranarray(np.arange(12.0).reshape(3, 4))
    np.savez(tmp_path / "a.npz", by_columns=table, scalar=np.array(3.0), rows=np.arange(3))
    assert list(raw_arrays(tmp_path / "a.npz")) == ["rows"]
    np.savez_compressed(tmp_path / "b.npz", rows=np.arange(3))
    assert raw_arrays(tmp_path / "b.npz") == {}


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.safetensors"])
def test_every_cut_of_a_file_is_damage(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    array = np.arange(40.0).reshape(10, 4)
    if name.endswith("npy"):
        np.save(path, array)
    elif name.endswith("npz"):
        np.savez(path, a=array)
    else:
        save_file({"a": array}, path)
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(DataError, match=r"damaged|cut short|no \.npz file|no \.safetensors file"):
            raw_arrays(path)


def test_a_file_that_shrinks_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(1000.0))
    found = raw_arrays(tmp_path / "a.npy")["a"]
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:900])
    with RowFiles() as files, pytest.raises(DataError, match="is shorter than it was"):
        files.rows(found, 50, 900)


def test_a_file_that_is_taken_away_is_noticed(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(1000.0))
    found = raw_arrays(tmp_path / "a.npy")["a"]
    (tmp_path / "a.npy").unlink()
    with RowFiles() as files, pytest.raises(DataError, match="cannot be read"):
        files.rows(found, 0, 9)
