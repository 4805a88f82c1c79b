"""Augmented images against NumPy by hand, PIL and PyTorch's own functions."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from pellucid.data import augmenting as module
from pellucid.data.augmentation import OPERATIONS, Augmentation
from pellucid.data.augmenting import (
    Moves,
    augmented,
    beta,
    border_colour,
    erased,
    maps_of,
    mixed,
    moved,
    toned,
    warped,
)  # fmt: skip

SHAPES = pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 7, 12), (1, 1, 5), (2, 9, 4), (1, 1, 1)])
DTYPES = pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
EVERYTHING = Augmentation.parse(",".join(OPERATIONS))


def images_of(shape: tuple[int, ...], dtype: torch.dtype = torch.uint8, examples: int = 20, seed: int = 0) -> Tensor:
    values = torch.randint(0, 256, (examples, *shape), generator=torch.Generator().manual_seed(seed))
    return values.to(dtype) if dtype == torch.uint8 else values.to(dtype) / 100 - 1


def labels_of(images: Tensor, classes: int = 4) -> Tensor:
    return torch.eye(classes)[torch.arange(len(images)) % classes]


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def still(examples: int) -> Moves:
    zeros = torch.zeros(examples, dtype=torch.int64)
    return Moves(zeros, zeros, zeros.bool(), zeros.bool())


def some_moves(examples: int, most: int) -> Moves:
    random = generator(5)
    down, right = torch.randint(-most, most + 1, (2, examples), generator=random)
    is_mirrored, is_upended = torch.rand(2, examples, generator=random) < 0.5
    return Moves(down, right, is_mirrored, is_upended)


def colour_by_hand(image: NDArray[Any]) -> NDArray[Any]:
    """The lower median of each channel's outermost pixels."""
    inner = np.zeros(image.shape[1:], bool)
    inner[1:-1, 1:-1] = True
    edge = np.sort(image[:, ~inner], axis=1)
    return edge[:, (edge.shape[1] - 1) // 2]


def moved_by_hand(image: NDArray[Any], down: int, right: int, mirror: bool, upend: bool) -> NDArray[Any]:
    image = image[:, :, ::-1] if mirror else image
    result = np.empty_like(image)
    result[:] = colour_by_hand(image)[:, None, None]
    image = image[:, ::-1] if upend else image
    for row in range(image.shape[1]):
        for column in range(image.shape[2]):
            if 0 <= row - down < image.shape[1] and 0 <= column - right < image.shape[2]:
                result[:, row, column] = image[:, row - down, column - right]
    return result


@DTYPES
@SHAPES
def test_images_are_mirrored_and_moved_pixel_by_pixel(shape: tuple[int, int, int], dtype: torch.dtype) -> None:
    images = images_of(shape, dtype)
    moves = some_moves(len(images), min(3, *shape[1:]))
    found = moved(images, moves)
    for index, image in enumerate(images.numpy()):
        facts = (getattr(moves, name)[index].item() for name in ("down", "right", "is_mirrored", "is_upended"))
        assert np.array_equal(found[index].numpy(), moved_by_hand(image, *facts)), index


def test_the_border_of_each_image_and_channel_fills_what_is_left_free() -> None:
    images = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    images += torch.tensor([[10, 20, 30], [200, 100, 50]], dtype=torch.uint8)[:, :, None, None]
    colours = images[:, :, :1, :1].clone()
    images[:, :, 2:7, 1:5] = 77
    images[:, :, 0, 3:5] = 255  # something reaches the edge
    assert torch.equal(border_colour(images), colours)
    moves = Moves(torch.tensor([2, -3]), torch.tensor([-1, 2]), *torch.zeros(2, 2).bool())
    found = moved(images, moves)
    assert torch.equal(found[0, :, :2], colours[0].expand(3, 2, 8))
    assert torch.equal(found[0, :, :, -1:], colours[0].expand(3, 8, 1))
    assert torch.equal(found[1, :, -3:], colours[1].expand(3, 3, 8))
    assert torch.equal(found[1, :, :, :2], colours[1].expand(3, 8, 2))


@DTYPES
@SHAPES
def test_a_map_of_moves_alone_gives_what_moving_gives(shape: tuple[int, int, int], dtype: torch.dtype) -> None:
    images = images_of(shape, dtype)
    moves = some_moves(len(images), min(2, *shape[1:]))
    whole = torch.tensor([[1.0, 1.0, 0.0, 0.0]]).repeat(len(images), 1)
    found = warped(images, maps_of(moves, torch.zeros(len(images)), whole, *shape[1:]))
    expected = moved(images, moves)
    # The border of a mirrored image is that of the image, of a single row or column too.
    assert torch.allclose(found.float(), expected.float(), atol=2e-4 if dtype == torch.float32 else 0)


@pytest.mark.parametrize("angle", [90, -90, 180])
def test_a_quarter_turn_is_that_of_torch(angle: int) -> None:
    images = images_of((3, 9, 9))
    whole = torch.tensor([[1.0, 1.0, 0.0, 0.0]]).repeat(len(images), 1)
    found = warped(images, maps_of(still(len(images)), torch.full((len(images),), float(angle)), whole, 9, 9))
    assert torch.equal(found, torch.rot90(images, angle // 90, (2, 3)))


@pytest.mark.parametrize("shape", [(1, 28, 28), (1, 20, 34)])
@pytest.mark.parametrize("angle", [10.0, -25.0, 140.0])
def test_a_turn_is_that_of_pillow(shape: tuple[int, int, int], angle: float) -> None:
    _, height, width = shape
    rows, columns = np.mgrid[:height, :width]
    smooth = (120 + 60 * np.sin(rows / 4) + 60 * np.cos(columns / 5)).astype(np.uint8)
    smooth[[0, -1]] = smooth[:, [0, -1]] = 33
    theirs = np.asarray(Image.fromarray(smooth).rotate(angle, Image.Resampling.BILINEAR, fillcolor=33))
    images = torch.from_numpy(smooth)[None, None]
    whole = torch.tensor([[1.0, 1.0, 0.0, 0.0]])
    ours = warped(images, maps_of(still(1), torch.tensor([angle]), whole, height, width))[0, 0].numpy()
    # Pillow cuts off at the last pixel's middle, and rounds down.
    different = np.abs(ours.astype(int) - theirs.astype(int))
    inside = np.asarray(Image.fromarray(np.pad(np.full((height - 4, width - 4), 255, np.uint8), 2)).rotate(angle)) > 0
    assert different[inside].max() <= 2
    assert (ours[0, 0], ours[-1, -1]) == (33, 33)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_a_cut_is_stretched_to_the_full_size(dtype: torch.dtype) -> None:
    # Rows 2..5 and columns 4..7 of 8 x 8: what is half as large is drawn twice as large, as F.interpolate does.
    images = images_of((3, 8, 8), dtype, examples=1)
    cuts = torch.tensor([[0.5, 0.5, 0.0, 0.5]])
    found = warped(images, maps_of(still(1), torch.zeros(1), cuts, 8, 8))
    # With one pixel around, which the rim of the cut is drawn from too; none beyond the image's right edge.
    around = images[:, :, 1:7, 3:8].float()
    theirs = torch.nn.functional.interpolate(around, size=(12, 10), mode="bilinear", align_corners=False)
    expected = theirs[:, :, 2:10, 2:9]
    assert torch.allclose(found[..., :7].float(), expected, atol=0.51 if dtype == torch.uint8 else 1e-5)


@pytest.mark.parametrize("text", ["crop:0.6", "rotate:40", "crop,rotate,shift"])
def test_what_is_one_colour_stays_so(text: str) -> None:
    images = torch.full((9, 3, 12, 10), 143, dtype=torch.uint8)
    found, _ = augmented(images, torch.zeros(9), Augmentation.parse(text), generator())
    assert torch.equal(found, images)


def test_a_crop_cuts_away_no_more_than_asked_and_nothing_from_outside() -> None:
    # Each pixel says where it lies, so that what is seen of it says how much was cut away.
    rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    images = torch.stack([rows, columns]).expand(300, 2, 64, 64)
    found, _ = augmented(images, torch.zeros(300), Augmentation(crop=0.4), generator())
    steps = torch.stack([found[:, 0, 33, 32] - found[:, 0, 32, 32], found[:, 1, 32, 33] - found[:, 1, 32, 32]])
    areas, ratios = steps.prod(dim=0), steps[0] / steps[1]
    assert 0.6 - 1e-4 <= areas.min() < 0.62 and 0.98 < areas.max() <= 1 + 1e-4
    assert 3 / 4 - 1e-4 <= ratios.min() < 0.8 and 1.25 < ratios.max() <= 4 / 3 + 1e-4
    middles = found[:, :, 31:33, 31:33].mean(dim=(2, 3)) + 0.5
    assert bool((middles - 32 * steps.T >= -1e-3).all() and (middles + 32 * steps.T <= 64 + 1e-3).all())


@DTYPES
def test_brightness_and_contrast_are_those_of_a_formula(dtype: torch.dtype) -> None:
    images = images_of((3, 6, 5), dtype)
    brightness, contrast = torch.linspace(0.5, 1.5, 20), torch.linspace(1.6, 0.4, 20)
    found = toned(images, brightness, contrast).numpy()
    for index, image in enumerate(images.numpy().astype(np.float64)):
        bright = image * brightness[index].item()
        expected = bright.mean() + (bright - bright.mean()) * contrast[index].item()
        if dtype == torch.uint8:
            assert np.abs(found[index] - np.clip(expected, 0, 255)).max() <= 0.501
        else:
            assert np.allclose(found[index], expected, atol=1e-5)


@DTYPES
def test_a_square_is_covered_with_the_colour_of_the_border(dtype: torch.dtype) -> None:
    images = images_of((3, 8, 10), dtype, examples=4)
    tops, lefts, sides = torch.tensor([0, 3, 5, 2]), torch.tensor([0, 7, 1, 2]), torch.tensor([8, 3, 0, 1])
    found = erased(images, tops, lefts, sides).numpy()
    for index, image in enumerate(images.numpy()):
        top, left, side = (int(numbers[index]) for numbers in (tops, lefts, sides))
        expected = image.copy()
        expected[:, top : top + side, left : left + side] = colour_by_hand(image)[:, None, None]
        assert np.array_equal(found[index], expected)


def test_erased_squares_reach_the_largest_side_and_lie_within_the_image() -> None:
    images = torch.full((400, 1, 10, 16), 9.0)
    images[:, :, 1:-1, 1:-1] = 1.0
    found, _ = augmented(images, torch.zeros(400), Augmentation(erase=0.5), generator())
    is_covered = (found != images)[:, 0]
    heights, widths = is_covered.any(dim=2).sum(dim=1), is_covered.any(dim=1).sum(dim=1)
    assert int(heights.max()) == int(widths.max()) == 5
    # At an edge the colour was that already: only what lies inside shows, in every place of it.
    assert bool(is_covered.any(dim=0)[1:-1, 1:-1].all())
    assert not is_covered.any(dim=0)[0].any()
    assert int((heights == 0).sum()) > 20


@DTYPES
def test_the_mixture_of_labels_is_that_of_pixels(dtype: torch.dtype) -> None:
    # Images are one-hot rows like their labels, so that both mixtures can be compared number by number.
    labels = labels_of(torch.empty(40))
    bright = 255.0 if dtype == torch.uint8 else 1.0
    images = (labels * bright).to(dtype).view(40, 1, 2, 2)
    found, mixtures = augmented(images, labels, Augmentation(mixup=1), generator())
    assert torch.allclose(found.flatten(1).float() / bright, mixtures, atol=0.51 / 255)
    assert torch.allclose(mixtures.sum(dim=1), torch.ones(40))
    assert bool((mixtures.argmax(dim=1) == labels.argmax(dim=1)).all()), "an image keeps at least half of itself"
    assert int((mixtures.max(dim=1).values < 0.9).sum()) > 10


def test_mixing_is_a_weighted_sum_with_the_partner() -> None:
    values, partners, shares = torch.randn(5, 3), torch.tensor([4, 0, 1, 2, 3]), torch.linspace(0, 1, 5)
    expected = [
        share * value + (1 - share) * values[at] for value, at, share in zip(values, partners, shares, strict=True)
    ]
    assert torch.allclose(mixed(values, partners, shares), torch.stack(expected), atol=1e-6)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_have_mean_and_variance_of_a_beta_distribution(alpha: float) -> None:
    shares = beta(alpha, 20_000, generator())
    assert shares.mean().item() == pytest.approx(0.5, abs=0.02)
    assert shares.var().item() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.05)


@pytest.mark.parametrize("word", [word for word in OPERATIONS if word != "mixup"])
def test_labels_are_never_touched_but_by_mixup(word: str) -> None:
    images, numbers = images_of((1, 8, 8)), torch.arange(20)
    found, labels = augmented(images, numbers, Augmentation.parse(word), generator())
    assert labels is numbers
    assert not torch.equal(found, images), "something was done"


@SHAPES
@DTYPES
def test_shape_and_type_stay_and_what_is_given_is_not_written_to(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    images = images_of(shape, dtype)
    labels, before = labels_of(images), images.clone()
    found, mixtures = augmented(images, labels, EVERYTHING, generator())
    assert (found.shape, found.dtype) == (images.shape, images.dtype)
    assert (mixtures.shape, mixtures.dtype) == (labels.shape, labels.dtype)
    assert torch.equal(images, before) and torch.equal(labels, labels_of(images))
    assert bool(found.isfinite().all()) if dtype == torch.float32 else True


def test_no_strength_changes_nothing() -> None:
    images, labels = images_of((1, 8, 8)), torch.arange(20)
    found, same = augmented(images, labels, Augmentation(), generator())
    assert torch.equal(found, images) and torch.equal(same, labels)


@pytest.mark.parametrize(("chance", "share"), [(1.0, 1.0), (0.3, 0.3)])
def test_so_many_images_are_mirrored_as_the_chance_says(chance: float, share: float) -> None:
    images = torch.arange(4, dtype=torch.uint8).expand(2_000, 1, 3, 4)
    found, _ = augmented(images, torch.zeros(2_000), Augmentation(flip=chance), generator())
    is_mirrored = (found == images.flip(3)).flatten(1).all(dim=1)
    assert bool((is_mirrored | (found == images).flatten(1).all(dim=1)).all())
    assert is_mirrored.float().mean().item() == pytest.approx(share, abs=0.03)


def test_shifts_reach_every_place_up_to_the_largest() -> None:
    images = torch.zeros(3_000, 1, 20, 30, dtype=torch.uint8)
    images[:, 0, 10, 15] = 1
    found, _ = augmented(images, torch.zeros(3_000), Augmentation(shift=0.1), generator())
    places = {(int(row) - 10, int(column) - 15) for _, _, row, column in found.nonzero()}
    assert places == {(down, right) for down in range(-2, 3) for right in range(-3, 4)}


def test_a_seed_gives_the_same_images_bit_for_bit_and_another_one_others() -> None:
    images = images_of((3, 16, 16))
    labels = labels_of(images)
    one, other, third = (augmented(images, labels, EVERYTHING, generator(seed)) for seed in (3, 3, 4))
    assert torch.equal(one[0], other[0]) and torch.equal(one[1], other[1])
    assert not torch.equal(one[0], third[0]) and not torch.equal(one[1], third[1])


def test_two_passes_of_one_generator_differ() -> None:
    images, random = images_of((3, 16, 16)), generator()
    one, other = (augmented(images, torch.zeros(20), Augmentation(shift=0.2), random)[0] for _ in range(2))
    assert not torch.equal(one, other)


def test_random_generators_of_the_process_are_left_alone() -> None:
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()
    images = images_of((3, 16, 16))
    augmented(images, labels_of(images), EVERYTHING, generator())
    assert torch.equal(torch.get_rng_state(), torch_before)
    assert all(np.array_equal(one, other) for one, other in zip(np.random.get_state(), numpy_before, strict=True))


def test_images_are_the_same_in_whatever_pieces_they_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    images = images_of((3, 16, 16))
    labels = labels_of(images)
    whole = augmented(images, labels, EVERYTHING, generator())
    monkeypatch.setattr(module, "PIECE", 3 * 16 * 16 * 3)
    pieces = augmented(images, labels, EVERYTHING, generator())
    assert torch.equal(whole[0], pieces[0]) and torch.equal(whole[1], pieces[1])


def test_images_that_lie_otherwise_in_memory_are_changed_alike() -> None:
    images = images_of((3, 10, 12))
    for other in (images.contiguous(memory_format=torch.channels_last), torch.cat([images, images])[20:]):
        for text in ("shift,flip,vertical-flip", "vertical-flip", "rotate,crop", "brightness,erase"):
            one, same = (
                augmented(given, torch.zeros(20), Augmentation.parse(text), generator())[0] for given in (images, other)
            )
            assert torch.equal(one, same), text
