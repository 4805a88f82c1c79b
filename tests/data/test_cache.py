"""The cache against damage, lack of rights, other processes and sudden death."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pellucid.data import fashion_mnist as module
from pellucid.data.cache import MANIFEST, Arrays, cache_folder, load_arrays, store_arrays
from pellucid.data.dataset import Dataset
from pellucid.data.fashion_mnist import load_fashion_mnist

# What a process prints that uses the cache it is given: the fingerprint of what it read, and its notes.
READER = "import json, pellucid; d = pellucid.read(); print(json.dumps([d.fingerprint, list(d.notes)]))"


@pytest.fixture
def arrays(random_numbers: np.random.Generator) -> Arrays:
    return {
        "inputs": random_numbers.integers(0, 256, (50, 1, 4, 4), dtype=np.uint8),
        "labels": random_numbers.integers(0, 3, 50),
    }


def same(loaded: Arrays | None, expected: Arrays) -> bool:
    return loaded is not None and {name: array.tolist() for name, array in loaded.items()} == {
        name: array.tolist() for name, array in expected.items()
    }


def test_gives_back_what_was_stored(tmp_path: Path, arrays: Arrays) -> None:
    assert store_arrays(tmp_path / "made" / "below" / "set", arrays)
    assert same(load_arrays(tmp_path / "made" / "below" / "set"), arrays)


def test_leaves_nothing_but_the_folder(tmp_path: Path, arrays: Arrays) -> None:
    store_arrays(tmp_path / "set", arrays)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == ["inputs.npy", "labels.npy", MANIFEST]


def test_nothing_is_loaded_from_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert load_arrays(tmp_path / "set") is None


@pytest.mark.parametrize("name", ["inputs", "labels"])
def test_a_flipped_byte_is_found_wherever_it_is(tmp_path: Path, arrays: Arrays, name: str) -> None:
    store_arrays(tmp_path / "set", arrays)
    path = tmp_path / "set" / f"{name}.npy"
    stored = path.read_bytes()
    for position in (*range(128), 500, len(stored) - 1):  # the header, where type and shape stand, takes 128
        flipped = bytearray(stored)
        flipped[position] ^= 4
        path.write_bytes(flipped)
        assert load_arrays(tmp_path / "set") is None, position


def test_a_changed_shape_is_found(tmp_path: Path, arrays: Arrays) -> None:
    store_arrays(tmp_path / "set", arrays)
    path = tmp_path / "set" / "inputs.npy"
    path.write_bytes(path.read_bytes().replace(b"(50, 1, 4, 4)", b"(50, 4, 4, 1)"))
    assert load_arrays(tmp_path / "set") is None


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda folder: (folder / MANIFEST).unlink(), id="no manifest"),
        pytest.param(lambda folder: (folder / MANIFEST).write_text(""), id="empty manifest"),
        pytest.param(lambda folder: (folder / MANIFEST).write_text('{"inputs": '), id="half a manifest"),
        pytest.param(lambda folder: (folder / MANIFEST).write_text("[1, 2]"), id="a list"),
        pytest.param(lambda folder: (folder / MANIFEST).write_bytes(b"\xff\xfe"), id="no text"),
        pytest.param(lambda folder: (folder / "labels.npy").unlink(), id="an array is missing"),
        pytest.param(lambda folder: (folder / "labels.npy").write_bytes(b""), id="an array is empty"),
        pytest.param(lambda folder: (folder / "labels.npy").write_bytes(b"\x93NUMPY\x01"), id="an array is cut short"),
    ],
)
def test_a_damaged_folder_is_not_loaded_and_is_replaced(tmp_path: Path, arrays: Arrays, damage: object) -> None:
    store_arrays(tmp_path / "set", arrays)
    assert callable(damage)
    damage(tmp_path / "set")
    assert load_arrays(tmp_path / "set") is None
    assert store_arrays(tmp_path / "set", arrays)
    assert same(load_arrays(tmp_path / "set"), arrays)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_good_folder_is_not_replaced(tmp_path: Path, arrays: Arrays) -> None:
    store_arrays(tmp_path / "set", arrays)
    written = (tmp_path / "set" / MANIFEST).stat().st_ino
    assert store_arrays(tmp_path / "set", {"inputs": arrays["inputs"] + 1})
    assert (tmp_path / "set" / MANIFEST).stat().st_ino == written


def test_a_file_in_the_place_of_the_folder_is_replaced(tmp_path: Path, arrays: Arrays) -> None:
    (tmp_path / "set").write_text("not a folder")
    assert store_arrays(tmp_path / "set", arrays)
    assert same(load_arrays(tmp_path / "set"), arrays)


def test_says_so_where_nothing_can_be_written(tmp_path: Path, arrays: Arrays) -> None:
    (tmp_path / "file").write_text("")
    assert not store_arrays(tmp_path / "file" / "set", arrays)


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, arrays: Arrays, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    assert not store_arrays(tmp_path / "set", arrays)
    assert list(tmp_path.iterdir()) == []


def test_pickled_objects_are_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    np.save(tmp_path / "set" / "inputs.npy", np.array([{}], object), allow_pickle=True)
    (tmp_path / "set" / MANIFEST).write_text(json.dumps({"inputs": 0}))
    assert load_arrays(tmp_path / "set") is None


def test_writing_into_a_loaded_array_does_not_change_the_file(tmp_path: Path, arrays: Arrays) -> None:
    store_arrays(tmp_path / "set", arrays)
    loaded = load_arrays(tmp_path / "set")
    assert loaded is not None
    loaded["inputs"][:] = 0
    del loaded
    assert same(load_arrays(tmp_path / "set"), arrays)


def test_the_folder_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path


def test_the_folder_is_the_users_cache_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PELLUCID_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = cache_folder()
    assert folder.name == "pellucid"
    assert not folder.exists()  # nothing is made before it is needed


@pytest.fixture
def small_published(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Replaces the 70,000 images by 240; counts how often they are unpacked."""
    unpackings: list[int] = []

    def unpack() -> Arrays:
        unpackings.append(1)
        generator = np.random.default_rng(0)
        return {
            "train-images": generator.integers(0, 256, (240, 4, 4), dtype=np.uint8),
            "train-labels": (np.arange(240) % 10).astype(np.uint8),
            "test-images": generator.integers(0, 256, (40, 4, 4), dtype=np.uint8),
            "test-labels": (np.arange(40) % 10).astype(np.uint8),
        }

    monkeypatch.setattr(module, "unpack", unpack)
    return unpackings


def test_unpacks_once_and_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_published: list[int]
) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path))
    notes = [load_fashion_mnist()[1] for _ in range(3)]
    assert notes == [(f"unpacked into {tmp_path / module.FOLDER}; it loads from there from now on",), (), ()]
    assert len(small_published) == 1


def test_a_damaged_cache_is_rebuilt_with_the_same_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_published: list[int]
) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path))
    first = load_fashion_mnist()[0]["train"].inputs.tolist()
    path = tmp_path / module.FOLDER / "train-inputs.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert load_fashion_mnist()[0]["train"].inputs.tolist() == first
    assert load_fashion_mnist()[1] == ()
    assert len(small_published) == 2


def test_a_cache_of_other_arrays_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_published: list[int], arrays: Arrays
) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path))
    store_arrays(tmp_path / module.FOLDER, arrays)
    assert len(load_fashion_mnist()[0]["test"]) == 40
    assert len(small_published) == 1


def test_without_a_cache_the_data_is_the_same_and_a_note_says_why_it_is_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_published: list[int]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "cache"))
    expected = load_fashion_mnist()[0]
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "file" / "cache"))
    splits, notes = load_fashion_mnist()
    assert all(np.array_equal(splits[name].inputs, expected[name].inputs) for name in expected)
    assert "cannot be written" in notes[0] and "set PELLUCID_CACHE to a folder that can" in notes[0]
    assert len(small_published) == 2


def reader(cache: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", READER],
        env={**os.environ, "PELLUCID_CACHE": str(cache)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result_of(process: "subprocess.Popen[str]") -> tuple[str, list[str]]:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    fingerprint, notes = json.loads(out)
    return fingerprint, notes


@pytest.mark.slow
def test_four_processes_at_once_share_one_new_cache(tmp_path: Path, fashion_mnist: Dataset) -> None:
    processes = [reader(tmp_path) for _ in range(4)]
    results = [result_of(process) for process in processes]
    assert {fingerprint for fingerprint, _ in results} == {fashion_mnist.fingerprint}
    assert [path.name for path in tmp_path.iterdir()] == [module.FOLDER]


@pytest.mark.slow
def test_four_processes_at_once_share_one_damaged_cache(tmp_path: Path, fashion_mnist: Dataset) -> None:
    result_of(reader(tmp_path))
    (tmp_path / module.FOLDER / MANIFEST).write_text("damaged")
    processes = [reader(tmp_path) for _ in range(4)]
    assert {result_of(process)[0] for process in processes} == {fashion_mnist.fingerprint}
    assert result_of(reader(tmp_path)) == (fashion_mnist.fingerprint, [])


@pytest.mark.slow
def test_a_process_killed_while_it_unpacks_leaves_no_broken_cache(tmp_path: Path, fashion_mnist: Dataset) -> None:
    was_killed_while_writing = False
    for delay_seconds in (0.0, 0.01, 0.03, 0.06, 0.15):
        cache = tmp_path / f"killed-after-{delay_seconds}"
        process = reader(cache)
        # From the moment the folder of the unfinished files is there.
        while process.poll() is None and not (cache.is_dir() and any(cache.iterdir())):
            time.sleep(0.002)
        time.sleep(delay_seconds)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        was_killed_while_writing |= not (cache / module.FOLDER).exists()
        # Whole or not at all, and the next process is not disturbed.
        assert not (cache / module.FOLDER).exists() or load_arrays(cache / module.FOLDER) is not None
        assert result_of(reader(cache))[0] == fashion_mnist.fingerprint
    assert was_killed_while_writing, "no delay hit the moment of writing, so this test has shown nothing"


def test_what_a_killed_process_left_an_hour_ago_is_swept_away(tmp_path: Path) -> None:
    old, new = tmp_path / ".digits-old", tmp_path / ".digits-new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "images.npy").write_bytes(b"half")
    os.utime(old, (1, 1))
    assert store_arrays(tmp_path / "digits", {"images": np.arange(3)})
    assert sorted(path.name for path in tmp_path.iterdir()) == [".digits-new", "digits"]
