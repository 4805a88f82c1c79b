"""Files of arrays that are damaged, lie, or mean harm: each refused with a sentence, and quickly."""

import io
import json
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from pellucid.data.arrays.files import read_arrays
from pellucid.data.options import ReadOptions
from pellucid.errors import DataError, MissingFileError, PellucidError

X = np.random.default_rng(0).integers(0, 256, (36, 6, 7), dtype=np.uint8)
Y = np.arange(36) % 3


def npy(array: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=array.dtype.hasobject)
    return buffer.getvalue()


def header(text: str, version: tuple[int, int] = (1, 0)) -> bytes:
    padded = text.encode("latin1") + b"\n"
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version == (1, 0) else "<I", len(padded)) + padded


def described(kind: str, shape: str, order: str = "False") -> bytes:
    return header(f"{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}")


def archive(path: Path, members: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members:
            file.writestr(name, content)


def with_x(content: bytes, compression: int = zipfile.ZIP_STORED) -> Callable[[Path], None]:
    return lambda path: archive(path, [("x.npy", content), ("y.npy", npy(Y))], compression)


def saved(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def twice(path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive(path, [("x.npy", npy(X)), ("x.npy", npy(X)), ("y.npy", npy(Y))])


def flipped(path: Path) -> None:
    """One bit of the images is another, which only the checksum tells."""
    images = np.tile(X, (1, 10, 10))
    content = bytearray(saved(x=images, y=Y))
    content[content.index(images.tobytes()) + 99_999] ^= 1
    path.write_bytes(content)


def understated(path: Path) -> None:
    """The archive says that a member of a gigabyte has a hundred bytes."""
    archive(path, [("x.npy", described("|u1", "(1000000, 10, 100)") + bytes(10**6)), ("y.npy", npy(Y))], 8)
    content = path.read_bytes()
    size = struct.pack("<I", zipfile.ZipFile(path).getinfo("x.npy").file_size)
    path.write_bytes(content.replace(size, struct.pack("<I", 200)))


def encrypted(path: Path) -> None:
    content = bytearray(saved(x=X, y=Y))
    for place in (content.index(b"PK\x03\x04") + 6, content.index(b"PK\x01\x02") + 8):
        content[place] |= 1
    path.write_bytes(content)


def strange_method(path: Path) -> None:
    content = bytearray(saved(x=X, y=Y))
    for place in (content.index(b"PK\x03\x04") + 8, content.index(b"PK\x01\x02") + 10):
        content[place] = 99
    path.write_bytes(content)


class Harm:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("harm-was-done",)


OTHERS: list[tuple[str, Callable[[Path], Any], str]] = [
    ("an empty file", lambda path: path.write_bytes(b""), "is no .npz file that can be read"),
    ("text", lambda path: path.write_text("hello"), "is no .npz file that can be read"),
    ("a single array", lambda path: path.write_bytes(npy(X)), "is no .npz file that can be read"),
    ("a pickle", lambda path: path.write_bytes(pickle.dumps(Harm())), "is no .npz file that can be read"),
    ("cut at a half", lambda path: path.write_bytes(saved(x=X, y=Y)[:900]), "is no .npz file that can be read"),
    ("cut at the start", lambda path: path.write_bytes(saved(x=X, y=Y)[400:]), "is no .npz|is damaged"),
    ("an empty archive", lambda path: archive(path, []), "it has no arrays"),
    ("no arrays in it", lambda path: archive(path, [("a.txt", b"hi")]), "it has no arrays"),
    ("one name twice", twice, "holds two arrays named 'x'"),
    ("a flipped bit", flipped, "x is damaged or cut short .Bad CRC-32"),
    ("a size that is too small", understated, "x holds .* bytes but its header promises 1,000,000,000|is no .npz"),
    ("encrypted", encrypted, "is no .npz file that can be read .*encrypted"),
    ("an unknown compression", strange_method, "is no .npz file that can be read .*compression"),
    ("objects", with_x(npy(np.array([Harm()], object))), "x holds Python objects, which could run code"),
    (
        "a structure with an object",
        with_x(header("{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (1,), }")),
        "x holds Python objects",
    ),
    (
        "objects among the labels",
        lambda path: archive(path, [("x.npy", npy(X)), ("y.npy", npy(np.array([1, "a"] * 18, object)))]),
        "y holds Python objects",
    ),
    (
        "more promised than there is",
        with_x(described("<f8", "(10000000000, 28, 28)") + bytes(100)),
        "holds 100 bytes but its header promises 62,720,000,000,000",
    ),
    (
        "less promised than there is",
        with_x(described("|u1", "(36, 6, 6)") + bytes(36 * 42)),
        "holds 1,512 bytes but its header promises 1,296",
    ),
    (
        "a promise beyond 64 bits",
        with_x(described("<f8", "(9223372036854775807, 9223372036854775807, 8)")),
        "holds 0 bytes but its header promises",
    ),
    ("a negative size", with_x(described("|u1", "(-36, -6, 7)") + bytes(36 * 42)), "header promises 1,512"),
    ("a hidden zero", with_x(described("|u1", "(0, 9223372036854775807)")), r"have shape \[0, 9223372036854775807\]"),
    (
        "a header that is a program",
        with_x(header("__import__('os').mkdir('harm-was-done')")),
        "is no .npz file that can be read",
    ),
    (
        "an endless header",
        with_x(b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31) + b"{" * 1000),
        "is no .npz file that can be read",
    ),
    ("a deep header", with_x(header("(" * 5000, (2, 0))), "is no .npz file that can be read"),
    ("a format of the future", with_x(b"\x93NUMPY\x09\x00" + npy(X)[8:]), "x is of version 9.0 of the format"),
    ("a cut header", with_x(npy(X)[:20]), "is no .npz file that can be read"),
    ("no header", with_x(b""), "is no .npz file that can be read"),
    ("dates", with_x(npy(np.zeros(36, "M8[s]"))), "of type datetime64"),
    ("structures", with_x(npy(np.zeros(36, "i4,f4"))), "are of type"),
    ("no dimension", with_x(npy(np.array(3))), r"shape \[\] but the labels \[36\]"),
    ("complex numbers", with_x(npy(np.zeros((36, 2), complex))), "of type complex128"),
    ("NaN among images", with_x(npy(np.full((36, 5, 5), np.nan))), "NaN or infinite values"),
]


@pytest.mark.parametrize(("write", "text"), [(one[1], one[2]) for one in OTHERS], ids=[one[0] for one in OTHERS])
@pytest.mark.parametrize("is_mapped", [False, True])
def test_a_bad_npz_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], Any], text: str, is_mapped: bool
) -> None:
    if is_mapped:
        monkeypatch.setattr("pellucid.data.arrays.npz.MAPPED_FROM_BYTES", 1)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bad.npz"
    write(path)
    with pytest.raises(PellucidError, match=text):
        read_arrays(path, ReadOptions())
    assert [found.name for found in tmp_path.iterdir()] == ["bad.npz"]


def test_a_bomb_is_refused_by_what_it_announces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.data.arrays.npz.memory_left", lambda: 10**9)
    path = tmp_path / "bomb.npz"
    content = described("|u1", "(100000, 20000)")
    squeezed = zlib.compressobj(9, zlib.DEFLATED, -15)
    blocks = squeezed.compress(content) + squeezed.compress(bytes(10**6)) + squeezed.flush()
    # By hand: the archive and the array agree on 2 GB, of which only a megabyte is there.
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        file.writestr("y.npy", npy(Y))
        file.writestr("x.npy", blocks)
    altered = bytearray(path.read_bytes())
    announced = len(content) + 2 * 10**9
    local, central = altered.rindex(b"PK\x03\x04"), altered.rindex(b"PK\x01\x02")
    struct.pack_into("<H", altered, local + 8, 8)
    struct.pack_into("<I", altered, local + 22, announced)
    struct.pack_into("<H", altered, central + 10, 8)
    struct.pack_into("<I", altered, central + 24, announced)
    path.write_bytes(altered)
    with pytest.raises(DataError, match=r"x unfolds to 1.9 GiB, but 953.7 MiB of memory are left"):
        read_arrays(path, ReadOptions())
    monkeypatch.setattr("pellucid.data.arrays.npz.memory_left", lambda: 10**10)
    with pytest.raises(DataError, match="x is damaged or cut short"):
        read_arrays(path, ReadOptions())


def header_of(**entries: Any) -> bytes:
    return raw(json.dumps(entries).encode())


def raw(text: bytes, values: bytes = b"") -> bytes:
    return struct.pack("<Q", len(text)) + text + values


def entry(kind: str, shape: list[int], start: int, stop: int) -> dict[str, Any]:
    return {"dtype": kind, "shape": shape, "data_offsets": [start, stop]}


SAFE = safetensors.numpy.save({"x": X, "y": Y})
TENSORS: list[tuple[str, bytes, str]] = [
    ("an empty file", b"", "is no .safetensors file that can be read"),
    ("text", b"hello, world, how are you", "is no .safetensors file that can be read"),
    ("a pickle", pickle.dumps(Harm()), "is no .safetensors file that can be read"),
    ("cut in the values", SAFE[:-1], "is no .safetensors file that can be read"),
    ("cut in the header", SAFE[:40], "is no .safetensors file that can be read"),
    ("too long", SAFE + b"\0", "is no .safetensors file that can be read"),
    ("a header of exabytes", struct.pack("<Q", 2**63) + b"{}", "is no .safetensors file that can be read"),
    ("no arrays", raw(b"{}"), "it has no arrays"),
    ("no JSON", raw(b"{{}}"), "is no .safetensors file that can be read"),
    ("more promised than there is", header_of(x=entry("F64", [10**12, 9], 0, 72 * 10**12)), "is no .safetensors file"),
    ("a size beyond 64 bits", header_of(x=entry("F64", [2**62, 2**62], 0, 8)), "is no .safetensors file"),
    ("backwards", raw(json.dumps({"x": entry("U8", [8], 8, 0)}).encode(), bytes(8)), "is no .safetensors file"),
    (
        "one over the other",
        raw(json.dumps({"x": entry("U8", [8], 0, 8), "y": entry("U8", [8], 4, 12)}).encode(), bytes(12)),
        "is no .safetensors file",
    ),
    (
        "one name twice",
        raw(
            b'{"y":%s,"x":%s,"x":%s}'
            % tuple(json.dumps(entry("U8", [8], *place)).encode() for place in ((0, 8), (8, 16), (8, 16))),
            bytes(16),
        ),
        "holds two entries named 'x'",
    ),
    (
        "a type of the future",
        raw(json.dumps({"x": entry("F1", [8], 0, 8)}).encode(), bytes(8)),
        "is no .safetensors file",
    ),
    (
        "names that are no list",
        safetensors.numpy.save({"x": X, "y": Y}, {"class_names": "{"}),
        "class_names in the metadata is no list of names",
    ),
    (
        "names that are numbers",
        safetensors.numpy.save({"x": X, "y": Y}, {"class_names": "[1]"}),
        "class_names in the metadata is no list of names",
    ),
    (
        "a name with an escape",
        safetensors.numpy.save({"x": X, "y": Y}, {"class_names": '["a", "b", "\\u001b[2J"]'}),
        "has control characters",
    ),
    ("mismatched lengths", safetensors.numpy.save({"x": X, "y": Y[:5]}), r"but the labels \[5\]"),
]


@pytest.mark.parametrize(("content", "text"), [one[1:] for one in TENSORS], ids=[one[0] for one in TENSORS])
def test_a_bad_safetensors_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(PellucidError, match=text):
        read_arrays(path, ReadOptions())
    assert [found.name for found in tmp_path.iterdir()] == ["bad.safetensors"]


def test_values_at_a_place_that_their_type_does_not_divide_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = np.random.default_rng(0).normal(size=(36, 2)).astype(np.float32)
    labels = (Y % 2).astype(np.uint8)
    entries = {"a": entry("U8", [1], 0, 1), "x": entry("F32", [36, 2], 1, 289), "y": entry("U8", [36], 289, 325)}
    path = tmp_path / "odd.safetensors"
    path.write_bytes(raw(json.dumps(entries).encode(), b"\0" + table.tobytes() + labels.tobytes()))
    for least in (1, 10**9):
        monkeypatch.setattr("pellucid.data.arrays.safetensors_file.MAPPED_FROM_BYTES", least)
        dataset = read_arrays(path, ReadOptions())
        found = sorted(row.tobytes() for split in dataset.splits.values() for row in split.inputs)
        assert found == sorted(row.tobytes() for row in table)


@pytest.mark.parametrize("name", ["folder.npz", "pipe.npz", "no\0name.npz", "a" * 5000 + ".npz"])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.startswith("folder"):
        path.mkdir()
    if name.startswith("pipe"):
        os.mkfifo(path)
    with pytest.raises(MissingFileError, match=r"there is no file|cannot be read"):
        read_arrays(path, ReadOptions())
