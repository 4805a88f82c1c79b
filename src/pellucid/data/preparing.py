"""The preparation of inputs: fitted on training examples, saved with the classifier, applied alike everywhere."""

from typing import Any, Protocol

from torch import Tensor

from pellucid.data.dataset import Dataset
from pellucid.data.preparing_images import ImagePreparation
from pellucid.data.preparing_tables import TablePreparation


class Preparation(Protocol):
    """Turns raw inputs, as they stand in a dataset, into what the network takes."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one raw input."""

    @property
    def prepared_shape(self) -> tuple[int, ...]:
        """Of one prepared input."""

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return float32 [examples, *prepared_shape] for raw [examples, *shape], on the same device.

        Raises:
            ShapeError: If the inputs have another shape than the training inputs.
        """

    def check_shape(self, inputs: Tensor) -> None:
        """Check that inputs have the shape of the training inputs.

        Raises:
            ShapeError: If they have not.
        """

    def to_dict(self) -> dict[str, Any]:
        """Return the values as JSON can hold them."""


def fit_preparation(dataset: Dataset) -> Preparation:
    """Return the preparation that suits a dataset, fitted on its training examples."""
    if dataset.columns is not None:
        return TablePreparation.fit(dataset.train, dataset.columns)
    return ImagePreparation.fit(dataset.train, dataset.background)
