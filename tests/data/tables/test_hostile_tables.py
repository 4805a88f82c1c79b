"""Files that are no tables, are broken, or promise too much: each is refused with a word that says why."""

import os
import random
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pellucid.data.options import ReadOptions
from pellucid.data.tables.delimited import read_delimited
from pellucid.data.tables.files import is_table
from pellucid.data.tables.reading import read_table
from pellucid.errors import DataError, MissingFileError, PellucidError
from tests.data.hostile_tables import GOOD_ARROW, GOOD_CSV, GOOD_PARQUET, HOSTILE, ODD, ROWS, Hostile, Odd, json_lines


@pytest.mark.parametrize("hostile", [pytest.param(one, id=one.name) for one in HOSTILE])
def test_a_hostile_file_is_refused_with_its_fault_and_a_fix(tmp_path: Path, hostile: Hostile) -> None:
    path = tmp_path / hostile.name
    path.write_bytes(hostile.content)
    assert is_table(path)
    with pytest.raises(PellucidError, match=f"(?s){hostile.says}") as caught:
        read_table(path, ReadOptions())
    assert caught.value.fix
    assert len(str(caught.value)) < 1_000
    assert path.read_bytes() == hostile.content
    assert [file.name for file in tmp_path.iterdir()] == [hostile.name]


@pytest.mark.parametrize("odd", [pytest.param(one, id=one.name) for one in ODD])
def test_an_unusual_file_gives_the_same_numbers_as_a_plain_one(tmp_path: Path, odd: Odd) -> None:
    path = tmp_path / odd.name
    path.write_bytes(odd.content)
    dataset = read_table(path, ReadOptions())
    rows = np.concatenate([split.inputs for split in dataset.splits.values()])
    assert len(dataset.class_names) == 2
    assert len(rows) == ROWS
    assert rows.shape[1] == odd.inputs
    assert sorted(np.floor(rows[:, 0])) == list(range(ROWS)) if "several" not in odd.name else True
    assert set(np.floor(rows[:, 1])) == set(range(11))


def test_a_small_file_that_unfolds_to_gigabytes_takes_little_memory(tmp_path: Path) -> None:
    bomb = next(one for one in HOSTILE if one.name == "bomb.csv.gz")
    path = tmp_path / bomb.name
    path.write_bytes(bomb.content)
    tracemalloc.start()
    with pytest.raises(DataError, match="unfolds from"):
        read_table(path, ReadOptions())
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 800 << 20


SKIPPED = ["short-row.csv", "long-row.csv", "infinite.csv", "beyond-double.csv", "word-among-numbers.csv"]
SKIPPED += ["impossible-date.csv", "no-label.csv", "infinite.parquet", "broken.jsonl", "name-twice.jsonl"]


@pytest.mark.parametrize("name", SKIPPED)
def test_bad_rows_are_left_out_and_counted_if_asked(tmp_path: Path, name: str) -> None:
    hostile = next(one for one in HOSTILE if one.name == name)
    path = tmp_path / name
    path.write_bytes(hostile.content)
    dataset = read_table(path, ReadOptions(skip_bad=True))
    bad = 2 if name == "broken.jsonl" else 1
    assert sum(len(split) for split in dataset.splits.values()) == ROWS - bad
    assert any(f"{bad} " in note and "left out" in note for note in dataset.notes)
    assert not any(np.isinf(split.inputs).any() for split in dataset.splits.values())


def test_rows_are_numbered_as_in_the_file_after_others_were_left_out(tmp_path: Path) -> None:
    lines = GOOD_CSV.decode().split("\n")
    lines[2], lines[8] = "short", "inf,1,a"
    path = tmp_path / "flowers.csv"
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"line 3 \(1\)"):
        read_table(path, ReadOptions())
    dataset = read_table(path, ReadOptions(skip_bad=True))
    assert "left out, as they are not as long as the first line: 1 row" in dataset.notes
    assert f"left out of {path}: 1 row with infinite values in column 'width' (1)" in dataset.notes
    assert read_delimited(path, skip_bad=True).numbers.tolist() == [1, *range(3, ROWS + 1)]


def test_a_line_is_named_though_quotes_hold_line_ends_and_empty_lines_stand_before(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text('a,b\n\n1,"x\ny"\n\n\n2,z\n3\n4,z\n')
    with pytest.raises(DataError, match=r"line 8 \(1\)"):
        read_table(path, ReadOptions())


@pytest.mark.parametrize("name", ["there-is-none.csv", "nor-a-folder/train.csv"])
def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path, name: str) -> None:
    with pytest.raises(MissingFileError, match=f"there is no file .*{name}"):
        read_table(tmp_path / name, ReadOptions())


def test_a_pipe_named_like_a_table_is_not_waited_for(tmp_path: Path) -> None:
    for name in ("pipe.csv", "pipe.parquet", "pipe.arrow", "pipe.jsonl"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(DataError, match="is no file"):
            read_table(tmp_path / name, ReadOptions())


@pytest.mark.parametrize(
    ("name", "content"),
    [("x.csv", GOOD_CSV), ("x.parquet", GOOD_PARQUET), ("x.arrow", GOOD_ARROW), ("x.jsonl", json_lines())],
)
def test_damaged_bytes_are_refused_or_read_but_nothing_else(tmp_path: Path, name: str, content: bytes) -> None:
    generator = random.Random(4)
    path = tmp_path / name
    for _ in range(60):
        damaged = bytearray(content)
        for _ in range(generator.choice([1, 1, 4, 30])):
            damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        path.write_bytes(damaged[: generator.choice([len(damaged), generator.randrange(len(damaged))])])
        try:
            dataset = read_table(path, ReadOptions(skip_bad=generator.random() < 0.5))
        except PellucidError:
            continue
        assert not any(np.isinf(split.inputs).any() for split in dataset.splits.values())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet='ab1,.;\n\r"\t -?é\0', max_size=80), st.sampled_from([".csv", ".tsv", ".jsonl"]))
def test_any_text_is_read_or_refused(tmp_path: Path, text: str, ending: str) -> None:
    path = tmp_path / f"any{ending}"
    path.write_text(text, encoding="utf-8", newline="")
    try:
        dataset = read_table(path, ReadOptions(skip_bad=True))
    except PellucidError:
        return
    assert not np.isinf(dataset.train.inputs).any()


@pytest.mark.parametrize("closing", ['30.5,"1,a', '30.5,1",a'])
def test_a_quote_that_swallows_rows_is_found_even_if_bad_rows_are_left_out(tmp_path: Path, closing: str) -> None:
    lines = GOOD_CSV.decode().split("\n")
    lines[4], lines[31] = '3.5,"10.25,a', closing
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines))
    for skip_bad in (False, True):
        with pytest.raises(DataError, match="a quote that swallows whole rows, at '"):
            read_table(path, ReadOptions(skip_bad=skip_bad))


def test_texts_of_several_lines_are_no_swallowed_rows(tmp_path: Path) -> None:
    lines = [f'{i},"Line one, and\none, two, three\nor ""four"" of {i}",{"ab"[i % 2]}' for i in range(ROWS)]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["row,text,label", *lines]))
    with pytest.raises(DataError, match=r"free text in column text \(40 different values\)"):
        read_table(path, ReadOptions())
    dataset = read_table(path, ReadOptions(ignore=("text",)))
    assert sorted(np.concatenate([split.inputs[:, 0] for split in dataset.splits.values()])) == list(range(ROWS))
