"""What `pellucid trace` needs around a trace: the prepared image before it, and the answer after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pellucid.classifier.classifier import Classifier
from pellucid.cli.targets import Target
from pellucid.data.images.fitting import fit_file
from pellucid.data.preparing_images import ImagePreparation
from pellucid.data.preparing_tables import TablePreparation
from pellucid.data.tables.rows import rows_for
from pellucid.errors import SettingError
from pellucid.rendering.blocks import Bar, Bars, Block, Note
from pellucid.rendering.result import Result
from pellucid.tracing.capture import tensors_in
from pellucid.tracing.trace import Trace


@dataclass(frozen=True, eq=False)
class View(Result):
    """A trace, or one layer of it, with what the classifier answers.

    Attributes:
        trace: The whole.
        layer: The one that is shown; None for all.
        classifier: Whose network was traced; None of a class of the user's.
    """

    trace: Trace
    layer: str | None
    classifier: Classifier | None

    def to_dict(self) -> dict[str, Any]:
        """Return the rows, or the one row of the layer, and the probabilities, or the numbers of a regression."""
        facts = self.trace.to_dict()
        if self.layer is not None:
            facts["layers"] = [facts["layers"][self.trace.index(self.layer)]]
        return {**facts, ("values" if self._is_regression else "probabilities"): self._answers()}

    def blocks(self) -> Sequence[Block]:
        """Show the walk and what is answered, or the layer."""
        if self.layer is not None:
            return self.trace.layer_blocks(self.layer)
        answers = self._answers()
        if self._is_regression:
            return [*self.trace.blocks(), *(Note(f"{name}: {value:.6g}") for name, value in answers.items())]
        probabilities = sorted(answers.items(), key=lambda entry: -entry[1])[:5]
        is_several = self.classifier is not None and self.classifier.task in ("binary", "multilabel")
        title = "after sigmoid" if is_several else "after softmax"
        return [*self.trace.blocks(), Bars([Bar(name, share, f"{share:.1%}") for name, share in probabilities], title)]

    @property
    def _is_regression(self) -> bool:
        return self.classifier is not None and self.classifier.task == "regression"

    def _answers(self) -> dict[str, float]:
        """Return the probabilities, or numbers, of the first example by name."""
        if self.classifier is None:
            return {}
        outputs = tensors_in(self.trace.output)[0][:1].detach().float().cpu()
        answers = self.classifier.answered(outputs)[0]
        if self.classifier.task == "multilabel":
            answers = answers.sigmoid()
        elif not self._is_regression:
            answers = answers.softmax(dim=0)
        return dict(zip(self.classifier.class_names, answers.tolist(), strict=True))


def check_unit(layer: str | None, unit: int | None) -> None:
    """Check that a unit has a layer.

    Raises:
        SettingError: If it has none.
    """
    if unit is not None and layer is None:
        raise SettingError("--unit names no layer", fix="add the layer, as in --layer linear_relu_stack.2 --unit 37")


def prepared(target: Target, image: str, *, invert: bool) -> Tensor:
    """Return the images in a file, prepared as the classifier's network takes them.

    Raises:
        SettingError: If the target is no classifier, which alone knows how.
    """
    if target.classifier is None:
        raise SettingError(
            "a class in a file has no preparation of images",
            fix="train it first: pellucid train --network file.py:Class",
        )
    preparation = target.classifier.preparation
    if isinstance(preparation, TablePreparation):
        return preparation(torch.from_numpy(rows_for(Path(image), preparation).inputs))
    assert isinstance(preparation, ImagePreparation), "there are preparations of images and of tables"
    images = fit_file(Path(image), preparation, invert=invert)
    return preparation(torch.from_numpy(np.stack([one.pixels for one in images])))


def view_of(trace: Trace, target: Target, layer: str | None) -> View:
    """Return what is shown of a trace."""
    if layer is not None:
        trace.index(layer)  # a wrong name is told before anything is shown
    return View(trace, layer, target.classifier)
