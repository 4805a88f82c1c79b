"""Broken and hostile tables, made byte by byte: each with what an error must say of it, or what must be noted."""

import gzip
import io
import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

ROWS = 40


@dataclass(frozen=True)
class Hostile:
    """A file that is not what it should be.

    Attributes:
        name: What to call the file.
        content: Its bytes.
        says: What the error says of it, as a regular expression.
    """

    name: str
    content: bytes
    says: str


@dataclass(frozen=True)
class Odd:
    """A file that is unusual, and can be read.

    Attributes:
        name: What to call the file.
        content: Its bytes.
        inputs: How many inputs it has.
    """

    name: str
    content: bytes
    inputs: int = 2


def csv_of(header: str = "width,height,species", row: str = "{i}.5,{j}.25,{k}", rows: int = ROWS) -> str:
    lines = [row.format(i=i, j=i * 7 % 11, k="ab"[i % 2]) for i in range(rows)]
    return "\n".join([header, *lines]) + "\n"


def parquet_of(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def arrow_of(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def feather_of(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    feather.write_feather(table, sink)
    return sink.getvalue()


def plain() -> pa.Table:
    return pa.table(
        {
            "width": np.arange(ROWS) + 0.5,
            "height": np.arange(ROWS) * 7 % 11 + 0.25,
            "species": ["ab"[i % 2] for i in range(ROWS)],
        }
    )


def json_lines(**changed: str) -> bytes:
    lines = [json.dumps({"width": i + 0.5, "height": i * 7 % 11, "species": "ab"[i % 2]}).encode() for i in range(ROWS)]
    for place, line in changed.items():
        lines[int(place[1:])] = line.encode("utf-8", "surrogatepass")
    return b"\n".join(lines) + b"\n"


def with_line(number: int, line: str) -> bytes:
    """The plain file with another line; the line of the names is number 1."""
    lines = csv_of().split("\n")
    lines[number - 1] = line
    return "\n".join(lines).encode()


def _columns(values: Callable[[int], object]) -> bytes:
    lines = ["width,more,species", *(f"{i}.5,{values(i)},{'ab'[i % 2]}" for i in range(ROWS))]
    return "\n".join(lines).encode()


BINARY = np.random.default_rng(3).integers(0, 256, 5_000, np.uint8).tobytes()
GOOD_PARQUET, GOOD_ARROW = parquet_of(plain()), arrow_of(plain())
GOOD_CSV = csv_of().encode()

HOSTILE = [
    Hostile("empty.csv", b"", "is empty"),
    Hostile("blank.csv", b"\n \n\r\n\n", "is empty"),
    Hostile("only-a-mark.csv", b"\xef\xbb\xbf", "is empty"),
    Hostile("names-only.csv", b"width,height,species\n", "has names of columns but no rows"),
    Hostile(
        "no-names.csv", "".join(f"{i},{i}.5,{'ab'[i % 2]}\n" for i in range(40)).encode(), "holds numbers, not names"
    ),
    Hostile("one-column.csv", b"width\n1\n2\n", "has one column only: 'width'"),
    Hostile("blanks.csv", b"width height\n1 2\n2 3\n", "has one column only: 'width height'"),
    Hostile("short-row.csv", with_line(5, "1,2"), r"not 3 values long, .*line 5 \(2\)"),
    Hostile("long-row.csv", with_line(5, "1,2,a,b"), r"not 3 values long, .*line 5 \(4\)"),
    Hostile(
        "many-ragged-rows.csv",
        csv_of(row="{i}", rows=30).encode(),
        r"lines 2 \(1\), 3 \(1\), .* 11 \(1\) … \(30 in all\)",
    ),
    Hostile("row-names.csv", csv_of(header="width,species").encode(), "not 2 values long.*\n.*fix: name every column"),
    Hostile("twice.csv", csv_of(header="width,width,species").encode(), "two columns named 'width'"),
    Hostile("twice-but-for-blanks.csv", csv_of(header="width, width ,species").encode(), "two columns named 'width'"),
    Hostile("nameless.csv", csv_of(header="width,,species").encode(), "column 2 of .* has no name"),
    Hostile("nameless-first.csv", csv_of(",height,species", "{k},{j},{k}").encode(), "first column of .* has no name"),
    Hostile(
        "latin-1.csv",
        with_line(4, "1,2,Käfer").replace("Käfer".encode(), b"K\xe4fer"),
        "looks like Latin-1: byte 0xe4 in line 4, perhaps .*Käfer",
    ),
    Hostile(
        "windows-1252.csv",
        with_line(4, "1,2,price 5 E").replace(b" E", b" \x80"),
        "looks like Windows-1252: byte 0x80 in line 4, perhaps .*price 5 €",
    ),
    Hostile("utf-16.csv", csv_of().encode("utf-16"), "looks like UTF-16.*\n.*fix: save it as UTF-8: iconv -f UTF-16"),
    Hostile("utf-16-without-mark.csv", csv_of().encode("utf-16-le"), "looks like UTF-16: every other byte is zero"),
    Hostile("utf-32.csv", csv_of().encode("utf-32"), "looks like UTF-32"),
    Hostile("cut-in-a-letter.csv", GOOD_CSV + "1,2,ä".encode()[:-1], "looks like Latin-1: byte 0xc3 in line 42"),
    Hostile("nul.csv", with_line(7, "1,2\0,a"), "has a NUL byte in line 7"),
    Hostile("random-bytes.csv", BINARY, "NUL byte|no text"),
    Hostile("random-bytes-without-nul.csv", BINARY.replace(b"\0", b""), "is no text: it holds control characters"),
    Hostile("zip.csv", b"PK\x03\x04" + BINARY, "is a spreadsheet or a zip file, not text"),
    Hostile("image.csv", b"\x89PNG\r\n\x1a\n" + BINARY, "is an image, not text"),
    Hostile("parquet.csv", GOOD_PARQUET, "is a Parquet file, not text"),
    Hostile("gzip.csv", gzip.compress(GOOD_CSV), "is packed with gzip, not text"),
    Hostile("page.csv", b"<!DOCTYPE html><html><body>a,b</body></html>", "is a web page"),
    Hostile("open-quote.csv", with_line(5, '1,"2,a'), "a quote that is opened and never closed"),
    Hostile("open-quote-at-the-end.csv", GOOD_CSV + b'1,"2', "quote that is opened and never closed|not 3 values long"),
    Hostile(
        "two-open-quotes.csv",
        with_line(5, '1,"2,a').replace(b"30.5,1", b'30.5,"1'),
        "a quote that swallows whole rows, at '2,a'",
    ),
    Hostile("columns.csv", (",".join(f"c{i}" for i in range(20_000)) + "\n").encode() * 2, "has 20,000 columns"),
    Hostile("a-million-columns.csv", b"," * 1_000_000 + b"\n" + b"1," * 1_000_000 + b"\n", "has 1,000,001 columns"),
    Hostile("infinite.csv", with_line(9, "inf,1,a"), r"infinite values in column 'width' in row 8"),
    Hostile("beyond-double.csv", with_line(9, "1e999,1,a"), r"infinite values in column 'width' in row 8"),
    Hostile(
        "word-among-numbers.csv", with_line(9, "oops,1,a"), r"'oops', which is no number, in column 'width' in row 8"
    ),
    Hostile(
        "impossible-date.csv",
        _columns(lambda i: "2020-02-30" if i == 7 else f"2020-01-{i % 30 + 1:02}"),
        "'2020-02-30', which is no date, in column 'more' in row 8",
    ),
    Hostile("no-label.csv", with_line(9, "1,1,"), "no label in column 'species' in row 8"),
    Hostile("no-labels.csv", csv_of(row="{i},{j},").encode(), "no label in column 'species' in rows 1, 2, .*40 in all"),
    Hostile("one-class.csv", csv_of(row="{i},{j},a").encode(), "holds one class only: 'a'"),
    Hostile(
        "a-class-for-each-row.csv", csv_of(row="{i},{j},kind {i}").encode(), "40 different values in 40 rows, too many"
    ),
    Hostile("free-text.csv", _columns(lambda i: f"a story of {i} flowers"), r"free text in column more \(40 different"),
    Hostile(
        "constant.csv",
        csv_of(row="1,2,{k}").encode(),
        "no column is left to learn from: .* in columns width and height",
    ),
    Hostile("label-only.csv", b"species,\na,\nb,\n", "no column left to learn from beside species"),
    Hostile("control-in-class.csv", csv_of().replace(",a\n", ",\x1b[2Ja\n").encode(), "has control characters"),
    Hostile("two-rows.csv", b"x,y\n1,a\n2,b\n", "2 examples are too few to cut a test split"),
    Hostile("cut.csv.gz", gzip.compress(GOOD_CSV)[:-20], "damaged or not packed with gzip"),
    Hostile("plain.csv.gz", GOOD_CSV, "damaged or not packed with gzip"),
    Hostile(
        "bomb.csv.gz",
        gzip.compress(b"width,height,species\n") + gzip.compress(b"1,2,a\n" * 200_000) * 300,
        "unfolds from",
    ),
    Hostile("cut.parquet", GOOD_PARQUET[:-100], "is no Parquet file, damaged or cut short"),
    Hostile("half.parquet", GOOD_PARQUET[: len(GOOD_PARQUET) // 2], "is no Parquet file, damaged or cut short"),
    Hostile("text.parquet", GOOD_CSV, "is no Parquet file, damaged or cut short"),
    Hostile("empty.parquet", b"", "is empty"),
    Hostile("random.parquet", b"PAR1" + BINARY + b"PAR1", "is no Parquet file, damaged or cut short"),
    Hostile("no-rows.parquet", parquet_of(plain().slice(0, 0)), "has names of columns but no rows"),
    Hostile("twice.parquet", parquet_of(plain().rename_columns(["a", "a", "species"])), "two columns named 'a'"),
    Hostile(
        "objects.parquet",
        parquet_of(plain().append_column("more", pa.array([{"a": 1}] * ROWS))),
        "lists, objects or bytes in column more",
    ),
    Hostile(
        "bytes.parquet",
        parquet_of(plain().append_column("more", pa.array([b"ab"] * ROWS))),
        "lists, objects or bytes in column more",
    ),
    Hostile(
        "infinite.parquet",
        parquet_of(plain().set_column(0, "width", pa.array([np.inf, *range(ROWS - 1)]))),
        "infinite values in column 'width' in row 1",
    ),
    Hostile(
        "promises.parquet",
        parquet_of(pa.table({"a": pa.array(np.zeros(40_000_000, bool)), "species": pa.nulls(40_000_000)})),
        "unfolds from",
    ),
    Hostile("cut.arrow", GOOD_ARROW[:-200], "is no Arrow file, damaged or cut short"),
    Hostile("text.arrow", GOOD_CSV, "is no Arrow file, damaged or cut short"),
    Hostile("empty.feather", b"", "is empty"),
    Hostile("cut.feather", feather_of(plain())[:-50], "is no Arrow file, damaged or cut short"),
    Hostile(
        "broken.jsonl", json_lines(_3='{"width": 1,', _9="not json"), "lines that are no JSON objects: lines 4 and 10"
    ),
    Hostile("numbers.jsonl", b"1\n2\n3\n", "no JSON objects: lines 1, 2 and 3"),
    Hostile("list.jsonl", json.dumps([{"a": 1}]).encode(), "is one JSON list"),
    Hostile(
        "name-twice.jsonl",
        json_lines(_2='{"width": 1, "width": 2, "species": "a"}'),
        "line 3 .a name stands twice in it",
    ),
    Hostile("deep.jsonl", json_lines(_0="[" * 100_000), "is one JSON list|line 1 "),
    Hostile("deep-object.jsonl", json_lines(_4='{"width": ' * 50_000), "no JSON objects: line 5 "),
    Hostile(
        "objects.jsonl",
        json_lines().replace(b'"height": 7', b'"height": {"a": 7}'),
        "lists, objects or bytes in column height",
    ),
    Hostile(
        "control-in-name.csv",
        csv_of("wi\x1b[2Jdth,height,species").encode(),
        "has control characters in the column name 'wi.x1b.2Jdth'",
    ),
    Hostile("empty.jsonl", b"", "is empty"),
    Hostile(
        "latin-1.jsonl",
        json_lines(_2='{"width": 1, "species": "K\udce4"}').replace(b"\xed\xb3\xa4", b"\xe4"),
        "looks like Latin-1",
    ),
    Hostile(
        "infinite.jsonl",
        json_lines(_2='{"width": Infinity, "height": 1, "species": "a"}'),
        "infinite values in column 'width' in row 3",
    ),
]

ODD = [
    Odd("mark.csv", b"\xef\xbb\xbf" + GOOD_CSV),
    Odd("windows-lines.csv", GOOD_CSV.replace(b"\n", b"\r\n")),
    Odd("old-mac-lines.csv", GOOD_CSV.replace(b"\n", b"\r")),
    Odd("no-last-line-end.csv", GOOD_CSV.rstrip()),
    Odd("empty-lines.csv", GOOD_CSV.replace(b"\n", b"\n\n")),
    Odd("quoted.csv", csv_of('"width","height","species"', '"{i}.5","{j}.25","{k}"').encode()),
    Odd(
        "quoted-line-ends.csv",
        csv_of('"wi\ndth",height,species,"where\nto"', '{i}.5,{j}.25,{k},"two\n{k}"').encode(),
        3,
    ),
    Odd("semicolons.csv", csv_of("width;height;species", "{i},5;{j},25;{k}").encode()),
    Odd("tabs.tsv", GOOD_CSV.replace(b",", b"\t")),
    Odd("commas.tsv", GOOD_CSV),
    Odd("bars.csv", GOOD_CSV.replace(b",", b"|")),
    Odd("blanks.csv", csv_of(" width , height , species ", " {i}.5 ,  {j}.25 , {k} ").encode()),
    Odd("trailing-commas.csv", csv_of("width,height,species,", "{i}.5,{j}.25,{k},").encode()),
    Odd("index.csv", csv_of(",width,height,species", "{i},{i}.5,{j}.25,{k}").encode()),
    Odd("pluses.csv", csv_of(row="+{i}.5,+{j}.25,{k}").encode()),
    Odd("quote-in-value.csv", csv_of(row='{i}.5,{j}.25,{k} 5" nail').encode()),
    Odd("packed.csv.gz", gzip.compress(GOOD_CSV)),
    Odd("CAPITALS.CSV", GOOD_CSV),
    Odd("plain.parquet", GOOD_PARQUET),
    Odd("plain.arrow", GOOD_ARROW),
    Odd("plain.feather", feather_of(plain())),
    Odd("lines.jsonl", json_lines()),
    Odd("empty-lines.jsonl", json_lines().replace(b"\n", b"\n\n")),
    Odd("several-kinds.jsonl", json_lines(_3='{"width": "4.5", "height": 1, "species": "a"}')),
]
