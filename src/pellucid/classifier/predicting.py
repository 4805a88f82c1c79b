"""`predict`: what a classifier says of images, or of rows of a table."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from pellucid.classifier.classifier import Classifier
from pellucid.classifier.predictions import AnyPrediction, LabelsPrediction, NumbersPrediction, Prediction, Predictions
from pellucid.classifier.predictor import Precision
from pellucid.data.images.fitting import FittedImage, fit_array, fit_file, fit_image
from pellucid.data.preparing import Preparation
from pellucid.data.preparing_images import ImagePreparation
from pellucid.data.preparing_tables import TablePreparation
from pellucid.data.tables.rows import rows_for
from pellucid.errors import DataError


@dataclass(frozen=True, eq=False)
class Asked:
    """Inputs as the classifier takes them.

    Attributes:
        raw: [inputs, ...], as in the dataset.
        names: Of each: the file or row.
        notes: Of each: what was done to it.
        look_inverted: Of each: whether a picture looks light where the training images are dark.
        remarks: What is to be said of all together.
    """

    raw: NDArray[Any]
    names: tuple[str, ...]
    notes: tuple[tuple[str, ...], ...]
    look_inverted: tuple[bool, ...]
    remarks: tuple[str, ...] = ()


def predict(
    classifier: Classifier,
    inputs: Any,
    *,
    top: int = 3,
    invert: bool = False,
    flip: bool = False,
    precision: Precision = "auto",
) -> Predictions:
    """Ask a classifier what it sees.

    Args:
        classifier: Trained or loaded.
        inputs: For a classifier of images: a file (PNG, JPEG, WebP, BMP, TIFF, .npy), a Pillow image, an array or
            tensor with one or several images, or several of these. Of any size: they are prepared as the training
            images were. For a classifier of tables: a file with a table, a list of rows as dicts, a DataFrame, or an
            array or tensor [rows, columns] as in the dataset.
        top: How many classes to show of each.
        invert: Whether to turn light into dark first.
        flip: Whether to answer with the mean of each image and its mirror image.
        precision: "auto": bfloat16 where it is fast and agrees, with the classes of float32; or "float32".

    Returns:
        One prediction for each image or row.

    Raises:
        DataError: If an input is no image, or a table has other columns.
        MissingFileError: If a file is not there.
        ShapeError: If an array has a shape that is no image's.
        UnknownNameError: If there is no such precision.
    """
    preparation = classifier.preparation
    asked = (
        _rows(inputs, preparation)
        if isinstance(preparation, TablePreparation)
        else _images(inputs, preparation, invert=invert)
    )
    outputs, engine = classifier.answers(torch.from_numpy(asked.raw), precision, flip=flip)
    found = zip(asked.names, _answered(outputs, classifier), asked.notes, asked.look_inverted, strict=True)
    return Predictions(
        tuple(_prediction(name, shares, classifier, notes, inverted) for name, shares, notes, inverted in found),
        top=max(1, top),
        engine=engine,
        notes=asked.remarks,
    )


def _answered(outputs: Tensor, classifier: Classifier) -> list[dict[str, float]]:
    """Return a number for each class, label or target, by name: probabilities in falling order, values in theirs."""
    names = classifier.class_names
    if classifier.task == "regression":
        return [dict(zip(names, row, strict=True)) for row in outputs.tolist()]
    rows = outputs.sigmoid() if classifier.task == "multilabel" else outputs.softmax(dim=1)
    orders = rows.argsort(dim=1, descending=True, stable=True)
    return [
        {names[place]: row[place] for place in order} for row, order in zip(rows.tolist(), orders.tolist(), strict=True)
    ]


def _prediction(
    name: str, found: dict[str, float], classifier: Classifier, notes: tuple[str, ...], looks_inverted: bool
) -> AnyPrediction:
    if classifier.task == "regression":
        return NumbersPrediction(name, found, notes, looks_inverted)
    if classifier.task == "multilabel":
        held = tuple(label for label, share in found.items() if share > 0.5)
        return LabelsPrediction(name, held, found, notes, looks_inverted)
    label = next(iter(found))
    return Prediction(name, label, found[label], found, notes, looks_inverted)


def _rows(inputs: Any, preparation: TablePreparation) -> Asked:
    if isinstance(inputs, Tensor):
        inputs = inputs.detach().cpu().numpy()
    if isinstance(inputs, np.ndarray):
        raw = np.atleast_2d(inputs)
        preparation.check_shape(torch.from_numpy(raw))
        return _asked_rows(raw, tuple(f"row {number + 1}" for number in range(len(raw))), ())
    if isinstance(inputs, dict):
        inputs = [inputs]
    if isinstance(inputs, list | tuple) and inputs and all(isinstance(one, str | Path) for one in inputs):
        tables = [rows_for(Path(one), preparation) for one in inputs]
        names = tuple(name for table in tables for name in table.names)
        remarks = tuple(dict.fromkeys(note for table in tables for note in table.notes))
        return _asked_rows(np.concatenate([table.inputs for table in tables]), names, remarks)
    rows = rows_for(Path(inputs) if isinstance(inputs, str) else inputs, preparation)
    return _asked_rows(rows.inputs, rows.names, rows.notes)


def _asked_rows(raw: NDArray[Any], names: tuple[str, ...], remarks: tuple[str, ...]) -> Asked:
    if not len(raw):
        raise DataError("there are no inputs to predict", fix="give at least one row")
    return Asked(raw, names, ((),) * len(names), (False,) * len(names), remarks)


def _images(inputs: Any, preparation: Preparation, *, invert: bool) -> Asked:
    assert isinstance(preparation, ImagePreparation), "there are preparations of images and of tables"
    if isinstance(inputs, str | Path | Image.Image | np.ndarray | Tensor):
        inputs = [inputs]
    named: list[tuple[str, FittedImage]] = []
    for position, one in enumerate(inputs):
        images, name = _fitted(one, preparation, position, invert)
        many = len(images) > 1
        named += [(f"{name}[{index}]" if many else name, image) for index, image in enumerate(images)]
    if not named:
        raise DataError("there are no inputs to predict", fix="give at least one image")
    return Asked(
        np.stack([image.pixels for _, image in named]),
        tuple(name for name, _ in named),
        tuple(image.notes for _, image in named),
        tuple(image.looks_inverted for _, image in named),
    )


def _fitted(one: Any, preparation: ImagePreparation, position: int, invert: bool) -> tuple[list[FittedImage], str]:
    if isinstance(one, str | Path):
        return fit_file(Path(one), preparation, invert=invert), str(one)
    name = f"input {position}"
    if isinstance(one, Image.Image):
        return [fit_image(one, preparation, name=name, invert=invert)], name
    if isinstance(one, Tensor):
        one = one.detach().cpu().float().numpy() if one.dtype == torch.bfloat16 else one.detach().cpu().numpy()
    if not isinstance(one, np.ndarray):
        raise DataError(
            f"{name} is a {type(one).__name__}", fix="give a path, a Pillow image, a NumPy array or a tensor"
        )
    return fit_array(one, preparation, name=name, invert=invert), name
