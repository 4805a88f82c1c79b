"""What `pellucid trace` needs around a trace: the prepared image before it, and the answer after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pellucid.cli.targets import Target
from pellucid.data.images.fitting import fit_file
from pellucid.data.preparing_images import ImagePreparation
from pellucid.data.preparing_tables import TablePreparation
from pellucid.data.tables.rows import rows_for
from pellucid.errors import SettingError
from pellucid.rendering.blocks import Bar, Bars, Block
from pellucid.rendering.result import Result
from pellucid.tracing.capture import tensors_in
from pellucid.tracing.trace import Trace


@dataclass(frozen=True, eq=False)
class View(Result):
    """A trace, or one layer of it, with what the classifier answers.

    Attributes:
        trace: The whole.
        layer: The one that is shown; None for all.
        class_names: Of the classifier.
    """

    trace: Trace
    layer: str | None
    class_names: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the rows, or the one row of the layer, and the probabilities."""
        facts = self.trace.to_dict()
        if self.layer is not None:
            facts["layers"] = [facts["layers"][self.trace.index(self.layer)]]
        return {**facts, "probabilities": self._probabilities()}

    def blocks(self) -> Sequence[Block]:
        """Show the walk and the probabilities, or the layer."""
        if self.layer is not None:
            return self.trace.layer_blocks(self.layer)
        probabilities = sorted(self._probabilities().items(), key=lambda entry: -entry[1])[:5]
        bars = Bars([Bar(name, share, f"{share:.1%}") for name, share in probabilities], title="after softmax")
        return [*self.trace.blocks(), bars]

    def _probabilities(self) -> dict[str, float]:
        logits = tensors_in(self.trace.output)[0][0].detach().float().cpu()
        return dict(zip(self.class_names, logits.softmax(dim=0).tolist(), strict=True))


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
    names = target.classifier.class_names if target.classifier else ()
    return View(trace, layer, names)
