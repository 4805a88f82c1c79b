"""The IDX reader against a writer of the tests' own, and against damaged files."""

import gzip
import io
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from pellucid.data.idx import parse_idx, read_idx
from pellucid.errors import DataError, MissingFileError, PellucidError

AsIdx = Callable[[NDArray[Any]], bytes]
TYPES = st.sampled_from([np.dtype(name) for name in ("uint8", "int8", "int16", "int32", "float32", "float64")])
ARRAYS = TYPES.flatmap(
    lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4))
)
# The folder is made once and its file overwritten, which is what these properties want.
in_one_folder = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def bits(array: NDArray[Any]) -> tuple[str, tuple[int, ...], bytes]:
    # By bytes: a NaN equals nothing, not even itself.
    return array.dtype.str, array.shape, array.tobytes()


@in_one_folder
@given(array=ARRAYS, name=st.sampled_from(["images", "images.gz"]), is_compressed=st.booleans())
def test_reads_what_was_written_whatever_the_file_is_called(
    tmp_path: Path, as_idx: AsIdx, array: NDArray[Any], name: str, is_compressed: bool
) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(as_idx(array)) if is_compressed else as_idx(array))
    assert bits(read_idx(path)) == bits(array)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "float32", "float64"])
def test_gives_arrays_that_can_be_written_to(tmp_path: Path, as_idx: AsIdx, dtype: str) -> None:
    path = tmp_path / "values"
    path.write_bytes(as_idx(np.ones(3, dtype)))
    array = read_idx(path)
    array[1] = 5
    assert array.tolist() == [1, 5, 1]


@in_one_folder
@given(array=ARRAYS, data=st.data())
def test_a_file_cut_at_any_byte_is_refused(
    tmp_path: Path, as_idx: AsIdx, array: NDArray[Any], data: st.DataObject
) -> None:
    content = as_idx(array)
    path = tmp_path / "cut"
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(DataError, match=r"cut short|is no IDX file"):
        read_idx(path)


def test_every_cut_of_a_compressed_file_is_refused(tmp_path: Path, as_idx: AsIdx) -> None:
    content = gzip.compress(as_idx(np.arange(60, dtype=np.int16).reshape(3, 4, 5)))
    path = tmp_path / "cut.gz"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(DataError, match=r"cut short|is no IDX file"):
            read_idx(path)


@pytest.mark.parametrize("is_compressed", [False, True])
def test_bytes_after_the_last_value_are_refused(tmp_path: Path, as_idx: AsIdx, is_compressed: bool) -> None:
    content = as_idx(np.zeros((2, 3), np.uint8)) + b"\0"
    path = tmp_path / "longer"
    path.write_bytes(gzip.compress(content) if is_compressed else content)
    with pytest.raises(DataError, match="goes on after the 6 bytes that its header promises"):
        read_idx(path)


def test_garbage_after_a_compressed_file_is_refused(tmp_path: Path, as_idx: AsIdx) -> None:
    path = tmp_path / "longer.gz"
    path.write_bytes(gzip.compress(as_idx(np.zeros(3, np.uint8))) + b"garbage")
    with pytest.raises(DataError, match="damaged or cut short"):
        read_idx(path)


def test_a_flipped_bit_in_a_compressed_file_is_found_by_its_checksum(tmp_path: Path, as_idx: AsIdx) -> None:
    content = bytearray(gzip.compress(as_idx(np.arange(200, dtype=np.uint8)), 0))
    content[100] ^= 1  # level 0 stores the bytes as they are, so only the checksum can tell
    path = tmp_path / "flipped.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged or cut short"):
        read_idx(path)


def test_several_arrays_can_follow_each_other_in_a_stream(as_idx: AsIdx) -> None:
    first, second = np.arange(6, dtype=np.int32).reshape(2, 3), np.array([1.5, -2.5])
    stream = io.BytesIO(as_idx(first) + as_idx(second))
    read = parse_idx(stream, "first", is_last=False), parse_idx(stream, "second")
    assert [bits(array) for array in read] == [bits(first), bits(second)]


def is_read_or_refused(content: bytes, path: Path) -> bool:
    path.write_bytes(content)
    try:
        read_idx(path)
    except PellucidError as error:
        return bool(error.problem and error.fix)
    return True


@in_one_folder
@given(content=st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_with_a_fix(tmp_path: Path, content: bytes) -> None:
    assert is_read_or_refused(content, tmp_path / "any")


@in_one_folder
@given(
    code=st.sampled_from([0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E]),
    sizes=st.lists(st.sampled_from([0, 1, 2, 3, 2**16, 2**31, 2**32 - 1]), min_size=1, max_size=8),
    content=st.binary(max_size=40),
)
def test_any_sizes_are_read_or_refused_with_a_fix(tmp_path: Path, code: int, sizes: list[int], content: bytes) -> None:
    header = struct.pack(f">4B{len(sizes)}I", 0, 0, code, len(sizes), *sizes)
    assert is_read_or_refused(header + content, tmp_path / "any")


@in_one_folder
@given(content=st.binary(max_size=60))
def test_any_bytes_after_the_mark_of_gzip_are_read_or_refused_with_a_fix(tmp_path: Path, content: bytes) -> None:
    assert is_read_or_refused(b"\x1f\x8b\x08" + content, tmp_path / "any")


@pytest.mark.parametrize("sizes", [(2**32 - 1,) * 4, (2**32 - 1,) * 8, (2**20, 2**15), (2**35 // 2**4 - 1,)])
@pytest.mark.parametrize("is_compressed", [False, True])
def test_a_promise_of_more_than_the_file_holds_is_refused_without_taking_the_memory(
    tmp_path: Path, sizes: tuple[int, ...], is_compressed: bool
) -> None:
    content = struct.pack(f">4B{len(sizes)}I", 0, 0, 0x0E, len(sizes), *sizes) + b"abc"
    path = tmp_path / "promise"
    path.write_bytes(gzip.compress(content) if is_compressed else content)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="promises"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
    finally:
        tracemalloc.stop()


def test_a_size_of_zero_does_not_hide_the_others(tmp_path: Path) -> None:
    path = tmp_path / "zero"
    path.write_bytes(struct.pack(">4B4I", 0, 0, 8, 4, 0, *(2**32 - 1,) * 3))
    with pytest.raises(DataError, match="promises"):
        read_idx(path)


@pytest.mark.parametrize(
    ("start", "seen"),
    [
        pytest.param(b"", "nothing", id="empty"),
        pytest.param(b"\x89PNG\r\n", "89 50 4e 47", id="png"),
        pytest.param(b"\0\0\x0a\x01\0\0\0\0", "00 00 0a 01", id="unknown type"),
        pytest.param(b"\0\0\x08\0", "00 00 08 00", id="no dimension"),
        pytest.param(b"\0\0\x08\x09" + b"\0" * 36, "00 00 08 09", id="nine dimensions"),
    ],
)
def test_what_is_no_idx_file_is_shown_by_its_first_bytes(tmp_path: Path, start: bytes, seen: str) -> None:
    path = tmp_path / "other"
    path.write_bytes(start)
    with pytest.raises(DataError, match=f"is no IDX file: it begins with {seen}"):
        read_idx(path)


def test_a_file_that_ends_within_its_header_says_so(tmp_path: Path) -> None:
    path = tmp_path / "header"
    path.write_bytes(b"\0\0\x08\x03\0\0\0\x01\0\0")
    with pytest.raises(DataError, match="cut short within its header"):
        read_idx(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"there is no file .*absent"):
        read_idx(tmp_path / "absent")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path)
