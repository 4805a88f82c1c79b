"""Augmentations as a user writes them."""

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.data.augmentation import OPERATIONS, Augmentation
from pellucid.errors import SettingError, UnknownNameError


def test_an_operation_alone_has_its_usual_strength_and_a_number_is_taken() -> None:
    assert Augmentation.parse("shift,flip, rotate : 15 ,vertical-flip:0.25,mixup") == Augmentation(
        shift=0.1, flip=0.5, rotate=15, vertical_flip=0.25, mixup=0.2
    )


@pytest.mark.parametrize("text", ["none", "auto", " none "])
def test_none_and_auto_do_nothing(text: str) -> None:
    assert Augmentation.parse(text) == Augmentation()
    assert not Augmentation.parse(text)
    assert str(Augmentation.parse(text)) == "none"


@given(
    st.dictionaries(st.sampled_from(sorted(OPERATIONS)), st.floats(0.001, 0.5).map(lambda value: float(f"{value:g}")))
)
def test_what_is_written_is_read_again(strengths: dict[str, float]) -> None:
    augmentation = Augmentation(**{OPERATIONS[word][0]: value for word, value in strengths.items()})
    assert Augmentation.parse(str(augmentation)) == augmentation
    assert bool(augmentation) is bool(strengths)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("shift:0.6", "the augmentation shift is 0.6\n  fix: give a number from 0 to 0.5"),
        ("vertical-flip:2", "the augmentation vertical-flip is 2.0\n  fix: give a number from 0 to 1"),
        ("rotate:-1", "the augmentation rotate is -1.0\n  fix: give a number from 0 to 180"),
        ("mixup:nan", "the augmentation mixup is nan\n  fix: give a number from 0 to 10"),
        ("rotate:", "the augmentation rotate is ''\n  fix: give a number, as in rotate:10"),
        ("crop:much", "the augmentation crop is 'much'\n  fix: give a number, as in crop:0.3"),
        ("flip,shift,flip", "the augmentation 'flip,shift,flip' names flip twice\n  fix: name each operation once"),
    ],
)
def test_a_strength_out_of_range_is_named_with_its_range(text: str, problem: str) -> None:
    with pytest.raises(SettingError) as caught:
        Augmentation.parse(text)
    assert str(caught.value) == problem


@pytest.mark.parametrize("value", [True, "0.1", None, -0.1])
def test_a_strength_that_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(SettingError, match=r"the augmentation flip is .*\n  fix: give a number from 0 to 1"):
        Augmentation(flip=value)


@pytest.mark.parametrize(
    ("text", "near"), [("flop", "flip"), ("rotation", "rotate"), ("Mixup", "mixup"), ("nome", "none")]
)
def test_an_unknown_operation_is_told_the_nearest_one(text: str, near: str) -> None:
    with pytest.raises(UnknownNameError, match=f"there is no augmentation '{text}'\n  fix: write '{near}' "):
        Augmentation.parse(f"shift,{text}")


def test_rows_of_a_table_cannot_be_augmented() -> None:
    Augmentation().check_fits((4,))
    Augmentation(flip=0.5).check_fits((3, 8, 8))
    with pytest.raises(SettingError, match=r"'flip:0\.5' is for images, but an input is a row of 4 columns"):
        Augmentation(flip=0.5).check_fits((4,))


def test_reading_settings_loads_no_pytorch() -> None:
    program = (
        "import sys, pellucid.training.settings as s; s.Settings(augment='shift'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
