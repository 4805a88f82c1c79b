"""PyTorch datasets and loaders of every kind, compared with their own items."""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import (
    ConcatDataset,
    DataLoader,
    IterableDataset,
    Subset,
    TensorDataset,
    WeightedRandomSampler,
)
from torch.utils.data import Dataset as TorchDataset

from pellucid.data.dataset import Dataset
from pellucid.data.objects.torch_datasets import from_torch
from pellucid.errors import DataError, PellucidError, ShapeError, UserCodeError

IMAGES = torch.randint(0, 256, (36, 3, 6, 7), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(36) % 3


class Items(TorchDataset[Any]):
    """A map-style dataset that gives what a function makes of each index."""

    def __init__(self, give: Callable[[int], Any], count: int = 36, classes: list[str] | None = None) -> None:
        self.give, self.count = give, count
        if classes:
            self.classes = classes

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        return self.give(index)


class Stream(IterableDataset[Any]):
    def __init__(self, count: int | None = 36) -> None:
        self.count = count

    def __iter__(self) -> Iterator[Any]:
        index = 0
        while self.count is None or index < self.count:
            yield IMAGES[index % 36], int(LABELS[index % 36])
            index += 1


def pillow(index: int) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(IMAGES[index].numpy().transpose(1, 2, 0)))


def pairs(dataset: Dataset) -> list[tuple[bytes, int]]:
    return sorted(
        (image.tobytes(), int(label))
        for split in dataset.splits.values()
        for image, label in zip(split.inputs, split.labels, strict=True)
    )


EXPECTED = sorted((image.numpy().tobytes(), int(label)) for image, label in zip(IMAGES, LABELS, strict=True))
PLAIN = TensorDataset(IMAGES, LABELS)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(PLAIN, id="TensorDataset"),
        pytest.param(Items(lambda i: (IMAGES[i], int(LABELS[i]))), id="tensors and ints"),
        pytest.param(Items(lambda i: (IMAGES[i], LABELS[i])), id="tensors and 0-d tensors"),
        pytest.param(Items(lambda i: [pillow(i), np.int64(LABELS[i])]), id="Pillow images"),
        pytest.param(Items(lambda i: (np.asarray(pillow(i)), int(LABELS[i]))), id="arrays, channels last"),
        pytest.param(Items(lambda i: {"image": pillow(i), "label": int(LABELS[i]), "id": i}), id="dicts"),
        pytest.param(Items(lambda i: {"Pixel_Values": IMAGES[i], "target": LABELS[i]}), id="dicts with other keys"),
        pytest.param(Items(lambda i: (IMAGES[i], torch.eye(3)[LABELS[i]])), id="one-hot labels"),
        pytest.param(Subset(ConcatDataset([PLAIN, PLAIN]), range(20, 56)), id="Subset of a ConcatDataset"),
        pytest.param(Stream(), id="IterableDataset"),
        pytest.param([(IMAGES[i], LABELS[i]) for i in range(36)], id="list"),
        pytest.param(((IMAGES[i], LABELS[i]) for i in range(36)), id="generator"),
        pytest.param(DataLoader(PLAIN, batch_size=7), id="DataLoader"),
        pytest.param(DataLoader(PLAIN, batch_size=7, shuffle=True), id="shuffled DataLoader"),
        pytest.param(
            DataLoader(PLAIN, batch_size=7, shuffle=True, drop_last=True), id="DataLoader that drops the last"
        ),
        pytest.param(DataLoader(PLAIN, batch_size=None), id="DataLoader without batches"),
        pytest.param(DataLoader(Stream(), batch_size=5), id="DataLoader of an IterableDataset"),
        pytest.param(DataLoader(PLAIN, 7, sampler=range(36)), id="DataLoader with a sampler"),
        pytest.param(
            DataLoader(
                PLAIN, 7, collate_fn=lambda some: (torch.stack([a for a, _ in some]), [int(b) for _, b in some])
            ),
            id="DataLoader with a collate_fn",
        ),
    ],
)
def test_every_kind_gives_its_own_items(data: Any) -> None:
    dataset = from_torch(data, name="mine")
    assert pairs(dataset) == EXPECTED
    assert (dataset.name, str(dataset.task), str(dataset.train.inputs.dtype)) == ("mine", "multiclass", "uint8")


def test_batches_that_a_loader_chooses_are_taken_as_it_gives_them() -> None:
    sampler = WeightedRandomSampler([1.0] * 12 + [0.0] * 24, 30, generator=torch.Generator().manual_seed(3))
    dataset = from_torch(DataLoader(PLAIN, batch_size=8, sampler=sampler))
    assert sum(map(len, dataset.splits.values())) == 30
    assert set(pairs(dataset)) <= {(IMAGES[i].numpy().tobytes(), int(LABELS[i])) for i in range(12)}
    assert any("batches of dataset are taken apart" in note for note in dataset.notes)


def test_float_images_stay_float32() -> None:
    floats = IMAGES / 255
    dataset = from_torch(Items(lambda i: (floats[i], int(LABELS[i]))))
    found = sorted(image.tobytes() for split in dataset.splits.values() for image in split.inputs)
    assert dataset.train.inputs.dtype == np.float32
    assert found == sorted(image.numpy().tobytes() for image in floats)


def test_a_tensor_has_its_channels_first_whatever_its_width() -> None:
    images = torch.rand(36, 3, 5, 4)
    dataset = from_torch(TensorDataset(images, LABELS), test=TensorDataset(images, LABELS))
    assert np.array_equal(dataset.test.inputs, images.numpy())
    assert "images of shape 3 x 5 x 4 taken as channels, height, width" in dataset.notes


def test_validation_and_test_are_respected() -> None:
    other = TensorDataset(IMAGES.flip(0), LABELS.flip(0))
    dataset = from_torch(PLAIN, validation=DataLoader(other, batch_size=5), test=other)
    assert np.array_equal(dataset.train.inputs, IMAGES.numpy())
    for name in ("validation", "test"):
        assert np.array_equal(dataset.splits[name].inputs, IMAGES.flip(0).numpy())
        assert np.array_equal(dataset.splits[name].labels, LABELS.flip(0).numpy())


@pytest.mark.parametrize(
    "wrap", [lambda data: data, lambda data: Subset(data, range(30)), lambda data: DataLoader(data, 4)]
)
def test_class_names_come_from_the_dataset(wrap: Callable[[Any], Any]) -> None:
    data = Items(lambda i: (IMAGES[i], int(LABELS[i])), classes=["cat", "dog", "eel"])
    assert from_torch(wrap(data)).class_names == ("cat", "dog", "eel")
    assert from_torch(wrap(data), class_names=["a", "b", "c"]).class_names == ("a", "b", "c")


@pytest.mark.parametrize(
    ("label", "task"),
    [
        (lambda i: float(i) / 7, "regression"),
        (lambda i: torch.tensor([i, 2.5]), "regression"),
        (lambda i: [i % 2, i % 3 % 2, 1], "multilabel"),
        (lambda i: "ab"[i % 2], "binary"),
        (lambda i: i % 2 == 0, "binary"),
    ],
)
def test_labels_say_the_task(label: Callable[[int], Any], task: str) -> None:
    assert from_torch(Items(lambda i: (torch.tensor([float(i)]), label(i)), count=60)).task == task


class LikeMnist:
    """Has what `torchvision.datasets.MNIST` has."""

    __module__ = "torchvision.datasets.mnist"
    classes: Sequence[str] = ("0 - zero", "1 - one")

    def __init__(self, transform: Any = None, target_transform: Any = None, is_lying: bool = False) -> None:
        self.data = torch.arange(36 * 30, dtype=torch.int64).remainder(251).to(torch.uint8).view(36, 5, 6)
        self.targets = torch.arange(36) % 2
        self.transform, self.target_transform, self.is_lying = transform, target_transform, is_lying
        self.asked = 0

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        self.asked += 1
        image: Any = Image.fromarray(self.data[index].numpy() ^ (255 if self.is_lying else 0))
        target: Any = int(self.targets[index])
        return (self.transform(image) if self.transform else image), (
            self.target_transform(target) if self.target_transform else target
        )


class LikeCifar(LikeMnist):
    """Has what `torchvision.datasets.CIFAR10` has: an array with its channels last, and a list."""

    __module__ = "torchvision.datasets.cifar"

    def __init__(self) -> None:
        super().__init__()
        self.data = IMAGES.numpy().transpose(0, 2, 3, 1)  # type: ignore[assignment]
        self.targets = LABELS.tolist()  # type: ignore[assignment]
        self.classes = ["a", "b", "c"]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        self.asked += 1
        return Image.fromarray(np.ascontiguousarray(self.data[index])), self.targets[index]


class LikeSvhn(LikeMnist):
    """Has what `torchvision.datasets.SVHN` has: an array with its channels first, and `labels`."""

    __module__ = "torchvision.datasets.svhn"

    def __init__(self) -> None:
        super().__init__()
        self.data = IMAGES.numpy()  # type: ignore[assignment]
        self.labels = LABELS.numpy()
        del self.targets

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        self.asked += 1
        return pillow(index), int(self.labels[index])


def test_datasets_of_torchvision_are_taken_whole() -> None:
    mnist, cifar, svhn = LikeMnist(), LikeCifar(), LikeSvhn()
    found = from_torch(mnist)
    assert pairs(found) == sorted(
        (image.numpy().tobytes(), int(label)) for image, label in zip(mnist.data, mnist.targets, strict=True)
    )
    assert found.class_names == ("0 - zero", "1 - one")
    assert pairs(from_torch(cifar)) == EXPECTED
    assert pairs(from_torch(svhn, class_names="abc")) == EXPECTED
    assert (mnist.asked, cifar.asked, svhn.asked) == (3, 3, 3)
    assert "dataset has no transform: its data and targets are taken as they stand" in found.notes


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (LikeMnist(transform=lambda image: torch.zeros(1, 5, 6)), np.zeros((1, 5, 6), np.float32)),
        (LikeMnist(is_lying=True), (LikeMnist().data[0] ^ 255).numpy()[None]),
    ],
    ids=["a transform", "items that are not the data"],
)
def test_what_the_items_are_counts_not_what_the_dataset_holds(data: LikeMnist, expected: Any) -> None:
    dataset = from_torch(data, test=data)
    assert data.asked >= 36
    assert np.array_equal(dataset.test.inputs[0], expected)


class Made(LikeMnist):
    """Somebody's own, which changes one image in its middle only."""

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image, target = super().__getitem__(index)
        return (Image.new("L", image.size, 9) if index == 20 else image), target


def test_a_class_made_from_one_of_torchvision_is_asked_for_its_items() -> None:
    data = Made()
    assert (from_torch(data, test=data).test.inputs[20] == 9).all()


def test_a_transform_of_targets_is_applied() -> None:
    data = LikeMnist(target_transform=lambda target: 1 - target)
    assert from_torch(data, test=data).test.labels.tolist() == [1, 0] * 18


def test_random_transforms_are_read_once_and_said() -> None:
    data = Items(lambda i: (IMAGES[i] / 255 + torch.rand(()), int(LABELS[i])))
    assert "dataset gives other values each time it is asked (random transforms): one reading is kept" in (
        from_torch(data).notes
    )
    assert not any("random" in note for note in from_torch(PLAIN).notes)


@pytest.mark.parametrize("with_own", [False, True])
def test_leaves_every_generator_as_it_was(with_own: bool) -> None:
    def drawn(index: int) -> Any:
        return torch.rand(3) + random.random() + np.random.rand(), int(LABELS[index])

    own = torch.Generator().manual_seed(5)
    data: Any = DataLoader(
        Items(drawn), 4, shuffle=True, generator=own, collate_fn=lambda some: tuple(zip(*some, strict=True))
    )
    data = data if with_own else Items(drawn)
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)
    expected = own.get_state(), torch.get_rng_state(), random.getstate(), str(np.random.get_state())
    first = from_torch(data)
    found = own.get_state(), torch.get_rng_state(), random.getstate(), str(np.random.get_state())
    assert torch.equal(expected[0], found[0]) and torch.equal(expected[1], found[1])
    assert expected[2:] == found[2:]
    assert from_torch(data).fingerprint == first.fingerprint


def test_an_endless_stream_is_stopped() -> None:
    with pytest.raises(
        DataError, match=r"dataset gives more than 1.0 MiB: stopped after 4,481 examples\n  fix: let it"
    ):
        from_torch(Stream(None), limit_bytes=2**20)


def broken(index: int) -> Any:
    if index == 17:
        raise ZeroDivisionError("no weight")
    return IMAGES[index], int(LABELS[index])


class NoLength(TorchDataset[Any]):
    def __getitem__(self, index: int) -> Any:
        return IMAGES[index], 0


class BadLength(NoLength):
    def __len__(self) -> int:
        raise KeyError("size")


def ragged(index: int) -> Any:
    return torch.zeros(3, 6, 6 + (index > 4)), 0


REFUSED: list[Any] = [
    (Items(broken), UserCodeError, r"dataset\[17\] raises ZeroDivisionError: no weight\n  fix: correct the dataset"),
    (
        DataLoader(Items(broken), 4, sampler=range(36)),
        UserCodeError,
        "batch 4 of dataset raises ZeroDivisionError: no weight",
    ),
    ((broken(i) for i in range(20)), UserCodeError, "item 17 of dataset raises ZeroDivisionError"),
    (Items(lambda i: (IMAGES[i], 0), count=50), UserCodeError, r"dataset\[36\] raises IndexError"),
    (BadLength(), UserCodeError, r"len\(dataset\) raises KeyError"),
    (NoLength(), DataError, "is of type NoLength, which has neither __getitem__ and __len__ nor __iter__"),
    (
        Items(ragged),
        ShapeError,
        r"dataset\[0\] is float32 \[3, 6, 6\], dataset\[5\] is float32 \[3, 6, 7\]\n  fix: resize",
    ),
    (
        Items(lambda i: (IMAGES[i] if i else IMAGES[i] / 255, 0)),
        ShapeError,
        r"dataset\[0\] is float32 .*dataset\[1\] is uint8",
    ),
    (
        Items(lambda i: (IMAGES[i], [1] * (1 + i % 2))),
        ShapeError,
        r"dataset\[0\] has numbers \[1\], dataset\[1\] numbers \[2\]",
    ),
    (Items(lambda i: (IMAGES[i], i or "a")), ShapeError, r"dataset\[0\] has text, dataset\[1\] a number"),
    (Items(lambda i: IMAGES[i]), DataError, r"dataset\[0\] is a Tensor\n  fix: let the dataset give pairs"),
    (Items(lambda i: (IMAGES[i], 0, 0)), DataError, r"dataset\[0\] is a tuple of 3"),
    (Items(lambda i: {"a": IMAGES[i], "label": 0}), DataError, r"is a dict with no input: 'a', 'label'"),
    (Items(lambda i: {"x": 0, "image": 0, "label": 0}), DataError, "is a dict with 2 inputs"),
    (Items(lambda i: ("text", 0)), DataError, r"the input of dataset\[0\]: str where an array is wanted"),
    (Items(lambda i: (None, 0)), DataError, r"the input of dataset\[0\]: NoneType where an array"),
    (Items(lambda i: (IMAGES[i], {"boxes": []})), DataError, r"the label of dataset\[0\]: dict where an array"),
    (
        Items(lambda i: (IMAGES[i], pillow(i))),
        DataError,
        r"the label of dataset\[0\] is of type Image: uint8 \[6, 7, 3\]",
    ),
    (Items(lambda i: (torch.zeros(3, 0, 2), 0)), ShapeError, r"input of dataset\[0\] has shape \[3, 0, 2\]: nothing"),
    (
        Items(lambda i: (np.zeros((3, 8, 3)), i % 2)),
        ShapeError,
        "arrays of dataset have shape .* may stand first or last",
    ),
    (Items(broken, count=0), DataError, "dataset has no examples"),
    (
        DataLoader(PLAIN, 4, collate_fn=lambda some: (IMAGES[:4], [1])),
        DataError,
        "batch 0 of dataset has 4 inputs but 1 labels",
    ),
    (DataLoader(PLAIN, 4, collate_fn=lambda some: (3, 4)), DataError, "batch 0 of dataset is no batch"),
    (3, DataError, "dataset is of type int, which has neither"),
]


@pytest.mark.parametrize(("data", "kind", "text"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_wrong_is_said_with_its_place(data: Any, kind: type[PellucidError], text: str) -> None:
    with pytest.raises(kind, match=text):
        from_torch(data)


def test_the_original_exception_is_the_cause() -> None:
    with pytest.raises(UserCodeError) as caught:
        from_torch(Items(broken))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_an_interrupt_is_not_swallowed() -> None:
    def interrupted(index: int) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        from_torch(Items(interrupted))
