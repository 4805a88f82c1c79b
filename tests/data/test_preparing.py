"""The preparation against NumPy in double precision."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pellucid.data.dataset import Split
from pellucid.data.preparing_images import ImagePreparation
from pellucid.errors import ShapeError

Numbers = NDArray[np.float64]


def images(kind: str, channels: int, examples: int = 2_500) -> Split:
    """More examples than are looked at at once; every channel in a range of its own."""
    generator = np.random.default_rng(channels)
    shape = (examples, channels, 6, 5)
    steps = np.arange(1, channels + 1).reshape(-1, 1, 1)
    if kind == "uint8":
        inputs: NDArray[Any] = (generator.integers(0, 256, shape) // steps).astype(np.uint8)
    else:
        inputs = generator.normal(3.0 * steps, 0.5 * steps, shape).astype(np.float32)
    return Split(inputs, np.zeros(examples, np.int64))


def scaled(split: Split) -> Numbers:
    return split.inputs.astype(np.float64) / (255 if split.inputs.dtype == np.uint8 else 1)


KINDS = pytest.mark.parametrize("kind", ["uint8", "float32"])
CHANNELS = pytest.mark.parametrize("channels", [1, 3])


@KINDS
@CHANNELS
def test_mean_and_standard_deviation_are_those_of_numpy(kind: str, channels: int) -> None:
    split = images(kind, channels)
    fitted = ImagePreparation.fit(split)
    assert fitted.mean == pytest.approx(scaled(split).mean(axis=(0, 2, 3)).tolist(), rel=1e-12)
    assert fitted.std == pytest.approx(scaled(split).std(axis=(0, 2, 3)).tolist(), rel=1e-9)


@KINDS
@CHANNELS
def test_prepared_inputs_are_those_of_numpy(kind: str, channels: int) -> None:
    split = images(kind, channels)
    values = scaled(split)
    by_hand = (values - values.mean(axis=(0, 2, 3), keepdims=True)) / values.std(axis=(0, 2, 3), keepdims=True)
    prepared = ImagePreparation.fit(split)(torch.from_numpy(split.inputs))
    assert prepared.dtype == torch.float32
    # Three roundings to single precision, of values up to 7.
    assert np.abs(prepared.numpy() - by_hand).max() < 3e-6


@KINDS
def test_prepared_training_inputs_have_mean_0_and_standard_deviation_1(kind: str) -> None:
    split = images(kind, 3)
    prepared = ImagePreparation.fit(split)(torch.from_numpy(split.inputs)).double()
    assert prepared.mean(dim=(0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-5)
    assert prepared.std(dim=(0, 2, 3), correction=0).tolist() == pytest.approx([1, 1, 1], abs=1e-5)


@KINDS
def test_the_border_is_the_mean_of_the_outermost_pixels(kind: str) -> None:
    split = images(kind, 3)
    mask = np.ones(split.inputs.shape[2:], bool)
    mask[1:-1, 1:-1] = False
    assert ImagePreparation.fit(split).border == pytest.approx(scaled(split)[:, :, mask].mean(), rel=1e-9)


@KINDS
def test_a_constant_channel_becomes_zero(kind: str) -> None:
    split = images(kind, 3)
    split.inputs[:, 1] = 77
    fitted = ImagePreparation.fit(split)
    assert fitted.std[1] == 1.0
    assert fitted(torch.from_numpy(split.inputs))[:, 1].abs().max().item() < 1e-6


@pytest.mark.parametrize("constant", [0, 1, 77, 255])
def test_a_dataset_of_one_grey_is_prepared_to_zeros(constant: int) -> None:
    split = Split(np.full((3_000, 1, 7, 7), constant, np.uint8), np.zeros(3_000, np.int64))
    assert ImagePreparation.fit(split)(torch.from_numpy(split.inputs)).abs().max().item() < 1e-6


def test_a_single_pixel_can_be_prepared() -> None:
    split = Split(np.array([10, 20, 30], np.uint8).reshape(3, 1, 1, 1), np.zeros(3, np.int64))
    fitted = ImagePreparation.fit(split)
    assert (fitted.mean[0] * 255, fitted.border * 255) == pytest.approx((20, 20))


@CHANNELS
@KINDS
def test_the_inputs_are_not_changed(kind: str, channels: int) -> None:
    split = images(kind, channels, examples=5)
    before = split.inputs.copy()
    prepared = ImagePreparation.fit(split)(torch.from_numpy(split.inputs))
    prepared.zero_()
    assert np.array_equal(split.inputs, before)


@pytest.mark.parametrize("shape", [(4, 1, 6, 5), (4, 3, 5, 6), (3, 6, 5)])
def test_inputs_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    fitted = ImagePreparation.fit(images("uint8", 3))
    seen = ", ".join(map(str, shape[1:]))
    with pytest.raises(
        ShapeError, match=rf"\[{seen}\] but the classifier was trained on \[3, 6, 5\]\n  fix: give inputs of shape"
    ):
        fitted(torch.zeros(shape))


def test_its_dict_makes_it_again() -> None:
    fitted = ImagePreparation.fit(images("uint8", 3))
    facts: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in fitted.to_dict().items()
    }
    assert ImagePreparation(**facts) == fitted
