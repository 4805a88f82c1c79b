"""Splits by a hash: the shares, and that nothing moves."""

import numpy as np

from pellucid.data.streaming.assigning import Masks, row_keys, split_numbers, text_key


def test_splits_have_their_shares() -> None:
    counts = np.bincount(split_numbers(row_keys("", 0, 1_000_000)), minlength=3)
    # Five standard deviations of a binomial.
    assert np.abs(counts - [900_000, 50_000, 50_000]).max() < 5 * np.sqrt(1_000_000 * 0.05 * 0.95) * 1.5


def test_the_split_of_a_row_does_not_depend_on_what_is_asked_with_it() -> None:
    whole = split_numbers(row_keys("part-1", 0, 1_000))
    parts = [split_numbers(row_keys("part-1", start, 100)) for start in range(0, 1_000, 100)]
    assert np.array_equal(np.concatenate(parts), whole)


def test_rows_of_two_files_are_split_independently() -> None:
    one, other = split_numbers(row_keys("a", 0, 10_000)), split_numbers(row_keys("b", 0, 10_000))
    both = ((one == 2) & (other == 2)).sum()
    assert 5 < both < 60


def test_numbers_are_those_of_splitmix64_by_hand() -> None:
    def by_hand(key: int) -> int:
        mixed = (key + 0x9E3779B97F4A7C15) % 2**64
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB % 2**64
        chance = ((mixed ^ (mixed >> 31)) >> 32) / 2**32
        return 1 if chance < 0.05 else 2 if chance < 0.1 else 0

    keys = [*range(300), 2**63, 2**64 - 1, text_key("a patient")]
    assert split_numbers(np.array(keys, np.uint64)).tolist() == [by_hand(key) for key in keys]


def test_masks_say_for_each_slice_which_examples_are_whose() -> None:
    masks = Masks(4)
    masks.add(np.array([0, 1, 2, 0, 9, 1], np.uint8))
    masks.add(np.array([2], np.uint8))
    found = {
        name: [np.unpackbits(bits).tolist() for bits in some] for name, some in masks.of(["train", "test"]).items()
    }
    assert found == {
        "train": [[1, 0, 0, 1, 0, 0, 0, 0], [0] * 8, [0] * 8],
        "test": [[0, 0, 1, 0, 0, 0, 0, 0], [0] * 8, [1, 0, 0, 0, 0, 0, 0, 0]],
    }
