"""Batches against plain indexing."""

import numpy as np
import pytest
import torch
from torch import Tensor

from pellucid.data import batches as module
from pellucid.data.batches import Batches, fits
from pellucid.data.dataset import Split
from pellucid.data.preparing_images import ImagePreparation

CPU = torch.device("cpu")


def numbered(examples: int) -> Split:
    """The label of each example is its number, and its pixels follow from it."""
    labels = np.arange(examples, dtype=np.int64)
    return Split((labels.reshape(-1, 1, 1, 1) * np.ones((1, 2, 3)) % 251).astype(np.uint8), labels)


def batches_of(examples: int, batch_size: int, seed: int | None = None) -> Batches:
    split = numbered(examples)
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    return Batches(split, ImagePreparation.fit(split), batch_size=batch_size, device=CPU, generator=generator)


def labels_of(batches: Batches) -> list[int]:
    return torch.cat([labels for _, labels in batches]).tolist()


# Below, at and above one block of 16 batches, with and without a rest; none leaves a single example over.
SIZES = pytest.mark.parametrize(("examples", "batch_size"), [(8, 3), (96, 6), (100, 6), (131, 7), (10, 10), (5, 50)])


@SIZES
def test_without_a_generator_examples_come_in_their_order(examples: int, batch_size: int) -> None:
    assert labels_of(batches_of(examples, batch_size)) == list(range(examples))


@SIZES
def test_every_pass_is_a_permutation_of_all_examples(examples: int, batch_size: int) -> None:
    batches = batches_of(examples, batch_size, seed=1)
    assert [sorted(labels_of(batches)) for _ in range(3)] == [list(range(examples))] * 3


@SIZES
def test_the_order_is_that_of_randperm_with_the_same_generator(examples: int, batch_size: int) -> None:
    batches = batches_of(examples, batch_size, seed=5)
    by_hand = torch.Generator().manual_seed(5)
    for _ in range(2):
        assert labels_of(batches) == torch.randperm(examples, generator=by_hand).tolist()


def test_two_passes_have_different_orders() -> None:
    batches = batches_of(100, 8, seed=1)
    assert labels_of(batches) != labels_of(batches)


@pytest.mark.parametrize("seed", [None, 3])
@SIZES
def test_every_batch_is_the_preparation_of_its_examples(examples: int, batch_size: int, seed: int | None) -> None:
    split = numbered(examples)
    whole = ImagePreparation.fit(split)(torch.from_numpy(split.inputs))
    # The label of an example is its place in the whole.
    assert all(torch.equal(inputs, whole[labels]) for inputs, labels in batches_of(examples, batch_size, seed))


@pytest.mark.parametrize("seed", [None, 3])
@SIZES
def test_all_batches_but_the_last_are_full(examples: int, batch_size: int, seed: int | None) -> None:
    batches = batches_of(examples, batch_size, seed)
    lengths = [len(labels) for _, labels in batches]
    assert lengths == [len(one) for one in torch.split(torch.arange(examples), batch_size)]
    assert len(batches) == len(lengths)


@pytest.mark.parametrize("examples", [17, 8 * 16 + 1, 257])
def test_a_last_single_example_is_left_out_of_a_shuffled_pass(examples: int) -> None:
    batches = batches_of(examples, 8, seed=3)
    by_hand = torch.randperm(examples, generator=torch.Generator().manual_seed(3)).tolist()
    assert labels_of(batches) == by_hand[:-1]


def test_another_example_is_left_out_at_each_pass() -> None:
    batches = batches_of(17, 8, seed=3)
    left_out = [set(range(17)) - set(labels_of(batches)) for _ in range(20)]
    assert len(set.union(*left_out)) > 5


def test_a_last_single_example_is_judged_like_all_others() -> None:
    assert [len(labels) for _, labels in batches_of(17, 8)] == [8, 8, 1]


@pytest.mark.parametrize(("examples", "batch_size"), [(1, 8), (3, 1), (1, 1)])
def test_single_examples_that_are_no_rest_are_kept(examples: int, batch_size: int) -> None:
    assert sorted(labels_of(batches_of(examples, batch_size, seed=0))) == list(range(examples))


def test_the_examples_are_not_changed_by_what_a_network_does_to_its_batch() -> None:
    split = numbered(20)
    before = split.inputs.copy()
    for inputs, _ in Batches(split, ImagePreparation.fit(split), batch_size=6, device=CPU):
        inputs.fill_(9)
    assert np.array_equal(split.inputs, before)


def test_what_does_not_fit_on_the_device_comes_to_the_same_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    # The meta device holds no values: only where the examples stay, and what is moved, is seen with it.
    monkeypatch.setattr(module, "fits", lambda size_bytes, device: False)
    split = numbered(20)
    batches = Batches(split, ImagePreparation.fit(split), batch_size=6, device=torch.device("meta"))
    seen: list[tuple[Tensor, Tensor]] = list(batches)
    assert not batches.is_resident
    assert [(inputs.shape[0], inputs.device.type, labels.device.type) for inputs, labels in seen] == [
        (count, "meta", "meta") for count in (6, 6, 6, 2)
    ]


@pytest.mark.parametrize(("size_bytes", "expected"), [(499, True), (500, False)])
def test_a_dataset_may_take_half_of_the_free_memory(
    monkeypatch: pytest.MonkeyPatch, size_bytes: int, expected: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1_000, 4_000))
    assert fits(size_bytes, torch.device("cuda")) is expected


def sloped(examples: int) -> Split:
    """Pixels that grow from left to right, so that a mirrored image shows."""
    row = np.arange(4, dtype=np.uint8) * 10
    return Split(np.broadcast_to(row, (examples, 1, 3, 4)).copy(), np.arange(examples, dtype=np.int64))


def test_every_image_is_mirrored_in_every_second_pass() -> None:
    split = sloped(50)
    generator = torch.Generator().manual_seed(0)
    batches = Batches(split, lambda raw: raw.float(), batch_size=16, device=CPU, generator=generator, is_flipping=True)
    passes = []
    for _ in range(4):
        mirrored: dict[int, bool] = {}
        for inputs, labels in batches:
            falling = inputs[:, 0, 0, 0] > inputs[:, 0, 0, 3]
            assert torch.equal(inputs.sort(dim=3).values, torch.from_numpy(split.inputs[: len(inputs)]).float())
            mirrored.update(zip(labels.tolist(), falling.tolist(), strict=True))
        passes.append([mirrored[label] for label in range(50)])
    assert passes[0] == passes[2]
    assert passes[1] == passes[3] == [not one for one in passes[0]]
    assert 10 < sum(passes[0]) < 40


def test_preparing_once_gives_the_same_batches() -> None:
    split = numbered(5_000)
    preparation = ImagePreparation.fit(split)

    def all_of(*, once: bool) -> list[Tensor]:
        generator = torch.Generator().manual_seed(3)
        batches = Batches(split, preparation, batch_size=32, device=CPU, generator=generator, is_prepared_once=once)
        return [tensor for _ in range(2) for batch in batches for tensor in batch]

    assert all(torch.equal(one, other) for one, other in zip(all_of(once=True), all_of(once=False), strict=True))


def test_channels_last_is_only_another_order_in_memory() -> None:
    random = np.random.default_rng(0)
    split = Split(random.integers(0, 256, (40, 3, 5, 5), np.uint8), np.zeros(40, np.int64))
    preparation = ImagePreparation.fit(split)
    plain = next(iter(Batches(split, preparation, batch_size=8, device=CPU)))[0]
    last = next(iter(Batches(split, preparation, batch_size=8, device=CPU, is_channels_last=True)))[0]
    assert torch.equal(plain, last)
    assert last.is_contiguous(memory_format=torch.channels_last)
