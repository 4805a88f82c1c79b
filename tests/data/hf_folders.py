"""Folders as Hugging Face `datasets` writes them (version 5.2 recorded), made here by pyarrow alone."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from pellucid.data.dataset import Dataset
from pellucid.data.options import ReadOptions

FOUND_OUT = ReadOptions()
ANIMALS = {"_type": "ClassLabel", "names": ["cat", "dog", "eel"]}
IMAGE = {"_type": "Image"}
STORED_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
PIXELS = np.random.default_rng(0).integers(0, 256, (36, 6, 7, 3), dtype=np.uint8)
LABELS = [index % 3 for index in range(36)]


def value(dtype: str) -> dict[str, str]:
    return {"_type": "Value", "dtype": dtype}


def write(folder: Path, table: pa.Table, features: dict[str, Any] | None, shards: int = 1) -> Path:
    """Write one split as `Dataset.save_to_disk` does."""
    folder.mkdir(parents=True, exist_ok=True)
    size = -(-len(table) // shards)
    names: list[str] = []
    for place in range(shards):
        names.append(f"data-{place:05}-of-{shards:05}.arrow")
        part = table.slice(place * size, size)
        said = json.dumps({"info": {"features": features or {}}})
        part = part.replace_schema_metadata({"huggingface": said})
        with pa.OSFile(str(folder / names[-1]), "wb") as file, pa.ipc.new_stream(file, part.schema) as stream:
            stream.write_table(part, max_chunksize=10)
    state: dict[str, Any] = {
        "_data_files": [{"filename": name} for name in names], "_fingerprint": "0", "_format_columns": None,
        "_format_kwargs": {}, "_format_type": None, "_output_all_columns": False, "_split": None,
    }  # fmt: skip
    (folder / "state.json").write_text(json.dumps(state, indent=2))
    info = {"citation": "", "description": "", "features": features, "homepage": "", "license": ""}
    (folder / "dataset_info.json").write_text(json.dumps(info, indent=2))
    return folder


def write_dict(folder: Path, splits: dict[str, tuple[pa.Table, dict[str, Any]]]) -> Path:
    """Write several splits as `DatasetDict.save_to_disk` does."""
    for name, (table, features) in splits.items():
        write(folder / name, table, features)
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": list(splits)}))
    return folder


def png(pixels: Any, mode: str | None = None, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(buffer, kind, **options)
    return buffer.getvalue()


def of_images(contents: Sequence[bytes | None], labels: Sequence[int | None] | None = None) -> pa.Table:
    images = [{"bytes": content, "path": None} for content in contents]
    rows = pa.array(labels or LABELS[: len(contents)], pa.int64())
    return pa.table({"image": pa.array(images, STORED_IMAGE), "label": rows})


PNGS = [png(pixels) for pixels in PIXELS]
OF_IMAGES = {"image": IMAGE, "label": ANIMALS}


def sorted_pairs(dataset: Dataset) -> list[tuple[bytes, int]]:
    return sorted(
        (image.tobytes(), int(label))
        for split in dataset.splits.values()
        for image, label in zip(split.inputs, split.labels, strict=True)
    )


TABLE = pa.table(
    {
        "age": pa.array([1.5, None, 3.25] * 12, pa.float64()),
        "ok": pa.array([True, False, None, True] * 9),
        "colour": pa.array(["red", "blue", None] * 12),
        "count": pa.array(range(36), pa.int32()),
        "day": pa.array([86_400_000 * day + 43_200_000 for day in range(36)], pa.timestamp("ms")),
        "size": pa.array([0, 1] * 18, pa.int64()),
        "label": pa.array(LABELS, pa.int64()),
    }
)
OF_TABLE = {
    "age": value("float64"), "ok": value("bool"), "colour": value("string"), "count": value("int32"),
    "day": value("timestamp[ms]"), "size": {"_type": "ClassLabel", "names": ["small", "large"]}, "label": ANIMALS,
}  # fmt: skip
