"""`predict`: what a classifier says of images."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from pellucid.classifier.classifier import Classifier
from pellucid.classifier.predictor import Precision
from pellucid.data.images import FittedImage, fit_array, fit_file, fit_image
from pellucid.data.preparing_images import ImagePreparation
from pellucid.errors import DataError
from pellucid.rendering.blocks import Bar, Bars, Block, Note
from pellucid.rendering.result import Result, to_frame

Input = str | Path | Image.Image | NDArray[Any] | Tensor


@dataclass(frozen=True)
class Prediction:
    """What a classifier says of one image.

    Attributes:
        source: The file, or the image's place among the inputs.
        label: The most probable class.
        probability: Of that class.
        probabilities: Of every class, by name, the most probable first.
        notes: What was done to the image before it was judged.
        looks_inverted: Whether it looks light where the training images are dark.
    """

    source: str
    label: str
    probability: float
    probabilities: dict[str, float]
    notes: tuple[str, ...]
    looks_inverted: bool


@dataclass(frozen=True)
class Predictions(Result):
    """What a classifier says of some images, in their order.

    Attributes:
        predictions: One for each image.
        top: How many classes are shown of each.
        engine: What computed the answers, in words.
    """

    predictions: tuple[Prediction, ...]
    top: int = 3
    engine: str = ""

    def __len__(self) -> int:
        return len(self.predictions)

    def __getitem__(self, index: int) -> Prediction:
        return self.predictions[index]

    @property
    def labels(self) -> list[str]:
        """The most probable class of each image."""
        return [prediction.label for prediction in self.predictions]

    def to_frame(self) -> Any:
        """Return one row per image as a pandas DataFrame."""
        return to_frame([{"source": p.source, "label": p.label, **p.probabilities} for p in self.predictions])

    def to_dict(self) -> dict[str, Any]:
        """Return the facts; probabilities of the `top` classes."""
        return {
            "predictions": [
                {
                    "source": p.source,
                    "label": p.label,
                    "probability": p.probability,
                    "probabilities": dict(list(p.probabilities.items())[: self.top]),
                    "notes": list(p.notes),
                    "looks_inverted": p.looks_inverted,
                }
                for p in self.predictions
            ],
            "engine": self.engine,
        }

    def blocks(self) -> Sequence[Block]:
        """Show the label and a bar for each of the most probable classes."""
        blocks: list[Block] = []
        for prediction in self.predictions:
            shown = list(prediction.probabilities.items())[: self.top]
            bars = [Bar(name, share, f"{share:.1%}") for name, share in shown]
            blocks.append(Bars(bars, title=f"{prediction.source}: {prediction.label}"))
            if prediction.notes:
                blocks.append(Note("; ".join(prediction.notes)))
            if prediction.looks_inverted:
                blocks.append(Note("looks inverted against the training images: try --invert", is_warning=True))
        return blocks


def predict(
    classifier: Classifier,
    inputs: Input | Iterable[Input],
    *,
    top: int = 3,
    invert: bool = False,
    precision: Precision = "auto",
) -> Predictions:
    """Ask a classifier what it sees.

    Args:
        classifier: Trained or loaded.
        inputs: A file (PNG, JPEG, WebP, BMP, TIFF, .npy), a Pillow image, an array or tensor with one or several
            images, or several of these. Of any size: they are prepared as the training images were.
        top: How many classes to show of each.
        invert: Whether to turn light into dark first.
        precision: "auto": bfloat16 where it is fast and agrees, with the classes of float32; or "float32".

    Returns:
        One prediction for each image.

    Raises:
        DataError: If an input is no image.
        MissingFileError: If a file is not there.
        ShapeError: If an array has a shape that is no image's.
        UnknownNameError: If there is no such precision.
    """
    if isinstance(inputs, str | Path | Image.Image | np.ndarray | Tensor):
        inputs = [inputs]
    named: list[tuple[str, FittedImage]] = []
    for position, one in enumerate(inputs):
        images, name = _fitted(one, classifier, position, invert)
        many = len(images) > 1
        named += [(f"{name}[{index}]" if many else name, image) for index, image in enumerate(images)]
    if not named:
        raise DataError("there are no inputs to predict", fix="give at least one image")
    raw = torch.from_numpy(np.stack([image.pixels for _, image in named]))
    logits, engine = classifier.answers(raw, precision)
    rows = logits.softmax(dim=1)
    orders = rows.argsort(dim=1, descending=True, stable=True)
    return Predictions(
        tuple(
            _prediction(name, image, row, order, classifier.class_names)
            for (name, image), row, order in zip(named, rows.tolist(), orders.tolist(), strict=True)
        ),
        top=max(1, top),
        engine=engine,
    )


def _fitted(one: Input, classifier: Classifier, position: int, invert: bool) -> tuple[list[FittedImage], str]:
    preparation = classifier.preparation
    if not isinstance(preparation, ImagePreparation):
        raise DataError("the classifier takes rows of a table, not images", fix="give a table")
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


def _prediction(
    name: str, image: FittedImage, row: list[float], order: list[int], class_names: tuple[str, ...]
) -> Prediction:
    probabilities = {class_names[index]: row[index] for index in order}
    label = class_names[order[0]]
    return Prediction(name, label, probabilities[label], probabilities, image.notes, image.looks_inverted)
