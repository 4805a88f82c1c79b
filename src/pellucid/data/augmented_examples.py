"""What an augmentation makes of training images: originals and several versions of each, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pellucid.data.augmentation import Augmentation
from pellucid.data.augmenting import augmented
from pellucid.data.dataset import Dataset
from pellucid.data.summary import as_pixels
from pellucid.data.targets import learnable
from pellucid.errors import SettingError
from pellucid.rendering.blocks import Block, Gallery, Image, Note
from pellucid.rendering.result import Result

# In a mixture, labels of a smaller share are not named.
SMALLEST_SHARE = 0.05


@dataclass(frozen=True, eq=False)
class AugmentedExamples(Result):
    """Training images and versions of them, as a run with this augmentation sees them.

    Attributes:
        dataset: Its name.
        augmentation: In the words of `Augmentation.parse`.
        names: What each original shows.
        originals: As pictures, uint8.
        versions: Of each original, as pictures.
        captions: Of each version: its labels and their shares if images are mixed, else its number.
    """

    dataset: str
    augmentation: str
    names: tuple[str, ...]
    originals: tuple[NDArray[np.uint8], ...]
    versions: tuple[tuple[NDArray[np.uint8], ...], ...]
    captions: tuple[tuple[str, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the facts; pictures are left out."""
        return {
            "dataset": self.dataset,
            "augmentation": self.augmentation,
            "examples": [
                {"name": name, "versions": list(captions)}
                for name, captions in zip(self.names, self.captions, strict=True)
            ],
        }

    def blocks(self) -> Sequence[Block]:
        """Show one row for each original, which comes first."""
        rows = zip(self.names, self.originals, self.versions, self.captions, strict=True)
        images = [
            image
            for name, original, versions, captions in rows
            for image in (Image(original, name), *map(Image, versions, captions))
        ]
        return [
            Gallery(images, title=f"{self.dataset}: {self.augmentation}", per_row=1 + len(self.captions[0])),
            Note("each row: a training image and what a network is trained on in its place, anew in every epoch"),
        ]


def augmented_examples(
    dataset: Dataset, augmentation: Augmentation, *, classes: int = 6, versions: int = 5, seed: int = 0
) -> AugmentedExamples:
    """Augment one training image of each of the first classes several times; mixed with images of any class.

    Args:
        dataset: Of images.
        augmentation: What is done.
        classes: At most so many originals.
        versions: Of each original.
        seed: Of all chances.

    Raises:
        SettingError: If nothing is done, or the inputs are no images.
    """
    if not augmentation:
        raise SettingError("the augmentation is none: there is nothing to show", fix="name some: --augment shift,flip")
    augmentation.check_fits(dataset.input_shape)
    # Several numbers of an example are labels that may hold together, or targets: it is shown by its place.
    has_classes = dataset.task in ("multiclass", "binary")
    numbers = dataset.train.labels if has_classes else np.arange(len(dataset.train))
    places = np.unique(numbers, return_index=True)[1][:classes]
    # What is mixed in comes from the whole split.
    others = np.linspace(0, len(dataset.train) - 1, max(versions * len(places), 64)).astype(np.int64)
    shown = np.concatenate([places.repeat(versions), others])
    split = learnable(dataset.train.take(shown), dataset.task, classes=dataset.outputs)
    generator = torch.Generator().manual_seed(seed)
    images, labels = augmented(torch.from_numpy(split.inputs), torch.from_numpy(split.labels), augmentation, generator)
    pictures = [as_pixels(image) for image in images[: versions * len(places)].numpy()]
    rows = [range(start, start + versions) for start in range(0, len(pictures), versions)]
    names = [dataset.class_names[numbers[place]] if has_classes else f"example {place}" for place in places]
    return AugmentedExamples(
        dataset=dataset.name,
        augmentation=str(augmentation),
        names=tuple(names),
        originals=tuple(as_pixels(dataset.train.inputs[place]) for place in places),
        versions=tuple(tuple(pictures[at] for at in row) for row in rows),
        captions=tuple(
            tuple(
                _mixture(labels[at].tolist(), dataset) if augmentation.mixup else f"version {number}"
                for number, at in enumerate(row, 1)
            )
            for row in rows
        ),
    )


def _mixture(shares: list[float], dataset: Dataset) -> str:
    names = dataset.class_names
    if dataset.task == "binary":
        shares = [1 - shares[0], shares[0]]
    ranked = sorted(zip(shares, names, strict=True), key=lambda pair: -abs(pair[0]))
    return ", ".join(f"{name} {share:.2g}" for share, name in ranked if abs(share) >= SMALLEST_SHARE)
