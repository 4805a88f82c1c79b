"""The gallery of augmented images."""

import numpy as np
import pytest

from pellucid.data.augmentation import Augmentation
from pellucid.data.augmented_examples import augmented_examples
from pellucid.data.columns import InputColumn
from pellucid.data.dataset import Dataset, Split
from pellucid.errors import SettingError
from pellucid.rendering.blocks import Gallery
from pellucid.tasks import Task


def dataset_of(task: Task = "multiclass", channels: int = 1) -> Dataset:
    """Each image is brighter from left to right, and the brighter the later it stands."""
    inputs = np.arange(6, dtype=np.uint8) * 5 + np.arange(12, dtype=np.uint8)[:, None, None, None] * 10
    inputs = np.broadcast_to(inputs, (12, channels, 4, 6)).copy()
    names: tuple[str, ...] = ("cat", "dog") if task == "binary" else ("cat", "dog", "eel")
    numbers = np.array([2, 1, 1, 0] * 3) % len(names)
    if task == "multilabel":
        return Dataset("rows", {"train": Split(inputs, np.eye(3, dtype=np.float32)[numbers])}, names, task=task)
    return Dataset("rows", {"train": Split(inputs, numbers.astype(np.int64))}, names, task=task)


@pytest.mark.parametrize("channels", [1, 3])
def test_originals_are_the_first_of_each_class_and_versions_are_made_of_them(channels: int) -> None:
    shown = augmented_examples(dataset_of(channels=channels), Augmentation(flip=1), versions=2)
    assert shown.names == ("cat", "dog", "eel")
    assert [int(picture.ravel()[0]) for picture in shown.originals] == [30, 10, 0]
    for original, versions in zip(shown.originals, shown.versions, strict=True):
        assert original.shape == ((4, 6) if channels == 1 else (4, 6, 3))
        assert len(versions) == 2
        assert all(np.array_equal(version, original[:, ::-1]) for version in versions)


def test_each_row_of_the_gallery_is_an_original_and_its_versions() -> None:
    shown = augmented_examples(dataset_of(), Augmentation(shift=0.3), versions=3, classes=2)
    gallery = shown.blocks()[0]
    assert isinstance(gallery, Gallery)
    assert (gallery.per_row, gallery.title) == (4, "rows: shift:0.3")
    captions = [image.caption for image in gallery.images]
    assert captions == ["cat", "version 1", "version 2", "version 3", "dog", "version 1", "version 2", "version 3"]
    assert np.array_equal(gallery.images[4].pixels, shown.originals[1])


@pytest.mark.parametrize("task", ["multiclass", "binary", "multilabel"])
def test_mixtures_say_what_they_are_made_of(task: Task) -> None:
    shown = augmented_examples(dataset_of(task), Augmentation(mixup=2), versions=4)
    parts = [part.rsplit(" ", 1) for row in shown.captions for caption in row for part in caption.split(", ")]
    names, shares = zip(*parts, strict=True)
    assert set(names) <= {"cat", "dog", "eel"}
    assert sum(map(float, shares)) == pytest.approx(sum(map(len, shown.captions)), abs=1)
    assert any(len(caption.split(", ")) == 2 for row in shown.captions for caption in row)


def test_facts_name_the_augmentation_and_leave_pictures_out() -> None:
    assert augmented_examples(dataset_of(), Augmentation(rotate=20), versions=1, classes=1).to_dict() == {
        "dataset": "rows",
        "augmentation": "rotate:20",
        "examples": [{"name": "cat", "versions": ["version 1"]}],
    }


def test_nothing_to_do_and_tables_are_refused() -> None:
    with pytest.raises(SettingError, match="the augmentation is none"):
        augmented_examples(dataset_of(), Augmentation())
    rows = Split(np.zeros((4, 1), np.float32), np.array([0, 1, 0, 1]))
    table = Dataset("table", {"train": rows}, ("cat", "dog"), columns=(InputColumn("size", "number"),))
    with pytest.raises(SettingError, match="is for images"):
        augmented_examples(table, Augmentation(flip=0.5))
